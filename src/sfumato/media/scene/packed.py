"""Integers in as few bytes as their values need: what a decoder keeps between two chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Columns = TypeVar("Columns")

_ROWS = 1 << 16
_KINDS = (np.int8, np.int16, np.int32)


class Packed(Generic[Columns]):
    """A dataclass of int64 arrays that all have n rows (among its fields may be others like it), kept small."""

    def __init__(self, small: Columns, n: int) -> None:
        self._columns, self._n = small, n

    @classmethod
    def of(cls, columns: Columns, n: int) -> Packed[Columns]:
        """The same integers in as few bytes as those of each column need."""
        return cls(_each(narrow, columns), n)

    @classmethod
    def joined(cls, pieces: Iterable[Columns], n: int) -> Packed[Columns]:
        """The rows of all `pieces` (at least one), n together; no more than one of them is there in full length."""
        small = [_each(narrow, piece) for piece in pieces]
        return cls(_each(lambda *parts: np.concatenate(parts), *small), n)

    def __len__(self) -> int:
        return self._n

    @property
    def small(self) -> Columns:
        """All rows as they are kept: what is computed from them must not be."""
        return self._columns

    def unpack(self, rows: slice | NDArray[np.integer] = slice(None)) -> Columns:
        """Some of the rows, as int64 again."""
        found: Columns = _each(lambda column: column[rows].astype(np.int64), self._columns)
        return found

    def take(self, rows: slice) -> Packed[Columns]:
        """Some of the rows, in the same memory."""
        n = len(range(*rows.indices(self._n)))
        return Packed(_each(lambda column: column[rows], self._columns), n)

    def parts(self) -> Iterator[tuple[slice, Columns]]:
        """All rows in order, some ten thousand at once: which they are, and what they hold."""
        for rows in slices(self._n):
            yield rows, self.unpack(rows)


def slices(n: int) -> Iterator[slice]:
    """All of n rows, some ten thousand at once, so that what is computed from them takes little memory."""
    for first in range(0, n, _ROWS):
        yield slice(first, min(first + _ROWS, n))


def narrow(column: NDArray[np.int64]) -> NDArray[np.signedinteger[Any]]:
    """The same integers with the fewest bytes that hold all of them."""
    low, high = (int(column.min()), int(column.max())) if column.size else (0, 0)
    for kind in _KINDS:
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return column.astype(kind)
    return column.copy()


def _each(change: Callable[..., Any], *things: Any) -> Any:
    """A dataclass with `change` of the arrays that stand in the same place of all `things`."""
    if isinstance(things[0], np.ndarray):
        return change(*things)
    if not is_dataclass(things[0]) or isinstance(things[0], type):
        return things[0]
    columns = {field.name: _each(change, *(getattr(one, field.name) for one in things)) for field in fields(things[0])}
    return type(things[0])(**columns)
