"""The frame of a face: where it is, how it is turned and how large it is. One convention for all levels.

A face (v0, v1, v2) has three axes: x along its first edge v1 - v0, y in its plane towards v2, z = x cross y along its
normal. Its place is its centroid, its scale the mean length of its edges. A split's children start with an edge of
their parent, so that x is well defined even where a child is a sliver; and unlike a height or an area the mean edge is
the same whichever vertex comes first, changes by at most what a vertex moves, and does not vanish before the face is a
point: a closing eyelid flattens faces but does not blow up what is bound to them.

Components come first in all arrays, [3, N]: numpy then works on long rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sfumato.media.avatar.forest import Bools, Floats, Ints, gathered

FLAT = 1e-5
"""A face whose first edge, or whose height above it, is at most this share of its mean edge has no normal that float32
could tell: the world's axes stand in, and its rotation has no gradient."""


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of N faces.

    axes: [3, 3, N], `axes[k]` is the k-th axis. quaternion: [4, N], w, x, y, z, of the rotation from the frame to the
    world. centroid: [3, N] and scale: [N], in the mesh's unit. The rest serves the gradient.
    """

    axes: Floats
    quaternion: Floats
    centroid: Floats
    scale: Floats
    edges: Floats  # [3, 3, N], v1 - v0, v2 - v0, v2 - v1
    lengths: Floats  # [3, N], of the edges
    reach: Floats  # [2, N], v2 - v0 along x and along y
    flat: Bools  # [N]

    @property
    def rotation(self) -> Floats:
        """[N, 3, 3], matrices whose columns are the axes."""
        return np.transpose(self.axes, (2, 1, 0))


def frames(vertices: Floats, faces: Ints) -> Frames:
    """The frames of faces [N, 3] with vertices [V, 3]."""
    corner = np.ascontiguousarray(vertices.T)[:, faces.T]  # [3 components, 3 corners, N]
    first, second = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    edges = np.stack([first, second, second - first])
    lengths = np.sqrt(np.sum(edges * edges, axis=1))
    scale = lengths.mean(axis=0)
    lost = lengths[0] <= FLAT * scale
    x = first / np.where(lost, 1, lengths[0])
    along = dot(x, second)
    rest = second - along * x
    rest -= dot(x, rest) * x  # once more: of a sliver little is left, and that not quite upright
    height = np.sqrt(dot(rest, rest))
    flat = lost | (height <= FLAT * scale)
    y = rest / np.where(flat, 1, height)
    if flat.any():
        x[:, lost] = np.array([[1.0], [0.0], [0.0]])
        y[:, flat] = _across(x[:, flat])
    axes = np.stack([x, y, cross(x, y)])
    return Frames(axes, _quaternions(axes), corner.mean(axis=1), scale, edges, lengths, np.stack([along, height]), flat)


def frames_gradient(
    made: Frames, faces: Ints, count: int, torque: Floats, d_centroid: Floats, d_scale: Floats
) -> Floats:
    """From gradients for frames to those for the vertices, [count, 3].

    torque: [3, N], the gradient for a small turn of each frame about the world's axes. d_centroid: [3, N].
    d_scale: [N].
    """
    _, y, z = made.axes
    length, (along, height) = np.where(made.flat, 1, made.lengths[0]), made.reach
    height = np.where(made.flat, 1, height)
    about = np.where(made.flat, 0, np.stack([dot(axis, torque) for axis in made.axes]))
    d_second = about[0] / height * z
    d_first = (about[2] * y - (about[1] + about[0] * along / height) * z) / length
    pull = made.edges * (d_scale / 3 / np.where(made.lengths > 0, made.lengths, 1))[:, None]
    d_first, d_second = d_first + pull[0] - pull[2], d_second + pull[1] + pull[2]
    d_corner = np.stack([-d_first - d_second, d_first, d_second]) + d_centroid / 3  # [3 corners, 3 components, N]
    return gathered(faces, np.transpose(d_corner, (2, 0, 1)), count)


def dot(a: Floats, b: Floats) -> Floats:
    """[N], products of vectors [k, N]."""
    found: Floats = np.einsum("kn,kn->n", a, b)
    return found


def cross(a: Floats, b: Floats) -> Floats:
    """[3, N], of vectors [3, N]."""
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def product(a: Floats, b: Floats) -> Floats:
    """[4, N], products of quaternions [4, N]: first the turn b, then a."""
    return np.stack(
        [
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        ]
    )


def conjugate(a: Floats) -> Floats:
    """[4, N], the turns back of unit quaternions [4, N]."""
    return np.stack([a[0], -a[1], -a[2], -a[3]])


def _across(x: Floats) -> Floats:
    """[3, N], some unit vectors across the unit vectors [3, N]."""
    away = np.zeros_like(x)
    away[np.abs(x).argmin(axis=0), np.arange(x.shape[1])] = 1
    found = cross(x, away)
    return found / np.sqrt(dot(found, found))


def _quaternions(axes: Floats) -> Floats:
    """[4, N] of orthonormal axes [3, 3, N].

    The products 4 q_i q_j of a quaternion's parts are sums of the axes' components; the row of the largest part is the
    quaternion times a factor that is not small.
    """
    (xx, yx, zx), (xy, yy, zy), (xz, yz, zz) = axes  # xy: the x component of the axis y
    squares = np.stack([1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz])
    wx, wy, wz = zy - yz, xz - zx, yx - xy
    vx, vy, vz = yx + xy, xz + zx, zy + yz  # 4 x y, 4 x z, 4 y z
    largest = squares.argmax(axis=0)
    rows = [(squares[0], wx, wy, wz), (wx, squares[1], vx, vy), (wy, vx, squares[2], vz), (wz, vy, vz, squares[3])]
    parts = np.stack([np.choose(largest, column) for column in zip(*rows, strict=True)])
    unit: Floats = parts / (2 * np.sqrt(squares.max(axis=0)))
    return unit
