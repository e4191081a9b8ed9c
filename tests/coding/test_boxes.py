from __future__ import annotations

from math import lgamma, log

import numpy as np
import pytest
from conftest import IMPLEMENTATIONS
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.coding import (
    Boxes,
    SymbolDecoder,
    SymbolEncoder,
    box_of,
    canonical_order_3d,
    code_boxes,
    code_points_in,
    split_boxes,
)
from sfumato.coding.rans import PythonRans
from sfumato.errors import ChunkError, SettingsError

SIDES = st.integers(1, 20) | st.integers(1, 1 << 21)
LEAVES = st.sampled_from([1, 2, 3, 7, 40])


@st.composite
def grids(draw):
    """Points that are spread evenly, in a corner, on few cells or on a plane, and the size of their grid."""
    size, count = (draw(SIDES), draw(SIDES), draw(SIDES)), draw(st.integers(0, 300))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = rng.integers(0, size, (count, 3))
    clustered = rng.random(count) < draw(st.sampled_from([0, 0.5, 1]))
    points[clustered] = points[clustered] // draw(st.sampled_from([2, 50, 10**6]))
    if draw(st.booleans()):
        points[:, 1] = size[1] - 1
    return points, size


def same(a: Boxes, b: Boxes) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("corner", "depth", "count"))


def encode(walk, *arguments):
    encoder = SymbolEncoder()
    result = walk(encoder, *arguments)
    return encoder.finish(), result


def decode(rans, payload, walk, *arguments):
    decoder = SymbolDecoder(payload, rans)
    result = walk(decoder, *arguments)
    decoder.finish()
    return result


def portions(points, boxes, size, rng):
    """The points in canonical order, and for each whether it belongs to a portion drawn at random."""
    ordered = points[canonical_order_3d(points, size)]
    early = rng.random(len(points)) < 0.4
    counts = np.bincount(box_of(ordered, boxes, size)[early], minlength=len(boxes))
    return ordered, early, counts


@settings(deadline=None, max_examples=100)
@given(grids(), LEAVES)
def test_boxes_come_back_everywhere_and_hold_the_points(grid, leaf):
    points, size = grid
    payload, boxes = encode(code_boxes, points, len(points), size, leaf)
    assert boxes.count.sum() == len(points) and (boxes.count > 0).all()
    assert np.array_equal(np.bincount(box_of(points, boxes, size), minlength=len(boxes)), boxes.count)
    for box in np.flatnonzero(boxes.count > leaf):
        assert (points[box_of(points, boxes, size) == box] == boxes.corner[box]).all(), "only cells hold more"
    for rans in IMPLEMENTATIONS.values():
        assert same(decode(rans, payload, code_boxes, None, len(points), size, leaf), boxes)


@settings(deadline=None, max_examples=100)
@given(grids(), LEAVES, LEAVES, st.integers(0, 2**32))
def test_points_come_in_two_portions_after_two_steps_of_boxes(grid, leaf, smaller, seed):
    points, size = grid
    _, coarse = encode(code_boxes, points, len(points), size, leaf + smaller)
    step, (fine, parent) = encode(split_boxes, points, coarse, size, smaller)
    ordered, early, counts = portions(points, fine, size, np.random.default_rng(seed))
    first, _ = encode(code_points_in, ordered[early], fine, counts, size)
    second, _ = encode(code_points_in, ordered[~early], fine, fine.count - counts, size)
    for rans in IMPLEMENTATIONS.values():
        found, came_from = decode(rans, step, split_boxes, None, coarse, size, smaller)
        assert same(found, fine) and np.array_equal(came_from, parent)
        assert np.array_equal(parent, box_of(fine.corner, coarse, size))
        for payload, wanted, share in ((first, early, counts), (second, ~early, fine.count - counts)):
            got, box = decode(rans, payload, code_points_in, None, fine, share, size)
            assert got.dtype == np.int32 and np.array_equal(got, ordered[wanted])
            assert np.array_equal(box, box_of(got, fine, size))


@settings(deadline=None, max_examples=50)
@given(grids(), LEAVES)
def test_splitting_in_steps_and_at_once_gives_the_same_boxes(grid, leaf):
    points, size = grid
    at_once = code_boxes(SymbolEncoder(), points, len(points), size, leaf)
    coarse = code_boxes(SymbolEncoder(), points, len(points), size, 3 * leaf)
    assert same(split_boxes(SymbolEncoder(), points, coarse, size, leaf)[0], at_once)


