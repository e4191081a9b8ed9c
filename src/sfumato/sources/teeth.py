"""Teeth for heads whose mesh has none: two arched strips of triangles in the opening behind the lips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Int32Array = NDArray[np.int32]

COLUMNS, LINES = 15, 4
"""Vertices of a row along the arch, and across it: gum in front, edge in front, edge behind, gum behind. Two rows make
168 triangles, as many as the teeth of GaussianAvatars (arXiv 2312.02069) have, so that counts compare."""

MAX_OPEN_EDGES = 10_000
"""Edges with one face; a head has some hundred, around its mouth, its neck and perhaps its eyes."""

# In half widths of the opening behind the lips, which is 27 mm on the average head of FLAME's topology: a row reaches
# 20 mm to each side and 19 mm back, is 3 mm thick, lies 1 mm behind the opening; the upper edge ends 0.5 mm below the
# middle of the opening, the lower one 0.5 mm above it, 0.5 mm behind the upper.
_REACH, _DEPTH, _THICKNESS, _BEHIND, _OVERLAP = 0.74, 0.70, 0.11, 0.04, 0.02
_BLUR = 0.3  # how far along the mouth a tooth looks for what moves it, in half widths


@dataclass(frozen=True)
class Teeth:
    """vertices: float32 [120, 3], the 60 of the upper row first. faces: int32 [168, 3] into them, outside in front.

    anchors: int32 [A], vertices of the head around its mouth. follow: float32 [120, A], how much each vertex of the
    teeth goes with each of them where the head changes its shape; rows sum to 1.
    """

    vertices: Float32Array
    faces: Int32Array
    anchors: Int32Array
    follow: Float32Array


def teeth_for(vertices: Float32Array, faces: Int32Array, jaw: Float32Array) -> Teeth | None:
    """Teeth for the neutral head [V, 3] with faces [F, 3] and the jaw's share of each vertex [V]; axes as in `Rig`.

    The mouth is the hole in the mesh that the jaw moves most of all. None if the jaw moves no hole (by 0.3 or more).
    """
    anchors = _mouth(len(vertices), faces, jaw)
    if anchors is None:
        return None
    ring = vertices[anchors].astype(np.float64)
    left, right = ring[:, 0].max(), ring[:, 0].min()
    centre, half = (left + right) / 2, (left - right) / 2
    upper = ring[:, 1] >= (ring[:, 1].max() + ring[:, 1].min()) / 2
    if not half > 0 or upper.all() or not upper.any():
        return None
    middle = np.abs(ring[:, 0] - centre) <= _BLUR * half
    top, bottom = (ring[middle & side] if (middle & side).any() else ring[side] for side in (upper, ~upper))
    rows = [_row(centre, half, top.mean(axis=0), bottom.mean(axis=0), is_upper) for is_upper in (True, False)]
    strip = _strip()
    triangles = np.concatenate([strip, strip[:, ::-1] + COLUMNS * LINES])
    follow = np.concatenate(
        [_follow(row, ring, side, half) for row, side in zip(rows, (upper, ~upper), strict=True)], dtype=np.float32
    )
    return Teeth(np.concatenate(rows).astype(np.float32), triangles.astype(np.int32), anchors, follow)


def _mouth(count: int, faces: Int32Array, jaw: Float32Array) -> Int32Array | None:
    """The vertices of the hole that the jaw moves most."""
    ends = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2).astype(np.int64)
    key = ends.min(axis=1) * count + ends.max(axis=1)
    edges, uses = np.unique(key, return_counts=True)
    open_edges = edges[uses == 1]
    if len(open_edges) > MAX_OPEN_EDGES:
        return None
    holes: dict[int, set[int]] = {}
    for a, b in zip((open_edges // count).tolist(), (open_edges % count).tolist(), strict=True):
        joined = holes.get(a, {a}) | holes.get(b, {b})
        for vertex in joined:
            holes[vertex] = joined
    best = max(holes.values(), key=lambda hole: float(jaw[list(hole)].max()), default=None)
    if best is None or jaw[list(best)].max() < 0.3:
        return None
    return np.array(sorted(best), np.int32)


def _row(
    centre: float, half: float, top: NDArray[np.float64], bottom: NDArray[np.float64], is_upper: bool
) -> NDArray[np.float64]:
    """The vertices of one row, [COLUMNS * LINES, 3], line by line from gum to gum."""
    along = np.sin(np.linspace(-np.pi / 2, np.pi / 2, COLUMNS))
    x = centre + _REACH * half * along
    front = top[2] - _BEHIND * half - _DEPTH * half * along**2
    thick, middle = _THICKNESS * half, (top[1] + bottom[1]) / 2
    if is_upper:
        gum, edge, gum_front = top[1], middle - _OVERLAP * half, front
    else:
        front = front - thick - _OVERLAP * half  # behind the upper row, where the two overlap
        gum, edge = bottom[1], middle + _OVERLAP * half
        gum_front = np.minimum(front, bottom[2] - _BEHIND * half - _DEPTH * half * along**2)
    lines = (gum, gum_front), (edge, front), (edge, front - thick), (gum, gum_front - 2 * thick)
    return np.concatenate([np.column_stack([x, np.full(COLUMNS, y), z]) for y, z in lines])


def _strip() -> NDArray[np.int64]:
    """The triangles between the lines of an upper row."""
    line, column = (axis.ravel() for axis in np.mgrid[: LINES - 1, : COLUMNS - 1])
    above = line * COLUMNS + column
    below = above + COLUMNS
    return np.concatenate(
        [np.column_stack([below, below + 1, above + 1]), np.column_stack([below, above + 1, above])]
    ).astype(np.int64)


def _follow(
    row: NDArray[np.float64], ring: NDArray[np.float64], side: NDArray[np.bool_], half: float
) -> NDArray[np.float64]:
    """How much each vertex of a row goes with each vertex of the ring: those of its side, the nearest in x most."""
    weight = np.exp(-np.square((row[:, None, 0] - ring[None, :, 0]) / (_BLUR * half))) * side
    weight += 1e-12 * side  # a ring with a gap as wide as the mouth still holds its teeth
    share: NDArray[np.float64] = weight / weight.sum(axis=1, keepdims=True)
    return share
