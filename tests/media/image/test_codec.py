"""Splats to the payload of a chunk and back: nothing is lost, and strangers' bytes do no harm."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from media.image.samples import CANVASES, CHANNELS, SEEDS, equal, integers_of, little_endian, rows, splats_of
from sfumato.coding import signed_bits
from sfumato.errors import ChunkError
from sfumato.media.image.codec import (
    MAX_CELLS,
    ContextModel,
    choose_exponent,
    decode_integers,
    decode_splats,
    encode_integers,
)
from sfumato.media.image.quantise import Grid, QuantisedSplats, dequantise, quantise
from sfumato.splats import Splats2D

GRIDS = st.builds(Grid, st.integers(0, 255), st.integers(-4, 10))
HEADER = 9


def payload_of(seed: int, count: int, channels: int = 3, width: int = 60, height: int = 40) -> bytes:
    grid = Grid(36, 1)
    return encode_integers(
        quantise(splats_of(seed, count, channels, width, height), grid, width, height), grid, width, height
    )


@given(seed=SEEDS, count=st.integers(0, 60), channels=CHANNELS, canvas=CANVASES, grid=GRIDS)
@example(seed=0, count=0, channels=1, canvas=(1, 1), grid=Grid(0, 0))
@example(seed=6, count=1, channels=4, canvas=(1, 700), grid=Grid(255, 10))
@example(seed=3, count=60, channels=3, canvas=(1, 1), grid=Grid(80, 10))
def test_every_chunk_decodes_to_the_integers_it_was_made_of(seed, count, channels, canvas, grid):
    q = integers_of(seed, count, channels, grid, *canvas)
    decoded, found = decode_integers(encode_integers(q, grid, *canvas), channels, *canvas)
    assert found == grid
    assert rows(decoded) == rows(q)


@given(seed=SEEDS, count=st.integers(0, 60), channels=CHANNELS, canvas=CANVASES)
def test_decoded_splats_are_the_rounded_ones(seed, count, channels, canvas):
    splats = splats_of(seed, count, channels, *canvas)
    grid = Grid(30, choose_exponent(splats, 30, *canvas))
    q = quantise(splats, grid, *canvas)
    decoded = decode_splats(encode_integers(q, grid, *canvas), channels, *canvas)
    expected = dequantise(q, grid)
    for name in ("xy", "chol", "color"):
        a, b = getattr(decoded, name), getattr(expected, name)
        assert sorted(map(tuple, a.tolist())) == sorted(map(tuple, b.tolist()))


@given(seed=SEEDS, canvas=CANVASES)
@settings(max_examples=25)
def test_the_bytes_do_not_depend_on_the_order_of_the_splats(seed, canvas):
    grid = Grid(30, -1)
    q = quantise(splats_of(seed, 40, 3, *canvas), grid, *canvas)
    shuffled = q[np.random.default_rng(seed).permutation(40)]
    a, b = (decode_integers(encode_integers(one, grid, *canvas), 3, *canvas)[0] for one in (q, shuffled))
    assert rows(a) == rows(b)


def test_a_chunk_written_twice_has_the_same_bytes():
    assert payload_of(5, 300) == payload_of(5, 300)


def test_decoding_and_encoding_again_gives_the_same_bytes():
    payload = payload_of(5, 300)
    q, grid = decode_integers(payload, 3, 60, 40)
    assert encode_integers(q, grid, 60, 40) == payload


def _made_anywhere() -> list[tuple[bytes, int]]:
    return [
        (payload_of(seed, count, channels), channels) for seed, count, channels in [(1, 0, 3), (2, 1, 1), (3, 500, 4)]
    ]


@pytest.fixture(scope="module")
def default_payloads() -> list[tuple[bytes, int]]:
    return _made_anywhere()


@pytest.fixture(scope="module")
def default_integers(default_payloads: list[tuple[bytes, int]]) -> list[bytes]:
    return [little_endian(decode_integers(payload, channels, 60, 40)[0]) for payload, channels in default_payloads]


def test_bytes_and_integers_are_the_same_with_every_kernel(default_payloads, default_integers, kernels):
    assert _made_anywhere() == default_payloads
    decoded = [decode_integers(payload, channels, 60, 40)[0] for payload, channels in default_payloads]
    assert [little_endian(q) for q in decoded] == default_integers


def test_many_splats_take_several_lanes_and_still_decode():
    grid = Grid(30, 0)
    q = quantise(splats_of(9, 9000, 3, 300, 200), grid, 300, 200)
    payload = encode_integers(q, grid, 300, 200)
    assert payload[HEADER + 12] == 4
    assert rows(decode_integers(payload, 3, 300, 200)[0]) == rows(q)


def test_damaged_payloads_raise_a_chunk_error_and_nothing_else():
    payload = payload_of(11, 200)
    rng = np.random.default_rng(0)
    refused = 0  # the rest is damage to raw bits, which only the container's checksum can tell
    for _ in range(300):
        bad = bytearray(payload)
        for at in rng.integers(0, len(bad), rng.integers(1, 4)):
            bad[at] ^= int(rng.integers(1, 256))
        try:
            splats = decode_splats(bytes(bad), 3, 60, 40)
        except ChunkError:
            refused += 1
        else:
            assert all(np.isfinite(getattr(splats, name)).all() for name in ("xy", "chol", "color"))
    assert refused > 200


@pytest.mark.parametrize("cut", [0, 1, HEADER, HEADER + 11, HEADER + 12, HEADER + 13, HEADER + 16, -3, -1])
def test_truncated_payloads_raise_a_chunk_error(cut):
    with pytest.raises(ChunkError):
        decode_integers(payload_of(11, 200)[:cut], 3, 60, 40)


def test_bytes_behind_the_stream_raise_a_chunk_error():
    for extra in (b"\0", b"\0\0", b"\1\2\3\4"):
        with pytest.raises(ChunkError):
            decode_integers(payload_of(11, 200) + extra, 3, 60, 40)


@given(data=st.binary(max_size=400), channels=CHANNELS, canvas=CANVASES)
def test_any_bytes_raise_a_chunk_error_or_decode(data, channels, canvas):
    with contextlib.suppress(ChunkError):
        decode_splats(data, channels, *canvas)


def test_a_hostile_count_is_refused_at_once():
    payload = bytearray(payload_of(11, 200))
    payload[:2] = b"\xff\xff"
    begun = time.process_time()
    with pytest.raises(ChunkError):
        decode_integers(bytes(payload[:60]), 3, 60, 40)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(("at", "value", "words"), [(3, 0x7F, "2\\^127"), (3, 0xFB, "2\\^-5"), (9, 84, "table")])
def test_a_header_beyond_the_format_is_refused_with_its_reason(at, value, words):
    payload = bytearray(payload_of(11, 200))
    payload[at] = value
    with pytest.raises(ChunkError, match=words):
        decode_integers(bytes(payload), 3, 60, 40)


def test_a_grid_of_too_many_cells_is_refused():
    payload = bytearray(payload_of(11, 200))
    payload[3] = 0xFC  # 2^-4 pixels
    with pytest.raises(ChunkError, match="cells"):
        decode_integers(bytes(payload), 3, 32768, 40)


@given(width=st.integers(1, 32768), height=st.integers(1, 32768), seed=SEEDS)
@settings(max_examples=25)
def test_the_chosen_grid_fits_any_canvas(width, height, seed):
    tiny = splats_of(seed, 10, 3, width, height)
    tiny = Splats2D(tiny.xy, np.full((10, 3), 0.3, np.float32), tiny.color * 100)
    grid = Grid(80, choose_exponent(tiny, 80, width, height))
    assert max(grid.cells(width, height)) <= MAX_CELLS
    q = quantise(tiny, grid, width, height)
    assert rows(decode_integers(encode_integers(q, grid, width, height), 3, width, height)[0]) == rows(q)


def test_a_chunk_of_equal_splats_decodes_however_many_they_are():
    one = Splats2D(np.array([[5, 5]]), np.array([[3.0, 0, 3.0]]), np.zeros((1, 3)))
    grid = Grid(30, choose_exponent(one, 30, 10, 10))
    q = quantise(one, grid, 10, 10)[np.zeros(20_000, np.intp)]
    assert len(decode_splats(encode_integers(q, grid, 10, 10), 3, 10, 10)) == 20_000


def test_models_use_what_the_context_tells():
    rng = np.random.default_rng(1)
    context = rng.integers(0, 8, 4000)
    values = np.rint(rng.laplace(0, 0.3 * 2.0 ** (context / 2))).astype(np.int64)
    model = ContextModel.best(values, context)
    assert model.slope > 0
    adapted = sum(float(signed_bits(values[context == c])[model.tables(np.array([c]))[0] - 9]) for c in range(8))
    assert adapted < 0.95 * float(signed_bits(values).min())


def test_realistic_splats_take_few_bytes():
    assert len(payload_of(21, 1000)) < 1000 * 9


def test_an_empty_chunk_is_its_header_alone():
    grid = Grid(30, 0)
    q = quantise(Splats2D.empty(3), grid, 8, 8)
    payload = encode_integers(q, grid, 8, 8)
    assert len(payload) == HEADER + 12
    assert equal(decode_splats(payload, 3, 8, 8), Splats2D.empty(3))
    assert isinstance(decode_integers(payload, 3, 8, 8)[0], QuantisedSplats)
