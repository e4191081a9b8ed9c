from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splat_sets import leeway, make, single

from sfumato.kernels import splats2d
from sfumato.splats import Splats2D

WIDTH, HEIGHT = 45, 38
FEW = settings(max_examples=12)
seeds = st.integers(0, 2**32 - 1)


def coarse(count, seed, **shape):
    """Splats whose centres are multiples of 1/64 pixel, so that whole pixels are added to them exactly."""
    splats = make(count, WIDTH, HEIGHT, seed=seed, **shape)
    return Splats2D(np.round(splats.xy * 64) / 64, splats.chol, splats.color)


def halved(picture):
    """The mean of every 2 x 2 pixels."""
    return 0.25 * (picture[::2, ::2] + picture[1::2, ::2] + picture[::2, 1::2] + picture[1::2, 1::2])


@FEW
@given(seeds, st.floats(-2, 2), st.floats(-2, 2))
def test_the_picture_is_linear_in_colour(kernels, seed, a, b):
    first, second = make(15, WIDTH, HEIGHT, seed=seed), make(15, WIDTH, HEIGHT, seed=seed + 1)
    second = Splats2D(first.xy, first.chol, second.color)
    mixed = Splats2D(first.xy, first.chol, a * first.color + b * second.color)
    got = splats2d.render(mixed, WIDTH, HEIGHT)
    one, two = splats2d.render(first, WIDTH, HEIGHT), splats2d.render(second, WIDTH, HEIGHT)
    assert np.allclose(got, a * one + b * two, atol=2e-5)


@FEW
@given(seeds, st.integers(-30, 30), st.integers(-30, 30))
def test_moving_the_splats_by_whole_pixels_moves_the_picture(kernels, seed, right, down):
    splats = coarse(15, seed)
    moved = Splats2D(splats.xy + np.array([right, down]), splats.chol, splats.color)
    here = splats2d.render(splats, WIDTH, HEIGHT)
    there = splats2d.render(moved, WIDTH, HEIGHT)
    columns, rows = slice(max(right, 0), WIDTH + min(right, 0)), slice(max(down, 0), HEIGHT + min(down, 0))
    allowed, _ = leeway(moved, WIDTH, HEIGHT)
    shifted = here[rows.start - down : rows.stop - down, columns.start - right : columns.stop - right]
    assert np.all(np.abs(there[rows, columns] - shifted) <= 2 * allowed[rows, columns])


