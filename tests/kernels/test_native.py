from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splat_sets import BAND, assert_same_picture, make, uncertainty

from sfumato.kernels import native, reference, splats2d
from sfumato.splats import Splats2D

WIDTH, HEIGHT = 131, 77


SETS = {
    "grey": make(150, WIDTH, HEIGHT, channels=1),
    "colour": make(150, WIDTH, HEIGHT, channels=3),
    "with alpha": make(150, WIDTH, HEIGHT, channels=4),
    "none": Splats2D.empty(),
    "far outside": make(60, WIDTH, HEIGHT, sigma=(2, 60), outside=3),
    "needles": make(60, WIDTH, HEIGHT, sigma=(30, 300), aspect=(50, 300)),
    "huge": make(20, WIDTH, HEIGHT, sigma=(200, 20000), aspect=(1, 100)),
    "tiny": make(500, WIDTH, HEIGHT, sigma=(0.02, 0.3)),
    "crowded": make(400, 16, 16, sigma=(0.5, 4), outside=0),
}


@pytest.fixture(params=SETS)
def splats(request):
    return SETS[request.param]


def upright_diagonal_needles():
    """Needles whose slopes are whole numbers, where the kernel leans its columns exactly along them."""
    slope = np.array([1, -1, 2, 8, 9, -3])
    vertical = np.full(6, 60.0)
    # x = slope * y plus 0.4 pixels of width: covariance of (slope t + n, t).
    s11, s12, s22 = slope**2 * vertical**2 + 0.16, slope * vertical**2, vertical**2
    l11 = np.sqrt(s11)
    chol = np.stack([l11, s12 / l11, np.sqrt(s22 - s12**2 / s11)], 1)
    return Splats2D(np.full((6, 2), [60.3, 40.2]), chol, np.eye(6)[:, :3] + 0.3)


def gradient_image(channels, width=WIDTH, height=HEIGHT):
    return np.random.default_rng(9).normal(size=(height, width, channels)).astype(np.float32)


def assert_same_gradients(got, splats, image):
    """Equal in the splats' own coordinates, where a needle's length and width count alike, up to what float32 and flips
    at the cut-off explain."""
    height, width, _ = image.shape
    expected = reference.whiten(splats, *reference.render2d_backward(splats, image.astype(np.float64)))
    y, x = np.mgrid[:height, :width] + 0.5
    errors = uncertainty(splats, width, height)
    for n, (center, (l11, l21, l22), color) in enumerate(
        zip(splats.xy, splats.chol.astype(np.float64), splats.color, strict=True)
    ):
        z1 = (x - center[0]) / l11
        z2 = (y - center[1] - l21 * z1) / l22
        weight = np.exp(-0.5 * (z1**2 + z2**2))
        flips = np.abs(weight / reference.CUTOFF - 1) < max(BAND, errors[n])
        # One flip changes a sum by its own weight; elsewhere the error is a share of what is summed.
        share = np.where(flips, weight, np.where(weight >= reference.CUTOFF, 3 * errors[n] * weight, 0))
        along = share * (np.abs(image) @ np.abs(color))
        spread = 1 + np.abs(z1), 1 + np.abs(z2)  # an error in the weight, or in the offset itself
        scales = (spread[0], spread[1], spread[0] ** 2, spread[0] * spread[1], spread[1] ** 2)
        allowed = [*(np.sum(along * s) for s in scales), *np.einsum("hw,hwc->c", share, np.abs(image))]
        assert np.all(np.abs(got[n] - expected[n]) <= np.array(allowed) + 1e-5), f"splat {n}: {got[n]} {expected[n]}"


def test_the_picture_is_that_of_the_reference(isa, splats):
    assert_same_picture(native.render2d(splats, WIDTH, HEIGHT), reference.render2d(splats, WIDTH, HEIGHT), splats)


def test_the_gradients_are_those_of_the_reference(isa, splats):
    image = gradient_image(splats.channels)
    parts = native.render2d_backward(splats, image)
    assert [part.shape for part in parts] == [(len(splats), k) for k in (2, 3, splats.channels)]
    assert_same_gradients(reference.whiten(splats, *(part.astype(float) for part in parts)), splats, image)


def test_needles_along_the_diagonals_lose_no_precision(isa):
    splats = upright_diagonal_needles()
    assert_same_picture(native.render2d(splats, WIDTH, HEIGHT), reference.render2d(splats, WIDTH, HEIGHT), splats)
    image = gradient_image(3)
    parts = native.render2d_backward(splats, image)
    assert_same_gradients(reference.whiten(splats, *(part.astype(float) for part in parts)), splats, image)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (7, 33), (8, 32), (65, 64), (31, 97)])
