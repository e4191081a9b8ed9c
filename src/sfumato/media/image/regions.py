"""Large pictures are fitted region by region, so that memory stays bounded.

Regions tile the picture and are worked through in reading order. Each is fitted on a window that reaches over its core
on all sides. To the left and above, the splats of the finished regions are shown but not changed. To the right and
below, nobody has been yet: the fit covers that territory too, so that splats at the core's edge have neighbours to
both sides, and then drops what lies there. The regions that follow fit it again, beside the splats that were kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sfumato.splats import Float32Array

REGION_PIXELS = 1_500_000
"""A picture up to this size is one region."""

OVERLAP = 48
"""Pixels by which a region looks into its neighbours: the reach of most splats there. On Kodak images in four regions,
24 to 64 came within 0.1 dB of one another (at 64 more time and splats went to finished ground)."""

Area = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels."""

_TILE = 8  # pixels
_FLAT = 0.01  # contrast that a flat area counts with: faint noise


@dataclass(frozen=True)
class Region:
    """A part of the picture: what it is to show, and the window it is fitted on.

    open_right, open_below: whether other regions follow there.
    """

    core: Area
    window: Area
    open_right: bool = False
    open_below: bool = False

    @property
    def size(self) -> int:
        """Pixels of the window."""
        left, top, right, bottom = self.window
        return (right - left) * (bottom - top)

    @property
    def territory(self) -> list[Area]:
        """The parts of the window that no region has fitted yet, beside the core: below it and to its right."""
        _, top, right, bottom = self.core
        window_left, _, window_right, window_bottom = self.window
        return [(window_left, bottom, window_right, window_bottom), (right, top, window_right, bottom)]

    def left_to_others(self, xy: Float32Array) -> NDArray[np.bool_]:
        """Whether points [N, 2] of the picture lie where other regions follow, [N]."""
        _, top, right, bottom = self.core
        x, y = xy.T
        below = (y >= bottom) & self.open_below
        beside = (x >= right) & (y >= top) & self.open_right
        free: NDArray[np.bool_] = below | beside
        return free

    def distance(self, xy: Float32Array) -> Float32Array:
        """Distance in pixels of points [N, 2] of the picture from the core, [N]."""
        corner, end = np.array(self.core[:2], np.float32), np.array(self.core[2:], np.float32)
        outside: Float32Array = np.linalg.norm(np.maximum(np.maximum(corner - xy, xy - end), 0), axis=1)
        return outside


def split(width: int, height: int, pixels: int = REGION_PIXELS) -> list[Region]:
    """Regions of at most about `pixels` pixels, as square as may be, that tile the picture, in reading order."""
    if width * height <= pixels:
        whole = (0, 0, width, height)
        return [Region(whole, whole)]
    rows = max(1, round(height / pixels**0.5))
    columns = -(-width * height // (rows * pixels))
    xs = [round(width * i / columns) for i in range(columns + 1)]
    ys = [round(height * i / rows) for i in range(rows + 1)]
    regions = []
    for top, bottom in pairwise(ys):
        for left, right in pairwise(xs):
            window = (
                max(0, left - OVERLAP),
                max(0, top - OVERLAP),
                min(width, right + OVERLAP),
                min(height, bottom + OVERLAP),
            )
            regions.append(Region((left, top, right, bottom), window, right < width, bottom < height))
    return regions


def detail(picture: Float32Array, area: Area) -> float:
    """How many splats an area of `picture` [H, W, C] needs, in units of its own: contrast and size both count.

    The contrast is the RMS of what is left of the picture without the means of its tiles. Of the measures tried, this
    one follows most closely where the births of an undivided fit go (Kodak images: 13 % off; mean gradient: 18 %).
    """
    left, top, right, bottom = area
    height, width = bottom - top, right - left
    if min(height, width) <= 0:
        return 0.0
    rows, columns = min(_TILE, height), min(_TILE, width)
    whole = picture[top : bottom - height % rows, left : right - width % columns]
    tiles = whole.reshape(height // rows, rows, width // columns, columns, -1)
    contrast = float(np.sqrt(tiles.var(axis=(1, 3)).sum(axis=2).mean(dtype=np.float64)))
    return (contrast + _FLAT) * height * width


class Shares:
    """Deals the splats of a picture out to its regions, in their order.

    How many splats a region keeps is known only after its fit. What earlier regions kept too many or too few of, the
    remaining ones make up for together; the last one keeps all of its splats, so that the sum comes out.

    cuts: cumulative splat counts of the whole picture at the chunk ends.
    """

    def __init__(self, picture: Float32Array, regions: list[Region], cuts: tuple[int, ...]) -> None:
        self._cores = [detail(picture, region.core) for region in regions]
        self._territories = [sum(detail(picture, area) for area in region.territory) for region in regions]
        self._remaining = np.diff([0, *cuts])
        self._next = 0

    def next_cuts(self) -> tuple[int, ...]:
        """Cumulative splat counts at the chunk ends for the fit of the next region: at least one splat in each chunk.

        They include the splats that will be dropped.
        """
        core, rest = self._cores[self._next], sum(self._cores[self._next :])
        share = (core + self._territories[self._next]) / rest
        counts = np.maximum(np.rint(share * self._remaining), 1)
        return tuple(int(n) for n in np.cumsum(counts))

    def keep(self, counts: NDArray[np.integer]) -> None:
        """Note how many splats of each chunk the next region kept, [chunks]."""
        self._remaining = self._remaining - counts
        self._next += 1
