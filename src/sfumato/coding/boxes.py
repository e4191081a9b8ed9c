"""Unordered points of a 3D grid in portions: coarse boxes first, later the points inside them.

`code_boxes` and `split_boxes` code how many points each box holds, by recursive halving down to boxes of few points;
`code_points_in` goes on from any such boxes to the points, or to a part of the points of each. Every call stands on
its own bytes: it needs the boxes that came before, not the coder that coded them. The method is that of `occupancy`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.coder import Coder
from sfumato.coding.halving import (
    MOST_POINTS,
    Boxes,
    Halvings,
    Integers,
    best_classes,
    code_classes,
    code_rest,
    halve,
    halvings,
)
from sfumato.coding.native_boxes import native_boxes
from sfumato.errors import ChunkError, SettingsError

LARGEST_SIDE_3D = 1 << 21  # 3 x 21 bits are the key of a point

Size = tuple[int, int, int]
Points = NDArray[np.int32]


def canonical_order_3d(points: NDArray[np.integer], size: Size) -> NDArray[np.intp]:
    """The permutation that brings points [n, 3] into the order of `code_points_in`; equal points keep their order.

    size: cells along x, y and z, 1..2^21 each. Raises SettingsError for a point outside the grid.
    """
    return np.argsort(_grid(size).keys(points), kind="stable")


def box_of(points: NDArray[np.integer], boxes: Boxes, size: Size) -> NDArray[np.intp]:
    """The index of the box that each point [n, 3] lies in, [n].

    boxes: disjoint, in canonical order. Raises SettingsError if they are not, or for a point in none of them.
    """
    grid = _grid(size)
    return _box_of(grid.keys(points), boxes, grid)


def code_boxes(coder: Coder, points: NDArray[np.integer] | None, n: int, size: Size, leaf: int) -> Boxes:
    """Codes into which boxes of at most `leaf` points, or of one cell, recursive halving divides n points.

    points: integers [n, 3] in any order, several may be equal; None when decoding.
    n, size, leaf: known to both sides; n below 2^31, sides 1..2^21, leaf at least 1.
    Returns the boxes that hold points, in canonical order: they are disjoint and hold n points together. Raises
    SettingsError when encoding what cannot be, ChunkError when decoding damaged bytes. Time and memory are in
    proportion to n, whatever the bytes say.
    """
    if not 0 <= n <= MOST_POINTS:
        raise SettingsError(f"there cannot be {n} points")
    boxes, _ = split_boxes(coder, points, _grid(size).root(n), size, leaf)
    return boxes


def split_boxes(
    coder: Coder, points: NDArray[np.integer] | None, boxes: Boxes, size: Size, leaf: int
) -> tuple[Boxes, NDArray[np.int64]]:
    """Goes on from `boxes`, known to both sides, to boxes of at most `leaf` points each (or of one cell).

    points: integers [n, 3], all those in the boxes, in any order; None when decoding.
    Returns the boxes that hold points, in canonical order, and for each the index of the box that it came from, int64.
    Errors and costs as `code_boxes`.
    """
    grid = _grid(size)
    _check_boxes(boxes, grid, leaf)
    if points is None:
        native = native_boxes(coder)
        if native is not None:
            return native.split(boxes, grid, min(leaf, MOST_POINTS))
        return _walk(coder, None, boxes, grid, leaf, None)
    return _encode(coder, _sorted(points, boxes, grid)[0], boxes, grid, leaf)


def code_points_in(
    coder: Coder, points: NDArray[np.integer] | None, boxes: Boxes, counts: NDArray[np.integer], size: Size
) -> tuple[Points, NDArray[np.int64]]:
    """Codes counts[b] points of each box b: all its points, or a portion of them.

    points: integers [sum(counts), 3] in any order, several may be equal; None when decoding.
    boxes, counts, size: known to both sides; counts are integers [B], each 0..boxes.count.
    Returns the points, int32 [sum(counts), 3], box after box, each in canonical order, and the box of each, int64.
    Errors and costs as `code_boxes`.
    """
    grid = _grid(size)
    promised: Integers = np.asarray(counts, np.int64)
    if promised.shape != boxes.count.shape or (promised < 0).any() or (promised > boxes.count).any():
        raise _refusal(points, "a portion is larger than its box's number of points, or below 0")
    portion = Boxes(boxes.corner, boxes.depth, promised)
    _check_boxes(portion, grid, 1)
    ordered = None
    if points is None:
        native = native_boxes(coder)
        if native is not None:
            return native.points(portion, grid), np.repeat(np.arange(len(portion)), promised)
        cells, box = _walk(coder, None, portion, grid, 1, None)
    else:
        keys, order = _sorted(points, portion, grid)
        ordered = np.asarray(points, np.int64).reshape(-1, 3)[order]
        cells, box = _encode(coder, keys, portion, grid, 1)
    # Boxes that could not be halved until one point was alone are cells: no bits are left of their points.
    first = None if ordered is None else ordered[np.cumsum(cells.count) - cells.count]
    corner = code_rest(coder, first, cells, grid)
    return np.repeat(corner, cells.count, axis=0).astype(np.int32), np.repeat(box, cells.count)


def _grid(size: Size) -> Halvings:
    x, y, z = size
    return halvings((int(x), int(y), int(z)), LARGEST_SIDE_3D)


def _refusal(points: NDArray[Any] | None, reason: str) -> Exception:
    """The caller's fault when encoding, the bytes' when decoding."""
    return SettingsError(f"cannot encode: {reason}") if points is not None else ChunkError(f"cannot decode: {reason}")


def _check_boxes(boxes: Boxes, grid: Halvings, leaf: int) -> None:
    if leaf < 1:
        raise SettingsError(f"boxes hold at least one point, not {leaf}")
    if len(boxes) and not 0 <= boxes.depth.min() <= boxes.depth.max() <= grid.depth:
        raise SettingsError(f"a box of this grid has a depth of 0 to {grid.depth}")
    if (boxes.count < 0).any():
        raise SettingsError("a box holds fewer points than none")
    if (boxes.corner < 0).any() or (boxes.corner >= grid.size).any():
        raise SettingsError("a box lies outside the grid")
    if int(boxes.count.sum()) > MOST_POINTS:
        raise SettingsError(f"there cannot be {int(boxes.count.sum())} points")


def _box_of(keys: Integers, boxes: Boxes, grid: Halvings) -> NDArray[np.intp]:
    first = grid.keys(boxes.corner)
    low = grid.depth - boxes.depth
    # The last key, not the one behind it: that of the largest grid would not fit.
    last = first + ((np.int64(1) << low) - 1)
    if (first[1:] <= last[:-1]).any():
        raise SettingsError("boxes overlap or are not in canonical order")
    found = np.searchsorted(first, keys, side="right") - 1
    if len(keys) and (found.min() < 0 or (keys > last[found]).any()):
        raise SettingsError("a point lies in none of the boxes")
    return found


def _sorted(points: NDArray[np.integer], boxes: Boxes, grid: Halvings) -> tuple[Integers, NDArray[np.intp]]:
    """The points' keys in ascending order, and the permutation to it."""
    keys = grid.keys(points)
    found = np.bincount(_box_of(keys, boxes, grid), minlength=len(boxes))
    if (found != boxes.count).any():
        raise SettingsError(f"{int(boxes.count.sum())} points were promised, {len(keys)} given, or in other boxes")
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def _encode(coder: Coder, keys: Integers, boxes: Boxes, grid: Halvings, leaf: int) -> tuple[Boxes, Integers]:
    classes = best_classes(lambda trial, classes: _walk(trial, keys, boxes, grid, leaf, classes))
    return _walk(coder, keys, boxes, grid, leaf, classes)


