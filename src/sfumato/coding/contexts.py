"""Signed integers whose probability table follows from a small whole number that the decoder knows already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.coder import Coder
from sfumato.coding.halving import code_raw
from sfumato.coding.tables import signed_bits, signed_table

Ints = NDArray[np.int64]

_SHAPES, _SCALES = 3, 28
_SLOPES = range(-8, 13)

MODEL_TABLES = _SHAPES * _SCALES
"""Tables that a `ContextModel` can name."""

_POWERS = np.left_shift(np.int64(1), np.arange(63, dtype=np.int64))


def magnitude(values: Ints) -> Ints:
    """Bit length of |values|."""
    return np.searchsorted(_POWERS, 2 * np.abs(values) + 1, side="right").astype(np.int64) - 1


@dataclass(frozen=True)
class ContextModel:
    """Which signed table a value gets, given a small whole number known to the decoder.

    table: 28 * shape + scale, 0..83. slope: quarters of a scale per unit of context, -128..127.
    """

    table: int
    slope: int = 0

    def tables(self, context: Ints) -> NDArray[np.uint16]:
        """Table indexes [n] for contexts [n]."""
        shape, scale = divmod(self.table, _SCALES)
        scales = np.clip(scale + (self.slope * context >> 2), 0, _SCALES - 1)
        tables: NDArray[np.uint16] = (signed_table(shape, 0) + scales).astype(np.uint16)
        return tables

    @classmethod
    def best(cls, values: Ints, context: Ints) -> ContextModel:
        """The model with the least cost in bits for `values` [n]."""
        buckets = [int(b) for b in np.unique(context)]
        costs = np.array([signed_bits(values[context == b]) for b in buckets]).reshape(-1, _SHAPES, _SCALES)
        start = np.arange(_SCALES)
        best = (np.inf, cls(0))
        for slope in _SLOPES if len(buckets) > 1 else (0,):
            total = np.zeros((_SHAPES, _SCALES))
            for bucket, cost in zip(buckets, costs, strict=True):
                total += cost[:, np.clip(start + (slope * bucket >> 2), 0, _SCALES - 1)]
            index = int(np.argmin(total))
            if total.flat[index] < best[0]:
                best = (float(total.flat[index]), cls(index, slope))
        return best[1]


WIDE_SCALES = 64
"""Scales of a `WideModel`: with tables of 28, and low bits apart beyond."""

WIDE_TABLES = _SHAPES * WIDE_SCALES
"""Tables that a `WideModel` can name."""

_SHIFT_FROM, _SHIFT_EVERY = 17, 4


@dataclass(frozen=True)
class WideModel:
    """As `ContextModel`, for values however large: beyond a standard deviation of about 6 low bits are coded apart.

    table: 64 * shape + scale, 0..191. slope: quarters of a scale per unit of context, -128..127.
    """

    table: int
    slope: int = 0

    def choices(self, context: Ints) -> tuple[NDArray[np.uint16], Ints]:
        """Table indexes and the numbers of low bits [n] for contexts [n]."""
        shape, scale = divmod(self.table, WIDE_SCALES)
        scales = np.clip(scale + (self.slope * context >> 2), 0, WIDE_SCALES - 1)
        shift = np.maximum(scales - _SHIFT_FROM, 0) // _SHIFT_EVERY
        tables: NDArray[np.uint16] = (signed_table(shape, 0) + scales - _SHIFT_EVERY * shift).astype(np.uint16)
        return tables, shift

    def code(self, coder: Coder, context: Ints, values: Ints | None) -> Ints:
        """Codes signed values [n]: what is above the low bits, then the low bits of all."""
        tables, shift = self.choices(context)
        half = (np.int64(1) << shift) >> 1
        high = coder.signed(tables, None if values is None else values + half >> shift).astype(np.int64)
        low = code_raw(coder, None if values is None else values + half & ((np.int64(1) << shift) - 1), shift)
        found: Ints = (high << shift | low) - half
        return found

    @classmethod
    def best(cls, values: Ints, context: Ints) -> WideModel:
        """The model with the least cost in bits for `values` [n]."""
        buckets = [int(b) for b in np.unique(context)]
        costs = np.array([_wide_bits(values[context == b]) for b in buckets]).reshape(-1, _SHAPES, WIDE_SCALES)
        start = np.arange(WIDE_SCALES)
        best = (np.inf, cls(0))
        for slope in _SLOPES if len(buckets) > 1 else (0,):
            total = np.zeros((_SHAPES, WIDE_SCALES))
            for bucket, cost in zip(buckets, costs, strict=True):
                total += cost[:, np.clip(start + (slope * bucket >> 2), 0, WIDE_SCALES - 1)]
            index = int(np.argmin(total))
            if total.flat[index] < best[0]:
                best = (float(total.flat[index]), cls(index, slope))
        return best[1]


def _wide_bits(values: Ints) -> NDArray[np.float64]:
    """What `values` cost with every shape and scale, [3, 64]."""
    found = np.empty((_SHAPES, WIDE_SCALES))
    for shift in range((WIDE_SCALES - 1 - _SHIFT_FROM) // _SHIFT_EVERY + 1):
        half = (1 << shift) >> 1
        bits = signed_bits(values + half >> shift).reshape(_SHAPES, _SCALES) + shift * len(values)
        first = _SHIFT_FROM + _SHIFT_EVERY * shift if shift else 0
        last = min(_SHIFT_FROM + _SHIFT_EVERY * (shift + 1), WIDE_SCALES)
        found[:, first:last] = bits[:, first - _SHIFT_EVERY * shift : last - _SHIFT_EVERY * shift]
    return found
