from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.coding import SymbolDecoder, SymbolEncoder, coder, signed_table, uniform_table
from sfumato.coding.coder import FOUR_LANES_FROM, TWO_LANES_FROM
from sfumato.errors import ChunkError, SettingsError

VALUES = st.integers(-40, 40) | st.integers(-(1 << 21) + 1, (1 << 21) - 1)


def test_the_example_in_the_documentation_runs():
    assert doctest.testmod(coder, extraglobs=vars(coder) | {"signed_table": signed_table}).failed == 0


@settings(deadline=None, max_examples=100)
@given(
    st.lists(VALUES, max_size=50),
    st.lists(st.integers(0, (1 << 32) - 1), max_size=20),
    st.integers(0, 32),
    st.integers(0, 83),
)
def test_one_walk_works_in_both_directions(rans, values, raw, width, table):
    values, raw = np.array(values, np.int64), np.array(raw, np.int64) & ((1 << width) - 1)

    def walk(coder, values, raw, counts):
        return (
            coder.signed(np.full(counts[0], signed_table(*divmod(table, 28))), values).tolist(),
            coder.bits(width, raw, counts[1]).tolist(),
        )

    counts = (len(values), len(raw))
    encoder = SymbolEncoder(rans)
    assert walk(encoder, values, raw, counts) == (values.tolist(), raw.tolist())
    decoder = SymbolDecoder(encoder.finish(), rans)
    assert walk(decoder, None, None, counts) == (values.tolist(), raw.tolist())
    decoder.finish()


def test_no_symbols_take_no_bytes(rans):
    encoder = SymbolEncoder(rans)
    encoder.code([], [])
    assert encoder.finish() == b""
    decoder = SymbolDecoder(b"", rans)
    assert decoder.code(np.zeros(0, np.uint16)).tolist() == []
    decoder.finish()


def test_a_single_symbol_takes_four_bytes(rans):
    encoder = SymbolEncoder(rans)
    encoder.code([uniform_table(8)], [77])
    payload = encoder.finish()
    assert len(payload) == 4
    assert SymbolDecoder(payload, rans).code([uniform_table(8)]).tolist() == [77]


@pytest.mark.parametrize(
    ("count", "header"),
    [(TWO_LANES_FROM - 1, None), (TWO_LANES_FROM, 2), (FOUR_LANES_FROM - 1, 2), (FOUR_LANES_FROM, 4)],
)
def test_only_long_streams_pay_for_lanes(count, header):
    encoder = SymbolEncoder()
    encoder.code(np.full(count, uniform_table(4)), np.arange(count) % 16)
    payload = encoder.finish()
    assert (payload[0] if len(payload) % 2 else None) == header


def payload_of(rans, count=300, lanes=1):
    encoder = SymbolEncoder(rans)
    encoder.code(np.full(count, signed_table(1, 14)), np.random.default_rng(3).integers(20, 44, count))
    return encoder.finish(lanes)


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_every_truncation_raises_a_chunk_error(rans, lanes):
    payload = payload_of(rans, lanes=lanes)
    for length in range(len(payload)):
        with pytest.raises(ChunkError):
            decoder = SymbolDecoder(payload[:length], rans)
            decoder.code(np.full(300, signed_table(1, 14)))
            decoder.finish()


def test_reading_on_past_the_end_raises_at_once(rans):
    payload = payload_of(rans)
    decoder = SymbolDecoder(payload, rans)
    decoder.code(np.full(300, signed_table(1, 14)))
    decoder.finish()
    with pytest.raises(ChunkError, match="past the end"):
        decoder.code([uniform_table(1)])


def test_damage_is_noticed_or_harmless_but_never_a_crash(rans):
    payload = payload_of(rans)
    noticed = 0
    for bit in range(8 * len(payload)):
        damaged = bytearray(payload)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            decoder = SymbolDecoder(bytes(damaged), rans)
            decoder.code(np.full(300, signed_table(1, 14)))
            decoder.finish()
        except ChunkError:
            noticed += 1
    assert noticed > 0.99 * 8 * len(payload)


def test_bytes_left_over_are_noticed(rans):
    payload = payload_of(rans)
    decoder = SymbolDecoder(payload + b"\0\0", rans)
    decoder.code(np.full(300, signed_table(1, 14)))
    with pytest.raises(ChunkError, match="1 words left over"):
        decoder.finish()


@pytest.mark.parametrize("payload", [b"\1\0\0\1\0", b"\3" + bytes(12), b"\2" + bytes(6), b"ab", bytes(4)])
def test_a_payload_that_no_encoder_writes_is_refused(payload):
    with pytest.raises(ChunkError):
        SymbolDecoder(payload)


def test_what_cannot_be_encoded_is_refused_where_it_is_given():
    encoder = SymbolEncoder()
    for wrong in (
        lambda: encoder.code([0, 0], [0]),
        lambda: encoder.code([0], [2]),
        lambda: encoder.code([0], [-1]),
        lambda: encoder.code([333], [0]),
        lambda: encoder.code([0], None),
        lambda: encoder.bits(3, [8], 1),
        lambda: encoder.bits(33, [0], 1),
        lambda: encoder.bits(3, [1, 2], 1),
        lambda: encoder.signed([signed_table(0, 0)], [1 << 21]),
        lambda: encoder.signed([uniform_table(6)], [0]),
        lambda: encoder.finish(3),
    ):
        encoder.code([0], [0])
        with pytest.raises(SettingsError):
            wrong()


def test_a_signed_value_never_takes_another_kind_of_table():
    with pytest.raises(ChunkError):
        SymbolDecoder(b"").signed([uniform_table(6)], None)