def _walk(
    coder: Coder, keys: Integers | None, boxes: Boxes, grid: Halvings, leaf: int, classes: Integers | None
) -> tuple[Boxes, Integers]:
    """Both directions; keys: of all points, ascending, classes: one per group, or None for both.

    Every round halves all boxes of more than `leaf` points, each at its own depth.
    """
    start = np.cumsum(boxes.count) - boxes.count
    parent = np.arange(len(boxes))
    done: list[tuple[Integers, ...]] = []
    header: Integers | None = None
    while True:
        large = (boxes.count > leaf) & (boxes.depth < grid.depth)
        small = ~large & (boxes.count > 0)
        done.append((start[small], parent[small], boxes.depth[small], boxes.count[small], *boxes.corner[small].T))
        if not large.any():
            break
        boxes, start, parent = boxes.take(large), start[large], np.repeat(parent[large], 2)
        if header is None:
            header = code_classes(coder, classes, int(boxes.count.max()), leaf)
        boxes, start = halve(coder, keys, grid, boxes, start, header)
    columns = [np.concatenate(column) for column in zip(*done, strict=True)]
    order = np.argsort(columns[0])
    parent, depth, count, *corner = (column[order] for column in columns[1:])
    return Boxes(np.stack(corner, 1), depth, count), parent
