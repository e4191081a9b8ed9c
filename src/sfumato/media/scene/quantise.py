"""3D splats as integers and back.

Every splat has a level: by how many octaves its steps are finer than usual, for a change of it shows more than one of
others. Splats that hardly any view sees cost few bits. The axes of a splat are sorted by length: the longest is coded
as a logarithm, the others as octaves by which they are shorter, in steps that grow, for what is thin already shows
little. Of the four rotations that then draw the same splat one is kept, as the direction of the longest axis and a roll
about it, which has coarser steps of its own.

What decides how many bits are read is integer arithmetic alone; the floats at the end are computed from final integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.reference3d import rotation_matrices
from sfumato.media.scene.merge import quaternions
from sfumato.media.scene.native_codec import native_codec
from sfumato.media.scene.packed import slices
from sfumato.splats import OPPONENT, SH_C0, Float32Array, Splats3D

Ints = NDArray[np.int64]
AnyInts = NDArray[np.signedinteger[Any]]
Floats = NDArray[np.float64]

OCTAVE = 16
"""Steps are reckoned in sixteenths of an octave."""

LENGTH = 256
"""Lengths and opacities are reckoned in so many parts of an octave."""

MAX_FINE = 16
"""Bits by which a coordinate can be finer than the grid."""

LEVEL_LIMIT = 12
"""Levels beyond, in either direction, count as this."""

LEVEL_SHARE = 0.45
"""Levels go with this power of the energy: 1/2 would suit the encoder's views best, less suits others better."""

# At quality 1 and level 0; tuned together on trained scenes (benchmarks/scene_explicit.py), so that a step of each
# attribute changes the pictures about as much as one of any other.
COLOR_STEP = 5 / 64
BAND_COARSER = 1.25  # harmonics of degree 1 to 3, beside degree 0
ROTATION_STEP = 1 / 10

# Logarithms in sixteenths of an octave; the limits are where a splat would begin to look different, not just moved.
LENGTH_STEP, LENGTH_LIMIT = 82, 128  # of parts of an octave
OPACITY_STEP, OPACITY_LIMIT = 95, 128
SECOND_STEP, SECOND_LIMIT = 79, 112
THIRD_STEP, THIRD_LIMIT = 123, 112
DIRECTION_STEP, DIRECTION_LIMIT = 9, 20
ROLL_STEP, ROLL_LIMIT = 17, 28
POSITION_STEP = -54  # in units of the root of the two longer axes

_GROWTH = 8  # x parts of an octave mean x + x^2 / 2^_GROWTH for a shorter axis
_LARGEST_GROWN = 1 << 12
_THINNEST = 10 * LENGTH  # an axis is at most so much shorter than the next
_DARKEST = 12 * LENGTH  # opacities below count as this

LARGEST_LOG = 60
"""Axes have 2^-60 to 2^60 world units, and so has a step of the grid."""

LARGEST_COLOR = 64
"""Colours and harmonics beyond are cut off, so that signed values hold them at the finest steps; 1 is full."""

# 2^(k / 16) with 16 bits behind the point.
ROOTS = np.array([round(2 ** (k / OCTAVE) * 65536) for k in range(OCTAVE)], np.int64)


@dataclass(frozen=True)
class Quantiser:
    """The steps of a chunk.

    fineness: steps are 2^(-fineness / 8) of those at quality 1, -127..127.
    exponent: log2 of the position grid's step in world units.
    """

    fineness: int
    exponent: int


@dataclass(frozen=True)
class QuantisedSplats:
    """The integers of splats, int64.

    cell: [n, 3] in the scene's grid. level: [n]. scale: [n, 3] the longest axis, and by how much the second is shorter
    than the first and the third than the second. opacity: [n] steps below 1. rotation: [n, 3] direction of the
    longest axis, then the roll. color: [n, 3]. fine: [n, 3] position within the cell; how many bits it has follows
    from level and scale.
    """

    cell: Ints
    level: Ints
    scale: Ints
    opacity: Ints
    rotation: Ints
    color: Ints
    fine: Ints

    def __len__(self) -> int:
        return len(self.cell)

    def __getitem__(self, index: NDArray[np.intp]) -> QuantisedSplats:
        return QuantisedSplats(*(getattr(self, field.name)[index] for field in fields(self)))


def step_log(level: Ints, fineness: int) -> Ints:
    """log2 of the colour step in units of COLOR_STEP, in sixteenths of an octave, [n]; the other steps follow it."""
    log: Ints = -2 * fineness - OCTAVE * np.clip(level, -LEVEL_LIMIT, LEVEL_LIMIT)
    return log


def step_context(log: Ints) -> Ints:
    """Half octaves by which a step is finer than usual, within what tables can follow, from its log2 in sixteenths."""
    context: Ints = np.clip(-log >> 3, -40, 60)
    return context


