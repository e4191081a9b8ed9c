"""What an image asset is: nested levels of additive splats, each level one or more chunks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import SettingsError
from sfumato.splats import Splats2D

BASE_SHARE = 0.04
"""Share of the splats in the base level, so that with HEAD around it it takes about the first 5 % of the bytes."""

BASE_CHUNKS = 2
"""Chunks of the base level, so that the first picture is there after 2 or 3 % of the bytes."""

TARGET_CHUNKS = 12
"""Chunks in a file: fine enough to sharpen visibly again and again, coarse enough that their headers stay small."""

LEAST_SPLIT = 64
"""Splats from which on a base level has several chunks: below, their headers weigh more than an early picture."""

MAX_CHUNK_SPLATS = 65535

MARGIN = 16
"""Pixels around the canvas in which centres may lie."""


@dataclass(frozen=True)
class Plan:
    """How many splats every prefix has.

    cuts: cumulative splat counts at the chunk ends, increasing.
    levels: the level of every chunk, from 0, without gaps.
    """

    cuts: tuple[int, ...]
    levels: tuple[int, ...]

    @property
    def splats(self) -> int:
        """Splats of the whole asset."""
        return self.cuts[-1]

    @property
    def level_ends(self) -> tuple[int, ...]:
        """Index of the last chunk of every level."""
        last = {level: chunk for chunk, level in enumerate(self.levels)}
        return tuple(last[level] for level in sorted(last))

    @property
    def chunk_of_splat(self) -> NDArray[np.int32]:
        """The chunk of every splat in stream order, [N]."""
        return np.repeat(np.arange(len(self.cuts), dtype=np.int32), np.diff([0, *self.cuts]))


@dataclass(frozen=True)
class Layers:
    """Splats in stream order and where the prefixes end.

    splats: all of them; the first `plan.cuts[k]` make the prefix that ends with chunk k.
    width, height: the canvas in pixels.
    """

    splats: Splats2D
    plan: Plan
    width: int
    height: int

    def parts(self) -> list[Splats2D]:
        """The splats of every chunk."""
        starts = (0, *self.plan.cuts)
        return [self.splats[a:b] for a, b in zip(starts, self.plan.cuts, strict=False)]

    def prefix(self, count: int) -> Splats2D:
        """The first `count` splats."""
        return self.splats[:count]


def default_splats(width: int, height: int) -> int:
    """Splats for a picture of this size where the user names none: one for every 40 pixels, at least 64."""
    return max(64, round(width * height / 40))


def level_counts(splats: int, levels: int) -> tuple[int, ...]:
    """Cumulative splat counts at the level ends: a geometric series from `BASE_SHARE` to all.

    Raises: SettingsError if there are more levels than can have at least one splat each.
    """
    if levels < 1 or levels > min(splats, 64):
        raise SettingsError(f"{splats:,} splats make 1 to {min(splats, 64)} levels, not {levels}")
    if levels == 1:
        return (splats,)
    ratio = BASE_SHARE ** (1 / (levels - 1))
    counts = [round(splats * ratio ** (levels - 1 - k)) for k in range(levels)]
    for k in range(levels):  # tiny sets: at least one splat a level, and the last count is exact
        counts[k] = min(max(counts[k], k + 1), splats - (levels - 1 - k))
    return tuple(counts)


def make_plan(level_ends: tuple[int, ...], chunks: int = TARGET_CHUNKS) -> Plan:
    """Split levels into about `chunks` chunks, each of which makes the prefix grow by about the same factor.

    So every chunk adds about as many decibels as any other. It also saves bytes, because the splats of a chunk may come
    in any order: 12 chunks of a file that grow like this lose 3.0 bits per position to the order of the chunks, chunks
    of equal size 3.6.

    level_ends: cumulative splat counts at the level ends, increasing.
    Raises: SettingsError if they are not.
    """
    if not level_ends or any(b <= a for a, b in zip((0, *level_ends), level_ends, strict=False)):
        raise SettingsError(f"the splat counts at the level ends increase from at least 1; got {level_ends}")
    base = BASE_CHUNKS if level_ends[0] >= LEAST_SPLIT else 1
    first = level_ends[0] if len(level_ends) > 1 else max(1, round(BASE_SHARE * level_ends[0]))
    growth = max(math.log(level_ends[-1] / first), 1e-9) / max(chunks - base, 1)  # of a chunk
    cuts: list[int] = []
    levels: list[int] = []
    for level, (start, end) in enumerate(pairwise((0, *level_ends))):
        if start == 0 and len(level_ends) > 1:
            parts = [end * (k + 1) // base for k in range(base)]
        else:
            parts = _growing(start or first, end, growth)
        parts = sorted({*cuts, *parts} - {0})
        levels += [level] * (len(parts) - len(cuts))
        cuts = parts
    return Plan(tuple(cuts), tuple(levels))


def _growing(start: int, end: int, growth: float) -> list[int]:
    """Chunk ends from `start` to `end`, the logarithms of the counts about `growth` apart."""
    count = max(1, round(math.log(end / start) / growth))
    while end - start * (end / start) ** (1 - 1 / count) > MAX_CHUNK_SPLATS:
        count += 1
    return [round(start * (end / start) ** ((k + 1) / count)) for k in range(count)]
