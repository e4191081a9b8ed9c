"""An order of a mesh's vertices in which almost every one has neighbours before it, found from the faces alone.

Vertices that no edge joins are kept and the others left out, again and again, until few are left: the ladder's top.
Coding goes the other way. A rung's vertices are expected where the mean of their neighbours of earlier rungs lies,
and how much these differ says how sure that is. Decoders build the same ladder from the faces.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_COLORS = 3  # sets of a level without edges inside; the vertices in none of them come last and together
_TOP = 16  # so few vertices are not thinned further
_LEVELS = 16  # meshes of 100,000 vertices take some 10; a star takes as many as it has points
_ROUNDS = 64  # in which `_independent` asks all nodes at once; meshes need about 10, a long path up to its length
_FACTOR = 2654435761  # odd, so that no two vertices have one priority


@dataclass(frozen=True)
class Rung:
    """Vertices that are coded together.

    rows: [n], ascending. known: [E], their neighbours of earlier rungs, those of the first vertex first. start: [n],
    where in `known` those of each vertex begin; at least one each. count: [n].
    """

    rows: Ints
    known: Ints
    start: Ints
    count: Ints

    def expected(self, values: Ints) -> Ints:
        """The mean of the neighbours' values [V, C, D], rounded, [n, C, D]."""
        total = np.add.reduceat(values[self.known], self.start, axis=0)
        count = self.count[:, None, None]
        mean: Ints = (2 * total + count) // (2 * count)
        return mean

    def unsure(self, values: Ints, expected: Ints) -> Ints:
        """How far values may be from expected: twice how much neighbours differ, or what a single one has; [n, C, D]"""
        near = values[self.known]
        spread = np.maximum.reduceat(near, self.start, axis=0) - np.minimum.reduceat(near, self.start, axis=0)
        alone = np.where(self.count[:, None, None] == 1, np.abs(expected), 0)
        found: Ints = 2 * spread + alone + (alone.sum(axis=2, keepdims=True) >> 1)
        return found


@dataclass(frozen=True)
class Ladder:
    """top: [n], vertices that are coded first, ascending. rungs: the others that are in faces, in order of coding."""

    top: Ints
    rungs: tuple[Rung, ...]


def ladder_of(vertices: int, faces: NDArray[np.int32]) -> Ladder:
    """The ladder of a mesh with faces [F, 3]; those of the last few meshes are remembered."""
    return _ladder(vertices, np.ascontiguousarray(faces, np.int32).tobytes())


@functools.lru_cache(maxsize=4)
def _ladder(vertices: int, content: bytes) -> Ladder:
    faces = np.frombuffer(content, np.int32).reshape(-1, 3).astype(np.int64)
    priority = np.arange(vertices, dtype=np.int64) * _FACTOR & 0xFFFFFFFF
    edges = _tidy(np.concatenate([faces[:, [0, 1, 1, 2, 2, 0]], faces[:, [1, 0, 2, 1, 0, 2]]], axis=1).reshape(-1, 2))
    nodes = np.zeros(vertices, bool)
    nodes[faces] = True
    levels: list[list[Rung]] = []
    while int(nodes.sum()) > _TOP and len(edges) and len(levels) < _LEVELS:
        color = _colored(nodes, edges, priority)
        levels.append([_rung(color, edges, number) for number in range(1, _COLORS + 1)])
        edges = _contracted(color, edges)
        nodes = color == 0
    rungs = [rung for level in reversed(levels) for rung in level if len(rung.rows)]
    return Ladder(np.flatnonzero(nodes), tuple(rungs))


def _tidy(edges: Ints) -> Ints:
    """Pairs [E, 2] sorted, each once, none of a vertex with itself."""
    key = np.unique((edges[:, 0] << 32 | edges[:, 1])[edges[:, 0] != edges[:, 1]])
    return np.stack([key >> 32, key & 0xFFFFFFFF], axis=1)


def _colored(nodes: Bools, edges: Ints, priority: Ints) -> Ints:
    """0 for a largest set of nodes without edges inside, 1 for one of the others, and so on; -1 beside the nodes."""
    color, left = np.full(len(nodes), -1), nodes.copy()
    for number in range(_COLORS):
        chosen = _independent(left, edges, priority)
        color[chosen] = number
        left &= ~chosen
    color[left] = _COLORS
    return color


def _independent(among: Bools, edges: Ints, priority: Ints) -> Bools:
    """The nodes that one takes by falling priority, if each rules out its neighbours."""
    chosen, open_ = np.zeros(len(among), bool), among.copy()
    edges = edges[open_[edges[:, 0]] & open_[edges[:, 1]]]
    for _ in range(_ROUNDS):
        one, other = edges.T
        beaten = np.zeros(len(among), bool)
        beaten[one[priority[other] > priority[one]]] = True
        won = open_ & ~beaten
        chosen |= won
        open_ &= beaten
        open_[other[won[one]]] = False
        edges = edges[open_[one] & open_[other]]
        if not len(edges):
            return chosen | open_
    start = np.searchsorted(edges[:, 0], np.arange(len(among) + 1)).tolist()
    beside, left = edges[:, 1].tolist(), open_.tolist()
    rest = np.flatnonzero(open_)
    for node in rest[np.argsort(-priority[rest])].tolist():
        if left[node]:
            chosen[node] = True
            for other in beside[start[node] : start[node + 1]]:
                left[other] = False
    return chosen


def _rung(color: Ints, edges: Ints, number: int) -> Rung:
    one, other = edges[(color[edges[:, 0]] == number) & (color[edges[:, 1]] < number)].T
    rows = np.flatnonzero(color == number)
    start = np.searchsorted(one, rows)
    return Rung(rows, other, start, np.diff(start, append=len(one)))


def _contracted(color: Ints, edges: Ints) -> Ints:
    """Edges between nodes of color 0, after each other node has become one with its first neighbour of color 0."""
    into = np.arange(len(color))
    one, other = edges[(color[edges[:, 0]] > 0) & (color[edges[:, 1]] == 0)][::-1].T
    into[one] = other  # the last of the reversed pairs is the first neighbour
    return _tidy(into[edges])
