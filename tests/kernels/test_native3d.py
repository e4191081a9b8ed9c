from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splat_sets3d import BACKGROUND, FIELDS, assert_same_picture, changed, make, uncertain, view

from sfumato.camera import Camera
from sfumato.kernels import reference3d, reference3d_gradient, splats3d
from sfumato.splats import Splats3D

SETS = {
    "grey balls": make(150, sigma=(0.05, 0.051)),
    "degree 1": make(120, degree=1),
    "degree 2": make(120, degree=2),
    "degree 3": make(120, degree=3),
    "needles and discs": make(100, sigma=(0.001, 1.0)),
    "tiny": make(400, sigma=(0.0005, 0.01)),
    "opaque": make(150, opacity=(0.95, 1.0), sigma=(0.05, 0.5)),
    "around the camera": make(200, spread=4, sigma=(0.02, 0.4), seed=3),
    "none": Splats3D.empty(2),
}


@pytest.fixture(params=SETS)
def splats(request):
    return SETS[request.param]


def slopes(camera, seed=9):
    shape = camera.height, camera.width
    rng = np.random.default_rng(seed)
    return [rng.normal(size=size).astype(np.float32) for size in ((*shape, 3), shape, shape)]


def assert_like_the_reference(splats, camera, *, antialias=False):
    flips = uncertain(splats, camera, antialias=antialias)
    expected = reference3d.render(splats, camera, background=BACKGROUND, antialias=antialias, near=0.01)
    got = splats3d.render(splats, camera, background=BACKGROUND, antialias=antialias, weights=True)
    brightest = max(1.0, float(np.abs(expected[0]).max()))
    for ours, theirs, scale in zip((got.color, got.alpha, got.depth), expected, (2 * brightest, 1, 8), strict=False):
        assert ours.dtype == np.float32
        assert_same_picture(ours, theirs, flips, scale)
    assert np.all(np.abs(got.weight - expected[3]) <= 1e-3 * expected[3] + 3 * flips.sum() + 1e-3)


def assert_gradients_like_the_reference(splats, camera, *, antialias=False):
    d_picture = slopes(camera)
    # Where a splat may flip nothing is asked: both answers would be right.
    certain = uncertain(splats, camera, antialias=antialias, gradients=True) == 0
    assert certain.mean() > 0.3, "the comparison proves little: most pixels are at a cut-off"
    d_picture = [part * (certain[..., None] if part.ndim == 3 else certain) for part in d_picture]
    expected = reference3d_gradient.gradient(
        splats, camera, *(part.astype(np.float64) for part in d_picture), background=BACKGROUND, antialias=antialias,
        near=0.01,
    )  # fmt: skip
    got = splats3d.gradient(splats, camera, *d_picture, background=BACKGROUND, antialias=antialias)
    for name, theirs in zip((*FIELDS, "screen"), expected, strict=True):
        ours = getattr(got, name)
        assert ours.shape == theirs.shape
        assert np.linalg.norm(ours - theirs) <= 1e-3 * np.linalg.norm(theirs) + 1e-6, name
        size, error = (
            np.abs(part).reshape(len(splats), int(np.prod(theirs.shape[1:]))).max(1, initial=0)
            for part in (theirs, ours - theirs)
        )
        assert np.all(error <= 0.01 * size + 1e-3 * size.max(initial=0) + 1e-6), name


@pytest.mark.parametrize("antialias", [False, True])
def test_the_picture_is_that_of_the_reference(isa, splats, antialias):
    assert_like_the_reference(splats, view(), antialias=antialias)


@pytest.mark.parametrize("antialias", [False, True])
def test_the_gradients_are_those_of_the_reference(isa, splats, antialias):
    assert_gradients_like_the_reference(splats, view(), antialias=antialias)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (16, 16), (17, 15), (33, 48)])
def test_every_size_of_picture_is_drawn_whole(isa, size):
    splats = make(20, sigma=(0.2, 1.0), seed=4)
    assert_like_the_reference(splats, view(*size))
    assert_gradients_like_the_reference(splats, view(*size))


def test_a_principal_point_outside_the_picture_is_honoured(isa):
    camera = view().cropped(150, -40, 60, 50)
    assert_like_the_reference(make(200, spread=2, seed=6), camera)


def test_a_scene_far_from_the_origin_loses_no_precision(isa):
    # Multiples of 1/64 and powers of two: the moved means are exact in float32.
    splats = make(60, seed=8)
    splats = changed(splats, mean=np.round(splats.mean * 64) / 64)
    away = np.array([4096, -8192, 2048.0])
    camera = view()
    far = Camera(
        camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, camera.rotation,
        camera.translation - camera.rotation @ away,
    )  # fmt: skip
    here = splats3d.render(splats, camera)
    there = splats3d.render(changed(splats, mean=splats.mean + away.astype(np.float32)), far)
    flips = uncertain(splats, camera)
    assert_same_picture(there.color, here.color.astype(np.float64), flips, 2)


