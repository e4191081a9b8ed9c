"""Symbols to bytes and back through one interface, so that a codec describes its symbol order once.

A codec writes one function that takes a `Coder` and its data or None. With a `SymbolEncoder` and the data it encodes,
with a `SymbolDecoder` and None it decodes; both return the data:

>>> def walk(coder, values):
...     (count,) = coder.bits(8, None if values is None else [len(values)], 1)
...     return coder.signed(np.full(count, signed_table(1, 12)), values)
>>> encoder = SymbolEncoder()
>>> _ = walk(encoder, np.array([0, -2, 1, 70]))
>>> payload = encoder.finish()
>>> decoder = SymbolDecoder(payload)
>>> walk(decoder, None).tolist()
[0, -2, 1, 70]
>>> decoder.finish()

A payload of no symbols is empty. Otherwise it is the lanes' final states (u32 each) and the words (u16 each); when
there is more than one lane, a byte with their number comes first. So an even length means one lane and no header.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.native_rans import default_rans
from sfumato.coding.rans import LOWER, STATE_LANES, STATE_POSITION, STATE_WORDS, Rans
from sfumato.coding.tables import (
    ESCAPE,
    ESCAPE_CLASSES,
    LARGEST_VALUE,
    SIGNED_FIRST,
    SIGNED_TABLES,
    TABLE_COUNT,
    WIDEST_UNIFORM,
    escape_class,
    table_set,
    uniform_table,
)
from sfumato.errors import ChunkError, SettingsError

Tables = NDArray[np.integer]
Values = NDArray[np.integer] | Sequence[int]

# Each lane costs 4 bytes and only pays where decoding would take noticeable time: from here on it is < 0.3 % of a
# payload of 2 bits a symbol.
TWO_LANES_FROM = 8192
FOUR_LANES_FROM = 32768

_ESCAPED_CLASSES = 16
_SIGN_AND_LOW = 6  # bits of an escaped value's first raw symbol: its sign and its five lowest bits


class Coder(ABC):
    """Both directions of coding symbols."""

    @abstractmethod
    def code(self, tables: Tables, symbols: Values | None) -> NDArray[np.uint16]:
        """Codes one symbol per entry of `tables` and returns them.

        tables: indexes [n] into the table set.
        symbols: [n], each smaller than its table's alphabet; None when decoding.
        Returns uint16 [n]. Raises SettingsError when encoding what cannot be, ChunkError when decoding damaged bytes.
        """

    def bits(self, width: int, values: Values | None, count: int) -> NDArray[np.uint32]:
        """Codes `count` raw values of `width` bits (0..32) and returns them as uint32 [count].

        All lowest eight bits come first, then the next eight, and so on.
        """
        if not 0 <= width <= 32:
            raise SettingsError(f"raw values have 0 to 32 bits, not {width}")
        known = None if values is None else np.asarray(values, np.int64)
        if known is not None and (
            known.shape != (count,) or (count and not 0 <= known.min() <= known.max() < 1 << width)
        ):
            raise SettingsError(f"{count} values of {width} bits were promised, others were given")
        result = np.zeros(count, np.uint32)
        for low in range(0, width, WIDEST_UNIFORM):
            piece = min(WIDEST_UNIFORM, width - low)
            symbols = None if known is None else known >> low & ((1 << piece) - 1)
            coded = self.code(np.full(count, uniform_table(piece), np.uint16), symbols)
            result |= coded.astype(np.uint32) << np.uint32(low)
        return result

    def signed(self, tables: Tables, values: Values | None) -> NDArray[np.int32]:
        """Codes one signed integer of magnitude < 2^21 per entry of `tables` and returns them as int32 [n].

        tables: signed tables [n] (`signed_table`). Magnitudes above 31 take an escape: after the n symbols come, for
        the escaped values in order, their classes, then their signs and low bits, then their high bits.
        """
        tables = np.asarray(tables)
        if len(tables) and not SIGNED_FIRST <= tables.min() <= tables.max() < SIGNED_FIRST + SIGNED_TABLES:
            raise self._refusal("a signed value needs one of the signed tables")
        known = None if values is None else np.asarray(values, np.int64)
        if known is None:
            symbols = self.code(tables, None)
        else:
            if len(known) and np.abs(known).max() > 2 * (1 << 20) - 1:
                raise SettingsError("signed values have magnitudes below 2^21")
            inside = np.abs(known) <= LARGEST_VALUE
            symbols = self.code(tables, np.where(inside, known + LARGEST_VALUE, ESCAPE))
        result = symbols.astype(np.int32) - LARGEST_VALUE
        escaped = np.flatnonzero(symbols == ESCAPE)
        if len(escaped):
            result[escaped] = self._escaped(len(escaped), None if known is None else known[escaped])
        return result

    def _escaped(self, count: int, values: NDArray[np.int64] | None) -> NDArray[np.int64]:
        size = None if values is None else np.abs(values)
        tables = np.full(count, ESCAPE_CLASSES, np.uint16)
        extra = self.code(tables, None if size is None else escape_class(size)).astype(np.int64)
        # A magnitude of class c is 1 followed by 5 + c bits; `extra` of them are high bits.
        low = self.bits(
            _SIGN_AND_LOW, None if values is None or size is None else (values < 0) << 5 | (size & 31), count
        ).astype(np.int64)
        high = np.zeros(count, np.int64)
        for first in range(0, _ESCAPED_CLASSES - 1, WIDEST_UNIFORM):
            some = np.flatnonzero(extra > first)
            widths = np.minimum(extra[some] - first, WIDEST_UNIFORM)
            piece = None if size is None else size[some] >> (5 + first) & ((1 << widths) - 1)
            high[some] |= self.code(widths - 1 + uniform_table(1), piece).astype(np.int64) << first
        magnitude = 1 << (5 + extra) | high << 5 | low & 31
        return np.where(low >> 5 == 1, -magnitude, magnitude)

    @abstractmethod
    def _refusal(self, reason: str) -> Exception:
        """The error to raise when what is to be coded makes no sense: the caller's fault or the bytes'."""


class SymbolEncoder(Coder):
    """Remembers symbols in the order of the calls; `finish` turns them into bytes."""

    def __init__(self, rans: Rans | None = None) -> None:
        self._rans = rans or default_rans()
        self._tables: list[NDArray[np.uint16]] = []
        self._symbols: list[NDArray[np.uint16]] = []

    def code(self, tables: Tables, symbols: Values | None) -> NDArray[np.uint16]:
        """See `Coder.code`."""
        tables, known = np.asarray(tables, np.int64), np.asarray([] if symbols is None else symbols, np.int64)
        if tables.shape != known.shape or tables.ndim != 1:
            raise SettingsError(f"{tables.shape} tables for {known.shape} symbols")
        if len(tables):
            if not 0 <= tables.min() <= tables.max() < TABLE_COUNT:
                raise SettingsError(f"tables have indexes 0 to {TABLE_COUNT - 1}")
            bases = table_set().bases
            if known.min() < 0 or (known >= bases[tables + 1] - bases[tables]).any():
                raise SettingsError("a symbol lies outside the alphabet of its table")
        self._tables.append(tables.astype(np.uint16))
        self._symbols.append(known.astype(np.uint16))
        return self._symbols[-1]

    def recorded(self) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """The tables and the symbols so far, uint16 [n] each."""
        none = np.zeros(0, np.uint16)
        return np.concatenate([none, *self._tables]), np.concatenate([none, *self._symbols])

    def cost_bits(self) -> float:
        """What the symbols so far cost, without the 4 to 17 bytes that every payload adds."""
        tables, symbols = self.recorded()
        return float(table_set().bits[table_set().bases[tables] + symbols].sum())

    def finish(self, lanes: int | None = None) -> bytes:
        """The payload of all symbols. lanes: 1, 2 or 4; chosen by the number of symbols where it is None."""
        tables, symbols = self.recorded()
        if not len(tables):
            return b""
        if lanes is None:
            lanes = 1 if len(tables) < TWO_LANES_FROM else 2 if len(tables) < FOUR_LANES_FROM else 4
        if lanes not in (1, 2, 4):
            raise SettingsError(f"there are 1, 2 or 4 lanes, not {lanes}")
        states, words = self._rans.encode(tables, symbols, lanes)
        header = b"" if lanes == 1 else bytes([lanes])
        return header + states.astype("<u4").tobytes() + words

    def _refusal(self, reason: str) -> Exception:
        return SettingsError(f"cannot encode: {reason}")


class SymbolDecoder(Coder):
    """Takes symbols from a payload, in the order in which they were encoded.

    Any bytes are safe to decode: every call returns what it was asked for or raises ChunkError, and `finish` tells
    whether exactly this payload was encoded.

    payload: what `SymbolEncoder.finish` returned. Raises ChunkError if it cannot have.
    """

    def __init__(self, payload: bytes, rans: Rans | None = None) -> None:
        self.rans = rans or default_rans()
        lanes = payload[0] if len(payload) % 2 else 1
        body = bytes(payload[len(payload) % 2 :])
        if lanes not in (1, 2, 4) or (len(payload) % 2 and lanes == 1):
            raise ChunkError(f"cannot decode the symbols: the payload declares {lanes} lanes")
        self.state = np.zeros(8, np.uint32)
        self.state[:4] = LOWER
        if payload:
            if len(body) < 4 * lanes:
                raise ChunkError(f"cannot decode the symbols: {len(payload)} bytes do not hold {lanes} states")
            self.state[:lanes] = np.frombuffer(body, "<u4", lanes)
            if self.state[:lanes].min() < LOWER:
                raise ChunkError("cannot decode the symbols: a state is below 2^16")
        self.words = body[4 * lanes :]
        self.state[STATE_LANES] = lanes
        self.state[STATE_WORDS] = len(self.words) // 2

    def code(self, tables: Tables, symbols: Values | None = None) -> NDArray[np.uint16]:
        """See `Coder.code`."""
        tables = np.asarray(tables)
        # Other widths would wrap when narrowed; the kernel itself checks 16-bit indexes.
        if tables.dtype != np.uint16 and len(tables) and not 0 <= tables.min() <= tables.max() < TABLE_COUNT:
            raise self._refusal(f"tables have indexes 0 to {TABLE_COUNT - 1}")
        return self.rans.decode(self.words, self.state, tables.astype(np.uint16, copy=False))

    def finish(self) -> None:
        """Raises ChunkError unless all bytes are used and every state is back where the encoder began."""
        unused = int(self.state[STATE_WORDS]) - int(self.state[STATE_POSITION])
        if unused or (self.state[:4] != LOWER).any():
            raise ChunkError(
                f"cannot decode the symbols: the coder does not end as it began, with {unused} words left over; "
                "the payload is damaged"
            )

    def _refusal(self, reason: str) -> Exception:
        return ChunkError(f"cannot decode: {reason}")