@settings(deadline=None, max_examples=150)
@given(grids(), LEAVES, st.integers(0, 2**32), st.booleans())
def test_hostile_bytes_raise_a_typed_error_or_give_what_was_promised(grid, leaf, seed, fresh):
    points, size = grid
    rng = np.random.default_rng(seed)
    coarse = code_boxes(SymbolEncoder(), points, len(points), size, 10 * leaf)
    ordered, early, counts = portions(points, coarse, size, rng)

    def damaged(payload):
        payload = bytearray(rng.bytes(2 * rng.integers(2, 200)) if fresh else payload)
        for at in rng.integers(0, max(len(payload), 1), 3 if payload else 0):
            payload[at] = rng.integers(256)
        return bytes(payload)

    step = damaged(encode(split_boxes, points, coarse, size, leaf)[0])
    portion = damaged(encode(code_points_in, ordered[early], coarse, counts, size)[0])
    results = []
    for rans in IMPLEMENTATIONS.values():
        outcome = []
        try:
            boxes, parent = split_boxes(SymbolDecoder(step, rans), None, coarse, size, leaf)
            assert np.array_equal(np.bincount(parent, boxes.count, len(coarse)), coarse.count)
            assert np.array_equal(parent, box_of(boxes.corner, coarse, size))
            outcome += [boxes.corner.tolist(), boxes.depth.tolist(), boxes.count.tolist()]
        except ChunkError:
            outcome.append("error")
        try:
            found, box = code_points_in(SymbolDecoder(portion, rans), None, coarse, counts, size)
            assert (found >= 0).all() and (found < size).all()
            assert np.array_equal(box, box_of(found, coarse, size)) and len(found) == early.sum()
            outcome.append(found.tolist())
        except ChunkError:
            outcome.append("error")
        results.append(outcome)
    assert all(result == results[0] for result in results)


def test_a_large_count_with_few_bytes_fails_at_once(rans):
    payload, _ = encode(code_boxes, np.zeros((5, 3), int), 5, (4000,) * 3, 1)
    with pytest.raises(ChunkError):
        code_boxes(SymbolDecoder(payload, rans), None, 1_000_000, (4000,) * 3, 1)
    one = Boxes(np.zeros((1, 3), int), np.array([0]), np.array([1_000_000]))
    with pytest.raises(ChunkError):
        code_points_in(SymbolDecoder(payload, rans), None, one, one.count, (4000,) * 3)


def test_a_cell_may_hold_all_points(rans):
    size, points = (1 << 21,) * 3, np.full((1000, 3), (1 << 21) - 1)
    payload, boxes = encode(code_boxes, points, 1000, size, 10)
    assert boxes.corner.tolist() == [points[0].tolist()] and boxes.depth.tolist() == [63]
    assert same(decode(rans, payload, code_boxes, None, 1000, size, 10), boxes)
    payload, _ = encode(code_points_in, points, boxes, boxes.count, size)
    assert payload == b"" and np.array_equal(
        code_points_in(SymbolDecoder(b"", rans), None, boxes, boxes.count, size)[0], points
    )


@pytest.mark.parametrize("size", [(1 << 12,) * 3, (3000, 2500, 5000)])
def test_evenly_spread_points_cost_little_more_than_the_number_of_ways_to_spread_them(size):
    count = 20_000
    points = np.random.default_rng(2).integers(0, size, (count, 3))
    step, boxes = encode(code_boxes, points, count, size, 16)
    inside, _ = encode(code_points_in, points, boxes, boxes.count, size)
    cells = float(np.prod(np.array(size, float)))
    ideal = (lgamma(cells + count) - lgamma(cells) - lgamma(count + 1)) / log(2)
    assert 8 * (len(step) + len(inside)) < 1.01 * ideal


def test_points_on_a_surface_cost_less_than_evenly_spread_ones():
    rng = np.random.default_rng(3)
    count, size = 20_000, (2048,) * 3
    directions = rng.normal(size=(count, 3))
    points = (1024 + 1000 * directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(int)
    step, boxes = encode(code_boxes, points, count, size, 16)
    inside, _ = encode(code_points_in, points, boxes, boxes.count, size)
    assert 8 * (len(step) + len(inside)) < 0.9 * (count * 33 - lgamma(count + 1) / log(2))


def test_what_cannot_be_coded_is_refused():
    size, points = (8, 8, 8), np.array([[0, 0, 0], [7, 7, 7], [7, 7, 6]])
    boxes = code_boxes(SymbolEncoder(), points, 3, size, 2)
    coder = SymbolEncoder
    for refused in (
        lambda: code_boxes(coder(), points, 2, size, 1),
        lambda: code_boxes(coder(), points, -1, size, 1),
        lambda: code_boxes(coder(), points, 3, size, 0),
        lambda: code_boxes(coder(), points, 3, (8, 8, 7), 1),
        lambda: code_boxes(coder(), points, 3, (8, 8, (1 << 21) + 1), 1),
        lambda: code_points_in(coder(), points, boxes, boxes.count + 1, size),
        lambda: code_points_in(coder(), points[:2], boxes, np.array([0, 2]), size),
        lambda: code_points_in(coder(), points, boxes.take(slice(None, None, -1)), boxes.count, size),
        lambda: split_boxes(coder(), points, Boxes(boxes.corner, boxes.depth + 99, boxes.count), size, 1),
        lambda: box_of(points[:1], boxes.take(slice(1, 2)), size),
    ):
        with pytest.raises(SettingsError):
            refused()


def test_a_portion_of_more_points_than_a_box_has_is_refused_when_decoding():
    points = np.array([[0, 0, 0], [7, 7, 7]])
    boxes = code_boxes(SymbolEncoder(), points, 2, (8, 8, 8), 1)
    with pytest.raises(ChunkError):
        code_points_in(SymbolDecoder(b"", PythonRans()), None, boxes, np.array([1, 2]), (8, 8, 8))
