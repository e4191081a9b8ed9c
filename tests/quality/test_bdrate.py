"""Bjontegaard deltas say how far apart two curves are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.errors import SettingsError
from sfumato.quality import bdrate
from sfumato.quality.bdrate import bd_quality, bd_rate, decibels

ANCHOR = [(1000.0, 24.1), (2300.0, 27.9), (5100.0, 31.0), (9800.0, 33.2), (21000.0, 35.8)]

curves = st.lists(st.tuples(st.floats(0.05, 2), st.floats(0.05, 5)), min_size=2, max_size=9).map(
    lambda steps: [(100 * math.exp(x), 20 + y) for x, y in np.cumsum(steps, 0)]
)


@settings(max_examples=50, deadline=None)
@given(curve=curves, factor=st.floats(0.3, 3))
def test_a_curve_at_a_constant_factor_of_the_rate_differs_by_that_factor(
    curve: list[tuple[float, float]], factor: float
) -> None:
    assert bd_rate(curve, curve) == pytest.approx(0, abs=1e-9)
    assert bd_rate(curve, [(rate * factor, quality) for rate, quality in curve]) == pytest.approx(100 * (factor - 1))


@settings(max_examples=50, deadline=None)
@given(curve=curves, gain=st.floats(-3, 3))
def test_a_curve_shifted_in_quality_differs_by_that_shift(curve: list[tuple[float, float]], gain: float) -> None:
    assert bd_quality(curve, [(rate, quality + gain) for rate, quality in curve]) == pytest.approx(gain, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(a=curves, b=curves)
def test_swapping_the_curves_inverts_the_ratio_of_rates(
    a: list[tuple[float, float]], b: list[tuple[float, float]]
) -> None:
    try:
        forward = bd_rate(a, b)
    except SettingsError:
        return
    assert (1 + forward / 100) * (1 + bd_rate(b, a) / 100) == pytest.approx(1, rel=1e-9)


def test_half_the_bytes_is_minus_fifty_percent_and_points_in_between_do_not_matter() -> None:
    straight = [(1000 * 2.0**k, 20 + 3 * k) for k in range(5)]
    denser = [(500 * 2.0 ** (k / 4), 20 + 3 * k / 4) for k in range(21)]
    assert bd_rate(straight, denser) == pytest.approx(-50)
    assert bd_quality(straight, denser) == pytest.approx(3)


@settings(max_examples=50, deadline=None)
@given(curve=curves, share=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_the_interpolation_is_the_monotone_cubic_of_scipy(
    curve: list[tuple[float, float]], share: tuple[float, float]
) -> None:
    interpolate = pytest.importorskip("scipy.interpolate", reason="scipy is not installed")
    x, y = np.array(curve).T
    low, high = (x[0] + s * (x[-1] - x[0]) for s in sorted(share))
    expected = float(interpolate.PchipInterpolator(x, y).integrate(low, high))
    assert bdrate._integral(x, y, low, high) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_points_that_buy_nothing_and_exact_pictures_are_left_out() -> None:
    spoiled = [*ANCHOR[::-1], (3000.0, 27.0), (9900.0, 33.2), (90000.0, math.inf)]
    assert bd_rate(ANCHOR, spoiled) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("curve", "reason"),
    [
        ([(1.0, 2.0)], "at least two points"),
        ([(1.0, 5.0), (2.0, 4.0)], "at least two points"),
        ([(0.0, 5.0), (2.0, 6.0)], "rates above 0"),
        ([(1.0, math.nan), (2.0, 6.0)], "are numbers"),
        ([(1000.0, 50.0), (2000.0, 60.0)], "share no range of quality"),
    ],
)
def test_curves_that_cannot_be_compared_are_refused(curve: list[tuple[float, float]], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        bd_rate(ANCHOR, curve)


def test_similarities_become_decibels() -> None:
    assert decibels(0.9) == pytest.approx(10) and decibels(0.999) == pytest.approx(30)
    assert decibels(1.0) == math.inf and decibels(0.0) == 0