@FEW
@given(seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_splats_does_not_matter(kernels, seed, random):
    splats = make(15, WIDTH, HEIGHT, seed=seed)
    order = list(range(15))
    random.shuffle(order)
    shuffled = splats2d.render(splats[np.array(order)], WIDTH, HEIGHT)
    assert np.allclose(shuffled, splats2d.render(splats, WIDTH, HEIGHT), atol=1e-5)


@FEW
@given(seeds, st.integers(-9, 50), st.integers(-9, 50), st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_a_crop_is_that_part_of_the_whole_picture(kernels, seed, left, top, width, height, smaller):
    splats = coarse(15, seed)
    size = (WIDTH // 2, HEIGHT // 3) if smaller else (WIDTH, HEIGHT)
    got = splats2d.render(splats, WIDTH, HEIGHT, size=size, crop=(left, top, width, height))
    # The whole picture with a margin, so that crops may hang over its edges.
    shown = splats2d.resize(splats, size[0] / WIDTH, size[1] / HEIGHT) if smaller else splats
    framed = Splats2D(shown.xy + 9, shown.chol, shown.color)
    allowed, _ = leeway(framed, 100, 100)
    part = slice(top + 9, top + 9 + height), slice(left + 9, left + 9 + width)
    assert got.shape == (height, width, 3)
    assert np.all(np.abs(got - splats2d.render(framed, 100, 100)[part]) <= 2 * allowed[part])


@FEW
@given(seeds)
def test_a_picture_of_half_the_size_shows_the_mean_of_the_pixels(kernels, seed):
    splats = make(15, 46, 38, seed=seed, sigma=(2, 8), aspect=(1, 1.5))
    small = splats2d.render(splats, 46, 38, size=(23, 19))
    whole = halved(splats2d.render(splats, 46, 38))
    assert np.abs(small - whole).max() <= 0.03 * np.abs(splats.color).sum(0).max()
    assert np.sqrt(np.mean((small - whole) ** 2)) <= 0.01


@FEW
@given(seeds)
def test_a_picture_of_twice_the_size_has_the_original_as_its_mean(kernels, seed):
    splats = make(15, WIDTH, HEIGHT, seed=seed, sigma=(5, 12), aspect=(1, 1.3))
    large = splats2d.render(splats, WIDTH, HEIGHT, size=(2 * WIDTH, 2 * HEIGHT))
    error = np.abs(halved(large) - splats2d.render(splats, WIDTH, HEIGHT))
    # A second difference over half a pixel, and the cut-off's step where the finer pixels disagree about it.
    assert error.max() <= np.abs(splats.color).sum(0).max() * (1 / 16 / 4**2 + 1 / 255)


@pytest.mark.parametrize("size", [(48, 40), (24, 20), (12, 10), (6, 5), (96, 80), (24, 80), (31, 7)])
def test_the_size_of_the_picture_does_not_change_its_mean(kernels, size):
    splats = make(600, 96, 80, sigma=(0.8, 4), aspect=(1, 2), outside=-0.2)
    splats = Splats2D(splats.xy, splats.chol, np.abs(splats.color))
    whole = splats2d.render(splats, 96, 80)
    assert np.allclose(splats2d.render(splats, 96, 80, size=size).mean((0, 1)), whole.mean((0, 1)), rtol=0.03)


@pytest.mark.parametrize("lying", [False, True])
def test_a_fine_grating_becomes_flat_grey_when_reduced(kernels, lying):
    # Lines of 3 pixels; a quarter of the size samples each at another phase, and would show wide false stripes.
    offsets = np.arange(-1.5, 130, 3)
    across, along = np.stack([offsets, np.full_like(offsets, 64)]), np.array([0.6, 0, 400])
    lines = Splats2D(
        (across[::-1] if lying else across).T,
        np.tile(along[::-1] if lying else along, (len(offsets), 1)),
        np.full((len(offsets), 1), 3 / (0.6 * np.sqrt(2 * np.pi)) * 0.5),
    )
    whole = splats2d.render(lines, 128, 128)[8:-8, 8:-8]
    assert np.ptp(whole) > 0.5
    middle = splats2d.render(lines, 128, 128, size=(32, 32))[4:-4, 4:-4]
    assert middle.mean() == pytest.approx(whole.mean(), rel=0.02)
    assert np.ptp(middle.mean(axis=1 if lying else 0)) < 0.05


def test_a_picture_a_little_smaller_is_nearly_as_sharp(kernels):
    dot = single((30.5, 30.5), (0.7, 0, 0.7), 1.0)
    peak = splats2d.render(dot, 61, 61).max()
    assert splats2d.render(dot, 61, 61, size=(59, 59)).max() > 0.9 * peak


def test_no_splats_make_a_black_picture(kernels):
    picture = splats2d.render(Splats2D.empty(4), 9, 5, size=(3, 8), crop=(1, 1, 2, 3))
    assert picture.shape == (3, 2, 4)
    assert picture.dtype == np.float32
    assert not picture.any()


@pytest.mark.parametrize(
    "options", [{"size": (0, 5)}, {"size": (5, -1)}, {"crop": (0, 0, 0, 4)}, {"crop": (0, 0, 4, -2)}]
)
def test_a_picture_without_pixels_is_refused(options):
    with pytest.raises(ValueError, match="at least one pixel"):
        splats2d.render(Splats2D.empty(), 8, 8, **options)


def test_a_gradient_image_of_other_channels_is_refused(kernels):
    with pytest.raises(ValueError, match=r"\[height, width, 3\]"):
        splats2d.render_backward(make(3, 8, 8), np.zeros((8, 8, 4), np.float32))


def test_two_colour_channels_are_refused(isa):
    with pytest.raises(ValueError, match="1, 3 or 4"):
        splats2d.render(make(3, 8, 8, channels=2), 8, 8)
    with pytest.raises(ValueError, match="1, 3 or 4"):
        splats2d.render_backward(make(3, 8, 8, channels=9), np.zeros((8, 8, 9), np.float32))
