"""What the integers of an avatar's splats are predicted from: their parents, siblings and neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.media.avatar.forest import Bools
from sfumato.media.avatar.forest import Ints as Rows
from sfumato.media.avatar.quantise import Ints


@dataclass(frozen=True)
class Reference:
    """What the values of n rows are predicted from: the mean of two rows each.

    before: [n, 2, columns], rows of earlier chunks, in units. own: [n, 2], rows of this chunk that are taken instead,
    or -1. waves: rows in the order of coding; `own` are rows of earlier waves.
    """

    before: Ints
    own: Ints
    waves: tuple[Ints, ...]

    @classmethod
    def none(cls, n: int, columns: int) -> Reference:
        """Nothing to predict from: zeros."""
        return cls(np.zeros((n, 2, columns), np.int64), np.full((n, 2), -1), (np.arange(n),))

    @classmethod
    def families(cls, parents: Ints) -> Reference:
        """Of the children of k parents [k, columns]: the first has its parent, the others this and the first."""
        rows = np.arange(3 * len(parents)).reshape(-1, 3)
        own = np.full((rows.size, 2), -1)
        own[rows[:, 1:], 1] = rows[:, :1]
        before = np.repeat(parents, 6, axis=0).reshape(rows.size, 2, -1)
        return cls(before, own, (rows[:, 0], rows[:, 1:].ravel()))

    @classmethod
    def neighbours(cls, faces: Rows, there: Bools, units: NDArray[np.int32], beside: Rows) -> Reference:
        """Of faces [n], ascending, of the template two beside them that are there, or else one, or else the nearest
        before and after them by number: first of those of earlier chunks, then also every fourth of this one, then
        every second.

        there: [R], the faces of earlier chunks. units: [R, columns]. beside: [R, 3], see `Template`.
        """
        place = np.arange(len(faces))
        waves = (place[::4], place[2::4], place[1::2])
        before, own = np.zeros((len(faces), 2, units.shape[1]), np.int64), np.full((len(faces), 2), -1)
        there, row = there.copy(), np.full(len(there), -1)
        for wave in waves:
            number = np.flatnonzero(there)
            if len(number):
                after = np.searchsorted(number, faces[wave])
                nearest = number[np.clip(np.stack([after - 1, after], axis=1), 0, len(number) - 1)]
                touching = beside[faces[wave]]
                known = (touching >= 0) & there[touching]
                best = np.argsort(~known, axis=1, kind="stable")[:, :2]
                two, sure = np.take_along_axis(touching, best, axis=1), np.take_along_axis(known, best, axis=1)
                pair = np.where(sure, two, np.where(sure[:, :1], two[:, :1], nearest))
                own[wave], before[wave] = row[pair], units[pair]
            there[faces[wave]], row[faces[wave]] = True, wave
        return cls(before, own, waves)

    def of(self, rows: Ints, columns: slice, values: Ints) -> Ints:
        """[k, m], what to expect of some rows' columns. values: [n, m], in units, of the earlier waves."""
        own = self.own[rows]
        pair = np.where(own[:, :, None] >= 0, values[own], self.before[rows][:, :, columns])
        mean: Ints = pair.sum(axis=1) >> 1
        return mean
