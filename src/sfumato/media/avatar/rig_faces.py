"""The faces of a mesh as symbols: each corner by where its vertex has been seen before.

Vertices and faces keep their order and every face its first corner; any list of triangles can be coded. A corner's
`slot` says where its vertex is found: on a border of the faces before, among the corners of the last two faces, where
a regular grid would go on, or a distance away. Slots are numbered anew by how often they served in the same context,
so that small numbers are frequent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from sfumato.coding import Coder
from sfumato.coding.contexts import Ints, WideModel, magnitude
from sfumato.errors import ChunkError

SLOTS = 18
"""Slots of a corner, see `_follow`. The last two are far: distances to the newest vertex and to the corner before."""

FACE_MODELS = 5
"""Models of the faces: of the slots of first, second and third corners, and of the two kinds of distances."""

_BESIDE, _NEWEST, _NEAR = SLOTS - 5, SLOTS - 2, SLOTS - 1
_OPEN = 8  # edges without a second face that a vertex remembers, the latest; more would help few and cost hostile files

# Called with the number of the corner in its face, a function that gives the vertex in a slot or -1, the newest vertex
# and the corner before; returns the vertex.
Choose = Callable[[int, Callable[[int], int], int, int], int]


class Ranks:
    """The order of slots in every context, by how often each has served."""

    def __init__(self) -> None:
        contexts = 3 * SLOTS * SLOTS
        self._order = [list(range(SLOTS)) for _ in range(contexts)]
        self._rank = [list(range(SLOTS)) for _ in range(contexts)]
        self._served = [[0] * SLOTS for _ in range(contexts)]

    def order(self, context: int) -> list[int]:
        """The slots, most frequent first."""
        return self._order[context]

    def rank(self, context: int) -> list[int]:
        """The place of every slot in the order."""
        return self._rank[context]

    def served(self, context: int, slot: int) -> None:
        """Counts, and moves the slot before all that have served less often."""
        order, rank, served = self._order[context], self._rank[context], self._served[context]
        served[slot] += 1
        place, count = rank[slot], served[slot]
        while place and served[order[place - 1]] < count:
            other = order[place - 1]
            order[place], rank[other] = other, place
            place -= 1
        order[place], rank[slot] = slot, place


def code_faces(
    coder: Coder,
    vertices: int,
    count: int,
    far: tuple[int, int],
    models: tuple[WideModel, ...],
    faces: NDArray[np.integer] | None,
) -> NDArray[np.int32]:
    """Codes faces [F, 3] of a mesh and returns them.

    far: how many distances to the newest vertex and to the corner before there are. models: FACE_MODELS of them.
    faces: None when decoding. Raises: ChunkError for bytes that no encoder wrote.
    """
    known = None if faces is None else symbols_of(vertices, faces)
    ranks: list[Ints] = []
    for k in range(3):
        symbols = None if known is None else _signed(known[0][k])
        ranks.append(_unsigned(models[k].code(coder, _context(ranks, count), symbols)))
    away = [
        models[3 + kind].code(coder, np.zeros(far[kind], np.int64), None if known is None else known[1][kind])
        for kind in range(2)
    ]
    return np.asarray(faces, np.int32) if faces is not None else _replayed(vertices, count, ranks, away)


def plan_faces(vertices: int, faces: NDArray[np.integer]) -> tuple[tuple[int, int], tuple[WideModel, ...]]:
    """`far` and the best models for `code_faces`."""
    ranks, away = symbols_of(vertices, faces)
    models = [WideModel.best(_signed(ranks[k]), _context(ranks[:k], len(faces))) for k in range(3)]
    models += [WideModel.best(one, np.zeros(len(one), np.int64)) for one in away]
    return (len(away[0]), len(away[1])), tuple(models)


def symbols_of(vertices: int, faces: NDArray[np.integer]) -> tuple[list[Ints], list[Ints]]:
    """The ranks [3][F] of the corners' slots, and the distances to newest vertex and corner before."""
    ranks = Ranks()
    symbols: list[list[int]] = [[], [], []]
    away: list[list[int]] = [[], []]
    wanted: Iterator[int] = iter(np.asarray(faces).ravel().tolist())
    contexts = _Contexts()

    def choose(k: int, vertex_in: Callable[[int], int], newest: int, near: int) -> int:
        vertex, context = next(wanted), contexts.of(k)
        slot = next((s for s in ranks.order(context) if s < _NEWEST and vertex_in(s) == vertex), SLOTS)
        if slot == SLOTS:
            slot = _NEWEST if abs(vertex - newest) <= abs(vertex - near) else _NEAR
            away[slot - _NEWEST].append(vertex - (newest if slot == _NEWEST else near))
        symbols[k].append(ranks.rank(context)[slot])
        ranks.served(context, slot)
        contexts.add(k, slot)
        return vertex

    for _ in _follow(vertices, len(faces), choose):
        pass
    return [np.array(some, np.int64) for some in symbols], [np.array(some, np.int64) for some in away]


