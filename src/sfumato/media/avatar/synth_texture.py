"""Paint on a mesh as a grid of texels on every face, finer than a pixel, so that it need be worked out only once.

A face with n steps has (n+1)(n+2)/2 texels at barycentric weights ((n-i-j)/n, i/n, j/n). Neighbouring faces have texels
at the same points of their shared edge's ends, and paint is a function of the point, so that no seam shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.media.avatar.synth_skin import Float64Array

Int64Array = NDArray[np.int64]

_AT_ONCE = 1 << 17  # texels painted at once: noise needs some 20 arrays of them


@dataclass(frozen=True)
class Texture:
    """The texels of all faces, one after another.

    steps: int64 [F], along the faces' edges. first: int64 [F], the faces' first texels. texels: float32 [N, C].
    """

    steps: Int64Array
    first: Int64Array
    texels: NDArray[np.float32]

    def sample(self, face: NDArray[np.int32], barycentric: NDArray[np.float32]) -> NDArray[np.float32]:
        """The paint [P, C] at barycentric weights [P, 3] of faces [P], linear between texels."""
        steps = self.steps[face]
        across, along = (barycentric[:, k].clip(0, 1) * steps for k in (1, 2))
        i = np.minimum(across.astype(np.int64), steps - 1)
        j = np.minimum(along.astype(np.int64), steps - 1 - i)
        u, v = (across - i).clip(0, 1), (along - j).clip(0, 1)
        far = (u + v > 1) & (i + j < steps - 1)  # in the upper of a cell's two triangles
        u, v = np.where(far, 1 - v, u), np.where(far, 1 - u, v)
        over = np.maximum(u + v, 1)  # rounding past the face's edge
        u, v = (u / over).astype(np.float32), (v / over).astype(np.float32)
        start = self.first[face]
        corner = _index(steps, i + far, j + far)
        right = _index(steps, i + 1, j)
        up = _index(steps, i, j + 1)
        # Mirroring the far triangle at the cell's diagonal swaps nothing: (i+1, j) and (i, j+1) belong to both.
        base = self.texels[start + corner]
        across_cell, along_cell = self.texels[start + right] - base, self.texels[start + up] - base
        paint: NDArray[np.float32] = base + u[:, None] * across_cell + v[:, None] * along_cell
        return paint


def bake(
    vertices: Float64Array, faces: Int64Array, spacing: float, paint: Callable[[Float64Array, Int64Array], Float64Array]
) -> Texture:
    """The texture of a mesh with texels about `spacing` apart.

    paint: gives the paint [N, C] of points [N, 3] on faces [N].
    """
    corners = vertices[faces]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = 0.5 * np.linalg.norm(np.cross(a, b), axis=1)
    steps = np.ceil(np.sqrt(2.3 * area) / spacing).astype(np.int64).clip(1, 512)
    count = (steps + 1) * (steps + 2) // 2
    first = np.cumsum(count) - count
    parts, start = [], 0
    while start < len(faces):
        end = max(start + 1, int(np.searchsorted(first, first[start] + _AT_ONCE)))
        face = np.repeat(np.arange(start, end), count[start:end])
        i, j = _grid(steps[face], np.arange(len(face)) - (first[face] - first[start]))
        u, v = (i / steps[face])[:, None], (j / steps[face])[:, None]
        points = corners[face, 0] + u * a[face] + v * b[face]
        parts.append(paint(points, face).astype(np.float32))
        start = end
    return Texture(steps, first, np.concatenate(parts))


def _index(steps: Int64Array, i: Int64Array, j: Int64Array) -> Int64Array:
    """The number of texel (i, j) in its face: rows of i, each shorter by one than the one before."""
    number: Int64Array = i * (2 * steps + 3 - i) // 2 + j
    return number


def _grid(steps: Int64Array, number: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The inverse of `_index`."""
    width = 2 * steps + 3
    i = ((width - np.sqrt(np.maximum(width**2 - 8.0 * number, 0))) / 2).astype(np.int64)
    i = np.where(_index(steps, i + 1, np.zeros_like(i)) <= number, i + 1, i)
    i = np.where(_index(steps, i, np.zeros_like(i)) > number, i - 1, i)
    return i, number - _index(steps, i, np.zeros_like(i))
