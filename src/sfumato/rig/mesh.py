"""Whether the faces of a mesh can carry anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.rig.checks import listed


@dataclass(frozen=True, eq=False)
class MeshFaults:
    """What is wrong with a mesh, by number of the face, counted from 0; false if nothing is.

    degenerate: int32, faces that use a vertex twice or have no area. non_manifold: int32, faces at an edge that has
    more than two faces, or two that do not agree which side is out.
    """

    degenerate: NDArray[np.int32]
    non_manifold: NDArray[np.int32]

    def __bool__(self) -> bool:
        return bool(len(self.degenerate) or len(self.non_manifold))

    def __str__(self) -> str:
        """The faults in words, such as "face 7 is degenerate" or "faces 3, 4 and 9 meet at a non-manifold edge"."""
        words = []
        for faces, one, many in (
            (self.degenerate, "is degenerate", "are degenerate"),
            (self.non_manifold, "lies at a non-manifold edge", "lie at non-manifold edges"),
        ):
            if len(faces):
                words.append(f"face{'s' * (len(faces) > 1)} {listed(faces)} {many if len(faces) > 1 else one}")
        return "; ".join(words) or "no faults"


def check_mesh(vertices: ArrayLike, faces: ArrayLike) -> MeshFaults:
    """Look for faces of a mesh on which nothing can be bound: vertices [V, 3] in metres and faces [F, 3] into them."""
    corner = np.asarray(vertices, np.float64)[np.asarray(faces)]
    edges = np.roll(corner, -1, axis=1) - corner
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    flat = area <= 1e-7 * np.square(edges).sum(axis=2).max(axis=1)  # what float32 places leave of a straight line
    ends = np.stack([np.asarray(faces), np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2).astype(np.int64)
    size = len(np.asarray(vertices))
    directed, both_ways = ends[:, 0] * size + ends[:, 1], ends.min(axis=1) * size + ends.max(axis=1)
    bad = np.zeros(len(ends), bool)
    for key, most in ((directed, 1), (both_ways, 2)):
        _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
        bad |= counts[inverse] > most
    return MeshFaults(
        np.flatnonzero(flat).astype(np.int32),
        np.flatnonzero(bad.reshape(-1, 3).any(axis=1) & ~flat).astype(np.int32),
    )
