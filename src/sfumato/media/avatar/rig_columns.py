"""Whole numbers that the vertices of a mesh have, such as places, shapes and weights, to symbols and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sfumato.coding import Coder
from sfumato.coding.contexts import Ints, WideModel, magnitude
from sfumato.media.avatar.rig_ladder import Ladder

LIMIT = 1 << 19
"""Values and all that is expected lie within this: differences are values that every signed table can code."""


@dataclass(frozen=True)
class Columns:
    """Models for columns of D parts: of the ladder's top, and of each part."""

    top: WideModel
    parts: tuple[WideModel, ...]

    @property
    def all(self) -> tuple[WideModel, ...]:
        """1 + D models, in the order of a payload."""
        return self.top, *self.parts

    @classmethod
    def of(cls, models: tuple[WideModel, ...]) -> Columns:
        """From 1 + D models."""
        return cls(models[0], models[1:])


def code_columns(
    coder: Coder, ladder: Ladder, models: Columns, vertices: int, columns: int, values: Ints | None
) -> Ints:
    """Codes values [V, C, D] of the vertices in a ladder and returns them; those of other vertices are 0.

    values: magnitudes of at most LIMIT; None when decoding.
    """
    parts = len(models.parts)

    def code(expected: Ints, known: Ints | None, unsure: Ints | None) -> Ints:
        if unsure is None:
            top = models.top.code(coder, np.zeros(expected.size, np.int64), None if known is None else known.ravel())
            return top.reshape(expected.shape)
        found, busy = np.empty(expected.shape, np.int64), np.zeros(expected.shape[:2], np.int64)
        for part, model in enumerate(models.parts):
            given = None if known is None else known[:, :, part].ravel()
            context = magnitude(unsure[:, :, part] + busy).ravel()
            found[:, :, part] = model.code(coder, context, given).reshape(busy.shape)
            busy += 2 * np.abs(found[:, :, part])
        return found

    return _walk(ladder, vertices, columns, parts, values, code)


def plan_columns(ladder: Ladder, values: Ints) -> Columns:
    """The best models for `code_columns`."""
    tops: list[Ints] = []
    rests: list[Ints] = []
    contexts: list[Ints] = []

    def note(expected: Ints, known: Ints | None, unsure: Ints | None) -> Ints:
        assert known is not None
        if unsure is None:
            tops.append(known.ravel())
        else:
            rests.append(known.reshape(-1, known.shape[2]))
            busy = 2 * (np.cumsum(np.abs(known), axis=2) - np.abs(known))
            contexts.append(magnitude(unsure + busy).reshape(rests[-1].shape))
        return known

    parts = values.shape[2]
    _walk(ladder, len(values), values.shape[1], parts, values, note)
    top = np.concatenate(tops)
    nothing = np.zeros((0, parts), np.int64)
    rest, context = np.concatenate([nothing, *rests]), np.concatenate([nothing, *contexts])
    return Columns(
        WideModel.best(top, np.zeros(len(top), np.int64)),
        tuple(WideModel.best(rest[:, part], context[:, part]) for part in range(parts)),
    )


def _walk(
    ladder: Ladder,
    vertices: int,
    columns: int,
    parts: int,
    values: Ints | None,
    code: Callable[[Ints, Ints | None, Ints | None], Ints],
) -> Ints:
    """The values [V, C, D], rung after rung. `code` gets what is expected, the differences to it or None, and how
    unsure these are (None in the top), and returns the differences."""
    found = np.zeros((vertices, columns, parts), np.int64)
    top = None if values is None else np.diff(values[ladder.top], axis=0, prepend=0)
    nothing = np.zeros((len(ladder.top), columns, parts), np.int64)
    found[ladder.top] = np.clip(np.cumsum(code(nothing, top, None), axis=0), -LIMIT, LIMIT)
    for rung in ladder.rungs:
        expected = rung.expected(found)
        rest = None if values is None else values[rung.rows] - expected
        rest = code(expected, rest, rung.unsure(found, expected))
        found[rung.rows] = np.clip(expected + rest, -LIMIT, LIMIT)
    return found
