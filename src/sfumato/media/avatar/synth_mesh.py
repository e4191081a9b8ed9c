"""The procedural head as one triangle mesh: skin with slits for mouth and eyes, mouth cavity, eyeballs, teeth, ears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sfumato.media.avatar.synth_parts import ear, eyeball, teeth, tongue
from sfumato.media.avatar.synth_skin import (
    BOTTOM,
    CHIN,
    CROWN,
    EYE,
    EYE_HALF_WIDTH,
    EYEBALL_RADIUS,
    MOUTH,
    MOUTH_HALF_WIDTH,
    Float64Array,
    Lids,
    skin,
)

Int64Array = NDArray[np.int64]


class Part(IntEnum):
    """What a face of the mesh belongs to."""

    SKIN = 0
    MOUTH = 1
    LEFT_EYE = 2
    RIGHT_EYE = 3
    UPPER_TEETH = 4
    LOWER_TEETH = 5
    TONGUE = 6
    EAR = 7
    LID_RIM = 8


@dataclass(frozen=True)
class Head:
    """The head at rest and what is needed to move it.

    faces: int64 [F, 3]. part: int64 [F], see `Part`. vertex_part: int64 [V], the part of the vertices.
    phi: [V], the skin's angle around the vertical axis, 0 beside the skin. side: [V], +1 for the edges of upper lip and
        lids and what is above the eyes, else -1; 0 beside the skin.
    leader: int64 [V], the vertex on a slit's edge that a vertex behind it moves with, elsewhere the vertex itself.
    share: [V], how much of its leader's motion a vertex makes, 0..1.
    place: gives the vertices [V, 3] with the lids of the left and the right eye at given heights.
    """

    faces: Int64Array
    part: Int64Array
    vertex_part: Int64Array
    phi: Float64Array
    side: Float64Array
    leader: Int64Array
    share: Float64Array
    place: Callable[[Lids, Lids], Float64Array]

    @property
    def rest(self) -> Float64Array:
        """The vertices [V, 3] at rest."""
        return self.place(Lids(), Lids())


def build_head(faces: int) -> Head:
    """The head with about so many faces (2,000 to 40,000)."""
    fine = np.sqrt((faces - 1_000) / 12_960)  # as counted; the smallest eyes, teeth and ears have some 1,000
    rows, mouth_row, eye_row = _rows(fine)
    columns, corners = _columns(fine)
    grid = _Grid(rows, columns)
    mouth = grid.slit(mouth_row, -corners[1], corners[1])
    eyes = [grid.slit(eye_row, low, high) for low, high in ((corners[0], corners[2]), (-corners[2], -corners[0]))]
    parts = _Assembly(grid)
    cavity = parts.add_tube(mouth, _CAVITY, Part.MOUTH)
    rims = [parts.add_tube(eye, _RIM, Part.LID_RIM) for eye in eyes]
    detail = max(fine, 0.35)
    centre = EYE - [0, 0, 0.0016 * max(1 - fine, 0)]  # closed lids of few faces are flat, and would cut the ball
    for part, (points, triangles) in (
        (Part.LEFT_EYE, eyeball(detail, centre, EYEBALL_RADIUS)),
        (Part.RIGHT_EYE, eyeball(detail, centre * [-1, 1, 1], EYEBALL_RADIUS)),
        (Part.UPPER_TEETH, teeth(detail, upper=True)),
        (Part.LOWER_TEETH, teeth(detail, upper=False)),
        (Part.TONGUE, tongue(detail)),
        (Part.EAR, ear(detail, 1.0)),
        (Part.EAR, ear(detail, -1.0)),
    ):
        parts.add_solid(points, triangles, part)
    return parts.head(cavity, rims)


# The cavity behind the lips: rings of (depth, rise away from the middle, narrowing, share of the lips' motion).
_CAVITY = (
    (0.0030, 0.0004, 0.00, 1.0),
    (0.0055, 0.0040, 0.02, 0.8),
    (0.0065, 0.0110, 0.02, 0.5),
    (0.0220, 0.0125, 0.05, 0.2),
    (0.0480, 0.0090, 0.45, 0.0),
)
_RIM = ((0.0, 0.0, 0.0, 1.0),)


def _rows(fine: float) -> tuple[Float64Array, int, int]:
    """Heights from the crown (without it) to the bottom of the neck, and the rows of mouth and eyes."""
    counts = [
        max(least, round(n * fine)) for n, least in ((17, 2), (12, 5), (9, 5), (13, 2), (8, 2), (9, 2))
    ]  # lids bend
    top = CROWN * np.sin(np.linspace(np.pi / 2, np.arcsin(0.048 / CROWN), counts[0] + 1))[1:]
    top = 0.048 + (top - 0.048) * 0.999
    stops = [0.048, EYE[1], -0.024, MOUTH, CHIN, BOTTOM]
    heights = [top]
    for start, stop, count in zip(stops[:-1], stops[1:], counts[1:], strict=True):
        heights.append(np.linspace(start, stop, count + 1)[1:])
    ends = np.cumsum(counts) - 1
    return np.concatenate(heights), int(ends[3]), int(ends[1])


def _columns(fine: float) -> tuple[Float64Array, tuple[int, int, int]]:
    """Angles of the columns in (-pi, pi], and the numbers of those at the corners of eye, mouth, eye from the middle.

    Column 0 is the midline of the face, negative numbers lie on the person's right.
    """
    eye_width, mouth_width = 0.0738, 0.0625
    knots = [
        0.0,
        np.arcsin((EYE[0] - EYE_HALF_WIDTH) / eye_width),
        np.arcsin(MOUTH_HALF_WIDTH / mouth_width),
        np.arcsin((EYE[0] + EYE_HALF_WIDTH) / eye_width),
        1.45,
        np.pi,
    ]
    counts = [max(least, round(n * fine)) for n, least in ((6, 2), (6, 3), (7, 3), (10, 2), (11, 2))]
    half = np.concatenate([np.linspace(a, b, n + 1)[1:] for a, b, n in zip(knots[:-1], knots[1:], counts, strict=True)])
    ends = np.cumsum(counts)
    angles = np.concatenate([[0.0], half, -half[-2::-1]])  # column k and column -k mirror each other
    return angles, (int(ends[0]), int(ends[1]), int(ends[2]))


@dataclass(frozen=True)
class Slit:
    """The edges of a slit: vertices from one corner to the other along its upper and its lower edge, both [n]."""

    upper: Int64Array
    lower: Int64Array


class _Grid:
    """The skin's vertices in rows from the crown down; columns close around the head."""

    def __init__(self, rows: Float64Array, columns: Float64Array) -> None:
        self.height, self.width = len(rows), len(columns)
        self.phi = np.concatenate([[0.0], np.tile(columns, self.height)])
        self.h = np.concatenate([[CROWN], np.repeat(rows, self.width)])
        numbers = 1 + np.arange(self.height * self.width).reshape(self.height, self.width)
        self._as_seen_from_above, self._as_seen_from_below = numbers, numbers.copy()
        self.side = np.zeros(len(self.phi))
        self._rows = rows

    def slit(self, row: int, first: int, last: int) -> Slit:
        """Cut the skin along a row between two columns (which may be negative)."""
        inside = np.arange(first + 1, last) % self.width
        copies = len(self.phi) + np.arange(len(inside))
        upper = self._as_seen_from_above[row, inside]
        self._as_seen_from_below[row, inside] = copies
        self.phi = np.append(self.phi, self.phi[upper])
        self.h = np.append(self.h, self.h[upper])
        self.side = np.append(self.side, np.full(len(inside), -1.0))
        self.side[upper] = 1.0
        ends = self._as_seen_from_above[row, [first % self.width, last % self.width]]
        return Slit(np.r_[ends[0], upper, ends[1]], np.r_[ends[0], copies, ends[1]])

    def sides(self) -> Float64Array:
        """The side of every vertex: that of the slits for their edges, elsewhere whether it is above the eyes' row."""
        return np.where(self.side != 0, self.side, np.where(self.h > EYE[1], 1.0, -1.0))

    def faces(self) -> Int64Array:
        """Triangles [F, 3], counterclockwise from outside."""
        top = self._as_seen_from_below[:-1]
        low = self._as_seen_from_above[1:]
        a, b = top, np.roll(top, -1, axis=1)
        c, d = low, np.roll(low, -1, axis=1)
        crown = self._as_seen_from_above[0]
        fan = np.stack([np.zeros_like(crown), crown, np.roll(crown, -1)], axis=1)
        # Diagonals mirror each other on the two halves of the head.
        left = (np.arange(self.width) < (self.width + 1) // 2)[None, :, None, None]
        falling = np.stack([np.stack([a, c, d], -1), np.stack([a, d, b], -1)], axis=2)
        rising = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], axis=2)
        return np.concatenate([fan, np.where(left, falling, rising).reshape(-1, 3)])


