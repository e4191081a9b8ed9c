"""gsplat's own kernels need a GPU; here a stand-in with its signature shows what is asked of it and what comes back."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from splat_sets3d import BACKGROUND, FIELDS, make, view

from sfumato.camera import Camera
from sfumato.errors import SettingsError
from sfumato.kernels import splats3d

torch = pytest.importorskip("torch", reason="fitting needs torch")
autograd = pytest.importorskip("sfumato.kernels.autograd3d")
cuda = pytest.importorskip("sfumato.kernels.cuda")

CAMERA = view(31, 22).cropped(3, -2, 31, 22)


def tensors(splats):
    return [torch.from_numpy(getattr(splats, name).copy()).requires_grad_() for name in FIELDS]


def rasterization(
    means, quats, scales, opacities, colors, viewmats, Ks, width, height, *, near_plane, eps2d, sh_degree, packed,  # noqa: N803
    render_mode, rasterize_mode,
):  # fmt: skip
    """gsplat 1.5's `rasterization` for one camera, by the kernels of the CPU."""
    assert viewmats.shape == (1, 4, 4)
    assert Ks.shape == (1, 3, 3)
    assert (eps2d, packed, render_mode) == (0.3, False, "RGB+D")
    assert colors.shape[1] == (sh_degree + 1) ** 2
    view, inner = viewmats[0].double().numpy(), Ks[0].double().numpy()
    camera = Camera(width, height, inner[0, 0], inner[1, 1], inner[0, 2], inner[1, 2], view[:3, :3], view[:3, 3])
    made = autograd.render3d(
        means, quats, scales, opacities, colors, camera, near=near_plane, antialias=rasterize_mode == "antialiased"
    )
    means2d = torch.zeros(1, len(means), 2, requires_grad=True)
    color = made.color + 0 * means2d.sum() + 2 * (means2d[0, :, 0]).sum()  # a known slope by the centres
    return torch.cat([color, made.depth[..., None]], -1)[None], made.alpha[None, ..., None], {"means2d": means2d}


@pytest.fixture
def gsplat(monkeypatch):
    monkeypatch.setattr(cuda, "_rasterization", lambda: rasterization)


@pytest.mark.parametrize("antialias", [False, True])
def test_gsplat_draws_the_same_view_with_the_same_options(gsplat, antialias):
    splats = make(20, degree=2)
    options = {"background": BACKGROUND, "antialias": antialias, "near": 0.5}
    color, alpha, depth = cuda.render3d(tuple(tensors(splats)), torch.zeros(20), CAMERA, **options)
    expected = splats3d.render(splats, CAMERA, **options)
    for ours, theirs in ((color, expected.color), (alpha, expected.alpha), (depth, expected.depth)):
        assert np.allclose(ours.detach().numpy(), theirs, atol=1e-4)


def test_norms_on_the_screen_arrive_as_a_gradient(gsplat):
    screen = torch.zeros(20)
    color, _, _ = cuda.render3d(
        tuple(tensors(make(20))), screen, CAMERA, background=None, antialias=False, near=0.01
    )  # fmt: skip
    color.sum().backward()
    slope = 2 * 31 * 22 * 3  # of every pixel's three channels
    assert torch.allclose(screen.grad, torch.full((20,), slope * 31 / 2.0))


def test_without_a_gpu_the_reason_is_said():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    cuda._rasterization.cache_clear()
    with pytest.raises(SettingsError, match=r"cannot draw on a GPU: torch .* (is built without CUDA|sees no GPU)"):
        cuda._rasterization()


def module(monkeypatch, name, **contents):
    made = types.ModuleType(name)
    made.__dict__.update(contents)
    made.__path__ = []
    monkeypatch.setitem(sys.modules, name, made)


def test_a_gsplat_that_is_missing_or_does_not_compile_says_why(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setitem(sys.modules, "gsplat", None)
    cuda._rasterization.cache_clear()
    with pytest.raises(SettingsError, match=r"gsplat does not load \(ModuleNotFoundError.*pip install gsplat"):
        cuda._rasterization()
    module(monkeypatch, "gsplat", rasterization=rasterization)
    module(monkeypatch, "gsplat.cuda")
    module(monkeypatch, "gsplat.cuda._backend", _C=None)
    with pytest.raises(SettingsError, match="neither its compiled kernels nor a CUDA toolkit"):
        cuda._rasterization()
    module(monkeypatch, "gsplat.cuda._backend", _C=object())
    assert cuda._rasterization() is rasterization
    cuda._rasterization.cache_clear()
