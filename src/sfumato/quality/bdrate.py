"""Bjontegaard deltas: how two rate-distortion curves differ on average.

ITU-T VCEG-M33 (Bjontegaard 2001), with the piecewise cubic interpolation (PCHIP) of JCTVC-L1100 and its successors
instead of one polynomial, which swings between points that lie far apart. Rates are compared by their logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import SettingsError

Curve = Sequence[tuple[float, float]]
"""Points (rate, quality): rates above 0 in any unit that both curves share, quality growing with better pictures."""


def bd_rate(anchor: Curve, test: Curve) -> float:
    """The average difference in rate, in percent, at which `test` reaches the same quality as `anchor`.

    Negative numbers mean that `test` needs fewer bytes. Averaged over the qualities that both curves reach. Points that
    are no better than a cheaper one, and infinite qualities, are left out.

    Raises SettingsError if a curve has fewer than two points left, or if the curves share no range of quality.
    """
    anchor_rates, anchor_qualities = _frontier(anchor)
    test_rates, test_qualities = _frontier(test)
    low, high = _shared_range(anchor_qualities, test_qualities, "quality")
    difference = _integral(test_qualities, test_rates, low, high) - _integral(anchor_qualities, anchor_rates, low, high)
    return 100 * math.expm1(difference / (high - low))


def bd_quality(anchor: Curve, test: Curve) -> float:
    """The average difference in quality (for PSNR: dB) of `test` above `anchor` at the same rate.

    Positive numbers mean that `test` looks better. Averaged over the logarithm of the rates that both curves cover.
    Raises SettingsError as `bd_rate` does.
    """
    anchor_rates, anchor_qualities = _frontier(anchor)
    test_rates, test_qualities = _frontier(test)
    low, high = _shared_range(anchor_rates, test_rates, "rate")
    difference = _integral(test_rates, test_qualities, low, high) - _integral(anchor_rates, anchor_qualities, low, high)
    return difference / (high - low)


def decibels(score: float) -> float:
    """A similarity in 0..1 (SSIM, MS-SSIM) as -10 log10(1 - score) dB, the scale on which codecs are compared."""
    return math.inf if score >= 1 else -10 * math.log10(1 - score)


def _frontier(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ln(rate) and quality of the points that improve on every cheaper one; both strictly increasing."""
    kept: list[tuple[float, float]] = []
    for rate, quality in sorted(curve, key=lambda point: (point[0], -point[1])):
        if not rate > 0 or math.isnan(quality):
            raise SettingsError(f"a curve needs rates above 0 and qualities that are numbers, not ({rate}, {quality})")
        if math.isfinite(quality) and (not kept or quality > kept[-1][1]):
            kept.append((math.log(rate), quality))
    if len(kept) < 2:
        raise SettingsError(f"a curve needs at least two points of growing quality; this one has {len(kept)}")
    rates, qualities = np.array(kept).T
    return rates, qualities


def _shared_range(a: NDArray[np.float64], b: NDArray[np.float64], what: str) -> tuple[float, float]:
    low, high = max(a[0], b[0]), min(a[-1], b[-1])
    if low >= high:
        raise SettingsError(f"the two curves share no range of {what}, so that there is no average difference")
    return float(low), float(high)


def _integral(x: NDArray[np.float64], y: NDArray[np.float64], low: float, high: float) -> float:
    """The integral from `low` to `high` (inside x) of the monotone cubic through the points."""
    slopes = _slopes(x, y)
    total = 0.0
    for i in range(len(x) - 1):
        left, right = max(low, x[i]), min(high, x[i + 1])
        if left < right:
            step = x[i + 1] - x[i]
            piece = _antiderivative(y[i], y[i + 1], step * slopes[i], step * slopes[i + 1])
            total += step * (np.polyval(piece, (right - x[i]) / step) - np.polyval(piece, (left - x[i]) / step))
    return float(total)


def _antiderivative(y0: float, y1: float, d0: float, d1: float) -> list[float]:
    """Coefficients, highest first, of the integral over t in 0..1 of the cubic Hermite piece."""
    cubic = 2 * y0 - 2 * y1 + d0 + d1
    square = -3 * y0 + 3 * y1 - 2 * d0 - d1
    return [cubic / 4, square / 3, d0 / 2, y0, 0.0]


def _slopes(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivatives that keep the cubic monotone wherever the points are (Fritsch and Butland 1984)."""
    h = np.diff(x)
    secant = np.diff(y) / h
    if len(secant) == 1:
        return np.repeat(secant, 2)
    slopes = np.zeros(len(x))
    rising = secant[:-1] * secant[1:] > 0
    before, after = (2 * h[1:] + h[:-1])[rising], (h[1:] + 2 * h[:-1])[rising]
    slopes[1:-1][rising] = (before + after) / (before / secant[:-1][rising] + after / secant[1:][rising])
    slopes[0] = _end_slope(h[0], h[1], secant[0], secant[1])
    slopes[-1] = _end_slope(h[-1], h[-2], secant[-1], secant[-2])
    return slopes


def _end_slope(h0: float, h1: float, s0: float, s1: float) -> float:
    """Three-point estimate at the end of the curve, limited so that the last piece stays monotone."""
    slope = ((2 * h0 + h1) * s0 - h0 * s1) / (h0 + h1)
    if slope * s0 <= 0:
        return 0.0
    if s0 * s1 < 0 and abs(slope) > 3 * abs(s0):
        return 3 * s0
    return slope
