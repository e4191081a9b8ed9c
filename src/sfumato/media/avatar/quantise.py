"""The splats of an avatar as integers and back.

A face's integers are one row of a matrix, a split's another; what stands in which column is said below. Every column
has a fixed unit, every value is a whole number of steps, and a step is a whole number of units: what the integers stand
for in units decides all steps, contexts and predictions, and is the same on every machine.

As in a scene, every splat has a level, by how many octaves its steps are finer than usual, for a change of it shows
more than one of others. Offsets have steps in proportion to the splat's size, rotations finer ones the longer and
thinner it is. Patches have the steps of the splat that they change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.media.avatar.forest import Floats
from sfumato.media.avatar.model import FACE_FIELDS, SPLIT_FIELDS, Avatar, Parameters
from sfumato.media.scene.quantise import (
    DIRECTION_LIMIT,
    DIRECTION_STEP,
    LENGTH,
    LEVEL_LIMIT,
    OCTAVE,
    POSITION_STEP,
    ROLL_STEP,
    length_step,
    levels,
    step_log,
)
from sfumato.splats import OPPONENT, SH_C0, SH_COEFFICIENTS

Ints = NDArray[np.int64]

# Columns of a face: its level, natural logarithms of the axes, opacity, place in its frame, x, y and z of the rotation,
# opponent colours; then three for each further harmonic.
LEVEL, SCALE, OPACITY = slice(0, 1), slice(1, 4), slice(4, 5)
OFFSET, ROTATION, COLOR = slice(5, 8), slice(8, 11), slice(11, 14)
BANDS = 14

# Columns of a split: the first two logits of its point, less the third; what is added to the parent.
POINT, PATCH_OPACITY, PATCH_SCALE, PATCH_COLOR = slice(0, 2), slice(2, 3), slice(3, 6), slice(6, 9)
SPLIT_COLUMNS = 9

# Units: axes in 1/LENGTH of an octave, the others in these parts of one.
LOGIT, PLACE, TURN, SHADE = 256, 4096, 4096, 1024

# The largest values, in units: axes of 2^-20 to 2^20 of the frame's scale, logits of 16, offsets of 64 times the
# frame's scale, whole turns, colours of 64.
SCALE_MOST, LOGIT_MOST, PLACE_MOST, TURN_MOST, SHADE_MOST = 20 * LENGTH, 16 * LOGIT, 64 * PLACE, TURN, 64 * SHADE

# Usual steps, log2 in sixteenths of an octave, in units: 0.18 of an octave (0.38 for the third axis, mostly the thin
# one), 1/4 of an opacity's logit, 1/20 of a point's, 1/20 of a colour, 1/17 of a harmonic's. They were moved from those
# of a scene towards where, in pictures of 20,000 splats on a sphere with random attributes, an error of one step costs
# about as much in each column: that gained 2 dB at 10 bytes a splat. Offsets and rotations have a scene's steps. The
# limits are where a splat would begin to look different.
LENGTH_LOG, THIRD_LOG, LENGTH_LIMIT = 88, 106, 128
OPACITY_LOG, OPACITY_LIMIT = 96, 128
POINT_LOG, POINT_LIMIT = 58, 96
COLOR_LOG, BAND_LOG, COLOR_LIMIT = 91, 94, 160
_PLACE_LOG, _PLACE_LIMIT = 12 * OCTAVE + POSITION_STEP, 12 * OCTAVE
_TURN_LOG = 139  # of a tenth


def face_columns(sh_degree: int) -> int:
    """How many integers a face has."""
    return BANDS + 3 * (SH_COEFFICIENTS[sh_degree] - 1)


def face_limits(columns: int) -> Ints:
    """[columns], the largest magnitude of every column of a face, in units."""
    found = np.full(columns, SHADE_MOST, np.int64)
    for which, most in (
        (LEVEL, LEVEL_LIMIT),
        (SCALE, SCALE_MOST),
        (OPACITY, LOGIT_MOST),
        (OFFSET, PLACE_MOST),
        (ROTATION, TURN_MOST),
    ):
        found[which] = most
    return found


SPLIT_LIMITS: Ints = np.array([LOGIT_MOST] * 3 + [SCALE_MOST] * 3 + [SHADE_MOST] * 3, np.int64)
"""The largest magnitude of every column of a split, in units."""


@dataclass(frozen=True)
class FaceSteps:
    """Steps of the splats of n faces.

    steps: [n, columns], in units. place, turn: [n], log2 of those of offset and rotation, in sixteenths of an octave.
    """

    steps: Ints
    place: Ints
    turn: Ints


def face_steps(shade: Ints, scale: Ints, columns: int) -> FaceSteps:
    """The steps of splats with shades [n] and axes [n, 3] in units. The axes' own steps do not depend on the axes."""
    steps = np.empty((len(shade), columns), np.int64)
    shortest, middle, longest = np.sort(scale, axis=1).T
    second, third = longest - middle, middle - shortest
    place = ((longest + middle >> 1) >> 4) + _PLACE_LOG + shade
    swing = DIRECTION_STEP - np.minimum(11 * second + 5 * third >> 8, 96)
    roll = ROLL_STEP - np.minimum(12 * (third - second) >> 8, 48)
    turn = _TURN_LOG + np.minimum(shade + np.minimum(swing, roll), DIRECTION_LIMIT)
    steps[:, LEVEL] = 1
    steps[:, SCALE] = length_step(shade + LENGTH_LOG, LENGTH_LIMIT)[:, None]
    steps[:, SCALE.stop - 1] = length_step(shade + THIRD_LOG, LENGTH_LIMIT)
    steps[:, OPACITY] = length_step(shade + OPACITY_LOG, OPACITY_LIMIT)[:, None]
    steps[:, OFFSET] = length_step(place, _PLACE_LIMIT)[:, None]
    steps[:, ROTATION] = length_step(turn, _TURN_LOG + DIRECTION_LIMIT)[:, None]
    steps[:, COLOR] = length_step(shade + COLOR_LOG, COLOR_LIMIT)[:, None]
    steps[:, BANDS:] = length_step(shade + BAND_LOG, COLOR_LIMIT)[:, None]
    return FaceSteps(steps, place, turn)


