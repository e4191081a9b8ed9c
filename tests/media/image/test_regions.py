"""How a picture is divided into regions, and how its splats are dealt out to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media.image.samples import picture
from sfumato.media.image.regions import OVERLAP, REGION_PIXELS, Region, Shares, detail, split

SIDES = st.integers(1, 900)


@given(SIDES, SIDES, st.integers(2_000, 100_000))
def test_cores_tile_the_picture_and_windows_reach_over_them_on_all_sides(width, height, pixels):
    times = np.zeros((height, width), np.int64)
    for region in split(width, height, pixels):
        left, top, right, bottom = region.core
        times[top:bottom, left:right] += 1
        assert (right - left - 1) * (bottom - top - 1) <= pixels
        reached = (max(left - OVERLAP, 0), max(top - OVERLAP, 0), min(right + OVERLAP, width))
        assert region.window[:3] == reached
        assert region.window[3] == min(bottom + OVERLAP, height)
    assert (times == 1).all()


def test_a_picture_of_any_size_is_never_fitted_on_more_than_a_window():
    for width, height in ((6000, 4000), (32768, 3000), (1732, 1732), (9999, 10001)):
        assert max(region.size for region in split(width, height)) < 1.3 * REGION_PIXELS


def test_a_small_picture_is_one_region_that_leaves_nothing_to_others():
    (region,) = split(1000, 700)
    assert region == Region((0, 0, 1000, 700), (0, 0, 1000, 700))
    assert not region.left_to_others(np.array([[-15, -15], [1015, 715]], np.float32)).any()


@example(22974754)  # a point less than a thousandth of a pixel below a core
@given(st.integers(0, 2**32 - 1))
def test_no_region_takes_splats_from_where_a_later_one_fits(seed):
    regions = split(300, 200, 5_000)
    xy = np.random.default_rng(seed).uniform(-16, (316, 216), (50, 2)).astype(np.float32)
    for number, region in enumerate(regions):
        free = region.left_to_others(xy)
        for later in regions[number + 1 :]:
            assert free[_in_core(later, xy)].all() or not _meet(region, later)
        assert not free[_in_core(region, xy)].any()
    last = regions[-1]
    assert not last.left_to_others(xy).any()


def _in_core(region: Region, xy: np.ndarray) -> np.ndarray:
    """Whether points [N, 2] lie in the core, whose right and lower edges belong to its neighbours."""
    left, top, right, bottom = region.core
    x, y = xy.T
    return (x >= left) & (x < right) & (y >= top) & (y < bottom)


def _meet(a: Region, b: Region) -> bool:
    return all(a.window[i] < b.core[i + 2] and b.core[i] < a.window[i + 2] for i in (0, 1))


def test_what_a_region_keeps_too_many_or_too_few_of_the_others_make_up_for():
    pixels, cuts = picture(300, 200), (30, 200, 900)
    regions = split(300, 200, 10_000)
    shares, rng = Shares(pixels, regions, cuts), np.random.default_rng(1)
    kept = np.zeros(3, np.int64)
    for region in regions:
        fitted = np.diff([0, *shares.next_cuts()])
        assert (fitted >= 1).all()
        mine = fitted if region is regions[-1] else np.maximum(np.rint(fitted * rng.uniform(0.6, 1, 3)), 1).astype(int)
        shares.keep(mine)
        kept += mine
    assert np.cumsum(kept).tolist() == list(cuts)


def test_every_region_has_a_splat_in_each_chunk_even_where_there_are_too_few():
    regions = split(300, 200, 10_000)
    shares = Shares(picture(300, 200), regions, (1, 2))
    for _ in regions:
        assert shares.next_cuts() == (1, 2)
        shares.keep(np.array([1, 1]))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_detail_counts_contrast_and_area(channels):
    pixels = picture(96, 64, channels)
    busy, flat = pixels.copy(), np.full_like(pixels, 0.5)
    busy[::2] *= 0.5
    area = (0, 0, 48, 32)
    assert detail(busy, area) > detail(pixels, area) > detail(flat, area) > 0
    assert detail(flat, (0, 0, 96, 64)) == pytest.approx(4 * detail(flat, area))
    assert detail(pixels, (5, 5, 5, 20)) == 0 and detail(pixels, (0, 0, 1, 1)) > 0
