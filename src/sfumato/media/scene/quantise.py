"""3D splats as integers and back.

The axes of a splat are sorted by length, and of the four rotations that then draw the same splat the one nearest to
none is kept, so that a rotation is the vector part of a quaternion with w >= 1/2. Steps follow what shows: the
position's is proportional to the splat's middle axis, the rotation's is finer for long splats, and those of rotation,
colour and position shrink with the splat's mass, its opacity times the root of its area. A decoder knows scales and
opacity before it reads the rest.

What decides how many bits are read is integer arithmetic alone; the floats at the end are computed from final integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sfumato.media.scene.merge import matrices, quaternions
from sfumato.splats import SH_C0, Splats3D

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

OCTAVE = 16
"""Scales, masses and steps are reckoned in sixteenths of an octave."""

MAX_FINE = 8
"""Bits by which a coordinate can be finer than the grid."""

_MASS_LIMIT = 4 * OCTAVE
_LENGTH_LIMIT = 6 * OCTAVE
_THINNEST = 10 * OCTAVE  # an axis is at most so much shorter than the longest

# At quality 1; tuned together on trained scenes (benchmarks/scene_explicit.py).
SCALE_STEP = 4  # sixteenths of an octave
OPACITY_LEVELS = 48
COLOR_STEP = 1 / 30
BAND_COARSER = 1.5  # harmonics of degree 1 to 3, beside degree 0
ROTATION_STEP = 1 / 10
POSITION_STEP = -38  # log2 in units of the middle axis, in sixteenths of an octave
MASS_SHARE = 8  # sixteenths: steps go with mass to the power -1/2

LARGEST_COLOR = 64
"""Colours and harmonics beyond are cut off, so that signed values hold them at the finest steps; 1 is full."""

_OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float64)
_OPPONENT /= np.linalg.norm(_OPPONENT, axis=1, keepdims=True)


@dataclass(frozen=True)
class Quantiser:
    """The steps of a chunk.

    fineness: the steps of position, rotation and colour are 2^(-fineness / 8) of those at quality 1, -127..127.
    scale_step: of log2 of a scale, in sixteenths of an octave, 1..255.
    opacity_levels: opacity 1 as an integer, 1..65535.
    typical: log2 of a typical splat's size in sixteenths; masses are relative to it.
    exponent: log2 of the position grid's step in world units.
    """

    fineness: int
    scale_step: int
    opacity_levels: int
    typical: int
    exponent: int

    @classmethod
    def of(cls, fineness: int, typical: int, exponent: int) -> Quantiser:
        """The quantiser whose steps are all as fine as `fineness` says.

        Opacity has at most 255 levels: other formats store eight bits of it, so that more would only copy their noise.
        """
        factor = 2.0 ** (-fineness / 8)
        return cls(
            fineness,
            min(max(round(SCALE_STEP * factor), 1), 255),
            255 if OPACITY_LEVELS / factor > 127 else max(round(OPACITY_LEVELS / factor), 4),
            typical,
            exponent,
        )


@dataclass(frozen=True)
class QuantisedSplats:
    """The integers of splats, int64.

    cell: [n, 3] in the scene's grid. scale: [n, 3] longest first. opacity: [n]. rotation, color: [n, 3].
    fine: [n, 3] position within the cell; how many bits it has follows from scale and opacity.
    """

    cell: Ints
    scale: Ints
    opacity: Ints
    rotation: Ints
    color: Ints
    fine: Ints

    def __len__(self) -> int:
        return len(self.cell)

    def __getitem__(self, index: NDArray[np.intp]) -> QuantisedSplats:
        return QuantisedSplats(*(getattr(self, field.name)[index] for field in fields(self)))


def log2_of_opacity(opacity: Ints, levels: int) -> Ints:
    """log2(opacity / levels) in sixteenths of an octave, rounded by a table of integers; 0 counts as half a level."""
    twice = np.maximum(2 * opacity, 1)
    bits = np.searchsorted(np.left_shift(np.int64(1), np.arange(40)), twice, side="right") - 1
    # The next four bits below the highest are log2 within 1/16 of an octave, near enough for a class.
    within = ((twice << 4) >> bits) - 16
    whole = (2 * levels).bit_length() - 1
    log: Ints = (bits << 4) + within - ((whole << 4) + ((2 * levels << 4) >> whole) - 16)
    return np.minimum(log, 0)


def mass_class(scale: Ints, opacity: Ints, quantiser: Quantiser) -> Ints:
    """log2 of opacity times the root of the area, relative to a typical splat, in sixteenths of an octave, [n]."""
    size = (scale[:, 0] + scale[:, 1]) * quantiser.scale_step >> 1
    found: Ints = size - quantiser.typical + log2_of_opacity(opacity, quantiser.opacity_levels)
    limited: Ints = np.clip(found, -_MASS_LIMIT, _MASS_LIMIT)
    return limited


def color_log(scale: Ints, opacity: Ints, quantiser: Quantiser) -> Ints:
    """log2 of the colour step in units of COLOR_STEP, in sixteenths of an octave, [n]; the other steps follow it."""
    log: Ints = -2 * quantiser.fineness - (mass_class(scale, opacity, quantiser) * MASS_SHARE >> 4)
    return log


def rotation_log(scale: Ints, shade: Ints, quantiser: Quantiser) -> Ints:
    """log2 of the rotation step in units of ROTATION_STEP, in sixteenths of an octave, [n]. shade: `color_log`."""
    log: Ints = shade - (np.clip((scale[:, 0] - scale[:, 2]) * quantiser.scale_step, 0, _LENGTH_LIMIT) >> 1)
    return log


def position_log(scale: Ints, shade: Ints, quantiser: Quantiser) -> Ints:
    """log2 of the position step in world units, in sixteenths of an octave, [n]. shade: `color_log`."""
    log: Ints = scale[:, 1] * quantiser.scale_step + POSITION_STEP + shade
    return log


def fine_bits(scale: Ints, shade: Ints, quantiser: Quantiser) -> Ints:
    """Bits by which each splat's position is finer than the grid, [n]. shade: `color_log`."""
    wanted = position_log(scale, shade, quantiser) + OCTAVE // 2 >> 4
    bits: Ints = np.clip(quantiser.exponent - wanted, 0, MAX_FINE)
    return bits


