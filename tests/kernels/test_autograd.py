from __future__ import annotations

import numpy as np
import pytest
from splat_sets import make

from sfumato.kernels import splats2d
from sfumato.splats import Splats2D

torch = pytest.importorskip("torch", reason="fitting needs torch")
autograd = pytest.importorskip("sfumato.kernels.autograd")

STEP = 2.0**-6


def smooth(channels=3):
    """Splats whose cut-off lies outside the 9 x 8 canvas, with values that a step changes exactly."""
    splats = make(6, 9, 8, channels=channels, sigma=(9, 20), aspect=(1, 2), outside=0)
    return Splats2D(*(np.round(getattr(splats, name) * 64) / 64 for name in ("xy", "chol", "color")))


def tensors(splats):
    return [torch.from_numpy(a.copy()).requires_grad_() for a in (splats.xy, splats.chol, splats.color)]


def loss(xy, chol, color):
    """A loss that is not linear in the picture."""
    return (autograd.render2d(xy, chol, color, 9, 8).double() ** 2).sum()


def test_the_picture_is_that_of_the_kernels(kernels):
    splats = make(20, 31, 17)
    picture = autograd.render2d(*tensors(splats), 31, 17)
    assert picture.shape == (17, 31, 3)
    assert picture.requires_grad
    assert np.array_equal(picture.detach().numpy(), splats2d.render(splats, 31, 17))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_gradients_are_finite_differences(kernels, channels):
    inputs = tensors(smooth(channels))
    loss(*inputs).backward()
    for tensor in inputs:
        expected = torch.zeros_like(tensor, dtype=torch.float64)
        for index in np.ndindex(*tensor.shape):
            with torch.no_grad():
                value = tensor[index].item()
                tensor[index] = value + STEP
                up = loss(*inputs)
                tensor[index] = value - STEP
                expected[index] = (up - loss(*inputs)) / (2 * STEP)
                tensor[index] = value
        assert torch.allclose(tensor.grad.double(), expected, rtol=2e-3, atol=2e-3 * expected.abs().max().item())


def test_gradients_of_permuted_pictures_arrive_in_place(kernels):
    inputs = tensors(smooth())
    weights = torch.rand(3, 8, 9, generator=torch.Generator().manual_seed(0))
    (autograd.render2d(*inputs, 9, 8).permute(2, 0, 1) * weights).sum().backward()
    expected = splats2d.render_backward(smooth(), np.ascontiguousarray(weights.permute(1, 2, 0).numpy()))
    for tensor, gradient in zip(inputs, expected, strict=True):
        assert torch.allclose(tensor.grad, torch.from_numpy(gradient))


def test_values_that_need_no_gradient_get_none(kernels):
    xy, chol, color = tensors(smooth())
    loss(xy.detach(), chol.detach(), color).backward()
    assert xy.grad is None
    assert chol.grad is None
    assert color.grad.abs().sum() > 0


def test_values_changed_before_the_gradient_is_taken_are_noticed(kernels):
    inputs = tensors(smooth())
    result = loss(*inputs)
    with torch.no_grad():
        inputs[0] += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.backward()


@pytest.mark.parametrize(
    "wrong", [lambda t: t.double(), lambda t: t.half(), lambda t: t.to("meta"), lambda t: t.detach().numpy()]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_other_types_and_devices_are_refused_by_name(wrong, place):
    inputs = tensors(smooth())
    inputs[place] = wrong(inputs[place])
    with pytest.raises(TypeError, match=f"{('xy', 'chol', 'color')[place]} must be a float32 tensor on the CPU"):
        autograd.render2d(*inputs, 9, 8)


def test_shapes_that_do_not_fit_are_refused():
    xy, chol, color = tensors(smooth())
    with pytest.raises(ValueError, match="xy \\[N, 2\\]"):
        autograd.render2d(xy, chol[:3], color, 9, 8)
    with pytest.raises(ValueError, match="at least one pixel"):
        autograd.render2d(xy, chol, color, 9, 0)