def length_step(log: Ints, limit: int) -> Ints:
    """2^(log / 16) parts of an octave, log at most `limit`, as an integer, at least 1, [n]."""
    limited = np.clip(log, 0, limit)
    step: Ints = ROOTS[limited & OCTAVE - 1] << (limited >> 4) >> 16
    return step


def scale_steps(shade: Ints) -> tuple[Ints, Ints, Ints]:
    """The steps of the three scales in parts of an octave, [n] each. shade: `step_log`."""
    return (
        length_step(shade + LENGTH_STEP, LENGTH_LIMIT),
        length_step(shade + SECOND_STEP, SECOND_LIMIT),
        length_step(shade + THIRD_STEP, THIRD_LIMIT),
    )


def opacity_step(shade: Ints) -> Ints:
    """The step of log2 of opacity in parts of an octave, [n]. shade: `step_log`."""
    return length_step(shade + OPACITY_STEP, OPACITY_LIMIT)


def lengths(scale: Ints, shade: Ints) -> tuple[Ints, Ints, Ints]:
    """Of every splat log2 of its longest axis, how much shorter the second is and how much the third is than that.

    In parts of an octave, [n] each; the last two are at least 0.
    """
    first, second, third = scale_steps(shade)
    longest: Ints = np.clip(scale[:, 0] * first, -LARGEST_LOG * LENGTH, LARGEST_LOG * LENGTH)
    return longest, _grown(scale[:, 1] * second), _grown(scale[:, 2] * third)


def _grown(even: Ints) -> Ints:
    short = np.clip(even, 0, _LARGEST_GROWN)
    grown: Ints = np.minimum(short + (short * short >> _GROWTH), _THINNEST)
    return grown


def _even(grown: Floats) -> Floats:
    """The inverse of `_grown`, for what is at most _THINNEST."""
    half = float(1 << _GROWTH - 1)
    even: Floats = half * (np.sqrt(1 + 2 * np.minimum(grown, _THINNEST) / half) - 1)
    return even


def rotation_logs(shade: Ints, second: Ints, third: Ints) -> tuple[Ints, Ints]:
    """log2 of the steps of direction and roll in units of ROTATION_STEP, in sixteenths of an octave, [n] each.

    second, third: see `lengths`.
    """
    direction = shade + DIRECTION_STEP - np.minimum((11 * second + 5 * third) >> 8, 96)
    roll = shade + ROLL_STEP + np.clip(12 * (second - third) >> 8, -48, 64)
    return np.minimum(direction, DIRECTION_LIMIT), np.minimum(roll, ROLL_LIMIT)


def position_log(longest: Ints, second: Ints, shade: Ints) -> Ints:
    """log2 of the position step in world units, in sixteenths of an octave, [n]. longest, second: see `lengths`."""
    log: Ints = (longest - (second >> 1) >> 4) + POSITION_STEP + shade
    return log


def fine_bits(scale: Ints, shade: Ints, quantiser: Quantiser) -> Ints:
    """Bits by which each splat's position is finer than the grid, [n]. shade: `step_log`."""
    longest, second, _ = lengths(scale, shade)
    wanted = position_log(longest, second, shade) + OCTAVE // 2 >> 4
    bits: Ints = np.clip(quantiser.exponent - wanted, 0, MAX_FINE)
    return bits


def quantise(splats: Splats3D, level: Ints, quantiser: Quantiser, origin: Floats, size: Ints) -> QuantisedSplats:
    """The nearest integers; positions outside the grid of `size` [3] cells at `origin` [3] move to its edge.

    level: [n], see the module.
    """
    shade = step_log(level, quantiser.fineness)
    order, scale, opacity = _sizes(splats, shade)
    step = _rotation_steps(scale, shade)
    rotation = np.rint(_direction_and_roll(_sorted_axes(splats.rotation.astype(np.float64), order)) / step)
    seen = np.clip(splats.sh[:, 0].astype(np.float64) * SH_C0 + 0.5, -LARGEST_COLOR, LARGEST_COLOR)
    color = np.rint(seen @ OPPONENT.T / _color_step(shade)).astype(np.int64)
    bits = fine_bits(scale, shade, quantiser)[:, None]
    place = (splats.mean.astype(np.float64) - origin) * 2.0 ** (bits - quantiser.exponent)
    at = np.clip(np.floor(place).astype(np.int64), 0, (size << bits) - 1)
    return QuantisedSplats(at >> bits, level, scale, opacity, rotation.astype(np.int64), color, at & ((1 << bits) - 1))


