"""Unordered points of a grid as a few bits each, by recursive halving.

All points lie in one box, the smallest power-of-two rectangle around the grid. Every box of two points or more is
halved across its longer side (ties: left and right), breadth first, and the number of points in its first half is coded
given the number in the box. A box with one point is coded as the rest of its coordinates, raw. Not naming an order
saves log2(n!) bits, clustering saves more: empty halves are never looked at again. The idea is that of point-set trees
(O. Devillers and P.-M. Gandoin, "Geometric compression for interactive transmission", 2000).

The points end up in the order of the boxes, which is a Morton order: `canonical_order`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.coder import Coder, SymbolDecoder, SymbolEncoder
from sfumato.coding.native_rans import NativeRans
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

LARGEST_SIDE = 1 << 16

# Boxes of 2-3, 4-31 and 32 points or more share one class of tables each; the encoder picks the class that costs least,
# so that clustered and evenly spread points are both coded well.
_GROUP_FROM = np.array([2, 4, 32])
_CLASS_BITS = 3
_LOOSEST = SPLIT_CLASSES - 1  # all shares equally likely: for halves that the grid's border makes unequal

Points = NDArray[np.int32]


def canonical_order(points: NDArray[np.integer], width: int, height: int) -> NDArray[np.intp]:
    """The permutation that brings points into the order in which `code_points` returns them.

    points: integers [n, 2], x in 0..width - 1, y in 0..height - 1; sides are 1..2^16. Equal points keep their order.
    Raises SettingsError for a point outside the grid.
    """
    bits = _side_bits(width, height)
    points = np.asarray(points, np.int64).reshape(-1, 2)
    if len(points) and (points.min() < 0 or (points.max(0) >= (width, height)).any()):
        raise SettingsError(f"a point lies outside its grid of {width} x {height} cells")
    key = np.zeros(len(points), np.int64)
    while any(bits):
        axis = 0 if bits[0] >= bits[1] else 1
        bits[axis] -= 1
        key = key << 1 | points[:, axis] >> bits[axis] & 1
    return np.argsort(key, kind="stable")


def code_points(coder: Coder, points: NDArray[np.integer] | None, n: int, width: int, height: int) -> Points:
    """Codes n points of a grid of width x height cells and returns them in canonical order.

    points: integers [n, 2] in any order, several may be equal; None when decoding.
    n, width, height: known to both sides; n below 2^31, sides 1..2^16.
    Returns int32 [n, 2]. Raises SettingsError when encoding what cannot be, ChunkError when decoding damaged bytes.
    Time and memory are in proportion to n, whatever the bytes say.
    """
    _side_bits(width, height)
    if not 0 <= n < 1 << 31:
        raise SettingsError(f"there cannot be {n} points")
    if points is None:
        if isinstance(coder, SymbolDecoder) and isinstance(coder.rans, NativeRans):
            return coder.rans.decode_points(coder.words, coder.state, n, width, height)
        return _walk(coder, None, n, width, height, None)
    if len(points) != n:
        raise SettingsError(f"{n} points were promised, {len(points)} given")
    ordered = np.asarray(points, np.int64).reshape(-1, 2)[canonical_order(points, width, height)]
    return _walk(coder, ordered, n, width, height, _best_classes(ordered, n, width, height))


def _side_bits(width: int, height: int) -> list[int]:
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise SettingsError(f"a grid has sides of 1 to {LARGEST_SIDE} cells, not {width} x {height}")
    return [(width - 1).bit_length(), (height - 1).bit_length()]


def _best_classes(ordered: NDArray[np.int64], n: int, width: int, height: int) -> NDArray[np.int64]:
    """The cheapest class of each group, int64 [3], from the statistics of a trial walk."""
    # Groups 0 and 1 tell their boxes apart by the table, but large boxes share tables with those of 16 to 31 points:
    # the trial gives them a class of their own.
    trial_classes = np.array([0, 0, 1])
    trial = SymbolEncoder()
    _walk(trial, ordered, n, width, height, trial_classes)
    tables, symbols = trial.recorded()
    set_ = table_set()
    first, size = (
        int(set_.bases[SPLIT_FIRST]),
        int(set_.bases[SPLIT_FIRST + SPLITS_PER_CLASS] - set_.bases[SPLIT_FIRST]),
    )
    used = tables >= SPLIT_FIRST
    counts = np.bincount(set_.bases[tables[used]] + symbols[used] - first, minlength=SPLIT_CLASSES * size)
    counts = counts.reshape(SPLIT_CLASSES, size)[trial_classes]  # [3, size]
    split = np.repeat(
        np.arange(2, LARGEST_SPLIT + 1), np.diff(set_.bases[SPLIT_FIRST : SPLIT_FIRST + SPLITS_PER_CLASS + 1])
    )
    counts[0, split >= _GROUP_FROM[1]] = 0
    counts[1, split < _GROUP_FROM[1]] = 0
    costs = set_.bits[first : first + SPLIT_CLASSES * size].reshape(SPLIT_CLASSES, size)
    cheapest: NDArray[np.int64] = np.argmin(costs @ counts.T, axis=0)
    return cheapest


def _walk(
    coder: Coder,
    ordered: NDArray[np.int64] | None,
    n: int,
    width: int,
    height: int,
    classes: NDArray[np.int64] | None,
) -> Points:
    """Both directions; ordered: the points in canonical order, classes: one per group, or None for both."""
    result, bits = np.zeros((n, 2), np.int64), _side_bits(width, height)
    if n == 1:
        _code_rest(coder, ordered, result, np.array([0]), bits, (width, height))
    elif n > 1 and any(bits):
        present = int((n >= _GROUP_FROM).sum())
        header = coder.bits(_CLASS_BITS, None if classes is None else classes[:present], present)
        _code_boxes(coder, ordered, result, bits, (width, height), header.astype(np.int64))
    return result.astype(np.int32)


def _code_boxes(
    coder: Coder,
    ordered: NDArray[np.int64] | None,
    result: NDArray[np.int64],
    bits: list[int],
    size: tuple[int, int],
    classes: NDArray[np.int64],
) -> None:
    """Halves the box of all points until every box is a cell or holds one point; fills `result` [n, 2], n >= 2."""
    corner, count, start = np.zeros((1, 2), np.int64), np.array([len(result)]), np.array([0])
    while any(bits) and len(count):
        axis = 0 if bits[0] >= bits[1] else 1
        bits[axis] -= 1
        half = 1 << bits[axis]

        known = None
        if ordered is not None:
            before = np.concatenate([[0], np.cumsum(1 - (ordered[:, axis] >> bits[axis] & 1))])
            known = before[start + count] - before[start]
        second_half = np.clip(size[axis] - corner[:, axis] - half, 0, half)
        group = np.searchsorted(_GROUP_FROM, count, side="right") - 1
        split_class = np.where(4 * second_half < 3 * half, _LOOSEST, classes[group])
        shares = _code_shares(coder, known, count, split_class, second_half > 0)

        # Children in the order of their parents, first halves before second halves.
        start = np.stack([start, start + shares], 1).ravel()
        count = np.stack([shares, count - shares], 1).ravel()
        corner = np.repeat(corner, 2, axis=0)
        corner[1::2, axis] += half
        alone = count == 1
        result[start[alone]] = corner[alone]
        _code_rest(coder, ordered, result, start[alone], bits, size)
        corner, count, start = corner[count > 1], count[count > 1], start[count > 1]
    for place, points, first in zip(corner, count, start, strict=True):
        result[first : first + points] = place


def _code_shares(
    coder: Coder,
    shares: NDArray[np.int64] | None,
    count: NDArray[np.int64],
    split_class: NDArray[np.int64],
    open_: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """How many of each box's `count` points lie in its first half; all of them where it is not `open_`."""
    # Large counts: the share's high bits by the table of the count's five high bits, then its low bits raw.
    shift = np.where(open_ & (count > LARGEST_SPLIT), bit_length(count) - 5, 0)
    tables = SPLIT_FIRST + split_class * SPLITS_PER_CLASS + (count >> shift) - 2
    symbols = None if shares is None else (shares >> shift)[open_]
    found = count.copy()
    found[open_] = coder.code(tables[open_], symbols).astype(np.int64) << shift[open_]
    for low in range(0, int(shift.max(initial=0)), WIDEST_UNIFORM):
        some = shift > low
        widths = np.minimum(shift[some] - low, WIDEST_UNIFORM)
        piece = None if shares is None else shares[some] >> low & ((1 << widths) - 1)
        found[some] += coder.code(widths - 1 + uniform_table(1), piece).astype(np.int64) << low
    if (found > count).any():
        raise ChunkError("cannot decode the points: a half holds more points than its box")
    return found


def _code_rest(
    coder: Coder,
    ordered: NDArray[np.int64] | None,
    result: NDArray[np.int64],
    which: NDArray[np.int64],
    bits: list[int],
    size: tuple[int, int],
) -> None:
    """Adds the low `bits` of both coordinates to the points `which` of `result`, each alone in its box."""
    for axis in (0, 1):
        values = None if ordered is None else ordered[which, axis] & ((1 << bits[axis]) - 1)
        result[which, axis] += coder.bits(bits[axis], values, len(which)).astype(np.int64)
    if (result[which] >= size).any():
        raise ChunkError("cannot decode the points: one lies outside the grid")
