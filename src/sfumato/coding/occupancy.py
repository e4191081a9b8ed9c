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

from sfumato.coding.coder import Coder, SymbolDecoder
from sfumato.coding.halving import (
    MOST_POINTS,
    Halvings,
    Integers,
    best_classes,
    code_classes,
    code_rest,
    halve,
    halvings,
)
from sfumato.coding.native_rans import NativeRans
from sfumato.errors import SettingsError

LARGEST_SIDE = 1 << 16

Points = NDArray[np.int32]


def canonical_order(points: NDArray[np.integer], width: int, height: int) -> NDArray[np.intp]:
    """The permutation that brings points into the order in which `code_points` returns them.

    points: integers [n, 2], x in 0..width - 1, y in 0..height - 1; sides are 1..2^16. Equal points keep their order.
    Raises SettingsError for a point outside the grid.
    """
    return np.argsort(halvings((width, height), LARGEST_SIDE).keys(points), kind="stable")


def code_points(coder: Coder, points: NDArray[np.integer] | None, n: int, width: int, height: int) -> Points:
    """Codes n points of a grid of width x height cells and returns them in canonical order.

    points: integers [n, 2] in any order, several may be equal; None when decoding.
    n, width, height: known to both sides; n below 2^31, sides 1..2^16.
    Returns int32 [n, 2]. Raises SettingsError when encoding what cannot be, ChunkError when decoding damaged bytes.
    Time and memory are in proportion to n, whatever the bytes say.
    """
    grid = halvings((width, height), LARGEST_SIDE)
    if not 0 <= n <= MOST_POINTS:
        raise SettingsError(f"there cannot be {n} points")
    if points is None:
        if isinstance(coder, SymbolDecoder) and isinstance(coder.rans, NativeRans):
            return coder.rans.decode_points(coder.words, coder.state, n, width, height)
        return _walk(coder, None, n, grid, None)
    if len(points) != n:
        raise SettingsError(f"{n} points were promised, {len(points)} given")
    ordered = np.asarray(points, np.int64).reshape(-1, 2)[canonical_order(points, width, height)]
    classes = best_classes(lambda trial, classes: _walk(trial, ordered, n, grid, classes))
    return _walk(coder, ordered, n, grid, classes)


def _walk(coder: Coder, ordered: Integers | None, n: int, grid: Halvings, classes: Integers | None) -> Points:
    """Both directions; ordered: the points in canonical order, classes: one per group, or None for both."""
    result = np.zeros((n, 2), np.int64)
    if n == 1:
        result[:] = code_rest(coder, ordered, grid.root(1), grid)
    elif n > 1 and grid.depth:
        _code_boxes(coder, ordered, result, grid, code_classes(coder, classes, n, leaf=1))
    return result.astype(np.int32)


def _code_boxes(coder: Coder, ordered: Integers | None, result: Integers, grid: Halvings, classes: Integers) -> None:
    """Halves the box of all points until every box is a cell or holds one point; fills `result` [n, 2], n >= 2."""
    keys = None if ordered is None else grid.keys(ordered)
    boxes, start = grid.root(len(result)), np.array([0])
    while len(boxes) and boxes.depth[0] < grid.depth:
        boxes, start = halve(coder, keys, grid, boxes, start, classes)
        alone, several = boxes.count == 1, boxes.count > 1
        known = None if ordered is None else ordered[start[alone]]
        result[start[alone]] = code_rest(coder, known, boxes.take(alone), grid)
        boxes, start = boxes.take(several), start[several]
    in_cell = np.arange(boxes.count.sum()) - np.repeat(np.cumsum(boxes.count) - boxes.count, boxes.count)
    result[np.repeat(start, boxes.count) + in_cell] = np.repeat(boxes.corner, boxes.count, axis=0)