class _Assembly:
    """The vertices and faces of all parts, one after another."""

    def __init__(self, grid: _Grid) -> None:
        self._grid = grid
        self._faces = [grid.faces()]
        self._part = [np.full(len(self._faces[0]), Part.SKIN)]
        self._vertex_part = [np.full(len(grid.phi), Part.SKIN)]
        self._leader = [np.arange(len(grid.phi))]
        self._share = [np.ones(len(grid.phi))]
        self._solid: list[Float64Array] = []
        self._count = len(grid.phi)

    def add_tube(self, slit: Slit, rings: tuple[tuple[float, float, float, float], ...], part: Part) -> _Tube:
        """A tube of one ring of vertices after another behind a slit; its vertices stay to be placed."""
        n = len(slit.upper)
        loop = np.r_[slit.upper, slit.lower[-2:0:-1]]
        faces, ring = [], loop
        for _ in rings:
            after = self._count + np.arange(len(loop))
            faces += [_strip(ring, after)]
            self._count += len(loop)
            ring = after
        if len(rings) > 1:  # close the end between its upper and its lower edge
            upper, lower = ring[:n], np.r_[ring[0], ring[n:][::-1], ring[n - 1]]
            quads = _strip(upper, lower, closed=False)
            faces.append(quads[[len(set(face)) == 3 for face in quads.tolist()]])
        self._append(np.concatenate(faces), len(loop) * len(rings), part)
        self._leader.append(np.tile(loop, len(rings)))
        self._share.append(np.repeat([ring[3] for ring in rings], len(loop)))
        return _Tube(loop, np.r_[0.0, np.ones(n - 2), 0.0, -np.ones(n - 2)], rings)

    def add_solid(self, points: Float64Array, faces: Int64Array, part: Part) -> None:
        """A part that stands by itself."""
        self._append(faces + self._count, len(points), part)
        self._leader.append(self._count + np.arange(len(points)))
        self._share.append(np.ones(len(points)))
        self._solid.append(points)
        self._count += len(points)

    def head(self, cavity: _Tube, rims: list[_Tube]) -> Head:
        """Everything together."""
        grid, sides, solid = self._grid, self._grid.sides(), np.concatenate(self._solid)

        def place(left: Lids, right: Lids) -> Float64Array:
            outside = skin(grid.phi, grid.h, sides, left, right)
            behind = [_lid_rim(outside[rim.loop]) for rim in rims]
            return np.concatenate([outside, _cavity_points(outside[cavity.loop], cavity), *behind, solid])

        faces, part, vertex_part, leader, share = map(
            np.concatenate, (self._faces, self._part, self._vertex_part, self._leader, self._share)
        )
        phi, side = np.zeros((2, self._count))
        phi[: len(sides)], side[: len(sides)] = grid.phi, sides
        return Head(faces, part, vertex_part, phi, side, leader, share, place)

    def _append(self, faces: Int64Array, vertices: int, part: Part) -> None:
        self._faces.append(faces)
        self._part.append(np.full(len(faces), part))
        self._vertex_part.append(np.full(vertices, part))


