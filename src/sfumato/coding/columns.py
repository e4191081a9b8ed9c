"""Columns of signed integers, each coded as the distance to what a reference that the decoder knows lets expect."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.contexts import WIDE_TABLES, WideModel
from sfumato.errors import ChunkError

Ints = NDArray[np.int64]

_MODEL = struct.Struct("<BbhB")

MODEL_BYTES = _MODEL.size
"""Bytes of a model in a chunk's header."""


@dataclass(frozen=True)
class Model:
    """How a column of signed values is coded: what is expected, and the tables for the distance to it.

    centre: in the unit of the column. weight: eighths of the reference that are added, 0..255.
    """

    context: WideModel
    centre: int
    weight: int

    def expected(self, reference: Ints) -> Ints:
        """What the references let expect, in the unit of the column."""
        found: Ints = (self.weight * reference >> 3) + self.centre
        return found


def models_to_bytes(models: Iterable[Model]) -> bytes:
    """`MODEL_BYTES` for each model: table, slope, centre and weight."""
    return b"".join(_MODEL.pack(m.context.table, m.context.slope, m.centre, m.weight) for m in models)


def models_from_bytes(data: bytes, chunk: str) -> tuple[Model, ...]:
    """The models in bytes of a `chunk` such as "a chunk of a scene". Raises ChunkError if there is no such table."""
    numbers = list(_MODEL.iter_unpack(data))
    if any(table >= WIDE_TABLES for table, *_ in numbers):
        raise ChunkError(f"{chunk} names a probability table that does not exist")
    return tuple(Model(WideModel(table, slope), centre, weight) for table, slope, centre, weight in numbers)


def best_expectation(
    values: Ints, size: NDArray[np.int64] | NDArray[np.float64], reference: Ints, weights: Sequence[int]
) -> tuple[int, int]:
    """The centre, and the weight among `weights`, that leave the least of `values` in bits, or nearly.

    size: units per step of a value. reference: in units, of the same shape as `values`.
    """
    best = (np.inf, 0, 0)
    for weight in weights if reference.any() else (0,):
        apart = values * size - (weight * reference >> 3)
        centre = int(np.clip(np.rint(np.median(apart)), -(1 << 15), (1 << 15) - 1)) if len(apart) else 0
        cost = float(np.log2(1 + np.abs(apart - centre) / size).sum())
        best = min(best, (cost, centre, weight))
    return best[1], best[2]
