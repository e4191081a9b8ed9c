"""Interleaved rANS in plain Python: the law that native/rans.cpp reproduces byte for byte.

After J. Duda, arXiv 1311.2540, and F. Giesen, arXiv 1402.3392. A state x lives in [2^16, 2^32). Coding a symbol of
frequency f and start c makes it `(x // f << 15) + x % f + c`; if that would reach 2^32, the low 16 bits are written
first. Decoding goes backwards, so encoders begin with the last symbol. Symbol i belongs to state ("lane") i mod lanes;
the lanes share one sequence of words.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.tables import PRECISION, TABLE_COUNT, TOTAL, table_set
from sfumato.errors import ChunkError

LOWER = 1 << 16
LANES = (1, 2, 4)

# The eight words of a decoder's memory: one state per lane, then these.
STATE_LANES, STATE_LANE, STATE_POSITION, STATE_WORDS = 4, 5, 6, 7

State = NDArray[np.uint32]


class Rans(Protocol):
    """What codes symbols by tables; every implementation yields identical bytes."""

    def encode(
        self, tables: NDArray[np.uint16], symbols: NDArray[np.uint16], lanes: int
    ) -> tuple[NDArray[np.uint32], bytes]:
        """The final states (uint32 [lanes]) and the words of symbols [n] coded by tables [n].

        Requires existing tables and symbols inside them.
        """
        ...

    def decode(self, words: bytes, state: State, tables: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """The next symbols, one per table index; `state` moves on.

        Raises ChunkError if a table does not exist or the words end too early.
        """
        ...


def past_the_end(words: bytes) -> ChunkError:
    """The error for symbols that need more words than there are."""
    return ChunkError(f"cannot decode the symbols: they go on past the end of their {len(words)} bytes of words")


def unknown_table(tables: NDArray[np.uint16]) -> ChunkError:
    """The error for a table index out of range."""
    return ChunkError(
        f"cannot decode the symbols: table {int(tables.max())} is asked for, the last is {TABLE_COUNT - 1}"
    )


@functools.cache
def _lists() -> tuple[list[int], list[int], list[int]]:
    tables = table_set()
    return tables.frequencies.tolist(), tables.starts.tolist(), tables.bases.tolist()


class PythonRans:
    """The reference, a few million symbols a second."""

    def encode(
        self, tables: NDArray[np.uint16], symbols: NDArray[np.uint16], lanes: int
    ) -> tuple[NDArray[np.uint32], bytes]:
        """See `Rans.encode`."""
        frequencies, starts, _ = _lists()
        entries = (table_set().bases[tables] + symbols).tolist()
        x = [LOWER] * lanes
        words = []
        for i in range(len(entries) - 1, -1, -1):
            f = frequencies[entries[i]]
            v = x[i % lanes]
            if v >= f << 17:
                words.append(v & 0xFFFF)
                v >>= 16
            x[i % lanes] = (v // f << PRECISION) + v % f + starts[entries[i]]
        return np.array(x, np.uint32), np.array(words[::-1], "<u2").tobytes()

    def decode(self, words: bytes, state: State, tables: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """See `Rans.decode`."""
        if len(tables) and int(tables.max()) >= TABLE_COUNT:
            raise unknown_table(tables)
        frequencies, starts, bases = _lists()
        lanes, lane, position, count = state[STATE_LANES:].tolist()
        x = state[:lanes].tolist()
        symbols = []
        for table in tables.tolist():
            v = x[lane]
            slot = v & (TOTAL - 1)
            entry = bisect_right(starts, slot, bases[table], bases[table + 1]) - 1
            v = frequencies[entry] * (v >> PRECISION) + slot - starts[entry]
            if v < LOWER:
                if position == count:
                    raise past_the_end(words)
                v = v << 16 | words[2 * position] | words[2 * position + 1] << 8
                position += 1
            x[lane] = v
            lane = (lane + 1) % lanes
            symbols.append(entry - bases[table])
        state[:lanes] = x
        state[STATE_LANE], state[STATE_POSITION] = lane, position
        return np.array(symbols, np.uint16)
