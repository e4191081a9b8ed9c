"""The integer probability tables: one indexable set, so that a symbol's model is one small number.

`tables.npy` holds the frequencies of all tables one after the other (uint16 [S], little endian); a table ends where its
frequencies reach the sum 2^15. Every frequency is at least 1. The integers are part of the format and never change;
`tools/make_tables.py` shows where they come from.

| indexes | tables | symbols |
|---|---|---|
| 0..7 | uniform, of 1..8 bits | 2, 4, .. 256 |
| 8 | classes of escaped values, probability 2^-(1 + class) | 16 |
| 9..92 | signed residuals: 3 shapes x 28 scales | 64: values -31..31, then the escape |
| 93..332 | how n = 2..31 points split into two halves: 8 classes x 30 counts | n + 1 |
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import SettingsError

PRECISION = 15
TOTAL = 1 << PRECISION

WIDEST_UNIFORM = 8
ESCAPE_CLASSES = WIDEST_UNIFORM

LARGEST_VALUE = 31
ESCAPE = 2 * LARGEST_VALUE + 1
LARGEST_ESCAPED = 1 << 20  # magnitudes that every caller may rely on; 16 classes reach 2^21 - 1
SIGNED_FIRST = ESCAPE_CLASSES + 1
SIGNED_SHAPES = 3
SIGNED_SCALES = 28
SIGNED_TABLES = SIGNED_SHAPES * SIGNED_SCALES

SPLIT_FIRST = SIGNED_FIRST + SIGNED_TABLES
SPLIT_CLASSES = 8
LARGEST_SPLIT = 31
SPLITS_PER_CLASS = LARGEST_SPLIT - 1

# How the points of a box share its two equal halves, tightest class first. Powers of the binomial are for points which
# keep their distance (and for the coarse fractions of large boxes), beta-binomials for points that cluster. Points
# drawn by the blurred gradient magnitude of 12 Kodak photographs measure alpha = 5-7 when pooled, 2.6-11 one by
# one, with no clear trend over box sizes or counts; the classes bracket that.
BINOMIAL_POWERS = (4, 2, 1)
BETA_ALPHAS = (24.0, 10.0, 5.0, 2.5, 1.0)

TABLE_COUNT = SPLIT_FIRST + SPLIT_CLASSES * SPLITS_PER_CLASS


@dataclass(frozen=True)
class TableSet:
    """All tables, flat: table t owns the entries bases[t] to bases[t + 1].

    frequencies: uint16 [S], each in 1..2^15 - 1.
    starts: uint16 [S], the sum of the frequencies before it in its table.
    bases: int64 [T + 1].
    bits: float64 [S], what each symbol costs; for encoders' choices only, decoding never reads it.
    """

    frequencies: NDArray[np.uint16]
    starts: NDArray[np.uint16]
    bases: NDArray[np.int64]
    bits: NDArray[np.float64]

    @classmethod
    def from_frequencies(cls, frequencies: NDArray[np.uint16]) -> TableSet:
        """Finds the tables in uint16 [S]; raises ValueError if they do not add up."""
        ends = np.cumsum(frequencies, dtype=np.int64)
        bases = np.concatenate([[0], np.flatnonzero(ends % TOTAL == 0) + 1])
        table = np.repeat(np.arange(len(bases) - 1), np.diff(bases))
        whole = len(table) == len(frequencies) and ends[-1] == TOTAL * (len(bases) - 1)
        if not whole or frequencies.min() < 1 or np.diff(bases).max() > 256:
            raise ValueError("the frequencies do not form tables of the sum 2^15 and at most 256 symbols")
        starts = (ends - frequencies - table * TOTAL).astype(np.uint16)
        return cls(frequencies, starts, bases, PRECISION - np.log2(frequencies.astype(np.float64)))


@functools.cache
def table_set() -> TableSet:
    """The tables of the format, loaded once."""
    with resources.files("sfumato.coding").joinpath("tables.npy").open("rb") as file:
        frequencies = np.load(file, allow_pickle=False)
    found = TableSet.from_frequencies(frequencies.astype(np.uint16))
    for array in (found.frequencies, found.starts, found.bases, found.bits):
        array.setflags(write=False)
    return found


def uniform_table(width: int) -> int:
    """The table of 2^width equally probable symbols, width 1..8."""
    if not 1 <= width <= WIDEST_UNIFORM:
        raise SettingsError(f"no uniform table of {width} bits; widths are 1 to {WIDEST_UNIFORM}")
    return width - 1


def signed_table(shape: int, scale: int) -> int:
    """The table of a symmetric residual.

    shape: 0 (generalised Gaussian of exponent 0.7), 1 (Laplace) or 2 (Gaussian).
    scale: 0..27, geometric: the standard deviation is 0.15 * 160^(scale / 27) quantisation steps.
    """
    if not (0 <= shape < SIGNED_SHAPES and 0 <= scale < SIGNED_SCALES):
        raise SettingsError(f"no signed table of shape {shape} and scale {scale}")
    return SIGNED_FIRST + shape * SIGNED_SCALES + scale


def signed_bits(values: NDArray[np.integer]) -> NDArray[np.float64]:
    """What coding all of `values` with each signed table would cost, in bits; escapes included.

    values: integers of any shape, magnitudes up to 2^20.
    Returns float64 [84], the signed tables in order (table `SIGNED_FIRST + i` costs entry i).
    """
    magnitudes = np.abs(np.asarray(values, np.int64)).ravel()
    escaped = magnitudes[magnitudes > LARGEST_VALUE]
    inner = np.asarray(values, np.int64).ravel()[magnitudes <= LARGEST_VALUE]
    counts = np.bincount(inner + LARGEST_VALUE, minlength=ESCAPE + 1)
    counts[ESCAPE] = len(escaped)
    classes = escape_class(escaped)
    # Class c costs min(c + 1, 15) bits, then come the sign and 5 + c bits of mantissa.
    tail = int(np.minimum(classes + 1, 15).sum() + (classes + 6).sum())
    tables = table_set()
    first = tables.bases[SIGNED_FIRST]
    costs = tables.bits[first : first + SIGNED_TABLES * (ESCAPE + 1)].reshape(SIGNED_TABLES, ESCAPE + 1)
    bits: NDArray[np.float64] = costs @ counts + tail
    return bits


def best_signed_table(values: NDArray[np.integer]) -> int:
    """The signed table that codes all of `values` in the fewest bits; the first such table, also for no values."""
    return SIGNED_FIRST + int(np.argmin(signed_bits(values)))


def escape_class(magnitudes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The class c of each escaped magnitude, 2^(5 + c) <= magnitude < 2^(6 + c); magnitudes 32..2^21 - 1."""
    return bit_length(magnitudes) - 6


def bit_length(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bits of each value in 0..2^62 without leading zeros, as `int.bit_length`."""
    return np.searchsorted(np.int64(1) << np.arange(63, dtype=np.int64), values, side="right").astype(np.int64)
