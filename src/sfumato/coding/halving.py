"""Halving boxes of points again and again: what `occupancy` (points in 2D) and `boxes` (in 3D, in portions) share.

All points of a grid lie in one box, the smallest of power-of-two sides around the grid. A halving cuts a box across
its longest side, and the number of points in its first half is coded given the number in the box. How often a box was
halved, its depth, says which sides it has.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.coder import Coder, SymbolEncoder
from sfumato.coding.tables import (
    LARGEST_SPLIT,
    SPLIT_CLASSES,
    SPLIT_FIRST,
    SPLITS_PER_CLASS,
    WIDEST_UNIFORM,
    bit_length,
    table_set,
    uniform_table,
)
from sfumato.errors import ChunkError, SettingsError

MOST_POINTS = (1 << 31) - 1

# Boxes of 2-3, 4-31 and 32 points or more share one class of tables each; the encoder picks the class that costs least,
# so that clustered and evenly spread points are both coded well.
_GROUP_FROM = np.array([2, 4, 32])
_GROUP_TO = np.array([3, 31, MOST_POINTS])
_CLASS_BITS = 3
_LOOSEST = SPLIT_CLASSES - 1  # all shares equally likely: for halves that the grid's border makes unequal

_KEY_TABLE_BITS = 11  # bits of a coordinate that are looked up at once: two look-ups for 2^21 cells

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Boxes:
    """Boxes of one grid with points in them, in canonical order: first halves before second halves.

    corner: int64 [B, A], the lowest cell of each box on each of the A axes.
    depth: int64 [B], how many halvings lead to it from the box of all points.
    count: int64 [B], the points in it.
    """

    corner: Integers
    depth: Integers
    count: Integers

    def __len__(self) -> int:
        return len(self.count)

    def take(self, which: NDArray[Any] | slice) -> Boxes:
        """Some of the boxes, by indexes, a mask or a slice; ascending, or the order is canonical no more."""
        return Boxes(self.corner[which], self.depth[which], self.count[which])


@dataclass(frozen=True)
class Halvings:
    """How the box around a grid is halved: across its longest side, of equal ones across the first.

    size: int64 [A], cells along each axis.
    axis, half: int64 [D], what the halving at each depth cuts, and how many cells long the halves are.
    bits: int64 [D + 1, A], log2 of the sides of a box at each depth.
    """

    size: Integers
    axis: Integers
    half: Integers
    bits: Integers

    @property
    def depth(self) -> int:
        """Halvings from the box of all points to a cell."""
        return len(self.axis)

    def root(self, n: int) -> Boxes:
        """The box of all n points."""
        return Boxes(np.zeros((1, len(self.size)), np.int64), np.array([0]), np.array([n]))

    def keys(self, points: NDArray[np.integer]) -> Integers:
        """A number for each point [n, A] that sorts as the boxes do; int64 [n], equal for equal points only.

        Raises SettingsError for a point outside the grid.
        """
        points = np.asarray(points, np.int64).reshape(-1, len(self.size))
        if len(points) and (points.min() < 0 or (points.max(0) >= self.size).any()):
            raise SettingsError(f"a point lies outside its grid of {' x '.join(map(str, self.size))} cells")
        result = np.zeros(len(points), np.int64)
        part = np.arange(1 << _KEY_TABLE_BITS)
        for axis, bits in enumerate(self.bits[0]):
            places = self.depth - 1 - np.flatnonzero(self.axis == axis)[::-1]  # of the axis's bits, lowest first
            for low in range(0, int(bits), _KEY_TABLE_BITS):
                table = np.zeros(len(part), np.int64)
                for bit, place in enumerate(places[low : low + _KEY_TABLE_BITS]):
                    table |= (part >> bit & 1) << place
                result |= table[points[:, axis] >> low & (len(part) - 1)]
        return result


@functools.lru_cache(64)
def halvings(size: tuple[int, ...], largest_side: int) -> Halvings:
    """The halvings of a grid; SettingsError unless every side has 1 to `largest_side` cells."""
    if not all(1 <= side <= largest_side for side in size):
        raise SettingsError(f"a grid has sides of 1 to {largest_side} cells, not {' x '.join(map(str, size))}")
    bits, axes = [[(side - 1).bit_length() for side in size]], []
    while any(bits[-1]):
        axes.append(bits[-1].index(max(bits[-1])))
        bits.append([b - (axis == axes[-1]) for axis, b in enumerate(bits[-1])])
    half = [1 << left[axis] for left, axis in zip(bits[1:], axes, strict=True)]
    return Halvings(np.array(size, np.int64), np.array(axes, np.int64), np.array(half, np.int64), np.array(bits))


def code_classes(coder: Coder, classes: Integers | None, largest: int, leaf: int) -> Integers:
    """Codes the class of each group of boxes that can occur; int64 [3], 0 where none is needed.

    largest: points in the fullest box that is halved; leaf: boxes of so many points are halved no more; 1..largest - 1.
    """
    used = (largest >= _GROUP_FROM) & (leaf < _GROUP_TO)
    result = np.zeros(len(used), np.int64)
    result[used] = coder.bits(_CLASS_BITS, None if classes is None else classes[used], int(used.sum()))
    return result


def best_classes(walk: Callable[[Coder, Integers], object]) -> Integers:
    """The cheapest class of each group, int64 [3], from the statistics of a trial: `walk` codes with given classes."""
    # Groups 0 and 1 tell their boxes apart by the table, but large boxes share tables with those of 16 to 31 points:
    # the trial gives them a class of their own.
    trial_classes = np.array([0, 0, 1])
    trial = SymbolEncoder()
    walk(trial, trial_classes)
    tables, symbols = trial.recorded()
    set_ = table_set()
    bases = set_.bases[SPLIT_FIRST : SPLIT_FIRST + SPLITS_PER_CLASS + 1]
    first, size = int(bases[0]), int(bases[-1] - bases[0])
    used = tables >= SPLIT_FIRST
    counts = np.bincount(set_.bases[tables[used]] + symbols[used] - first, minlength=SPLIT_CLASSES * size)
    counts = counts.reshape(SPLIT_CLASSES, size)[trial_classes]  # [3, size]
    split = np.repeat(np.arange(2, LARGEST_SPLIT + 1), np.diff(bases))
    counts[0, split >= _GROUP_FROM[1]] = 0
    counts[1, split < _GROUP_FROM[1]] = 0
    costs = set_.bits[first : first + SPLIT_CLASSES * size].reshape(SPLIT_CLASSES, size)
    cheapest: Integers = np.argmin(costs @ counts.T, axis=0)
    return cheapest


def halve(
    coder: Coder, keys: Integers | None, grid: Halvings, boxes: Boxes, start: Integers, classes: Integers
) -> tuple[Boxes, Integers]:
    """Halves every box once, each at its own depth.

    keys: of all points, int64 [n], ascending (`Halvings.keys`); None when decoding.
    boxes: of at least 2 points each and deeper than no cell; start: int64 [B], points in front of each.
    classes: int64 [3], see `code_classes`.
    Returns the halves [2 B], empty ones among them, and the points in front of each. Raises ChunkError.
    """
    axis, half = grid.axis[boxes.depth], grid.half[boxes.depth]
    row = np.arange(len(boxes))
    second_half = np.clip(grid.size[axis] - boxes.corner[row, axis] - half, 0, half)
    group = (boxes.count >= _GROUP_FROM[1]).astype(np.int64) + (boxes.count >= _GROUP_FROM[2])
    split_class = np.where(4 * second_half < 3 * half, _LOOSEST, classes[group])
    known = None
    if keys is not None:
        low = grid.depth - boxes.depth  # bits of the keys that differ inside a box
        middle = (keys[start] >> low << low) + (np.int64(1) << (low - 1))
        known = np.searchsorted(keys, middle) - start
    shares = _code_shares(coder, known, boxes.count, split_class, second_half > 0)

    corner = np.repeat(boxes.corner, 2, axis=0)
    corner[2 * row + 1, axis] += half
    count = np.stack([shares, boxes.count - shares], 1).ravel()
    return Boxes(corner, np.repeat(boxes.depth + 1, 2), count), np.stack([start, start + shares], 1).ravel()


def _code_shares(
    coder: Coder, shares: Integers | None, count: Integers, split_class: Integers, open_: NDArray[np.bool_]
) -> Integers:
    """How many of each box's `count` points lie in its first half; all of them where it is not `open_`."""
    # Large counts: the share's high bits by the table of the count's five high bits, then its low bits raw.
    shift = np.where(open_ & (count > LARGEST_SPLIT), bit_length(count) - 5, 0)
    tables = SPLIT_FIRST + split_class * SPLITS_PER_CLASS + (count >> shift) - 2
    symbols = None if shares is None else (shares >> shift)[open_]
    found = count.copy()
    found[open_] = coder.code(tables[open_], symbols).astype(np.int64) << shift[open_]
    low = None if shares is None else np.where(open_, shares, 0) & ((np.int64(1) << shift) - 1)
    found += code_raw(coder, low, shift)
    if (found > count).any():
        raise ChunkError("cannot decode the points: a half holds more points than its box")
    return found


def code_raw(coder: Coder, values: Integers | None, widths: Integers) -> Integers:
    """Codes a raw value of widths[i] bits for each i: the lowest eight bits of all, then the next eight, and so on."""
    result = np.zeros(len(widths), np.int64)
    for low in range(0, int(widths.max(initial=0)), WIDEST_UNIFORM):
        some = np.flatnonzero(widths > low)
        piece = np.minimum(widths[some] - low, WIDEST_UNIFORM)
        symbols = None if values is None else values[some] >> low & ((1 << piece) - 1)
        result[some] += coder.code(piece - 1 + uniform_table(1), symbols).astype(np.int64) << low
    return result


def code_rest(coder: Coder, points: Integers | None, boxes: Boxes, grid: Halvings) -> Integers:
    """Codes where in its box each point lies that is alone in it, axis after axis; int64 [B, A]. Raises ChunkError."""
    result = boxes.corner.copy()
    for axis in range(len(grid.size)):
        widths = grid.bits[boxes.depth, axis]
        known = None if points is None else points[:, axis] & ((np.int64(1) << widths) - 1)
        result[:, axis] += code_raw(coder, known, widths)
    if (result >= grid.size).any():
        raise ChunkError("cannot decode the points: one lies outside the grid")
    return result
