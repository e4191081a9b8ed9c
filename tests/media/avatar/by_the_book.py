"""A second decoder of `TREE`, written from docs/format.md alone: loops over Python's integers, nothing of the package.

Slow, and for whole files only; it holds the page to being enough, and the codec to what the page says.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from itertools import groupby

import numpy as np

Row = list[int]
Face = tuple[int, int, int]
Path = tuple[int, ...]  # of a face: its number in the mesh, then which part of each split; sorts as faces do at a depth

_ROOTS = [
    65536, 68438, 71468, 74632, 77936, 81386, 84990, 88752,
    92682, 96785, 101070, 105545, 110218, 115098, 120194, 125515,
]  # fmt: skip


def chunks_of(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Kind, level and payload of every chunk."""
    at = 8
    while at < len(data):
        length = int.from_bytes(data[at + 6 : at + 10], "little")
        yield data[at : at + 4].decode(), data[at + 4], data[at + 10 : at + 10 + length]
        at += 14 + length


def tables() -> list[list[tuple[int, int]]]:
    """The ranges [start, frequency] of every symbol of every table."""
    with resources.files("sfumato.coding").joinpath("tables.npy").open("rb") as file:
        frequencies = np.load(file).tolist()
    found: list[list[tuple[int, int]]] = [[]]
    for frequency in frequencies:
        start = sum(found[-1][-1]) if found[-1] else 0
        found[-1].append((start, frequency))
        if start + frequency == 1 << 15:
            found.append([])
    return found[:-1]


_TABLES = tables()