def quantise(splats: Splats3D, quantiser: Quantiser, origin: Floats, size: Ints) -> QuantisedSplats:
    """The nearest integers; positions outside the grid of `size` [3] cells at `origin` [3] move to its edge."""
    order, scale, opacity = _sizes(splats, quantiser)
    shade = color_log(scale, opacity, quantiser)
    turn = _rotation_step(scale, shade, quantiser)
    vector = _shortest(_sorted_axes(splats.rotation.astype(np.float64), order))
    rotation = np.rint(vector / turn[:, None]).astype(np.int64)
    seen = np.clip(splats.sh[:, 0].astype(np.float64) * SH_C0 + 0.5, -LARGEST_COLOR, LARGEST_COLOR)
    color = np.rint(seen @ _OPPONENT.T / _color_step(shade)).astype(np.int64)
    bits = fine_bits(scale, shade, quantiser)[:, None]
    place = (splats.mean.astype(np.float64) - origin) * 2.0 ** (bits - quantiser.exponent)
    at = np.clip(np.floor(place).astype(np.int64), 0, (size << bits) - 1)
    return QuantisedSplats(at >> bits, scale, opacity, rotation, color, at & ((1 << bits) - 1))


def _sizes(splats: Splats3D, quantiser: Quantiser) -> tuple[NDArray[np.intp], Ints, Ints]:
    """The order of each splat's axes [n, 3], its scales [n, 3] and opacity [n] as integers."""
    order = np.argsort(-splats.scale, axis=1, kind="stable")
    lengths = np.log2(np.take_along_axis(splats.scale, order, axis=1).astype(np.float64)) * OCTAVE
    lengths = np.maximum(lengths, lengths[:, :1] - _THINNEST)
    scale = np.rint(lengths / quantiser.scale_step).astype(np.int64)
    opacity = np.rint(splats.opacity.astype(np.float64) * quantiser.opacity_levels).astype(np.int64)
    return order, scale, opacity


def _rotation_step(scale: Ints, shade: Ints, quantiser: Quantiser) -> Floats:
    step: Floats = ROTATION_STEP * np.exp2(rotation_log(scale, shade, quantiser) / OCTAVE)
    return step