@dataclass(frozen=True)
class _Tube:
    loop: Int64Array  # the slit's vertices, around
    sides: Float64Array  # of those: +1 above, -1 below, 0 at the corners
    rings: tuple[tuple[float, float, float, float], ...]


def _strip(a: Int64Array, b: Int64Array, closed: bool = True) -> Int64Array:
    """Triangles between two rows of vertices."""
    a1, b1 = np.roll(a, -1), np.roll(b, -1)
    quads = np.stack([np.stack([a, b, b1], -1), np.stack([a, b1, a1], -1)], axis=1)
    return (quads if closed else quads[:-1]).reshape(-1, 3)


def _cavity_points(edge: Float64Array, tube: _Tube) -> Float64Array:
    rings = []
    for depth, rise, narrowing, _ in tube.rings:
        x = edge[:, 0] * (1 - narrowing)
        middle = 1 - (edge[:, 0] / (1.2 * MOUTH_HALF_WIDTH)) ** 2
        rings.append(np.stack([x, edge[:, 1] + tube.sides * rise * middle, edge[:, 2] - depth], axis=1))
    return np.concatenate(rings)


def _lid_rim(edge: Float64Array) -> Float64Array:
    """Where a lid's edge meets the eyeball: straight behind it, a little inside the ball."""
    centre = EYE * [np.sign(edge[:, 0].mean()), 1, 1]
    away = edge - centre
    inside: Float64Array = centre + away * (EYEBALL_RADIUS - 0.0006) / np.linalg.norm(away, axis=1, keepdims=True)
    return inside
