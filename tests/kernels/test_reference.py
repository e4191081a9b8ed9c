from __future__ import annotations

import numpy as np
import pytest
from splat_sets import make, single

from sfumato.kernels import reference
from sfumato.kernels.planes import Planes
from sfumato.splats import Splats2D

STEP = 2.0**-9


def varied(splats, name, index, step):
    """`splats` with one value moved by `step`."""
    arrays = {key: getattr(splats, key).copy() for key in ("xy", "chol", "color")}
    arrays[name][index] += np.float32(step)
    return Splats2D(**arrays)


def numeric_gradient(loss, splats, name):
    """Central differences of `loss` in float64 for every value of `name`.

    The splats' values are coarse multiples of the step, so that float32 holds the moved ones exactly.
    """
    values = getattr(splats, name)
    found = np.zeros(values.shape)
    for index in np.ndindex(values.shape):
        up, down = varied(splats, name, index, STEP), varied(splats, name, index, -STEP)
        found[index] = (loss(up) - loss(down)) / (2 * STEP)
    return found


def coarse(splats):
    return Splats2D(*(np.round(getattr(splats, name) * 64) / 64 for name in ("xy", "chol", "color")))


def away_from_rims(splats, image):
    """`image` with zeros where a small step could carry a splat's weight over the cut-off, which has no derivative."""
    height, width, _ = image.shape
    y, x = np.mgrid[:height, :width] + 0.5
    image = image.copy()
    for center, (l11, l21, l22) in zip(splats.xy, splats.chol, strict=True):
        z1 = (x - center[0]) / l11
        weight = np.exp(-0.5 * (z1**2 + ((y - center[1] - l21 * z1) / l22) ** 2))
        image[np.abs(np.log(weight.clip(1e-9) / reference.CUTOFF)) < 0.5] = 0
    return image


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_gradients_are_the_derivatives_of_the_picture(channels):
    splats = coarse(make(8, 24, 20, channels=channels, sigma=(1.5, 5), aspect=(1, 2)))
    image = away_from_rims(splats, np.random.default_rng(1).normal(size=(20, 24, channels)))
    assert np.mean(image != 0) > 0.3

    def loss(moved):
        return np.sum(image * reference.render2d(moved, 24, 20))

    analytic = reference.render2d_backward(splats, image)
    for name, got in zip(("xy", "chol", "color"), analytic, strict=True):
        expected = numeric_gradient(loss, splats, name)
        assert np.abs(expected).max() > 0.1
        assert np.allclose(got, expected, rtol=1e-4, atol=1e-4), name


def covering(count, width, height, channels=3):
    """Splats whose cut-off lies outside the canvas, so that the picture is smooth in all their values."""
    splats = make(count, width, height, channels=channels, sigma=(9, 20), aspect=(1, 2), outside=0)
    return coarse(splats)


def targets(count, width, height, channels=3, seed=2):
    rng = np.random.default_rng(seed)
    pictures = rng.uniform(0, 1, (count, height, width, channels)).astype(np.float32)
    return [Planes.from_picture(picture, width + 5, 2) for picture in pictures]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_whitened_gradient_is_the_derivative_along_the_splats_own_axes(channels):
    splats = covering(6, 9, 8, channels)
    wanted = targets(3, 9, 8, channels)
    segment = np.array([0, 2, 1, 0, 1, 2], np.uint8)
    weights = np.array([1.0, 0.25, 3.0], np.float32)

    def loss(moved):
        errors, _ = reference.prefix_gradient(moved, segment, wanted, weights, False)
        return 0.5 * errors @ weights

    _, whitened = reference.prefix_gradient(splats, segment, wanted, weights, False)
    d_xy, d_chol, d_color = (numeric_gradient(loss, splats, name) for name in ("xy", "chol", "color"))
    l11, l21, l22 = splats.chol.T.astype(float)
    by_chain_rule = [
        l11 * d_xy[:, 0] + l21 * d_xy[:, 1],  # xy += L u
        l22 * d_xy[:, 1],
        l11 * d_chol[:, 0] + l21 * d_chol[:, 1],  # L <- L (I + E)
        l22 * d_chol[:, 1],
        l22 * d_chol[:, 2],
    ]
    expected = np.concatenate([np.stack(by_chain_rule, 1), d_color], 1)
    assert np.allclose(whitened, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_every_prefix_is_compared_with_its_own_target():
    splats = make(9, 14, 11)
    wanted = targets(3, 14, 11)
    segment = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2], np.uint8)
    errors, _ = reference.prefix_gradient(splats, segment, wanted, np.ones(3, np.float32), True)
    for k, target in enumerate(wanted):
        shown = reference.render2d(splats[: 3 * (k + 1)], 14, 11).clip(0, 1)
        assert errors[k] == pytest.approx(np.sum((shown - target.picture()) ** 2))


def test_a_value_off_the_screen_counts_as_the_nearest_one_on_it():
    bright = single((5, 5), (40, 0, 40), 3.0)
    white = [Planes.from_picture(np.ones((8, 8, 1), np.float32), 8, 0)]
    segment, weights = np.zeros(1, np.uint8), np.ones(1, np.float32)
    errors, gradient = reference.prefix_gradient(bright, segment, white, weights, True)
    assert errors[0] == 0
    assert not gradient.any()
    errors, gradient = reference.prefix_gradient(bright, segment, white, weights, False)
    assert errors[0] > 100
    assert gradient[0, 5] > 100


def test_a_splat_is_its_formula():
    splats = single((3.25, 2.5), (2.0, 1.0, 1.5), 0.5, -1.0, 2.0)
    picture = reference.render2d(splats, 8, 6)
    factor = np.array([[2.0, 0], [1.0, 1.5]])
    offset = np.array([4.5, 1.5]) - [3.25, 2.5]
    weight = np.exp(-0.5 * offset @ np.linalg.inv(factor @ factor.T) @ offset)
    assert weight > reference.CUTOFF
    assert picture[1, 4] == pytest.approx(weight * np.array([0.5, -1.0, 2.0]))


def test_a_splat_ends_where_its_weight_falls_below_the_cut_off():
    splats = single((50.5, 0.5), (3.0, 0, 3.0), 1.0)
    row = reference.render2d(splats, 101, 1)[0, :, 0]
    reach = 3 * np.sqrt(-2 * np.log(reference.CUTOFF))
    assert np.array_equal(np.flatnonzero(row), np.arange(np.ceil(50 - reach), np.floor(50 + reach) + 1))
    assert row[row > 0].min() >= reference.CUTOFF
