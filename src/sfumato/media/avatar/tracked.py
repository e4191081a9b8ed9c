"""A rig for captures that have none: the motion of the tracked meshes themselves.

Every frame is a rigid motion of the head and what is left of it, of which the principal components become shapes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.errors import SettingsError
from sfumato.rig import Rig, rotation_matrices

Float64Array = NDArray[np.float64]
Float32Array = NDArray[np.float32]

_ROUNDS = 6  # of aligning all frames with their mean: on moving faces it changes by less than 0.01 mm after that
_MOST_FRAMES = 512  # from which components are found, evenly spread; all frames are described by them
_NOTHING = 1e-6  # of the mesh's size: components that move no vertex further are left out


class Tracked(NamedTuple):
    """rig.pose(weights, {"root": rotations}, translation) is what was tracked, as far as the components reach.

    weights: float32 [T, K]. rotations: axis-angle in radians, float32 [T, 3]. translation: float32 [T, 3].
    """

    rig: Rig
    weights: Float32Array
    rotations: Float32Array
    translation: Float32Array


def rig_of_frames(vertices: ArrayLike, faces: ArrayLike, components: int = 16) -> Tracked:
    """The rig that tracked meshes [T, V, 3] with faces [F, 3] need, and how it moves in every frame.

    Vertices that move with the head alone decide what its rigid motion is. The neutral is the frame that is nearest to
    the mean, with the head as it is held there; shapes are named `tracked 01` and so on, at most `components` of them,
    those that move most first; a weight of 1 is the furthest that one goes in these frames.

    Raises: SettingsError for anything that is not such a mesh, or not finite.
    """
    frames = np.asarray(vertices, np.float32)
    if frames.ndim != 3 or frames.shape[2] != 3 or not frames.size or not np.isfinite(frames).all():
        raise SettingsError(f"tracked meshes must be finite numbers [T, V, 3]; got {list(frames.shape)}")
    if components < 0:
        raise SettingsError(f"a rig has 0 components or more, not {components}")
    some = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), _MOST_FRAMES)).round().astype(int))
    mean, trust = _mean_of(frames[some])
    turns, shifts = _align(mean, frames, trust)
    rest = np.stack([_aligned(frames[t], turns[t], shifts[t]) for t in some])
    nearest = int(np.square(rest - mean).sum(axis=(1, 2)).argmin())
    neutral = rest[nearest]
    shapes = _components((rest - neutral).reshape(len(some), -1), components)
    # Components are at right angles and of length 1: a frame's weights are its projections.
    weights = np.stack(
        [
            shapes @ (_aligned(frame, turn, shift) - neutral).ravel()
            for frame, turn, shift in zip(frames, turns, shifts, strict=True)
        ]
    )
    most = np.abs(weights).max(axis=0, initial=0)
    moving = most * np.abs(shapes).max(axis=1, initial=0) > _NOTHING * np.ptp(neutral, axis=0).max()
    most, shapes, weights = most[moving], shapes[moving], weights[:, moving]
    middle = neutral.mean(axis=0)
    moved = shifts + np.einsum("tij,j->ti", rotation_matrices(turns), middle) - middle  # the joint lies in the middle
    rig = Rig.rigid(
        neutral,
        faces,
        joints=middle[None],
        shape_names=tuple(f"tracked {k + 1:02d}" for k in range(len(shapes))),
        shapes=(shapes * most[:, None]).reshape(len(shapes), *neutral.shape),
    )
    scaled = weights / most
    return Tracked(rig, scaled.astype(np.float32), turns.astype(np.float32), moved.astype(np.float32))


def _mean_of(frames: Float32Array) -> tuple[Float64Array, Float64Array]:
    """The mean mesh [V, 3] of aligned frames [T, V, 3], in the place of the first, and the trust in each vertex [V]."""
    mean, trust = frames[0].astype(np.float64), np.ones(frames.shape[1])
    least = (_NOTHING * max(float(np.ptp(mean, axis=0).max()), _NOTHING)) ** 2
    for _ in range(_ROUNDS):
        turns, shifts = _align(mean, frames, trust)
        rest = np.stack([_aligned(*one) for one in zip(frames, turns, shifts, strict=True)])
        mean = rest.mean(axis=0)
        strays = np.square(rest - mean).sum(axis=2).mean(axis=0)
        trust = 1 / (strays + 0.01 * strays.mean() + least)
    turns, shifts = _align(mean, frames[:1], trust)
    return mean @ rotation_matrices(turns[0]).T + shifts[0], trust


def _align(mean: Float64Array, frames: Float32Array, trust: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Turns (axis-angle [T, 3]) and shifts [T, 3] that bring the mean [V, 3] nearest to every frame.

    After B. K. P. Horn, "Closed-form solution of absolute orientation using unit quaternions", JOSA A 4(4), 1987.
    """
    share = trust / trust.sum()
    centre = share @ mean
    turns, shifts = np.empty((len(frames), 3)), np.empty((len(frames), 3))
    for t, frame in enumerate(frames):
        there = share @ frame.astype(np.float64)
        m = ((mean - centre) * share[:, None]).T @ (frame - there)
        skew = np.array([m[1, 2] - m[2, 1], m[2, 0] - m[0, 2], m[0, 1] - m[1, 0]])
        form = np.empty((4, 4))
        form[0, 0], form[0, 1:], form[1:, 0] = np.trace(m), skew, skew
        form[1:, 1:] = m + m.T - np.trace(m) * np.eye(3)
        quaternion = np.linalg.eigh(form)[1][:, -1]
        quaternion *= 1 if quaternion[0] >= 0 else -1
        length = np.linalg.norm(quaternion[1:])
        angle = 2 * np.arctan2(length, quaternion[0])
        turns[t] = quaternion[1:] * (angle / length if length > 1e-12 else 2.0)
        shifts[t] = there - rotation_matrices(turns[t]) @ centre
    return turns, shifts


def _aligned(frame: Float32Array, turn: Float64Array, shift: Float64Array) -> Float64Array:
    """A frame [V, 3] brought back to where the mean is."""
    back: Float64Array = (frame - shift) @ rotation_matrices(turn)
    return back


def _components(moves: Float64Array, most: int) -> Float64Array:
    """The principal components [K, 3 V] of moves [T, 3 V], of length 1, largest first."""
    values, vectors = np.linalg.eigh(moves @ moves.T)
    there = np.flatnonzero(values > 1e-12 * max(float(values[-1]), np.finfo(np.float64).tiny))[::-1][:most]
    found: Float64Array = (vectors[:, there] / np.sqrt(values[there])).T @ moves
    return found