class Stream:
    """A coded stream."""

    def __init__(self, data: bytes) -> None:
        lanes = data[0] if len(data) % 2 else 1
        data = data[len(data) % 2 :]
        self.states = list(struct.unpack_from(f"<{lanes}I", data)) if data else []
        self.words = list(struct.unpack(f"<{len(data) // 2 - 2 * lanes}H", data[4 * lanes :])) if data else []
        self.taken = self.place = 0

    def symbol(self, table: int) -> int:
        lane = self.taken % len(self.states)
        self.taken += 1
        x = self.states[lane]
        s = x % (1 << 15)
        symbol, (start, f) = next(
            (number, entry) for number, entry in enumerate(_TABLES[table]) if entry[0] <= s < sum(entry)
        )
        x = f * (x >> 15) + s - start
        if x < 1 << 16:
            x = x * 65536 + self.words[self.place]
            self.place += 1
        self.states[lane] = x
        return symbol

    def raw(self, widths: Row) -> Row:
        """Raw values of so many bits each: the lowest eight of all, then the next eight, and so on."""
        found, low = [0] * len(widths), 0
        while any(width > low for width in widths):
            for number, width in enumerate(widths):
                if width > low:
                    found[number] |= self.symbol(min(width - low, 8) - 1) << low
            low += 8
        return found

    def signed(self, models: list[int]) -> Row:
        """Signed values, each by a table."""
        found = [self.symbol(table) - 31 for table in models]
        far = [number for number, value in enumerate(found) if value == 32]
        classes = [self.symbol(8) for _ in far]
        first = self.raw([6] * len(far))
        second = [self.symbol(min(c, 8) - 1) if c else 0 for c in classes]
        third = [self.symbol(c - 9) if c > 8 else 0 for c in classes]
        for number, c, low, mid, high in zip(far, classes, first, second, third, strict=True):
            magnitude = (1 << 5 + c) + (low & 31) + (mid << 5) + (high << 13)
            found[number] = -magnitude if low >> 5 else magnitude
        return found

    def wide(self, table: int, slope: int, contexts: Row) -> Row:
        """Wide values."""
        shape, scale = divmod(table, 64)
        j = [min(max(scale + (slope * c >> 2), 0), 63) for c in contexts]
        k = [max(one - 17, 0) // 4 for one in j]
        high = self.signed([9 + 28 * shape + one - 4 * bits for one, bits in zip(j, k, strict=True)])
        low = self.raw(k)
        return [(a << bits) + b - (1 << bits >> 1) for a, b, bits in zip(high, low, k, strict=True)]

    def points(self, n: int, columns: int, rows: int) -> list[tuple[int, int]]:
        """Points of a grid."""
        bits = [(columns - 1).bit_length(), (rows - 1).bit_length()]
        if n == 0:
            return []
        if n == 1:
            x = self.raw([bits[0]])[0]
            return [(x, self.raw([bits[1]])[0])]
        if not any(bits):
            return [(0, 0)] * n
        classes = self.raw([3] * sum(n >= least for least in (2, 4, 32)))
        boxes: list[tuple[Path, int, int, int]] = [((), 0, 0, n)]  # in canonical order: halves taken, corner, points
        found: list[tuple[Path, int, int]] = []
        while boxes and any(bits):
            axis = 0 if bits[0] >= bits[1] else 1
            bits[axis] -= 1
            half, side = 1 << bits[axis], (columns, rows)[axis]
            shares: list[tuple[int, int]] = []  # in the first half: the share, and how many low bits are still to come
            for _, x, y, count in boxes:
                f = min(max(side - (x, y)[axis] - half, 0), half)
                if f == 0:
                    shares.append((count, 0))
                    continue
                group = 7 if 4 * f < 3 * half else classes[0 if count <= 3 else 1 if count <= 31 else 2]
                d = 0 if count <= 31 else count.bit_length() - 5
                shares.append((self.symbol(93 + 30 * group + (count >> d) - 2) << d, d))
            low = self.raw([d for _, d in shares])
            halves = []
            for (path, x, y, count), (share, _), rest in zip(boxes, shares, low, strict=True):
                corner = (x + half, y) if axis == 0 else (x, y + half)
                halves += [((*path, 0), x, y, share + rest), ((*path, 1), *corner, count - share - rest)]
            alone = [box for box in halves if box[3] == 1]
            ends = [self.raw([bits[a]] * len(alone)) for a in range(2)]
            found += [(b[0], b[1] + dx, b[2] + dy) for b, dx, dy in zip(alone, *ends, strict=True)]
            boxes = [box for box in halves if box[3] > 1]
        found += [(path, x, y) for path, x, y, count in boxes for _ in range(count)]
        return [(x, y) for _, x, y in sorted(found)]

    def finish(self) -> None:
        assert self.place == len(self.words) and all(state == 1 << 16 for state in self.states)


@dataclass
class Splat:
    """What is known of a face: the vertices, its splat, and the row of its split."""

    face: Face
    shade: int = 0
    values: Row | None = None
    split: Row | None = None


@dataclass
class Forest:
    """All faces by their paths, of a mesh with these faces."""

    mesh: list[Face]
    degree: int
    faces: dict[Path, Splat] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.faces = {(number,): Splat(face) for number, face in enumerate(self.mesh)}

    def numbered(self) -> list[Path]:
        """The faces in their order."""
        return sorted(self.faces, key=lambda path: (len(path), path))

    def take(self, level: int, payload: bytes) -> None:
        """One more TREE."""
        n, f, flags = struct.unpack_from("<HbB", payload)
        count = 14 + 3 * self.degree + (1 + 3 * flags if level else 0)
        models = iter([struct.unpack_from("<BbhB", payload, 4 + 5 * number) for number in range(count)])
        stream = Stream(payload[4 + 5 * count :])
        known = self.faces
        if level == 0:
            candidates = [path for path in self.numbered() if len(path) == 1 and known[path].values is None]
        else:
            candidates = [
                path
                for path in self.numbered()
                if len(path) == level and known[path].values is not None and known[path].split is None
            ]
        members = [candidates[number] for number in _members(stream, n, len(candidates))]
        if level == 0:
            rows, waves, reference = self._neighbours(members)
        else:
            self._split(stream, members, models, bool(flags))
            rows, waves, reference = self._families(members)
        for path, (shade, values) in zip(rows, _splats(stream, models, f, waves, reference, self.degree), strict=True):
            known[path].shade, known[path].values = shade, values
        stream.finish()

    def _split(self, stream: Stream, members: list[Path], models: Iterator[Row], patched: bool) -> None:
        shades = [self.faces[path].shade for path in members]
        rows: list[Row] = [[0] * 9 for _ in members]
        columns = [
            ([0, 1], 58, 96, 4096),
            ([2], 96, 128, 4096),
            ([3, 4, 5], 88, 128, 5120),
            ([6, 7, 8], 91, 160, 65536),
        ]
        for which, log, most, largest in columns if patched else columns[:1]:
            steps = [_step(h + log, most) for h in shades]
            _column(
                stream, next(models), which, [_context(h) for h in shades], steps, largest, rows,
                [range(len(members))], lambda row, column: 0,
            )  # fmt: skip
        for path, row in zip(members, rows, strict=True):
            self.faces[path].split = row
            i, j, k = self.faces[path].face
            for part, edge in enumerate(((i, j), (j, k), (k, i))):
                self.faces[*path, part] = Splat((*edge, -1))

    def _families(self, members: list[Path]) -> tuple[list[Path], list[range | Row], Callable[..., int]]:
        rows = [(*path, part) for path in members for part in range(3)]
        waves: list[range | Row] = [range(0, len(rows), 3), [row for row in range(len(rows)) if row % 3]]

        def reference(row: int, column: int, values: list[Row]) -> int:
            above = self.faces[members[row // 3]].values
            assert above is not None
            other = values[row - row % 3][column] if row % 3 else above[column]
            return above[column] + other >> 1

        return rows, waves, reference

    def _neighbours(self, members: list[Path]) -> tuple[list[Path], list[range | Row], Callable[..., int]]:
        number = [path[0] for path in members]
        waves: list[range | Row] = [range(start, len(members), step) for start, step in ((0, 4), (2, 4), (1, 2))]
        there = {path[0] for path, splat in self.faces.items() if len(path) == 1 and splat.values is not None}
        beside, pair = _beside(self.mesh), {}
        for wave in waves:
            for row in wave:
                face = number[row]
                touching = [other for other in beside[face] if other in there]
                lower = [other for other in there if other < face]
                higher = [other for other in there if other > face]
                if touching:
                    pair[row] = (touching * 2)[:2]
                elif there:
                    pair[row] = [max(lower or [min(there)]), min(higher or [max(there)])]
            there |= {number[row] for row in wave}
        row_of = {face: row for row, face in enumerate(number)}

        def reference(row: int, column: int, values: list[Row]) -> int:
            total = 0
            for face in pair.get(row, []):
                source = values[row_of[face]] if face in row_of else self.faces[face,].values
                assert source is not None
                total += source[column]
            return total >> 1

        return members, waves, reference


def _members(stream: Stream, n: int, candidates: int) -> Row:
    """Which of the candidates are in a chunk."""
    q = min(n, candidates - n)
    size = (candidates, 1) if candidates <= 65536 else (65536, -(-candidates // 65536))
    coded = {x + 65536 * y for x, y in stream.points(q, *size)} if q else set()
    assert len(coded) == q
    return sorted(coded if n <= candidates - n else set(range(candidates)) - coded)


def _beside(mesh: list[Face]) -> list[Row]:
    """The faces beside every face, -1 where there is none."""
    edges = [
        (min(e), max(e), number) for number, e in enumerate((f[s], f[(s + 1) % 3]) for f in mesh for s in range(3))
    ]
    found = [[-1] * 3 for _ in mesh]
    for _, group in groupby(sorted(edges), key=lambda edge: edge[:2]):
        same = [number for *_, number in group]
        for place, number in enumerate(same):
            if len(same) > 1:
                found[number // 3][number % 3] = same[place - 1 if place else 1] // 3
    return found


def _splats(
    stream: Stream,
    models: Iterator[Row],
    f: int,
    waves: list[range | Row],
    reference: Callable[..., int],
    degree: int,
) -> list[tuple[int, Row]]:
    """Shade and values of the splats of a chunk."""
    n = sum(map(len, waves))
    rows = [[0] * (14 + 3 * ((degree + 1) ** 2 - 1)) for _ in range(n)]

    def code(columns: Row, contexts: Row, steps: Row, largest: int) -> list[Row]:
        return _column(
            stream, next(models), columns, contexts, steps, largest, rows, waves,
            lambda row, column: reference(row, column, rows),
        )  # fmt: skip

    code([0], [0] * n, [1] * n, 12)
    shade = [-2 * f - 16 * row[0] for row in rows]
    usual = [_context(h) for h in shade]
    for axis, log in ((1, 88), (2, 88), (3, 106)):
        code([axis], usual, [_step(h + log, 128) for h in shade], 5120)
    code([4], usual, [_step(h + 96, 128) for h in shade], 4096)
    place, turn = [], []
    for h, row in zip(shade, rows, strict=True):
        w, v, u = sorted(row[1:4])
        place.append((u + v >> 5) + 138 + h)
        swing = 9 - min(11 * (u - v) + 5 * (v - w) >> 8, 96)
        roll = 17 - min(12 * (2 * v - u - w) >> 8, 48)
        turn.append(139 + min(h + min(swing, roll), 20))
    for first, logs, most, largest in ((5, place, 192, 262144), (8, turn, 159, 4096)):
        for column in range(first, first + 3):
            code([column], [_context(log) for log in logs], [_step(log, most) for log in logs], largest)
    color = [_step(h + 91, 160) for h in shade]
    away = code([11], usual, color, 65536)
    busy = [c + 4 * min(abs(d).bit_length(), 6) for c, (d,) in zip(usual, away, strict=True)]
    for column in (12, 13):
        code([column], busy, color, 65536)
    first = 14
    for band in range(1, degree + 1):
        for channel in range(3):
            columns = [first + 3 * k + channel for k in range(2 * band + 1)]
            code(columns, usual, [_step(h + 94, 160) for h in shade], 65536)
        first += 3 * (2 * band + 1)
    return list(zip(shade, rows, strict=True))


def _column(
    stream: Stream,
    model: Row,
    columns: Row,
    contexts: Row,
    steps: Row,
    largest: int,
    rows: list[Row],
    waves: list[range | Row],
    reference: Callable[[int, int], int],
) -> list[Row]:
    """The values of one model, put into `rows`; returns every d."""
    table, slope, centre, weight = model
    away: list[Row] = [[] for _ in rows]
    for wave in waves:
        d = iter(stream.wide(table, slope, [contexts[row] for row in wave for _ in columns]))
        for row in wave:
            away[row] = [next(d) for _ in columns]
        for row in wave:
            for column, one in zip(columns, away[row], strict=True):
                s = steps[row]
                e = ((weight * reference(row, column) >> 3) + centre + (s >> 1)) // s
                rows[row][column] = min(max((e + one) * s, -largest), largest)
    return away


def _step(x: int, most: int) -> int:
    y = min(max(x, 0), most)
    return _ROOTS[y % 16] * 2 ** (y >> 4) >> 16


def _context(x: int) -> int:
    return min(max(-x >> 3, -40), 60)


def forests(data: bytes, mesh: list[Face]) -> Iterator[Forest]:
    """The forest, one and the same, after every chunk of an avatar. mesh: its faces, from MESH."""
    head = next(json.loads(payload) for kind, _, payload in chunks_of(data) if kind == "HEAD")
    forest = Forest(mesh, head["sh_degree"])
    for kind, level, payload in chunks_of(data):
        if kind == "TREE":
            forest.take(level, payload)
        yield forest


def integers(forest: Forest) -> tuple[Row, list[bool], Row, list[Row], list[Row]]:
    """The numbers of the split faces, which faces are there, their shades and values, and the values of the splits; of
    what is not there all is 0."""
    columns = 14 + 3 * ((forest.degree + 1) ** 2 - 1)
    faces = [forest.faces[path] for path in forest.numbered()]
    return (
        [number for number, splat in enumerate(faces) if splat.split is not None],
        [splat.values is not None for splat in faces],
        [splat.shade for splat in faces],
        [splat.values or [0] * columns for splat in faces],
        [splat.split for splat in faces if splat.split is not None],
    )
