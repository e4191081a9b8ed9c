"""The compiled decoder finds the integers that `walk` finds, refuses what it refuses, and gives the same splats."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from media.compiled import Inventor, compiled
from media.image.samples import CANVASES, CHANNELS, SEEDS, integers_of, little_endian, splats_of
from sfumato.coding import SymbolDecoder
from sfumato.coding.rans import PythonRans
from sfumato.errors import ChunkError
from sfumato.media.image.codec import (
    ContextModel,
    Header,
    choose_exponent,
    decode_integers,
    encode_integers,
    walk,
)
from sfumato.media.image.native_codec import NativeCodec
from sfumato.media.image.quantise import Grid, QuantisedSplats, dequantise_reference, quantise

GRIDS = st.builds(Grid, st.integers(0, 255), st.integers(-4, 10))
SIDES = st.sampled_from([32, 96, 480, 992])  # canvases whose grids have 2^k cells a side, so that any bits lie on them
WORD = st.integers(-(1 << 15), (1 << 15) - 1) | st.sampled_from([-(1 << 15), 0, (1 << 15) - 1])
MODELS = st.builds(ContextModel, st.integers(0, 83), st.integers(-128, 127))


CODECS = compiled(NativeCodec)
pytestmark = pytest.mark.skipif(not CODECS, reason="the kernels are not compiled")


def by_walk(payload: bytes, channels: int, canvas: tuple[int, int]) -> QuantisedSplats | None:
    """What the law finds in a payload; None if it refuses it."""
    header, stream = Header.from_bytes(payload, channels)
    decoder = SymbolDecoder(stream, PythonRans())
    q = walk(decoder, header, channels, header.grid.cells(*canvas), None)
    decoder.finish()
    return q


def by_kernels(payload: bytes, channels: int, canvas: tuple[int, int]) -> list[QuantisedSplats | None]:
    """What the kernels of every instruction set find."""
    header, stream = Header.from_bytes(payload, channels)
    numbers = header.numbers(header.grid.cells(*canvas))
    found = [codec.decode(stream, channels, header.count, numbers) for codec in CODECS]
    return [None if integers is None else QuantisedSplats(*integers) for integers in found]


def assert_same(payload: bytes, channels: int, canvas: tuple[int, int]) -> None:
    try:
        expected = by_walk(payload, channels, canvas)
    except ChunkError:
        expected = None
    for found in by_kernels(payload, channels, canvas):
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            for field in dataclasses.fields(found):
                a, b = getattr(found, field.name), getattr(expected, field.name)
                assert a.dtype == np.int64 and a.shape == b.shape and np.array_equal(a, b), field.name


@given(seed=SEEDS, count=st.integers(0, 60), channels=CHANNELS, canvas=CANVASES, grid=GRIDS)
@example(seed=0, count=0, channels=1, canvas=(1, 1), grid=Grid(0, 0))
@example(seed=6, count=1, channels=4, canvas=(1, 700), grid=Grid(255, 10))
@example(seed=3, count=60, channels=3, canvas=(1, 1), grid=Grid(80, 10))
def test_chunks_of_an_encoder_decode_alike(seed, count, channels, canvas, grid):
    payload = encode_integers(integers_of(seed, count, channels, grid, *canvas), grid, *canvas)
    assert_same(payload, channels, canvas)
    assert None not in by_kernels(payload, channels, canvas)


@given(
    seed=SEEDS,
    rare=st.sampled_from([2, 20]),
    lanes=st.sampled_from([1, 2, 4]),
    count=st.integers(0, 31),
    channels=CHANNELS,
    canvas=st.tuples(SIDES, SIDES),
    grid=st.builds(Grid, st.integers(0, 255), st.integers(-4, 5)),
    means=st.tuples(WORD, WORD),
    share=st.integers(-128, 127),
    models=st.lists(MODELS, min_size=7, max_size=7),
)
def test_any_header_and_any_symbols_decode_alike(
    seed, rare, lanes, count, channels, canvas, grid, means, share, models
):
    header = Header(count, grid, *means, share, tuple(models[: channels + 3]))
    inventor = Inventor(seed, rare)
    q = walk(inventor, header, channels, grid.cells(*canvas), None)
    payload = header.to_bytes() + inventor.encoder.finish(lanes)
    for found in by_kernels(payload, channels, canvas):
        assert found is not None and little_endian(found) == little_endian(q)


@given(
    seed=SEEDS,
    count=st.integers(0, 300),
    channels=CHANNELS,
    changes=st.lists(st.tuples(st.integers(9, 10**6), st.integers(0, 255)), max_size=3),
    cut=st.integers(0, 4),
    extra=st.binary(max_size=4),
)
def test_damaged_chunks_are_refused_alike(seed, count, channels, changes, cut, extra):
    canvas, grid = (90, 50), Grid(30, 1)
    payload = bytearray(
        encode_integers(quantise(splats_of(seed, count, channels, *canvas), grid, *canvas), grid, *canvas)
    )
    for at, value in changes:
        payload[at % len(payload)] = value
    damaged = bytes(payload[: len(payload) - cut]) + extra
    try:
        Header.from_bytes(damaged, channels)
    except ChunkError:
        return
    assert_same(damaged, channels, canvas)


@given(stream=st.binary(max_size=300), count=st.integers(0, 65535), seed=SEEDS, channels=CHANNELS, canvas=CANVASES)
@settings(max_examples=50)
def test_streams_of_any_bytes_are_refused_alike(stream, count, seed, channels, canvas):
    rng = np.random.default_rng(seed)
    models = tuple(ContextModel(int(rng.integers(84)), int(rng.integers(-128, 128))) for _ in range(channels + 3))
    header = Header(count, Grid(0, int(rng.integers(-4, 11))), 0, 0, 8, models)
    assert_same(header.to_bytes() + stream, channels, canvas)


@pytest.mark.parametrize(("count", "channels"), [(1500, 1), (9000, 3), (20_000, 4)])
def test_large_chunks_decode_alike_with_every_number_of_lanes(count, channels):
    canvas = (700, 500)
    splats = splats_of(count, count, channels, *canvas)
    grid = Grid(30, choose_exponent(splats, 30, *canvas))
    payload = encode_integers(quantise(splats, grid, *canvas), grid, *canvas)
    assert_same(payload, channels, canvas)
    assert None not in by_kernels(payload, channels, canvas)


def test_what_is_refused_is_refused_with_the_reason_of_the_law():
    canvas, grid = (90, 50), Grid(30, 1)
    payload = encode_integers(quantise(splats_of(3, 100, 3, *canvas), grid, *canvas), grid, *canvas)
    for bad in (payload[:-2], payload + b"\0\0", payload[:15] + b"\0" + payload[16:]):
        with pytest.raises(ChunkError) as law:
            by_walk(bad, 3, canvas)
        with pytest.raises(ChunkError) as found:
            decode_integers(bad, 3, *canvas)
        assert str(found.value) == str(law.value)


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, 0), (1, 65537), (2, 11), (2, -5), (3, 1 << 15), (4, -(1 << 16)), (5, 128), (6, 84), (6, -1), (17, 128)],
)
def test_numbers_that_no_header_has_are_refused(at, value):
    numbers = [4, 4, 0, 0, 0, 0, *[0, 0] * 6]
    for codec in CODECS:
        assert codec.decode(b"", 3, 0, numbers) is not None
    numbers[at] = value
    for codec in CODECS:
        assert codec.decode(b"", 3, 0, numbers) is None
        with pytest.raises(ValueError, match="65,535"):
            codec.decode(b"", 3, 65536, numbers)
        with pytest.raises(ValueError, match="models"):
            codec.decode(b"", 4, 0, numbers)


@given(seed=SEEDS, count=st.integers(0, 60), channels=CHANNELS, canvas=CANVASES, grid=GRIDS)
def test_integers_become_the_splats_of_the_law_up_to_their_last_digit(seed, count, channels, canvas, grid):
    q = integers_of(seed, count, channels, grid, *canvas)
    expected = dequantise_reference(q, grid)
    first, *others = [codec.dequantise(grid.color_step, grid.exponent, *vars(q).values()) for codec in CODECS]
    np.testing.assert_allclose(first.xy, expected.xy, rtol=2**-23)
    np.testing.assert_allclose(first.chol, expected.chol, rtol=2**-23)
    # Opponent colours may cancel in red, green or blue: what is left is as exact as the largest of the splat.
    largest = np.abs(expected.color).max(axis=1, keepdims=True)
    assert (np.abs(first.color - expected.color) <= 2.0**-23 * largest).all()
    for other in others:
        for name in ("xy", "chol", "color"):
            assert getattr(other, name).tobytes() == getattr(first, name).tobytes()


def test_integers_of_unequal_length_are_refused():
    q = integers_of(1, 5, 3, Grid(30, 0), 60, 40)
    for codec in CODECS:
        with pytest.raises(ValueError, match="shapes"):
            codec.dequantise(30, 0, q.cell, q.color, q.log_l11[:4], q.log_l22, q.tilt, q.fine)
        with pytest.raises(ValueError, match="256"):
            codec.dequantise(256, 0, *vars(q).values())
