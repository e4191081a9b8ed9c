from __future__ import annotations

import numpy as np
import pytest
from splat_sets3d import BACKGROUND, FIELDS, make, view

from sfumato.kernels import loss, splats3d
from sfumato.splats import Splats3D

torch = pytest.importorskip("torch", reason="fitting needs torch")
autograd = pytest.importorskip("sfumato.kernels.autograd3d")

CAMERA = view(31, 22)


def tensors(splats):
    return [torch.from_numpy(getattr(splats, name).copy()).requires_grad_() for name in FIELDS]


def test_the_picture_is_that_of_the_kernels(kernels):
    splats = make(20, degree=1)
    made = autograd.render3d(*tensors(splats), CAMERA, background=BACKGROUND, antialias=True)
    expected = splats3d.render(splats, CAMERA, background=BACKGROUND, antialias=True)
    for name in ("color", "alpha", "depth"):
        part = getattr(made, name)
        assert part.requires_grad
        assert np.array_equal(part.detach().numpy(), getattr(expected, name))


def test_the_gradients_are_those_of_the_kernels(kernels):
    splats, inputs = make(20, degree=2), tensors(make(20, degree=2))
    made = autograd.render3d(*inputs, CAMERA, background=BACKGROUND)
    weights = [torch.randn(part.shape) for part in (made.color, made.alpha, made.depth)]
    sum((w * part).sum() for w, part in zip(weights, (made.color, made.alpha, made.depth), strict=True)).backward()
    expected = splats3d.gradient(splats, CAMERA, *(w.numpy() for w in weights), background=BACKGROUND)
    for name, tensor in zip((*FIELDS, "screen"), (*inputs, made.screen), strict=True):
        assert np.array_equal(tensor.grad.numpy(), getattr(expected, name)), name


def test_a_loss_in_colour_alone_is_enough(kernels):
    inputs = tensors(make(20))
    made = autograd.render3d(*inputs, CAMERA)
    made.color.permute(2, 0, 1).square().mean().backward()
    assert all(tensor.grad.abs().sum() > 0 for tensor in inputs)


def test_a_few_steps_down_the_gradient_lower_the_loss(kernels):
    target = torch.from_numpy(splats3d.render(make(10, sigma=(0.1, 0.3)), CAMERA).color)
    inputs = tensors(make(10, sigma=(0.1, 0.3), seed=1))
    optimiser = torch.optim.Adam(inputs, lr=0.01)
    values = []
    for _ in range(8):
        optimiser.zero_grad()
        value = autograd.l1_ssim(autograd.render3d(*inputs, CAMERA).color, target)
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert values[-1] < 0.9 * values[0]


def test_without_gradients_nothing_is_kept(kernels):
    with torch.no_grad():
        made = autograd.render3d(*tensors(make(5)), CAMERA)
    assert not made.color.requires_grad


def test_values_changed_before_the_gradient_is_taken_are_noticed(kernels):
    inputs = tensors(make(5))
    made = autograd.render3d(*inputs, CAMERA)
    with torch.no_grad():
        inputs[0] += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        made.color.sum().backward()


@pytest.mark.parametrize("wrong", [lambda t: t.double(), lambda t: t.to("meta"), lambda t: t.detach().numpy()])
@pytest.mark.parametrize("place", range(1, 5))
def test_other_types_and_devices_are_refused_by_name(wrong, place):
    inputs = tensors(make(3))
    inputs[place] = wrong(inputs[place])
    with pytest.raises(TypeError, match=f"{FIELDS[place]} must be a float32 tensor"):
        autograd.render3d(*inputs, CAMERA)


def test_a_device_without_kernels_is_refused():
    with pytest.raises(TypeError, match="not on meta"):
        autograd.render3d(*(tensor.to("meta") for tensor in tensors(make(3))), CAMERA)


def test_the_loss_passes_its_gradient_on(kernels):
    rng = np.random.default_rng(0)
    image, target = (rng.uniform(size=(20, 15, 3)).astype(np.float32) for _ in range(2))
    tensor = torch.from_numpy(image).requires_grad_()
    value = autograd.l1_ssim(tensor, torch.from_numpy(target), weight=0.3)
    (3 * value).backward()
    expected = loss.l1_ssim(image, target, weight=0.3)
    assert value.item() == pytest.approx(expected.value)
    assert np.allclose(tensor.grad.numpy(), 3 * expected.gradient)


def test_the_loss_refuses_other_types():
    with pytest.raises(TypeError, match="target must be a float32 tensor"):
        autograd.l1_ssim(torch.zeros(4, 4, 3), torch.zeros(4, 4, 3).double())


def test_splats_and_tensors_have_the_same_fields():
    assert tuple(Splats3D.__dataclass_fields__) == FIELDS