def _sizes(splats: Splats3D, shade: Ints) -> tuple[NDArray[np.intp], Ints, Ints]:
    """The order of each splat's axes [n, 3], its scales [n, 3] and opacity [n] as integers."""
    order = np.argsort(-splats.scale, axis=1, kind="stable")
    logs = np.log2(np.take_along_axis(splats.scale, order, axis=1).astype(np.float64)) * LENGTH
    first, second, third = scale_steps(shade)
    longest = np.rint(logs[:, 0] / first)
    middle = np.rint(_even(logs[:, 0] - logs[:, 1]) / second)
    least = np.rint(_even(logs[:, 1] - logs[:, 2]) / third)
    dark = -LENGTH * np.log2(np.clip(splats.opacity.astype(np.float64), 2.0 ** (-_DARKEST / LENGTH), 1))
    opacity = np.rint(dark / opacity_step(shade)).astype(np.int64)
    return order, np.stack([longest, middle, least], axis=1).astype(np.int64), opacity


def _rotation_steps(scale: Ints, shade: Ints) -> Floats:
    """The steps of direction (twice) and roll, [n, 3]."""
    _, second, third = lengths(scale, shade)
    direction, roll = rotation_logs(shade, second, third)
    steps: Floats = ROTATION_STEP * np.exp2(np.stack([direction, direction, roll], axis=1) / OCTAVE)
    return steps


def _color_step(shade: Ints) -> Floats:
    """The colour step, [n, 1]."""
    step: Floats = COLOR_STEP * np.exp2(shade / OCTAVE)[:, None]
    return step


def quantise_band(sh: Floats, level: Ints, quantiser: Quantiser) -> Ints:
    """Integers of the harmonics [n, k, 3] of one band of splats of these levels [n]."""
    step = BAND_COARSER * _color_step(step_log(level, quantiser.fineness))[:, None]
    seen = np.clip(sh * SH_C0, -LARGEST_COLOR, LARGEST_COLOR)
    found: Ints = np.rint(seen @ OPPONENT.T / step).astype(np.int64)
    return found


def dequantise_band(values: AnyInts, level: AnyInts, quantiser: Quantiser) -> Float32Array:
    """The harmonics [n, k, 3] of one band that integers stand for."""
    compiled = native_codec()
    if compiled is not None:
        return compiled.dequantise_band(values, level, quantiser.fineness)
    return dequantise_band_reference(values, level, quantiser).astype(np.float32)


def dequantise_band_reference(values: AnyInts, level: AnyInts, quantiser: Quantiser) -> Floats:
    """The law of `dequantise_band`."""
    step = BAND_COARSER * _color_step(step_log(level.astype(np.int64), quantiser.fineness))[:, None]
    sh: Floats = (values * step) @ OPPONENT / SH_C0
    return sh


def dequantise(q: QuantisedSplats, quantiser: Quantiser, origin: Floats, *, coarse: bool = False) -> Splats3D:
    """The splats that the integers stand for, with colours of degree 0.

    q: in integers of any size. coarse: positions are cells of the grid alone.
    """
    columns = tuple(getattr(q, field.name) for field in fields(q))
    compiled = native_codec()
    if compiled is not None:
        return compiled.dequantise(columns, quantiser.fineness, quantiser.exponent, origin, coarse=coarse)
    wide = QuantisedSplats(*(column.astype(np.int64) for column in columns))
    return dequantise_reference(wide, quantiser, origin, coarse=coarse)


def dequantise_reference(q: QuantisedSplats, quantiser: Quantiser, origin: Floats, *, coarse: bool = False) -> Splats3D:
    """The law of `dequantise`; int64 alone."""
    shade = step_log(q.level, quantiser.fineness)
    bits = 0 * q.cell[:, :1] if coarse else fine_bits(q.scale, shade, quantiser)[:, None]
    mean = origin + ((q.cell << bits) + q.fine + 0.5) * 2.0 ** (quantiser.exponent - bits)
    rotation = _turned(q.rotation * _rotation_steps(q.scale, shade))
    longest, second, third = lengths(q.scale, shade)
    logs = np.stack([longest, longest - second, longest - second - third], axis=1) / LENGTH
    opacity = np.exp2(-np.clip(q.opacity * opacity_step(shade), 0, _DARKEST) / LENGTH)
    color = (q.color * _color_step(shade)) @ OPPONENT
    return Splats3D(
        mean.astype(np.float32),
        rotation.astype(np.float32),
        np.exp2(np.maximum(logs, -LARGEST_LOG)).astype(np.float32),
        opacity.astype(np.float32),
        ((color - 0.5) / SH_C0).astype(np.float32)[:, None],
    )


