"""Rotations and what they do to the joints of a rig."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64Array = NDArray[np.float64]


def axis_angle(*, yaw_degrees: float = 0.0, pitch_degrees: float = 0.0, roll_degrees: float = 0.0) -> Float64Array:
    """The rotation, axis-angle in radians [3], of a head that looks left (yaw), then down (pitch), then tilts (roll).

    Yaw turns about y, pitch about the head's own x and roll about the head's own z (see `Rig` for the axes).
    """
    turns = np.radians([[0, yaw_degrees, 0], [pitch_degrees, 0, 0], [0, 0, roll_degrees]])
    matrix = np.linalg.multi_dot(list(rotation_matrices(turns)))
    axis = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    size = np.linalg.norm(axis)
    angle = np.arctan2(size, np.trace(matrix) - 1)
    if size > 1e-9:
        return np.asarray(axis * angle / size)
    return np.asarray(np.linalg.svd(matrix - np.eye(3))[2][-1] * angle)  # half a turn, or none at all


def rotation_matrices(turns: ArrayLike) -> Float64Array:
    """Rotation matrices [..., 3, 3] of axis-angles in radians [..., 3] (Rodrigues); exactly 1 where they are 0."""
    turns = np.asarray(turns, np.float64)
    angle = np.linalg.norm(turns, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(turns, -1, 0)
    none = np.zeros_like(x)
    cross = np.stack([none, -z, y, z, none, -x, -y, x, none], axis=-1).reshape(*turns.shape, 3)
    first, second = np.sinc(angle / np.pi), np.square(np.sinc(angle / (2 * np.pi))) / 2  # sin a / a, (1 - cos a) / a^2
    return np.asarray(np.eye(3) + first * cross + second * (cross @ cross))


def joint_transforms(parents: NDArray[np.int32], joints: Float64Array, matrices: Float64Array) -> Float64Array:
    """What the joints do to points of the mesh at rest, [J, 3, 4]."""
    result = np.empty((len(parents), 3, 4))
    for j, parent in enumerate(parents):
        own = np.column_stack([matrices[j], joints[j] - matrices[j] @ joints[j]])  # about its place
        if parent >= 0:
            above = result[parent]
            own = above[:, :3] @ own
            own[:, 3] += above[:, 3]
        result[j] = own
    return result
