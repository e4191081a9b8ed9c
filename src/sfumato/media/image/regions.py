"""Large pictures are fitted region by region, so that memory stays bounded.

Regions are worked through in reading order. Each is fitted on its core and a margin to the left and above, where the
splats of its finished neighbours are shown but no longer changed; what reaches over the right and lower edge is taken
up by the regions that follow. So there are no seams, and no picture larger than a region is ever optimised.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sfumato.splats import Float32Array

REGION_PIXELS = 1_500_000
"""A picture up to this size is one region."""

OVERLAP = 96
"""Pixels by which a region looks into its neighbours to the left and above: the reach of most splats there."""


@dataclass(frozen=True)
class Region:
    """A part of the picture. core, window: (left, top, right, bottom) in pixels; the window includes the overlap."""

    core: tuple[int, int, int, int]
    window: tuple[int, int, int, int]


def split(width: int, height: int, pixels: int = REGION_PIXELS) -> list[Region]:
    """Regions of at most about `pixels` pixels that tile the picture, in reading order."""
    if width * height <= pixels:
        whole = (0, 0, width, height)
        return [Region(whole, whole)]
    side = pixels**0.5
    columns, rows = max(1, round(width / side)), max(1, round(height / side))
    xs = [round(width * i / columns) for i in range(columns + 1)]
    ys = [round(height * i / rows) for i in range(rows + 1)]
    regions = []
    for top, bottom in pairwise(ys):
        for left, right in pairwise(xs):
            window = (max(0, left - OVERLAP), max(0, top - OVERLAP), right, bottom)
            regions.append(Region((left, top, right, bottom), window))
    return regions


def share_counts(picture: Float32Array, regions: list[Region], cuts: tuple[int, ...]) -> NDArray[np.int64]:
    """Cumulative splat counts at the chunk ends for every region, [regions, chunks]: by its share of the detail.

    Every region has at least one splat in each chunk; the columns add up to `cuts` where that allows.
    """
    weights = []
    for region in regions:
        left, top, right, bottom = region.core
        core = picture[top:bottom, left:right]
        step = max(1, int(np.sqrt(core.shape[0] * core.shape[1] / 250_000)))
        # Contrast and area of the gradient both count: a thinned-out copy tells the share well enough.
        thin = np.ascontiguousarray(core[::step, ::step])
        grey = thin.mean(axis=2)
        gradient = (
            sum(float(np.abs(np.diff(grey, axis=axis)).mean()) for axis in (0, 1)) if min(grey.shape) > 1 else 0.0
        )
        weights.append((gradient + 0.004) * core.shape[0] * core.shape[1])
    share = np.cumsum(weights) / np.sum(weights)
    ends = np.rint(np.outer(share, cuts)).astype(np.int64)
    counts = np.diff(np.concatenate([np.zeros((1, len(cuts)), np.int64), ends]), axis=0)
    steps = np.maximum(np.diff(np.concatenate([np.zeros((len(regions), 1), np.int64), counts], axis=1), axis=1), 1)
    return np.cumsum(steps, axis=1)