def split_steps(shade: Ints) -> Ints:
    """[n, 9], the steps of splits in units. shade: [n], of the splats on the faces that are split."""
    steps = np.empty((len(shade), SPLIT_COLUMNS), np.int64)
    steps[:, POINT] = length_step(shade + POINT_LOG, POINT_LIMIT)[:, None]
    steps[:, PATCH_OPACITY] = length_step(shade + OPACITY_LOG, OPACITY_LIMIT)[:, None]
    steps[:, PATCH_SCALE] = length_step(shade + LENGTH_LOG, LENGTH_LIMIT)[:, None]
    steps[:, PATCH_COLOR] = length_step(shade + COLOR_LOG, COLOR_LIMIT)[:, None]
    return steps


def face_levels(worth: Floats) -> Ints:
    """[N], the level of each splat from what it is worth (`growth.worth`); the usual splat has level 0."""
    floor = max(float(worth.max(initial=0)) * 1e-6, 1e-12)
    energy = np.maximum(worth.astype(np.float64), floor)
    return levels(energy, float(np.exp(np.log(energy).mean())))


def quantise_faces(parameters: Parameters, level: Ints, fineness: int) -> Ints:
    """[N, columns], the nearest integers of every face. level: [N], see the module."""
    values = _face_values(parameters)
    columns = values.shape[1]
    limits = face_limits(columns)
    values = np.clip(values, -limits, limits)
    found = np.empty(values.shape, np.int64)
    found[:, LEVEL] = np.clip(level, -LEVEL_LIMIT, LEVEL_LIMIT)[:, None]
    shade = step_log(found[:, 0], fineness)
    step = face_steps(shade, np.zeros((len(level), 3), np.int64), columns).steps[:, SCALE]
    found[:, SCALE] = np.rint(values[:, SCALE] / step)
    scale = np.clip(found[:, SCALE] * step, -SCALE_MOST, SCALE_MOST)
    steps = face_steps(shade, scale, columns).steps
    found[:, SCALE.stop :] = np.rint(values[:, SCALE.stop :] / steps[:, SCALE.stop :])
    return found


