"""A rate-distortion curve keeps what was measured and answers the usual questions."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.errors import InputError
from sfumato.quality.bdrate import bd_rate
from sfumato.quality.curve import RateCurve, RatePoint


def curve(*points: tuple[int, float]) -> RateCurve:
    return RateCurve("test", 64, 32, tuple(RatePoint(size, size // 10, db, 0.9, 0.95) for size, db in points))


STEPS = curve((100, 20.0), (200, 24.0), (400, 23.5), (800, 30.0))


def test_a_measured_point_holds_all_metrics_of_the_two_pictures() -> None:
    random = np.random.default_rng(0)
    original = random.random((40, 30, 3)).astype(np.float32)
    exact = RatePoint.measured(1234, 56, original, original)
    assert exact == RatePoint(1234, 56, math.inf, pytest.approx(1), pytest.approx(1), None)
    worse = RatePoint.measured(99, 5, np.clip(original + 0.1, 0, 1), original)
    assert 15 < worse.psnr < 25 and worse.ssim < 1 and worse.ms_ssim < 1


finite = st.floats(-1, 60, allow_nan=False)
measured = st.builds(
    RatePoint, st.just(1), st.integers(0, 10**7), finite | st.just(math.inf), finite, finite, finite | st.none()
)


@settings(max_examples=50, deadline=None)
@given(points=st.lists(measured, min_size=1, max_size=6), name=st.text(max_size=9))
def test_json_gives_back_the_same_curve_and_is_plain_json(points: list[RatePoint], name: str) -> None:
    grown = tuple(replace(point, bytes=10 * (i + 1)) for i, point in enumerate(points))
    written = RateCurve(name, 640, 480, grown).to_json()
    json.loads(written, parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))
    assert RateCurve.from_json(written) == RateCurve(name, 640, 480, grown)


def test_the_json_of_today_can_be_read_for_ever() -> None:
    stored = """{"kind": "sfumato-rate-curve", "version": 1, "name": "kodim01", "width": 768, "height": 512, "points": [
      {"bytes": 2100, "splats": 300, "psnr": 21.5, "ssim": 0.5, "ms_ssim": 0.75, "lpips": null, "later": "field"},
      {"bytes": 9000, "splats": 1500, "psnr": "inf", "ssim": 1.0, "ms_ssim": 1.0, "lpips": 0.125}]}"""
    first, second = RateCurve.from_json(stored).points
    assert first == RatePoint(2100, 300, 21.5, 0.5, 0.75, None)
    assert second == RatePoint(9000, 1500, math.inf, 1.0, 1.0, 0.125)


STORED = STEPS.to_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"kind": "other", "version": 1}',
        STORED.replace('"version": 1', '"version": 2'),
        STORED.replace('"psnr"', '"snr"'),
        STORED.replace("800", "1"),
        "[" * 100_000,
    ],
)
def test_other_text_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(InputError, match=r"as a rate curve of version 1: .+"):
        RateCurve.from_json(text)


def test_sizes_must_grow() -> None:
    for points in ((), ((0, 1.0),), ((5, 1.0), (5, 2.0)), ((5, 1.0), (4, 2.0))):
        with pytest.raises(ValueError, match="grow"):
            curve(*points)
    with pytest.raises(ValueError, match="picture size"):
        replace(STEPS, width=0)


def test_the_mean_over_log_bytes_counts_what_a_viewer_sees() -> None:
    assert STEPS.mean_over_log_bytes("psnr") == pytest.approx((20 + 24 + 23.5) / 3)
    assert STEPS.mean_over_log_bytes("psnr", 200, 400) == pytest.approx(24)
    assert STEPS.mean_over_log_bytes("psnr", 400, 1600) == pytest.approx((23.5 + 30) / 2)
    assert STEPS.mean_over_log_bytes("psnr", 50, 200) == pytest.approx(20 / 2)
    assert STEPS.mean_over_log_bytes("psnr", 10, 50) == 0
    assert curve((100, 20.0)).mean_over_log_bytes("psnr") == 20
    assert math.isnan(STEPS.mean_over_log_bytes("lpips"))
    with pytest.raises(ValueError, match="ascending"):
        STEPS.mean_over_log_bytes("psnr", 300, 200)


def test_the_largest_drop_shows_where_more_bytes_look_worse() -> None:
    assert STEPS.largest_drop() == pytest.approx(0.5)
    assert curve((1, 20.0), (2, 20.0), (3, math.inf), (4, math.inf)).largest_drop() == 0


def test_the_first_prefix_at_a_quality_is_found() -> None:
    assert STEPS.first_at_least(23.7) == STEPS.points[1]
    assert STEPS.first_at_least(31) is None
    assert STEPS.first_at_least(0.9, "ssim") == STEPS.points[0]


def test_a_curve_feeds_the_bjontegaard_delta_and_counts_bits_per_pixel() -> None:
    half = curve(*[(point.bytes // 2, point.psnr) for point in STEPS.points])
    assert bd_rate(STEPS.series("psnr"), half.series("psnr")) == pytest.approx(-50)
    assert STEPS.bits_per_pixel(256) == 1
    assert STEPS.series("lpips") == []
    with pytest.raises(ValueError, match="metric must be one of psnr"):
        STEPS.series("vmaf")  # type: ignore[arg-type]
