"""The forest of faces on a mesh: which faces are split, and where that puts their children.

Level 1 are the faces of a template mesh. A face (i, j, k) may be split at a point p inside it into (i, j, p),
(j, k, p) and (k, i, p), and these again (ProgressiveAvatars, arXiv 2603.16447). p has barycentric weights
`softmax(logits)`, the same for every deformation of the mesh, so that all levels follow it.

Everything has one order: faces of level 1 as in the template, then, split after split in the order of the faces they
split, three faces and one point each. So the children of the n-th split are the faces `roots + 3n` to `roots + 3n + 2`
and its point is the vertex `mesh_vertices + n`, levels lie one after another, and the sorted numbers of the split faces
say all there is to say.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.rig.mesh import check_mesh

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

MAX_DEPTH = 4
"""Levels, unless asked for more or fewer: as many as ProgressiveAvatars has."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees of faces, one on each face of a template. Never changes: `split` makes another.

    roots: [R, 3], the template's faces, numbers of its vertices. mesh_vertices: how many those are.
    is_split: [S], the numbers of the split faces, ascending. max_depth: how many levels there may be.
    faces: [N, 3] with N = R + 3 S, the vertices of every face, numbers below `mesh_vertices + S`.
    ends: [depth], the number of faces up to each level.
    ValueError if the numbers fit no forest.
    """

    roots: Ints
    mesh_vertices: int
    is_split: Ints = field(default_factory=lambda: np.zeros(0, np.intp))
    max_depth: int = MAX_DEPTH
    faces: Ints = field(init=False)
    ends: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        roots, split = np.array(self.roots, np.intp), np.array(self.is_split, np.intp)
        if roots.ndim != 2 or roots.shape[1] != 3 or not len(roots) or split.ndim != 1:
            raise ValueError(f"a forest needs roots [R, 3], R > 0, and is_split [S]; got {roots.shape}, {split.shape}")
        if roots.min() < 0 or roots.max() >= self.mesh_vertices:
            raise ValueError(f"the vertices of faces are numbers below {self.mesh_vertices}")
        if len(split) and (split[0] < 0 or (np.diff(split) <= 0).any()):
            raise ValueError("the split faces are numbers in ascending order, none twice")
        faces = np.empty((len(roots) + 3 * len(split), 3), np.intp)
        faces[: len(roots)] = roots
        ends, done = [len(roots)], 0
        while (upto := int(np.searchsorted(split, ends[-1]))) > done:
            i, j, k = faces[split[done:upto]].T
            p = self.mesh_vertices + np.arange(done, upto)
            children = np.stack([i, j, p, j, k, p, k, i, p], axis=1).reshape(-1, 3)
            ends.append(ends[-1] + len(children))
            faces[ends[-2] : ends[-1]] = children
            done = upto
        if done < len(split):
            raise ValueError(f"face {split[done]} is split but does not exist")
        if len(ends) > self.max_depth:
            raise ValueError(f"a forest of {len(ends)} levels where at most {self.max_depth} are allowed")
        for name, values in (("roots", roots), ("is_split", split), ("faces", faces)):
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        object.__setattr__(self, "ends", tuple(ends))

    def __len__(self) -> int:
        """Faces of all levels."""
        return len(self.faces)

    @property
    def depth(self) -> int:
        """Levels that there are, at least 1."""
        return len(self.ends)

    @property
    def splits(self) -> int:
        """Faces that are split, S."""
        return len(self.is_split)

    @property
    def vertex_count(self) -> int:
        """Vertices of the mesh and the points inside faces."""
        return self.mesh_vertices + self.splits

    def level(self, level: int) -> slice:
        """The faces of a level, 1..depth."""
        if not 1 <= level <= self.depth:
            raise ValueError(f"there are levels 1..{self.depth}, not {level}")
        return slice(0 if level == 1 else self.ends[level - 2], self.ends[level - 1])

    def up_to(self, level: int) -> Bools:
        """[N], which faces are of this level or one above."""
        shown: Bools = np.arange(len(self)) < self.level(level).stop
        return shown

    def levels(self) -> Ints:
        """[N], the level of every face, 1..depth."""
        return np.searchsorted(self.ends, np.arange(len(self)), side="right") + 1

    def leaves(self, level: int | None = None) -> Ints:
        """The numbers of the faces that are not split: all, or those of a level."""
        whole = np.ones(len(self), bool)
        whole[self.is_split] = False
        among = slice(0, len(self)) if level is None else self.level(level)
        return np.flatnonzero(whole[among]) + among.start

    def root_of(self) -> Ints:
        """[N], the face of level 1 above each face."""
        found = np.arange(len(self))
        for level in range(2, self.depth + 1):
            rows = self.level(level)
            parents = self.is_split[(np.arange(rows.start, rows.stop) - len(self.roots)) // 3]
            found[rows] = found[parents]
        return found

    def children(self, splits: Ints) -> Ints:
        """[n, 3], the faces that these splits (numbers 0..S-1, [n]) made."""
        return len(self.roots) + 3 * splits[:, None] + np.arange(3)

    def split(self, faces: Ints) -> Split:
        """The forest with these leaves [n] split as well; ValueError for faces that cannot be."""
        faces = np.unique(np.asarray(faces, np.intp))
        if len(faces) and not 0 <= faces[0] <= faces[-1] < len(self):
            raise ValueError(f"faces are numbers in 0..{len(self) - 1}")
        again = faces[np.isin(faces, self.is_split)]
        if len(again):
            raise ValueError(f"face {again[0]} is split already")
        if len(faces) and self.levels()[faces[-1]] >= self.max_depth:
            raise ValueError(f"face {faces[-1]} is of level {self.max_depth}, the last that is allowed")
        # New faces come between old ones but never change their order: what is sorted stays so.
        all_split = np.union1d(self.is_split, faces)
        place = np.searchsorted(all_split, self.is_split)
        moved = np.concatenate([np.arange(len(self.roots)), self.children(place).ravel()])  # the old faces' new numbers
        forest = Forest(self.roots, self.mesh_vertices, moved[all_split], self.max_depth)
        from_face, from_split = np.full(len(forest), -1, np.intp), np.full(forest.splits, -1, np.intp)
        from_face[moved] = np.arange(len(self))
        from_split[place] = np.arange(self.splits)
        return Split(forest, from_face, from_split)

    def vertices(self, mesh: Floats, logits: Floats) -> Floats:
        """[V + S, 3]: the vertices of a deformed mesh [V, 3], then the points at `logits` [S, 3] inside its faces."""
        if mesh.shape != (self.mesh_vertices, 3) or logits.shape != (self.splits, 3):
            raise ValueError(
                f"the mesh has vertices [{self.mesh_vertices}, 3] and logits [{self.splits}, 3]; got "
                f"{list(mesh.shape)} and {list(logits.shape)}"
            )
        found = np.empty((self.vertex_count, 3), np.result_type(mesh, logits))
        found[: self.mesh_vertices] = mesh
        weights = barycentric(logits)
        for points in self._points():
            corners = found[self.faces[self.is_split[points]]]
            found[self.mesh_vertices :][points] = np.einsum("nk,nkc->nc", weights[points], corners)
        return found

    def vertices_gradient(self, vertices: Floats, logits: Floats, d_vertices: Floats) -> tuple[Floats, Floats]:
        """From the gradient for what `vertices` returned [V + S, 3] to those for the mesh [V, 3] and logits [S, 3]."""
        d = d_vertices.copy()
        d_logits = np.zeros_like(logits)
        weights = barycentric(logits)
        for points in reversed(list(self._points())):
            corner = self.faces[self.is_split[points]]
            d_point, b = d[self.mesh_vertices :][points], weights[points]
            d_b = np.einsum("nc,nkc->nk", d_point, vertices[corner])
            d_logits[points] = b * (d_b - np.sum(b * d_b, axis=1, keepdims=True))
            d += gathered(corner, b[:, :, None] * d_point[:, None, :], len(d))
        return d[: self.mesh_vertices], d_logits

    def _points(self) -> Iterator[slice]:
        """The points inside the faces of one level after the other."""
        ends = [0, *np.searchsorted(self.is_split, self.ends[:-1]).tolist()]
        for low, high in itertools.pairwise(ends):
            yield slice(low, high)


@dataclass(frozen=True, eq=False)
class Split:
    """A forest with more splits than another, and what in it was there before.

    from_face: [N], the number that a face had, or -1 if it is new. from_split: [S], the same of the splits.
    """

    forest: Forest
    from_face: Ints
    from_split: Ints

    def of_faces(self, values: Floats) -> Floats:
        """`values` of the old forest's faces [N', ...] for the new one's [N, ...]; 0 for new faces."""
        return _carried(values, self.from_face)

    def of_splits(self, values: Floats) -> Floats:
        """`values` of the old forest's splits [S', ...] for the new one's [S, ...]; 0 for new splits."""
        return _carried(values, self.from_split)


def _carried(values: Floats, source: Ints) -> Floats:
    found = np.zeros((len(source), *values.shape[1:]), values.dtype)
    found[source >= 0] = values[source[source >= 0]]
    return found


def barycentric(logits: Floats) -> Floats:
    """[S, 3], weights > 0 of sum 1; equal logits are the centroid."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    weights: Floats = raised / raised.sum(axis=1, keepdims=True)
    return weights


def gathered(corners: Ints, values: Floats, count: int) -> Floats:
    """[count, 3], the sums of the `values` [N, 3, 3] of corners [N, 3] that are the same vertex."""
    sums = [np.bincount(corners.ravel(), values[:, :, axis].ravel(), count) for axis in range(3)]
    return np.stack(sums, axis=1).astype(values.dtype, copy=False)


def check_template(faces: Ints, vertices: Floats, name: str) -> None:
    """InputError, with their numbers, for faces [R, 3] of the neutral mesh `name` that are degenerate or not manifold.

    vertices: [V, 3], finite.
    """
    faults = check_mesh(vertices, faces)
    if faults:
        raise InputError(f"cannot grow an avatar on '{name}': {faults}; repair or remove these faces")