def _sorted_axes(rotation: Floats, order: NDArray[np.intp]) -> Floats:
    """Quaternions [n, 4] of the same splats with their axes taken in `order` [n, 3]."""
    matrix = np.take_along_axis(rotation_matrices(rotation), order[:, None, :], axis=2)
    matrix[:, :, 2] *= np.sign(np.linalg.det(matrix))[:, None]  # an odd order mirrors: turn one axis round
    return quaternions(matrix)


def _direction_and_roll(rotation: Floats) -> Floats:
    """What is kept of quaternions [n, 4]: y, z of a turn (w, 0, y, z) that follows a roll (w, x, 0, 0), and that x.

    Half turns about its own axes do not change a splat, so that the first turn is at most a right angle and the roll
    half of one in either direction: no number is above 1/sqrt(2) in magnitude.
    """
    w, x, y, z = rotation.T
    far = w * w + x * x < 0.5
    w, x, y, z = (np.where(far, b, a) for a, b in ((w, -y), (x, -z), (y, w), (z, x)))  # times j
    rolled = np.abs(x) > np.abs(w)
    w, x, y, z = (np.where(rolled, b, a) for a, b in ((w, -x), (x, w), (y, z), (z, -y)))  # times i
    length = np.sqrt(w * w + x * x)
    w, x = w / length, x / length
    return np.stack([y * w - z * x, z * w + y * x, np.where(w < 0, -x, x)], axis=1)


def _turned(found: Floats) -> Floats:
    """The quaternions [n, 4] of a direction and a roll [n, 3]; what lies outside the ball is taken to its edge."""
    y, z, roll = found.T
    length = y * y + z * z
    shorter = 1 / np.sqrt(np.maximum(length, 1))
    y, z, w = y * shorter, z * shorter, np.sqrt(np.maximum(1 - length, 0))
    x = np.clip(roll, -1, 1)
    upright = np.sqrt(1 - x * x)
    return np.stack([w * upright, w * x, y * upright + z * x, z * upright - y * x], axis=1)


@dataclass(frozen=True)
class Slopes:
    """Squared derivatives of pictures, summed over all pixels and channels, float64.

    mean, rotation: [n], summed over their numbers, too. scale: [n, 3], by the natural logarithm. opacity: [n].
    """

    mean: Floats
    rotation: Floats
    scale: Floats
    opacity: Floats

    def __getitem__(self, rows: slice) -> Slopes:
        return Slopes(self.mean[rows], self.rotation[rows], self.scale[rows], self.opacity[rows])


def disturbance(splats: Splats3D, slopes: Slopes) -> Floats:
    """How much steps of level 0 in everything but colour change the pictures [n]: a sum of squares."""
    order = np.argsort(-splats.scale, axis=1, kind="stable")
    logs = np.log2(np.take_along_axis(splats.scale, order, axis=1).astype(np.float64)) * LENGTH
    shorter = -np.diff(logs, axis=1)
    longest, second, third = (part.astype(np.int64) for part in (logs[:, 0], *shorter.T))
    fine = np.full(len(splats), -4 * OCTAVE)  # where no step is at its limit
    position = np.exp2((position_log(longest, second, fine) - fine) / OCTAVE)
    turn = ROTATION_STEP * np.exp2((rotation_logs(fine, second, third)[0] - fine) / OCTAVE)
    size, thinner, darker = (np.log(2) / LENGTH * 2 ** (x / OCTAVE) for x in (LENGTH_STEP, SECOND_STEP, OPACITY_STEP))
    along = np.take_along_axis(slopes.scale, order, axis=1)
    found: Floats = (
        slopes.mean * position**2
        + slopes.rotation * 0.75 * turn**2  # four numbers of three degrees of freedom
        + along.sum(axis=1) * size**2
        + along[:, 1] * thinner**2 * (1 + shorter[:, 0] / 2 ** (_GROWTH - 2))
        + slopes.opacity * (splats.opacity * darker) ** 2
    )
    return found


def levels(energy: Floats, usual: float) -> Ints:
    """The levels of splats [n] from how much equal steps of theirs change the pictures, and how much is usual."""
    found = np.rint(LEVEL_SHARE * np.log2(energy / usual)).astype(np.int64)
    limited: Ints = np.clip(found, -LEVEL_LIMIT, LEVEL_LIMIT)
    return limited


def grid_exponent(splats: Splats3D, level: Ints, fineness: int) -> int:
    """The grid at which about one splat in ten would like its position coarser still."""
    if not len(splats):
        return 0
    wanted = []
    for rows in slices(len(splats)):
        shade = step_log(level[rows], fineness)
        longest, second, _ = lengths(_sizes(splats[rows], shade)[1], shade)
        wanted.append(position_log(longest, second, shade).astype(np.int32))
    return math.floor(float(np.quantile(np.concatenate(wanted), 0.9)) / OCTAVE)
