from __future__ import annotations

from math import comb, lgamma, log

import numpy as np
import pytest
from conftest import IMPLEMENTATIONS
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.coding import SymbolDecoder, SymbolEncoder, canonical_order, code_points
from sfumato.errors import ChunkError, SettingsError

SIDES = st.integers(1, 20) | st.integers(1, 1 << 16)


@st.composite
def grids(draw):
    width, height, count = draw(SIDES), draw(SIDES), draw(st.integers(0, 300))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = rng.integers(0, (width, height), (count, 2))
    clustered = rng.random(count) < draw(st.sampled_from([0, 0.5, 1]))
    points[clustered] = points[clustered] // draw(st.sampled_from([2, 50, 100000]))
    return points, width, height


def encode(points, width, height, rans=None):
    encoder = SymbolEncoder(rans)
    ordered = code_points(encoder, points, len(points), width, height)
    return encoder.finish(), ordered


@settings(deadline=None, max_examples=100)
@given(grids())
def test_points_come_back_in_canonical_order_everywhere(grid):
    points, width, height = grid
    payload, ordered = encode(points, width, height)
    assert np.array_equal(ordered, points[canonical_order(points, width, height)])
    for rans in IMPLEMENTATIONS.values():
        decoder = SymbolDecoder(payload, rans)
        assert np.array_equal(code_points(decoder, None, len(points), width, height), ordered)
        decoder.finish()


def test_other_symbols_may_come_before_and_after(rans):
    points = np.random.default_rng(1).integers(0, (90, 70), (77, 2))

    def walk(coder, points):
        before = coder.bits(7, None if points is None else [77], 1)
        found = code_points(coder, points, 77, 90, 70)
        after = coder.bits(9, None if points is None else [300, 5], 2)
        return before.tolist(), found.tolist(), after.tolist()

    encoder = SymbolEncoder(rans)
    given_ = walk(encoder, points)
    decoder = SymbolDecoder(encoder.finish(lanes=4), rans)
    assert walk(decoder, None) == given_
    decoder.finish()


def test_equal_points_keep_their_order():
    points = np.array([[5, 5], [1, 1], [5, 5], [1, 1], [5, 5]])
    assert canonical_order(points, 8, 8).tolist() == [1, 3, 0, 2, 4]


def test_a_cell_may_hold_all_points(rans):
    points = np.full((1000, 2), 6)
    payload, _ = encode(points, 8, 8, rans)
    assert np.array_equal(code_points(SymbolDecoder(payload, rans), None, 1000, 8, 8), points)
    assert len(payload) < 30


def test_a_grid_of_one_cell_takes_no_bytes():
    assert encode(np.zeros((9, 2), int), 1, 1)[0] == b""


def test_evenly_spread_points_cost_little_more_than_the_number_of_ways_to_spread_them():
    width, height, count = 768, 512, 3000
    points = np.random.default_rng(2).integers(0, (width, height), (count, 2))
    payload, _ = encode(points, width, height)
    ideal = log(comb(width * height + count - 1, count), 2)
    assert 8 * len(payload) < 1.01 * ideal


def test_clustered_points_cost_less_than_evenly_spread_ones():
    rng = np.random.default_rng(4)
    centres = rng.integers(0, (2900, 1900), (40, 2))
    points = centres[rng.integers(0, 40, 2000)] + rng.integers(0, 60, (2000, 2))
    payload, _ = encode(points, 3072, 2048)
    unordered = 2000 * log(3072 * 2048, 2) - lgamma(2001) / log(2)
    assert 8 * len(payload) < 0.75 * unordered


@settings(deadline=None, max_examples=150)
@given(grids(), st.integers(0, 2**32), st.booleans())
def test_hostile_bytes_raise_a_typed_error_or_give_points_inside_the_grid(grid, seed, fresh):
    points, width, height = grid
    rng = np.random.default_rng(seed)
    payload = bytearray(rng.bytes(2 * rng.integers(2, 200)) if fresh else encode(points, width, height)[0])
    for at in rng.integers(0, max(len(payload), 1), 3 if payload else 0):
        payload[at] = rng.integers(256)
    results = []
    for rans in IMPLEMENTATIONS.values():
        try:
            found = code_points(SymbolDecoder(bytes(payload), rans), None, len(points), width, height)
            assert (found >= 0).all() and (found < (width, height)).all() and found.shape == (len(points), 2)
            results.append(found.tolist())
        except ChunkError:
            results.append("error")
    assert all(result == results[0] for result in results)


def test_a_large_count_with_few_bytes_fails_at_once(rans):
    payload, _ = encode(np.zeros((5, 2), int), 4000, 4000)
    with pytest.raises(ChunkError):
        code_points(SymbolDecoder(payload, rans), None, 1_000_000, 4000, 4000)


def test_points_that_cannot_be_coded_are_refused():
    for points, count, width, height in (
        ([[8, 0]], 1, 8, 8),
        ([[0, -1]], 1, 8, 8),
        ([[0, 0]], 2, 8, 8),
        ([[0, 0]], 1, 0, 8),
        ([[0, 0]], 1, 8, (1 << 16) + 1),
        ([], -1, 8, 8),
    ):
        with pytest.raises(SettingsError):
            code_points(SymbolEncoder(), np.array(points).reshape(-1, 2), count, width, height)
