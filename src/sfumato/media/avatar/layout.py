"""What HEAD says of an avatar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sfumato.errors import ChunkError, LimitError
from sfumato.media.avatar.forest import Floats
from sfumato.media.avatar.known import MAX_SPLATS
from sfumato.media.avatar.rig_header import MAX_FACES, MAX_VERTICES

MESH, SHAPES, TREE = "MESH", "SHAP", "TREE"
"""The kinds of chunks: the neutral mesh and what moves it, shapes of the rig, splats of the forest."""

MAX_DEPTH = 16
"""Levels of a forest that a reader takes; published avatars have 4."""

FARTHEST = 2.0**40
"""World units from 0 to a corner of the neutral's box, at most: what is farther is damage."""

Corner = tuple[float, float, float]


@dataclass(frozen=True)
class Layout:
    """What HEAD says of an avatar.

    faces, vertices: of the template. splats: of the whole avatar, at least one for each face. max_depth: levels of the
    forest, at most. sh_degree: of the harmonics, 0..3. bounds: the lowest and the highest corner of a box around the
    neutral mesh, world units. background: sRGB in 0..1, on which the avatar was learned.
    """

    faces: int
    vertices: int
    splats: int
    max_depth: int
    sh_degree: int
    bounds: tuple[Corner, Corner]
    background: Corner = (1.0, 1.0, 1.0)

    def fields(self) -> dict[str, Any]:
        """The members of HEAD."""
        return {
            "faces": self.faces,
            "vertices": self.vertices,
            "splats": self.splats,
            "max_depth": self.max_depth,
            "sh_degree": self.sh_degree,
            "bounds": [list(corner) for corner in self.bounds],
            "background": list(self.background),
        }

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Layout:
        """The layout in HEAD. Raises ChunkError for what cannot be, LimitError for more than a reader takes."""
        faces, vertices, splats, depth, degree = (
            _whole(fields, name) for name in ("faces", "vertices", "splats", "max_depth", "sh_degree")
        )
        if splats > MAX_SPLATS:
            raise LimitError(f"HEAD declares {splats:,} splats; an avatar has {MAX_SPLATS:,} at most")
        if vertices > MAX_VERTICES or faces > MAX_FACES:
            raise LimitError(
                f"HEAD declares a mesh of {vertices:,} vertices and {faces:,} faces; the caps are {MAX_VERTICES:,} and "
                f"{MAX_FACES:,}"
            )
        if not (1 <= faces <= splats and vertices >= 3):
            raise ChunkError(
                f"HEAD declares {splats:,} splats on {faces:,} faces with {vertices:,} vertices, which cannot be"
            )
        if not 1 <= depth <= MAX_DEPTH:
            raise LimitError(f"HEAD declares a forest of {depth:,} levels; 1 to {MAX_DEPTH} are allowed")
        if degree > 3:
            raise ChunkError(f"HEAD declares harmonics of degree {degree:,}; 0 to 3 exist")
        bounds = fields.get("bounds")
        if not isinstance(bounds, list) or len(bounds) != 2:
            raise ChunkError("HEAD gives no bounds: the lowest and the highest corner")
        low, high = (_numbers(corner, "bounds", -FARTHEST, FARTHEST) for corner in bounds)
        if any(a > b for a, b in zip(low, high, strict=True)):
            raise ChunkError("HEAD gives bounds that end before they begin")
        background = _numbers(fields.get("background"), "background", 0, 1)
        return cls(faces, vertices, splats, depth, degree, (low, high), background)


def bounds_of(vertices: Floats) -> tuple[Corner, Corner]:
    """The lowest and the highest corner of the box around vertices [V, 3]."""
    low, high = (np.asarray(end, np.float64).tolist() for end in (vertices.min(axis=0), vertices.max(axis=0)))
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def _whole(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or value < 0:
        raise ChunkError(f"HEAD gives no {name}, a whole number")
    return value


def _numbers(values: object, name: str, least: float, most: float) -> Corner:
    """Three numbers of `least`..`most`."""
    if (
        not isinstance(values, list)
        or len(values) != 3
        or not all(type(value) in (int, float) and least <= value <= most for value in values)
    ):
        raise ChunkError(f"HEAD gives no {name} of numbers from {least:g} to {most:g}")
    return float(values[0]), float(values[1]), float(values[2])