def quantise_splits(parameters: Parameters, shade: Ints) -> Ints:
    """[S, 9], the nearest integers of every split. shade: [S], of the splats on the faces that are split."""
    point = parameters.point.astype(np.float64)
    values = np.concatenate(
        [
            (point[:, :2] - point[:, 2:]) * LOGIT,
            parameters.patch_opacity.astype(np.float64)[:, None] * LOGIT,
            parameters.patch_log_scale.astype(np.float64) * (LENGTH / np.log(2)),
            parameters.patch_color.astype(np.float64) * SH_C0 @ OPPONENT.T * SHADE,
        ],
        axis=1,
    )
    found: Ints = np.rint(np.clip(values, -SPLIT_LIMITS, SPLIT_LIMITS) / split_steps(shade)).astype(np.int64)
    return found


def dequantise(faces: Ints, splits: Ints) -> Parameters:
    """What integers in units stand for, faces [N, columns] and splits [S, 9], as float32."""
    face, split = faces.astype(np.float64), splits.astype(np.float64)
    turn = face[:, ROTATION] / TURN
    upright = np.sqrt(np.maximum(1 - np.sum(turn * turn, axis=1, keepdims=True), 0))
    colors = face[:, COLOR.start :].reshape(len(face), -1, 3) / SHADE @ OPPONENT
    colors[:, 0] -= 0.5
    point = np.pad(split[:, POINT] / LOGIT, ((0, 0), (0, 1)))
    values = (
        face[:, OFFSET] / PLACE,
        np.concatenate([upright, turn], axis=1),
        face[:, SCALE] * (np.log(2) / LENGTH),
        face[:, OPACITY.start] / LOGIT,
        colors / SH_C0,
        point - point.mean(axis=1, keepdims=True),
        split[:, PATCH_OPACITY.start] / LOGIT,
        split[:, PATCH_SCALE] * (np.log(2) / LENGTH),
        split[:, PATCH_COLOR] / SHADE @ OPPONENT / SH_C0,
    )
    names = FACE_FIELDS + SPLIT_FIELDS
    return Parameters(**{name: value.astype(np.float32) for name, value in zip(names, values, strict=True)})


def rounded(avatar: Avatar, level: Ints, fineness: int) -> Avatar:
    """The avatar as it is decoded from its integers."""
    faces = quantise_faces(avatar.parameters, level, fineness)
    shade = step_log(faces[:, 0], fineness)
    scale = faces[:, SCALE] * face_steps(shade, np.zeros((len(faces), 3), np.int64), faces.shape[1]).steps[:, SCALE]
    steps = face_steps(shade, np.clip(scale, -SCALE_MOST, SCALE_MOST), faces.shape[1]).steps
    limits = face_limits(faces.shape[1])
    shades = shade[avatar.forest.is_split]
    splits = quantise_splits(avatar.parameters, shades) * split_steps(shades)
    units = np.clip(faces * steps, -limits, limits), np.clip(splits, -SPLIT_LIMITS, SPLIT_LIMITS)
    return Avatar(avatar.forest, dequantise(*units))


def _face_values(parameters: Parameters) -> Floats:
    """[N, columns], in units, not yet whole; the levels are left 0."""
    seen = parameters.sh.astype(np.float64) * SH_C0
    seen[:, 0] += 0.5
    n = len(seen)
    return np.concatenate(
        [
            np.zeros((n, 1)),
            parameters.log_scale.astype(np.float64) * (LENGTH / np.log(2)),
            parameters.opacity.astype(np.float64)[:, None] * LOGIT,
            parameters.offset.astype(np.float64) * PLACE,
            _upright(parameters.rotation.astype(np.float64)) * TURN,
            (seen @ OPPONENT.T * SHADE).reshape(n, -1),
        ],
        axis=1,
    )


def _upright(rotation: Floats) -> Floats:
    """[N, 3], x, y and z of quaternions [N, 4] with w >= 1/2 that draw the same splats.

    Half turns about its own axes do not change a splat and make any part of the quaternion, here the largest, its w.
    """
    w, x, y, z = rotation.T / np.linalg.norm(rotation, axis=1)
    largest = np.abs([w, x, y, z]).argmax(axis=0)
    turned = [(w, x, y, z), (-x, w, z, -y), (-y, -z, w, x), (-z, y, -x, w)]  # times 1, i, j, k
    w, x, y, z = (np.choose(largest, part) for part in zip(*turned, strict=True))
    found: Floats = (np.stack([x, y, z]) * np.where(w < 0, -1, 1)).T
    return found
