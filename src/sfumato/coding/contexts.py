"""Signed integers whose probability table follows from a small whole number that the decoder knows already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