def test_every_canvas_size_is_drawn_whole(isa, size):
    splats = make(40, *size, sigma=(0.5, 12))
    assert_same_picture(native.render2d(splats, *size), reference.render2d(splats, *size), splats)
    image = gradient_image(3, *size)
    whitened = reference.whiten(splats, *(p.astype(float) for p in native.render2d_backward(splats, image)))
    assert_same_gradients(whitened, splats, image)


def test_a_crowd_in_one_place_is_drawn_to_the_last_splat(isa):
    rng = np.random.default_rng(3)
    crowd = Splats2D(rng.uniform(33, 47, (1000, 2)), np.full((1000, 3), [1.5, 0, 1.5]), np.full((1000, 1), 1.0))
    picture = native.render2d(crowd, 80, 80)
    assert_same_picture(picture, reference.render2d(crowd, 80, 80), crowd)
    assert picture.sum() == pytest.approx(1000 * 2 * np.pi * 1.5**2, rel=0.01)


def broken_splats():
    """One splat for each way to be broken; all would cover the canvas otherwise."""
    good = np.array([20, 15, 8, 1, 8, 1, 1, 1], np.float32)
    rows = []
    for column in range(8):
        for value in (np.nan, np.inf, -np.inf):
            rows.append(good.copy())
            rows[-1][column] = value
    for column in (2, 4):
        for value in (0, -0.0, -8):
            rows.append(good.copy())
            rows[-1][column] = value
    for column in (2, 3, 4):
        rows.append(good.copy())
        rows[-1][column] = 4e5
    every = np.array(rows)
    return Splats2D(every[:, :2], every[:, 2:5], every[:, 5:])


def test_broken_splats_are_absent_and_spoil_nothing(kernels):
    broken, good = broken_splats(), make(30, 41, 37)
    both = Splats2D.concatenate([broken, good])
    assert not reference.present(broken).any()
    assert reference.present(good).all()
    assert not splats2d.render(broken, 41, 37).any()
    assert not splats2d.render(broken, 41, 37, size=(20, 90)).any()
    assert np.array_equal(splats2d.render(both, 41, 37), splats2d.render(good, 41, 37))
    assert np.array_equal(splats2d.render(both, 41, 37, size=(17, 9)), splats2d.render(good, 41, 37, size=(17, 9)))
    image = gradient_image(3, 41, 37)
    for with_broken, without in zip(
        splats2d.render_backward(both, image), splats2d.render_backward(good, image), strict=True
    ):
        assert not with_broken[: len(broken)].any()
        assert np.array_equal(with_broken[len(broken) :], without)
    target = splats2d.planes(np.zeros((37, 41, 3), np.float32))
    errors, gradient = splats2d.prefix_gradient(both, np.zeros(len(both), np.uint8), [target], np.ones(1))
    assert np.isfinite(errors).all()
    assert not gradient[: len(broken)].any()
    assert np.isfinite(gradient).all()


def test_the_number_of_threads_changes_no_bit(isa, monkeypatch):
    splats = make(400, 200, 150)
    image = gradient_image(3, 200, 150)
    target = [splats2d.planes(image), splats2d.planes(image + 1)]
    segment = (np.arange(400) % 2).astype(np.uint8)
    results = []
    for threads in (1, 2, 3, 7, 64):
        monkeypatch.setenv("SFUMATO_THREADS", str(threads))
        arrays = [
            native.render2d(splats, 200, 150),
            *native.render2d_backward(splats, image),
            *splats2d.prefix_gradient(splats, segment, target, np.ones(2)),
        ]
        results.append([array.tobytes() for array in arrays])
    assert all(result == results[0] for result in results)


finite = st.floats(width=32, allow_nan=True, allow_infinity=True)
near = st.floats(-300, 300, width=32)
anything = st.lists(st.tuples(*[near | finite] * 2, *[st.floats(0.015625, 300, width=32) | finite] * 3), max_size=8)


@settings(max_examples=150)
@given(anything, st.integers(1, 70), st.integers(1, 70))
def test_no_splat_whatsoever_breaks_the_kernels(isa, rows, width, height):
    values = np.array(rows, np.float32).reshape(-1, 5)
    splats = Splats2D(values[:, :2], values[:, 2:], np.ones((len(values), 1)))
    picture = native.render2d(splats, width, height)
    assert np.isfinite(picture).all()
    assert picture.min() >= 0
    assert picture.max() <= len(values) * 1.001
    native.render2d_backward(splats, np.ones((height, width, 1), np.float32))
