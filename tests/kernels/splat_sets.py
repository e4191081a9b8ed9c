"""Sets of splats that are hard to draw, and how far a right answer may be from the reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels import reference
from sfumato.splats import Splats2D

BAND = 1e-3
"""Weights this close to the cut-off, relatively, may fall on either side of it in float32."""


def make(
    count: int,
    width: int,
    height: int,
    *,
    channels: int = 3,
    sigma: tuple[float, float] = (0.3, 20),
    aspect: tuple[float, float] = (1, 4),
    outside: float = 0.2,
    seed: int = 0,
) -> Splats2D:
    """Splats in all directions with centres on the canvas and, by `outside` times its size, around it."""
    rng = np.random.default_rng(seed)
    size = np.array([width, height])
    long = np.exp(rng.uniform(*np.log(sigma), count))
    short = long / np.exp(rng.uniform(*np.log(aspect), count))
    angle = rng.uniform(0, np.pi, count)
    axes = np.stack([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)], -1).reshape(count, 2, 2)
    scaled = axes * np.stack([long, short], -1)[:, :, None]
    factor = np.linalg.cholesky(np.einsum("nki,nkj->nij", scaled, scaled))
    return Splats2D(
        rng.uniform(-outside * size, (1 + outside) * size, (count, 2)),
        np.stack([factor[:, 0, 0], factor[:, 1, 0], factor[:, 1, 1]], 1),
        rng.normal(0, 0.5, (count, channels)),
    )


def single(xy: tuple[float, float], chol: tuple[float, float, float], *color: float) -> Splats2D:
    """One splat."""
    return Splats2D(*(np.array([values], np.float32) for values in (xy, chol, color)))


def uncertainty(splats: Splats2D, width: int, height: int) -> NDArray[np.float64]:
    """Relative error [N] that float32 arithmetic may leave in a splat's weights.

    2e-4 for the recurrence down 32 rows; offsets from the centre are rounded to 1e-7 of the canvas, and the whitened
    offsets of a needle are differences of numbers as many times larger as the needle is long, of which the square (at
    most 11 where the splat shows) becomes the exponent.
    """
    l11, l21, l22 = np.abs(splats.chol.T.astype(np.float64))
    short = l11 * l22 / np.hypot(np.hypot(l11, l21), l22)  # at most the short axis
    long = np.hypot(np.hypot(l11, l21), l22)
    return 2e-4 + 3.4 * 1.2e-7 * (max(width, height) / short + 3.4 * long / short)


def leeway(splats: Splats2D, width: int, height: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How far each value [H, W, C] may be from the reference, and where [H, W] a splat may flip at its rim."""
    allowed = np.full((height, width, splats.channels), 1e-6)
    rim = np.zeros((height, width), bool)
    splats = splats[reference.present(splats)]
    y, x = np.mgrid[:height, :width] + 0.5
    errors = uncertainty(splats, width, height)
    for center, (l11, l21, l22), color, error in zip(splats.xy, splats.chol, splats.color, errors, strict=True):
        z1 = (x - center[0]) / l11
        weight = np.exp(-0.5 * (z1**2 + ((y - center[1] - l21 * z1) / l22) ** 2))
        flips = np.abs(weight / reference.CUTOFF - 1) < max(BAND, error)
        rim |= flips
        shown = np.where(weight >= reference.CUTOFF, error * weight, 0) + np.where(flips, weight, 0)
        allowed += shown[..., None] * np.abs(color)
    return allowed, rim


def assert_same_picture(got: NDArray[np.float32], expected: NDArray[np.floating], splats: Splats2D) -> None:
    """Equal up to float32 arithmetic where no splat is at its cut-off, and up to proven flips where one is."""
    height, width, _ = expected.shape
    assert got.shape == expected.shape
    allowed, rim = leeway(splats, width, height)
    excess = np.abs(got - expected) - allowed
    assert excess.max() <= 0, f"{excess.max()} too much at {np.unravel_index(excess.argmax(), excess.shape)}"
    assert rim.mean() <= 0.5, "the comparison proves little: most pixels are at a cut-off"
