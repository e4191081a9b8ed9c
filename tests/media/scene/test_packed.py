"""Integers kept small come back as they were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sfumato.media.scene import packed
from sfumato.media.scene.packed import Packed, narrow

INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200), max_size=20)


@dataclass(frozen=True)
class Inner:
    pairs: NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    values: NDArray[np.int64]
    inner: Inner
    name: str


def columns(values: list[int]) -> Columns:
    array = np.array(values, np.int64)
    return Columns(array, Inner(np.stack([array, array // 1000], axis=1)), "kept")


@given(INTEGERS)
def test_every_integer_comes_back(values: list[int]) -> None:
    found = Packed.of(columns(values), len(values))
    assert len(found) == len(values)
    back = found.unpack()
    assert back.values.tolist() == values and back.values.dtype == np.int64 and back.name == "kept"
    assert back.inner.pairs.tolist() == columns(values).inner.pairs.tolist()


@given(INTEGERS, st.integers(1, 7))
def test_pieces_are_joined_and_taken_apart_again(values: list[int], size: int) -> None:
    values = [*values, 3]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "_ROWS", size)
        pieces = [columns(values[at : at + size]) for at in range(0, len(values), size)]
        found = Packed.joined(pieces, len(values))
        assert found.unpack().values.tolist() == values
        assert found.unpack(np.arange(len(values))[::-1]).values.tolist() == values[::-1]
        parts = list(found.parts())
    some = found.take(slice(1, 4))
    assert len(some) == len(values[1:4]) and some.unpack().values.tolist() == values[1:4]
    assert [part.values.tolist() for _, part in parts] == [piece.values.tolist() for piece in pieces]
    assert [values[rows] for rows, _ in parts] == [part.values.tolist() for _, part in parts]


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (0, 1),
        (127, 1),
        (-128, 1),
        (128, 2),
        (-129, 2),
        (32767, 2),
        (-32769, 4),
        (2**31 - 1, 4),
        (2**31, 8),
        (-(2**63), 8),
    ],
)
def test_no_more_bytes_are_kept_than_the_largest_needs(value: int, size: int) -> None:
    kept = narrow(np.array([0, value, 1]))
    assert kept.itemsize == size and kept.tolist() == [0, value, 1]
