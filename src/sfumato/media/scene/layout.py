"""How a scene is laid out: its grid, its boxes and the groups of boxes that chunks belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sfumato.coding.boxes import LARGEST_SIDE_3D
from sfumato.coding.halving import Boxes, halvings
from sfumato.errors import ChunkError, LimitError
from sfumato.media.scene.codec import OFFSET_BITS
from sfumato.media.scene.quantise import LARGEST_LOG, Floats, Ints
from sfumato.splats import Splats3D

MAX_SPLATS = 20_000_000

LARGEST_PLACE = 2.0**100
"""World units from 0 to the grid's origin along an axis, at most: float32 holds every place in the grid."""

COARSE_LEAF, NODE_LEAF = 300, 32
"""Splats that a node of level 0 and one of level 1 stands for, at most."""

GROUP_SPLATS = 12_000
"""Splats of a group: its chunks are what a viewer fetches at once."""


@dataclass(frozen=True)
class Layout:
    """What HEAD says of a scene.

    origin: corner of the grid in world units, [3]. exponent: log2 of its step. size: its cells along x, y and z.
    splats: of the whole scene. leaves: splats that nodes of level 0 and 1 stand for, at most.
    group: splats of a group, about. portions: chunks that a group's splats are dealt into, 1 or 2.
    sh_degree: of the harmonics, 0..3. antialiased: trained with the low-pass filter of Mip-Splatting.
    """

    origin: tuple[float, float, float]
    exponent: int
    size: tuple[int, int, int]
    splats: int
    leaves: tuple[int, int] = (COARSE_LEAF, NODE_LEAF)
    group: int = GROUP_SPLATS
    portions: int = 2
    sh_degree: int = 0
    antialiased: bool = False

    def fields(self) -> dict[str, Any]:
        """The members of HEAD."""
        return {
            "origin": list(self.origin),
            "exponent": self.exponent,
            "size": list(self.size),
            "splats": self.splats,
            "leaves": list(self.leaves),
            "group": self.group,
            "portions": self.portions,
            "sh_degree": self.sh_degree,
            "antialiased": self.antialiased,
        }

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Layout:
        """The layout in HEAD. Raises ChunkError for what cannot be, LimitError for more than a reader takes."""
        origin = _numbers(fields, "origin", 3, float)
        size, leaves = _numbers(fields, "size", 3, int), _numbers(fields, "leaves", 2, int)
        names = ("exponent", "splats", "group", "portions", "sh_degree")
        exponent, splats, group, portions, degree = (
            _numbers({name: [fields.get(name)]}, name, 1, int)[0] for name in names
        )
        if not 1 <= splats <= MAX_SPLATS:
            raise LimitError(f"HEAD declares {splats:,} splats; a scene has 1 to {MAX_SPLATS:,}")
        if not all(1 <= side <= LARGEST_SIDE_3D for side in size):
            raise LimitError(f"HEAD declares a grid of {size} cells; a side has 1 to {LARGEST_SIDE_3D:,}")
        if not (abs(exponent) <= LARGEST_LOG and 1 <= leaves[1] <= leaves[0] and group >= 1):
            raise ChunkError("HEAD declares a grid or boxes that cannot be")
        if not all(abs(place) <= LARGEST_PLACE for place in origin):
            raise ChunkError("HEAD declares an origin that no splat can have")
        if portions not in (1, 2) or not 0 <= degree <= 3:
            raise ChunkError(
                f"HEAD declares {portions} portions and harmonics of degree {degree}; 1 or 2 and 0 to 3 exist"
            )
        place = (origin[0], origin[1], origin[2]), exponent, (size[0], size[1], size[2])
        antialiased = fields.get("antialiased") is True
        return cls(*place, splats, (leaves[0], leaves[1]), group, portions, degree, antialiased)

    @property
    def bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The lowest and the highest corner of the grid in world units."""
        far = (start + cells * 2.0**self.exponent for start, cells in zip(self.origin, self.size, strict=True))
        return self.origin, tuple(far)

    def groups(self, boxes: Boxes) -> Ints:
        """The group of every box of level 0, [n]: runs of about `group` splats, counted from 0."""
        before = np.cumsum(boxes.count) - boxes.count
        found: Ints = np.unique(before // self.group, return_inverse=True)[1].astype(np.int64)
        return found

    def sides(self, boxes: Boxes) -> Ints:
        """Cells along each side of every box, [n, 3]."""
        sides: Ints = np.int64(1) << halvings(self.size, LARGEST_SIDE_3D).bits[boxes.depth]
        return sides

    def node_cells(self, boxes: Boxes, offset: Ints) -> Ints:
        """The cell in which each node lies, [n, 3]."""
        inside = (2 * offset + 1) * self.sides(boxes) >> OFFSET_BITS + 1
        cells: Ints = np.minimum(boxes.corner + inside, np.array(self.size) - 1)
        return cells

    def offsets(self, boxes: Boxes, mean: Floats) -> Ints:
        """The nearest offsets for nodes at `mean` [n, 3] in world units."""
        cells = (mean - np.array(self.origin)) * 2.0**-self.exponent - boxes.corner
        steps = 1 << OFFSET_BITS
        offsets: Ints = np.clip(np.floor(cells * steps / self.sides(boxes)), 0, steps - 1).astype(np.int64)
        return offsets


def holds(splats: Splats3D) -> bool:
    """Whether a scene of `splats` (at least one) can be laid out: their places, and the usual lengths of their axes."""
    usual = float(np.median(splats.scale.max(axis=1)))
    return float(np.abs(splats.mean).max()) <= LARGEST_PLACE and 2.0**-LARGEST_LOG <= usual <= 2.0**LARGEST_LOG


def _numbers(fields: Mapping[str, Any], name: str, count: int, kind: type) -> list[Any]:
    values = fields.get(name)
    allowed = (int, float) if kind is float else (int,)
    if not isinstance(values, list) or len(values) != count or any(type(value) not in allowed for value in values):
        raise ChunkError(f"HEAD gives no {name} of {count} numbers")
    return values
