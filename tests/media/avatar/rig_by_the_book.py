"""A second decoder of `MESH` and `SHAP`, written from docs/format.md alone, as `by_the_book` is for `TREE`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np

from media.avatar.by_the_book import Face, Row, Stream, chunks_of

Edges = dict[int, set[int]]
Column = list[list[Row]]  # of every vertex, of every column, the parts

_LARGEST = 1 << 19


class Header:
    """Takes numbers from the beginning of a payload."""

    def __init__(self, payload: bytes) -> None:
        self.payload, self.at = payload, 0

    def take(self, form: str) -> tuple:
        found = struct.unpack_from("<" + form, self.payload, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def name(self) -> str:
        (length,) = self.take("B")
        return self.take(f"{length}s")[0].decode()

    def models(self, count: int) -> list[tuple[int, int]]:
        return [self.take("Bb") for _ in range(count)]

    def stream(self) -> Stream:
        return Stream(self.payload[self.at :])


def rigs(data: bytes, arkit: tuple[str, ...]) -> Iterator[SimpleNamespace | None]:
    """The rig after every chunk of an avatar, with the fields of `sfumato.rig.Rig`; arkit: the names of ARKit."""
    rig = None
    for kind, _, payload in chunks_of(data):
        if kind == "MESH":
            rig = _mesh(payload, arkit)
        elif kind == "SHAP":
            assert rig is not None
            _shapes(rig, payload)
        yield rig


def _mesh(payload: bytes, arkit: tuple[str, ...]) -> SimpleNamespace:
    header = Header(payload)
    flags, v, f, k, j = header.take("BIIHH")
    middle, (step,) = header.take("3f"), header.take("f")
    if flags & 1:
        header.name(), header.take("32s")
    shape_names, joint_names = ([header.name() for _ in range(count)] for count in (k, j))
    joints = [header.take("3f") for _ in range(j)]
    parents, rest, responses = [], 0, {}
    if not flags & 1:
        parents, (rest,) = header.take(f"{j - 1}H"), header.take("H")
        for _ in range(*header.take("B")):
            number, a, b = header.take("BBB")
            shapes = tuple((shape_names[s], weight) for s, weight in (header.take("Hf") for _ in range(a)))
            turns = tuple((joint_names[t], turn) for t, *turn in (header.take("H3f") for _ in range(b)))
            responses[arkit[number]] = SimpleNamespace(shapes=shapes, turns=turns)
    far = header.take("II")
    sizes = [(1, 3)] + ([(j - 1, 1)] if j > 1 and not flags & 1 else []) + ([(j, 1)] if flags & 2 else [])
    face_models = header.models(5)
    models = [header.models(1 + parts) for _, parts in sizes]
    stream = header.stream()
    faces = _faces(stream, v, f, far, face_models)
    ladder = _ladder(v, faces)
    found = [_columns(stream, ladder, v, *size, own) for size, own in zip(sizes, models, strict=True)]
    stream.finish()
    places = [[middle[i] + step * value for i, value in enumerate(row[0])] for row in found.pop(0)]
    rig = SimpleNamespace(
        faces=np.array(faces), vertices=np.array(places), shape_names=[], joint_names=["root"], parents=np.array([-1]),
        joints=np.zeros((1, 3)), skin=np.ones((v, 1)), shapes=np.zeros((0, v, 3)), joint_regressor=None,
        correctives=None, arkit=responses, ladder=ladder,
    )  # fmt: skip
    if flags & 1:
        return rig
    rig.shape_names, rig.joint_names, rig.joints = shape_names, joint_names, np.array(joints)
    rig.parents = np.array([-1, *parents])
    if j > 1:
        others = np.array(found.pop(0))[:, :, 0]
        rig.skin = np.insert(others, rest, 1024 - others.sum(axis=1), axis=1) / 1024
    if flags & 2:
        rig.joint_regressor = np.array(found.pop(0))[:, :, 0].T / 16384
    rig.shapes = np.zeros((k, v, 3))
    rig.correctives = np.zeros((9 * (j - 1), v, 3)) if flags & 4 else None
    return rig


def _shapes(rig: SimpleNamespace, payload: bytes) -> None:
    header = Header(payload)
    (n,), (step,) = header.take("H"), header.take("f")
    numbers = header.take(f"{n}H")
    models = header.models(4)
    stream = header.stream()
    found = np.array(_columns(stream, rig.ladder, len(rig.vertices), n, 3, models))
    stream.finish()
    for column, number in enumerate(numbers):
        k = len(rig.shapes)
        (rig.shapes if number < k else rig.correctives)[number - (number >= k) * k] = step * found[:, column]


def _faces(stream: Stream, v: int, f: int, far: tuple[int, int], models: list[tuple[int, int]]) -> list[Face]:
    ranks: list[Row] = []
    for k in range(3):
        contexts = [sum(corner).bit_length() for corner in zip(*ranks, strict=True)] if k else [0] * f
        coded = stream.wide(*models[k], contexts)
        ranks.append([-2 * value - 1 if value < 0 else 2 * value for value in coded])
    away = [iter(stream.wide(*models[3 + kind], [0] * far[kind])) for kind in range(2)]
    orders: dict[int, Row] = {}
    counts: dict[int, Row] = {}
    into: list[Row] = [[] for _ in range(v)]
    out: list[Row] = [[] for _ in range(v)]
    last: list[Face] = [(0, 0, 0)] * 4  # A, B, C, D
    newest, seen, slot_before, same = -1, set(), 0, [0, 0, 0]
    faces: list[Face] = []

    def end(some: Row, place: int) -> int:
        return some[-place] if len(some) >= place else -1

    def vertex(slot: int, k: int, face: Row, near: int) -> int:
        a, b, _, d = last
        if slot >= 13:
            kind = {13: newest - 1, 14: newest + 2, 15: near + 1}
            return kind[slot] if slot in kind else (newest, near)[slot - 16] + next(away[slot - 16])
        if slot < 5:
            return (2 * b[k] - d[k], newest + 1, *a)[slot]
        columns: tuple[list[Callable[[], int]], ...] = (
            [lambda i=i: b[i] for i in range(3)]
            + [lambda i=i: end(out[a[i]], 1) for i in range(3)]
            + [lambda i=i: end(into[a[i]], 1) for i in range(2)],
            [lambda i=i: end(into[face[0]], i) for i in (1, 2, 3)]
            + [lambda i=i: end(out[face[0]], i) for i in (1, 2, 3)],
            [lambda i=i: end(out[face[0]], i) for i in (1, 2, 3)]
            + [lambda i=i: end(into[face[1]], i) for i in (1, 2, 3)]
            + [lambda: [w for w in out[face[0]] if w in into[face[1]]][-1]],
        )
        return columns[k][slot - 5]()

    for number in range(f):
        face: Row = []
        for k in range(3):
            context = (18 * k + slot_before) * 18 + same[k]
            order, count = orders.setdefault(context, list(range(18))), counts.setdefault(context, [0] * 18)
            place = ranks[k][number]
            slot = order.pop(place)
            count[slot] += 1
            while place and count[order[place - 1]] < count[slot]:
                place -= 1
            order.insert(place, slot)
            face.append(vertex(slot, k, face, face[-1] if face else last[0][2]))
            assert 0 <= face[-1] < v
            newest = newest if face[-1] in seen else face[-1]
            seen.add(face[-1])
            slot_before = same[k] = slot
        for a, b in ((face[0], face[1]), (face[1], face[2]), (face[2], face[0])):
            if b in into[a]:
                into[a].remove(b)
                if a in out[b]:
                    out[b].remove(a)
            else:
                for some, other in ((out[a], b), (into[b], a)):
                    some.append(other)
                    del some[: len(some) - 8 if len(some) > 8 else 0]
        faces.append((face[0], face[1], face[2]))
        last = [faces[-1], *last[:3]]
    assert all(next(some, None) is None for some in away)
    return faces


def _ladder(v: int, faces: list[Face]) -> tuple[Row, list[list[tuple[int, Row]]]]:
    """The top, and the rungs in the order of coding: nodes with their known neighbours."""
    edges: Edges = {vertex: set() for face in faces for vertex in face}
    for face in faces:
        for a in face:
            edges[a] |= {b for b in face if b != a}
    levels: list[list[list[tuple[int, Row]]]] = []
    while len(edges) > 16 and any(edges.values()) and len(levels) < 16:
        color: dict[int, int] = {}
        for number in range(3):
            for node in sorted(edges, key=lambda vertex: -(vertex * 2654435761 % 2**32)):
                if node not in color and all(color.get(other) != number for other in edges[node]):
                    color[node] = number
        color = {node: color.get(node, 3) for node in edges}
        rungs: list[list[tuple[int, Row]]] = [[], [], []]
        for node in sorted(edges):
            if color[node]:
                known = [other for other in edges[node] if color[other] < color[node]]
                rungs[color[node] - 1].append((node, known))
        levels.append(rungs)
        into = {
            node: min([n for n in edges[node] if not color[n]], default=node) if color[node] else node for node in edges
        }
        merged: Edges = {node: set() for node in edges if not color[node]}
        for node, others in edges.items():
            merged[into[node]] |= {into[other] for other in others} - {into[node]}
        edges = merged
    return sorted(edges), [rung for level in reversed(levels) for rung in level if rung]


def _columns(
    stream: Stream,
    ladder: tuple[Row, list[list[tuple[int, Row]]]],
    v: int,
    columns: int,
    parts: int,
    models: list[tuple[int, int]],
) -> Column:
    found: Column = [[[0] * parts for _ in range(columns)] for _ in range(v)]
    top, rungs = ladder
    away = iter(stream.wide(*models[0], [0] * (len(top) * columns * parts)))
    total = [[0] * parts for _ in range(columns)]
    for vertex in top:
        for c in range(columns):
            for d in range(parts):
                total[c][d] += next(away)
                found[vertex][c][d] = _clipped(total[c][d])
    for rung in rungs:
        expected, doubt = {}, {}
        for node, known in rung:
            n = len(known)
            for c in range(columns):
                w = [[found[other][c][d] for other in known] for d in range(parts)]
                e = [(2 * sum(some) + n) // (2 * n) for some in w]
                a = [abs(one) if n == 1 else 0 for one in e]
                expected[node, c] = e
                doubt[node, c] = [
                    2 * (max(some) - min(some)) + own + (sum(a) >> 1) for some, own in zip(w, a, strict=True)
                ]
        busy = dict.fromkeys(expected, 0)
        for d in range(parts):
            contexts = [(doubt[at][d] + busy[at]).bit_length() for at in expected]
            for (node, c), rest in zip(expected, stream.wide(*models[1 + d], contexts), strict=True):
                found[node][c][d] = _clipped(expected[node, c][d] + rest)
                busy[node, c] += 2 * abs(rest)
    return found


def _clipped(value: int) -> int:
    return min(max(value, -_LARGEST), _LARGEST)
