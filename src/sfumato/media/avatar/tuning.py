"""Meshes of tracked frames that follow the pictures: a tracker's small errors are taken back while an avatar is fitted.

Every frame moves in a few directions of its own: as a whole (three shifts, three turns), and by the shapes and joints
of its rig where it is known what these were told. The directions are those at the tracked pose; for the small ways that
tuning goes they need not follow.
"""

from __future__ import annotations

import numpy as np

from sfumato.media.avatar.forest import Floats, Ints
from sfumato.rig import Rig
from sfumato.sources.capture import Driving
from sfumato.splats import Float32Array

RATE = 0.02
"""Of a step, in the root mean square of what vertices move, as a share of the mean edge of the mesh: some tenths of a
pixel."""

_BETAS = (0.9, 0.99)
_NUDGE = 0.01  # of weights and radians, by which directions are measured
_LEAST = 1e-6  # metres or whatever the unit is: directions that move less are left out


class MeshTuning:
    """What was added to the meshes [T, V, 3] of some frames.

    rig, driving: what posed them, if known. faces: [F, 3].
    """

    def __init__(self, meshes: Float32Array, faces: Ints, rig: Rig | None, driving: Driving | None) -> None:
        self._meshes, self._rig, self._driving = meshes, rig, driving
        corner = meshes[0][faces]
        edge = float(np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=2).mean())
        self._unit = RATE * edge
        self._directions: dict[int, Float32Array] = {}
        count = 6 + (0 if rig is None or driving is None else len(rig.shape_names) + 3 * (len(rig.joint_names) - 1))
        self.moves, self.mean, self.power = (np.zeros((len(meshes), count), np.float32) for _ in range(3))
        self.steps = np.zeros(len(meshes), np.int64)

    def mesh(self, frame: int) -> Float32Array:
        """The mesh of a frame as it is now, [V, 3]."""
        if not self.steps[frame]:
            found: Float32Array = self._meshes[frame]
            return found
        moved: Float32Array = self._meshes[frame] + np.tensordot(self.moves[frame], self._ways(frame), 1)
        return moved

    def step(self, frame: int, slope: Floats, rate: float) -> None:
        """Move a frame's mesh down a slope [V, 3]. rate: factor on the step."""
        along = np.tensordot(self._ways(frame), slope, 2).astype(np.float32)
        self.steps[frame] += 1
        mean, power, steps = self.mean[frame], self.power[frame], int(self.steps[frame])
        mean += np.float32(1 - _BETAS[0]) * (along - mean)
        power += np.float32(1 - _BETAS[1]) * (along * along - power)
        size = np.sqrt(power / (1 - _BETAS[1] ** steps)) + 1e-15
        self.moves[frame] -= np.float32(rate / (1 - _BETAS[0] ** steps)) * mean / size

    def _ways(self, frame: int) -> Float32Array:
        """[P, V, 3], what a move of 1 adds: each of a root mean square of one step."""
        found = self._directions.get(frame)
        if found is None:
            mesh = self._meshes[frame].astype(np.float64)
            middle = mesh - mesh.mean(axis=0)
            ways: list[Floats] = [np.broadcast_to(axis, mesh.shape) for axis in np.eye(3)]
            ways += [np.cross(axis, middle) for axis in np.eye(3)]
            ways += self._of_rig(frame)
            size = np.array([np.sqrt(np.mean(np.sum(way * way, axis=1))) for way in ways])
            scale = np.where(size > _LEAST, self._unit / np.maximum(size, _LEAST), 0)
            found = self._directions[frame] = (np.stack(ways) * scale[:, None, None]).astype(np.float32)
        return found

    def _of_rig(self, frame: int) -> list[Floats]:
        if self._rig is None or self._driving is None:
            return []
        rig, told = self._rig, self._driving
        weights = {name: float(values[frame]) for name, values in told.weights.items()}
        turns = {name: values[frame].astype(np.float64) for name, values in told.rotations.items()}
        here = rig.pose(weights, turns, told.translation[frame]).astype(np.float64)
        ways: list[Floats] = []
        for name in rig.shape_names:
            nudged = weights | {name: weights.get(name, 0.0) + _NUDGE}
            ways.append((rig.pose(nudged, turns, told.translation[frame]) - here) / _NUDGE)
        for name in rig.joint_names[1:]:
            for axis in np.eye(3):
                nudge = turns | {name: turns.get(name, np.zeros(3)) + _NUDGE * axis}
                ways.append((rig.pose(weights, nudge, told.translation[frame]) - here) / _NUDGE)
        return ways