def _color_step(shade: Ints) -> Floats:
    """The colour step, [n, 1]."""
    step: Floats = COLOR_STEP * np.exp2(shade / OCTAVE)[:, None]
    return step


def quantise_band(sh: Floats, q: QuantisedSplats, quantiser: Quantiser) -> Ints:
    """Integers of the harmonics [n, k, 3] of one band of the splats `q`."""
    step = BAND_COARSER * _color_step(color_log(q.scale, q.opacity, quantiser))[:, None]
    seen = np.clip(sh * SH_C0, -LARGEST_COLOR, LARGEST_COLOR)
    found: Ints = np.rint(seen @ _OPPONENT.T / step).astype(np.int64)
    return found


def dequantise_band(values: Ints, q: QuantisedSplats, quantiser: Quantiser) -> Floats:
    """The harmonics [n, k, 3] that integers stand for."""
    step = BAND_COARSER * _color_step(color_log(q.scale, q.opacity, quantiser))[:, None]
    sh: Floats = (values * step) @ _OPPONENT / SH_C0
    return sh


def dequantise(q: QuantisedSplats, quantiser: Quantiser, origin: Floats, *, coarse: bool = False) -> Splats3D:
    """The splats that the integers stand for, with colours of degree 0.

    coarse: positions are cells of the grid alone.
    """
    shade = color_log(q.scale, q.opacity, quantiser)
    bits = 0 * q.cell[:, :1] if coarse else fine_bits(q.scale, shade, quantiser)[:, None]
    mean = origin + ((q.cell << bits) + q.fine + 0.5) * 2.0 ** (quantiser.exponent - bits)
    vector = q.rotation * _rotation_step(q.scale, shade, quantiser)[:, None]
    length = np.sum(vector * vector, axis=1, keepdims=True)
    vector = vector / np.sqrt(np.maximum(length, 1))  # rounding may lead out of the ball
    rotation = np.concatenate([np.sqrt(np.maximum(1 - length, 0)), vector], axis=1)
    scale = np.exp2(np.clip(q.scale * (quantiser.scale_step / OCTAVE), -60, 60))
    color = (q.color * _color_step(shade)) @ _OPPONENT
    return Splats3D(
        mean.astype(np.float32),
        rotation.astype(np.float32),
        scale.astype(np.float32),
        np.clip(q.opacity / quantiser.opacity_levels, 0, 1).astype(np.float32),
        ((color - 0.5) / SH_C0).astype(np.float32)[:, None],
    )


def _sorted_axes(rotation: Floats, order: NDArray[np.intp]) -> Floats:
    """Quaternions [n, 4] of the same splats with their axes taken in `order` [n, 3]."""
    matrix = np.take_along_axis(matrices(rotation), order[:, None, :], axis=2)
    matrix[:, :, 2] *= np.sign(np.linalg.det(matrix))[:, None]  # an odd order mirrors: turn one axis round
    return quaternions(matrix)


def _shortest(rotation: Floats) -> Floats:
    """The vector part [n, 3] of the shortest of the rotations that differ by half turns about the splat's own axes."""
    w, x, y, z = rotation.T
    # q times i, j and k.
    same = np.stack(
        [rotation, *(np.stack(t, axis=1) for t in ((-x, w, z, -y), (-y, -z, w, x), (-z, y, -x, w)))], axis=1
    )
    best = same[np.arange(len(same)), np.argmax(np.abs(same[:, :, 0]), axis=1)]
    vector: Floats = best[:, 1:] * np.where(best[:, :1] < 0, -1, 1)
    return vector


def typical_size(splats: Splats3D) -> int:
    """log2 of the median of the root of the product of the two longest axes, in sixteenths of an octave."""
    two = np.sort(splats.scale, axis=1)[:, 1:].astype(np.float64)
    return round(float(np.median(np.log2(two).mean(axis=1))) * OCTAVE) if len(splats) else 0


def grid_exponent(splats: Splats3D, fineness: int, typical: int) -> int:
    """The grid at which about one splat in ten would like its position coarser still."""
    if not len(splats):
        return 0
    quantiser = Quantiser.of(fineness, typical, 0)
    scale, opacity = _sizes(splats, quantiser)[1:]
    return math.floor(
        float(np.quantile(position_log(scale, color_log(scale, opacity, quantiser), quantiser), 0.9)) / OCTAVE
    )