def _replayed(vertices: int, count: int, ranks: list[Ints], away: list[Ints]) -> NDArray[np.int32]:
    """The faces [F, 3] that symbols stand for."""
    if count and max(int(some.max()) for some in ranks) >= SLOTS:
        raise ChunkError("cannot decode the faces: a corner names a slot that does not exist")
    order, contexts = Ranks(), _Contexts()
    symbols: list[Iterator[int]] = [iter(some.tolist()) for some in ranks]
    distances: list[Iterator[int]] = [iter(some.tolist()) for some in away]

    def choose(k: int, vertex_in: Callable[[int], int], newest: int, near: int) -> int:
        context = contexts.of(k)
        slot = order.order(context)[next(symbols[k])]
        if slot < _NEWEST:
            vertex = vertex_in(slot)
        else:
            distance = next(distances[slot - _NEWEST], None)
            if distance is None:
                raise ChunkError("cannot decode the faces: more corners are far than announced")
            vertex = (newest if slot == _NEWEST else near) + distance
        if not 0 <= vertex < vertices:
            raise ChunkError(f"cannot decode the faces: a corner is vertex {vertex} of {vertices}")
        order.served(context, slot)
        contexts.add(k, slot)
        return vertex

    faces = np.array(list(_follow(vertices, count, choose)), np.int32).reshape(count, 3)
    if any(next(some, None) is not None for some in distances):
        raise ChunkError("cannot decode the faces: fewer corners are far than announced")
    return faces


class _Contexts:
    """Which context a corner has: its number, the slot of the corner before, and that of the same one a face before."""

    def __init__(self) -> None:
        self._last, self._same = 0, [0, 0, 0]

    def of(self, k: int) -> int:
        return (k * SLOTS + self._last) * SLOTS + self._same[k]

    def add(self, k: int, slot: int) -> None:
        self._last = self._same[k] = slot


def _follow(vertices: int, count: int, choose: Choose) -> Iterator[tuple[int, int, int]]:
    """The faces, whose corners `choose` decides one after another."""
    into: list[list[int]] = [[] for _ in range(vertices)]  # where open edges to a vertex come from
    out: list[list[int]] = [[] for _ in range(vertices)]  # where open edges from a vertex go
    newest, seen = -1, bytearray(vertices)  # newest: the vertex that was seen for the first time last
    last = before = third = fourth = (0, 0, 0)
    face = [0, 0, 0]

    def vertex_in(slot: int) -> int:
        if slot == 0:
            return 2 * before[k] - fourth[k]
        if slot == 1:
            return newest + 1
        if slot < 5:
            return last[slot - 2]
        if slot >= _BESIDE:
            return (newest - 1, newest + 2, near + 1)[slot - _BESIDE]
        slot -= 5
        if k == 0:
            if slot < 3:
                return before[slot]
            return _at(out[last[slot - 3]], -1) if slot < 6 else _at(into[last[slot - 6]], -1)
        if slot < 3:
            return _at(into[face[0]], -1 - slot) if k == 1 else _at(out[face[0]], -1 - slot)
        if slot < 6:
            return _at(out[face[0]], 2 - slot) if k == 1 else _at(into[face[1]], 2 - slot)
        return next((v for v in reversed(out[face[0]]) if v in into[face[1]]), -1) if k == 2 and slot == 6 else -1

    for _ in range(count):
        near = last[2]
        for k in range(3):
            vertex = choose(k, vertex_in, newest, near)
            face[k] = near = vertex
            if not seen[vertex]:
                seen[vertex], newest = 1, vertex
        a, b, c = face
        for start, end in ((a, b), (b, c), (c, a)):
            if end in into[start]:
                into[start].remove(end)
                if start in out[end]:  # else forgotten
                    out[end].remove(start)
            else:
                _remember(out[start], end)
                _remember(into[end], start)
        fourth, third, before, last = third, before, last, (a, b, c)
        yield last


def _at(some: list[int], place: int) -> int:
    """The entry at a place from the end, -1 if there is none."""
    return some[place] if len(some) >= -place else -1


def _remember(some: list[int], vertex: int) -> None:
    some.append(vertex)
    if len(some) > _OPEN:
        del some[0]


def _context(ranks: list[Ints], count: int) -> Ints:
    """How unusual the corners before were in every face, [F]."""
    return magnitude(sum(ranks, np.zeros(count, np.int64)))


def _signed(values: Ints) -> Ints:
    """0, 1, 2, 3 .. as 0, -1, 1, -2 .."""
    return np.where(values & 1, -(values + 1 >> 1), values >> 1)


def _unsigned(values: Ints) -> Ints:
    return np.where(values < 0, -2 * values - 1, 2 * values)