def test_a_steep_needle_is_drawn_where_it_shows(isa):
    # At about 45 degrees neighbouring columns of a tile begin many rows apart, beyond a float's exponent.
    angles = np.radians([20, 35, 45, 55, 70, 110, 135, 160])
    rotation = np.stack([np.cos(angles / 2), 0 * angles, 0 * angles, np.sin(angles / 2)], 1)
    needles = Splats3D(
        np.stack([0 * angles, np.linspace(-0.5, 0.5, 8), 0 * angles + 2], 1),
        rotation,
        np.tile([3.0, 1e-4, 1e-4], (8, 1)),
        np.ones(8),
        np.ones((8, 1, 3)),
    )
    camera = Camera(131, 77, 100.0, 100.0, 65.5, 38.5, np.eye(3), np.zeros(3))
    assert_like_the_reference(needles, camera)
    assert_gradients_like_the_reference(needles, camera)


def broken_splats():
    """One splat for each value that can be broken; all would cover the picture otherwise."""
    rows = []
    for name in FIELDS:
        for index in np.ndindex(getattr(make(1), name)[0].shape or (1,)):
            for value in (np.nan, np.inf, -np.inf):
                good = make(1, opacity=(0.9, 0.9), sigma=(0.4, 0.5), spread=0.1)
                values = getattr(good, name).copy()
                values.reshape(-1)[index[-1]] = value
                rows.append(changed(good, **{name: values}))
    good = make(1, opacity=(0.9, 0.9), sigma=(0.4, 0.5), spread=0.1)
    rows.append(changed(good, rotation=np.zeros((1, 4))))
    rows += [changed(good, opacity=np.array([value])) for value in (0.0, -1.0, 0.0039)]
    rows.append(changed(good, scale=np.full((1, 3), 1e8)))
    rows.append(changed(good, mean=np.full((1, 3), 1e30)))
    return Splats3D.concatenate(rows)


def test_broken_splats_are_absent_and_spoil_nothing(kernels):
    broken, good, camera = broken_splats(), make(30), view(41, 37)
    both = Splats3D.concatenate([broken, good])
    assert not splats3d.render(broken, camera).alpha.any()
    with_them, without = splats3d.render(both, camera, weights=True), splats3d.render(good, camera, weights=True)
    assert np.array_equal(with_them.color, without.color)
    assert np.array_equal(with_them.depth, without.depth)
    assert not with_them.weight[: len(broken)].any()
    d_picture = slopes(camera)
    with_them, without = splats3d.gradient(both, camera, *d_picture), splats3d.gradient(good, camera, *d_picture)
    for name in (*FIELDS, "screen"):
        assert not getattr(with_them, name)[: len(broken)].any(), name
        assert np.allclose(getattr(with_them, name)[len(broken) :], getattr(without, name), atol=1e-4), name


def test_the_number_of_threads_changes_no_bit(isa, monkeypatch):
    splats, camera = make(20_000, degree=1, sigma=(0.005, 0.1)), view(200, 150)
    d_picture = slopes(camera)
    results = []
    for threads in (1, 2, 3, 7, 64):
        monkeypatch.setenv("SFUMATO_THREADS", str(threads))
        made, found = splats3d.render(splats, camera, weights=True), splats3d.gradient(splats, camera, *d_picture)
        weights = splats3d.measure(splats, [camera])
        arrays = (made.color, made.alpha, made.depth, made.weight, weights.total, weights.peak)
        results.append([array.tobytes() for array in (*arrays, *vars(found).values())])
    assert all(result == results[0] for result in results)


anything = st.floats(-4, 4, width=32) | st.floats(width=32, allow_nan=True, allow_infinity=True)


@settings(max_examples=150)
@given(st.lists(st.tuples(*[anything] * 14), max_size=8), st.integers(1, 70), st.integers(1, 70), st.booleans())
def test_no_splat_whatsoever_breaks_the_kernels(isa, rows, width, height, antialias):
    values = np.array(rows, np.float32).reshape(-1, 14)
    splats = Splats3D(values[:, :3], values[:, 3:7], values[:, 7:10], values[:, 10], values[:, 11:].reshape(-1, 1, 3))
    camera = view(width, height)
    made = splats3d.render(splats, camera, background=(1, 1, 1), antialias=antialias, weights=True)
    assert np.isfinite(made.color).all()
    assert np.isfinite(made.weight).all()
    assert made.alpha.min() >= 0
    assert made.alpha.max() <= 1
    splats3d.gradient(splats, camera, *slopes(camera), antialias=antialias)


def test_a_picture_beyond_the_kernels_counters_is_refused(isa):
    camera = view(2**20, 1)
    with pytest.raises(ValueError, match="1,048,560 pixels"):
        splats3d.render(make(1), camera)


def test_splats_that_would_fill_all_memory_with_their_tiles_are_refused(isa):
    splats = make(7000, sigma=(50, 60), opacity=(0.9, 1.0))
    with pytest.raises(MemoryError, match="pairs of splat and tile"):
        splats3d.measure(splats, [view(3200, 3200)])
