"""What a decoder knows of an avatar after some of its chunks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.media.avatar.forest import MAX_DEPTH, Bools, Forest
from sfumato.media.avatar.forest import Ints as Rows
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.quantise import SPLIT_COLUMNS, Ints, dequantise, face_columns

MAX_SPLATS = 1 << 22
"""Splats that an avatar can have, 24 times as many as the largest published."""

Small = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Template:
    """What must be known before the first chunk of a forest.

    roots: [R, 3], the faces of the mesh, numbers of its vertices. max_splats: chunks that would make it more are
    refused. beside: [R, 3], the face that shares each edge (first to second vertex, second to third, third to first),
    -1 if there is none: of all faces with this edge, ascending, the one before, and for the first the next.
    """

    roots: Rows
    mesh_vertices: int
    sh_degree: int = 0
    max_depth: int = MAX_DEPTH
    max_splats: int = MAX_SPLATS
    beside: Rows = field(init=False)

    def __post_init__(self) -> None:
        edges = np.sort(self.roots[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)  # [3 R, 2], three of each face
        order = np.lexsort((edges[:, 1], edges[:, 0]))  # stable: faces with one edge ascend
        one, other = order[:-1], order[1:]
        same = (edges[one] == edges[other]).all(axis=1)
        beside = np.full(len(edges), -1)
        beside[one[same]] = other[same] // 3
        beside[other[same]] = one[same] // 3
        object.__setattr__(self, "beside", beside.reshape(-1, 3))


@dataclass(frozen=True, eq=False)
class Known:
    """The forest that has arrived, and the integers of its faces and splits in units, see `quantise`.

    there: [N], which faces have arrived; only faces of level 1 may be missing. units: [N, columns]. shade: [N], of the
    steps of each splat. splits: [S, 9]. Never changes: each chunk makes another.
    """

    template: Template
    forest: Forest
    there: Bools
    units: Small
    shade: Small
    splits: Small

    @classmethod
    def start(cls, template: Template) -> Known:
        """Before the first chunk: ValueError if the template is none."""
        forest = Forest(template.roots, template.mesh_vertices, max_depth=template.max_depth)
        n, columns = len(forest), face_columns(template.sh_degree)
        none = np.zeros((0, SPLIT_COLUMNS), np.int32)
        return cls(template, forest, np.zeros(n, bool), np.zeros((n, columns), np.int32), np.zeros(n, np.int32), none)

    @property
    def count(self) -> int:
        """Splats that have arrived."""
        return int(np.count_nonzero(self.there))

    def candidates(self, level: int) -> Rows:
        """The faces, ascending, of which a chunk of this level can hold the splats or, below level 1, the splits."""
        if level == 1:
            return np.flatnonzero(~self.there[: len(self.template.roots)])
        if level > self.forest.depth + 1:
            return np.zeros(0, np.intp)
        leaves = self.forest.leaves(level - 1)
        return leaves[self.there[leaves]]

    def with_roots(self, faces: Rows, units: Ints, shade: Ints) -> Known:
        """With the splats of these faces [n] of level 1."""
        found = replace(self, there=self.there.copy(), units=self.units.copy(), shade=self.shade.copy())
        found.there[faces], found.units[faces], found.shade[faces] = True, units, shade
        return found

    def with_splits(self, faces: Rows, splits: Ints, units: Ints, shade: Ints) -> Known:
        """With these faces [n], ascending, split, and the splats of their children [3 n], family after family."""
        split = self.forest.split(faces)
        new = np.flatnonzero(split.from_split < 0)
        children = split.forest.children(new).ravel()
        there, all_units = _carried(self.there, split.from_face), _carried(self.units, split.from_face)
        all_shade, all_splits = _carried(self.shade, split.from_face), _carried(self.splits, split.from_split)
        there[children], all_units[children], all_shade[children] = True, units, shade
        all_splits[new] = splits
        return Known(self.template, split.forest, there, all_units, all_shade, all_splits)

    def avatar(self) -> Avatar:
        """The splats; those of faces that have not arrived are of no meaning: show those that are `there`."""
        return Avatar(self.forest, dequantise(self.units.astype(np.int64), self.splits.astype(np.int64)))


def _carried(values: NDArray[Any], source: Rows) -> NDArray[Any]:
    """Rows of a smaller forest in a larger one's order, zeros where they are new."""
    found = np.zeros((len(source), *values.shape[1:]), values.dtype)
    found[source >= 0] = values[source[source >= 0]]
    return found
