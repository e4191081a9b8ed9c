"""The colours of eyes, teeth, tongue, ears and the inside of the mouth; a paint is linear RGB and gloss, [N, 4]."""

from __future__ import annotations

import numpy as np

from sfumato.media.avatar.synth_mesh import Part
from sfumato.media.avatar.synth_noise import fractal_noise, value_noise
from sfumato.media.avatar.synth_paint import Looks, blend, linear, paint_skin
from sfumato.media.avatar.synth_parts import TEETH_DEPTH, TEETH_FRONT
from sfumato.media.avatar.synth_skin import EYE, MOUTH, Float64Array, gauss, smooth_step

_IRIS, _PUPIL = 0.50, 0.20  # angles in radians from the middle of the pupil
# Edges of the teeth along their bow, in radians from the middle: incisors, canine, premolars, molars.
_TOOTH_EDGES = np.array([0.0, 0.37, 0.66, 0.95, 1.2, 1.5])


def paint(points: Float64Array, part: Part, looks: Looks) -> Float64Array:
    """The paint [N, 4] of points [N, 3] of the head at rest that belong to one part."""
    if part == Part.SKIN:
        return paint_skin(points, looks)
    if part in (Part.LEFT_EYE, Part.RIGHT_EYE):
        return _paint_eye(points, 1.0 if part == Part.LEFT_EYE else -1.0, looks)
    if part in (Part.UPPER_TEETH, Part.LOWER_TEETH):
        return _paint_teeth(points, part == Part.UPPER_TEETH, looks)
    if part == Part.EAR:
        return _paint_ear(points, looks)
    return _paint_mucosa(points, part, looks)


def _paint_eye(points: Float64Array, sign: float, looks: Looks) -> Float64Array:
    seed = looks.seed + (61 if sign > 0 else 62)
    away = (points - EYE * [sign, 1, 1]) / 0.0122
    radius = np.hypot(away[:, 0], away[:, 1])
    polar, turn = np.arctan2(radius, away[:, 2]), np.arctan2(away[:, 1], away[:, 0])
    ring = np.stack([np.cos(turn), np.sin(turn)], 1)
    colour = np.tile(linear([0.87, 0.85, 0.83]), (len(points), 1))
    wind = np.concatenate([ring * 7 + 0.5 * fractal_noise(away * 5, seed, 3)[:, None], polar[:, None] * 1.5], 1)
    vein = smooth_step(0.10 - np.abs(value_noise(wind * 1.6, seed + 1)), 0, 0.10)
    vein += 0.6 * smooth_step(0.07 - np.abs(value_noise(wind * 4, seed + 2)), 0, 0.07)
    red = smooth_step(polar, 0.55, 1.15)
    colour = blend(colour, linear([0.74, 0.36, 0.33]), (0.62 * vein * red + 0.12 * red).clip(0, 1))
    fibres = value_noise(np.concatenate([ring * 14, polar[:, None] * 5], 1), seed + 3)
    fibres += 0.6 * value_noise(np.concatenate([ring * 34, polar[:, None] * 9], 1), seed + 4)
    iris = linear(looks.iris) * np.exp(0.55 * fibres)[:, None]
    collar = smooth_step(0.36 + 0.03 * fibres - polar, 0, 0.05)
    iris = blend(iris, linear([0.50, 0.38, 0.24]), 0.45 * collar)
    iris *= (1 - 0.75 * smooth_step(polar, 0.41, _IRIS))[:, None]
    colour = blend(colour, iris, smooth_step(_IRIS + 0.012 - polar, 0, 0.045))
    colour = blend(colour, np.full(3, 0.004), smooth_step(_PUPIL + 0.012 * fibres - polar, -0.012, 0.012))
    shade = 1 - 0.55 * smooth_step(away[:, 1], 0.12, 0.50) - 0.25 * smooth_step(-away[:, 1], 0.25, 0.5)
    shade *= 1 - 0.45 * smooth_step(np.abs(away[:, 0]), 0.5, 1.0)  # lids and sockets keep the light away
    return np.concatenate([colour * shade[:, None], np.full((len(points), 1), 3.0)], axis=1)


def _paint_teeth(points: Float64Array, upper: bool, looks: Looks) -> Float64Array:
    turn = np.arctan2(points[:, 0], points[:, 2] - (TEETH_FRONT - TEETH_DEPTH))
    scale = 1.0 if upper else 0.72
    gap = np.abs(np.abs(turn)[:, None] - scale * np.r_[_TOOTH_EDGES, 1.45 / scale]).min(axis=1)
    away = np.abs(points[:, 1] - MOUTH) - 0.002
    mm = points * 1000
    enamel = linear([0.90, 0.86, 0.77]) * (1 + 0.05 * value_noise(mm / 1.3, looks.seed + 71))[:, None]
    enamel = blend(enamel, linear([0.80, 0.70, 0.52]), 0.6 * smooth_step(away, 0.004, 0.009))
    enamel *= (1 - 0.75 * gauss(gap / 0.016))[:, None]
    line = 0.0080 + 0.0016 * gauss(gap / 0.05)
    gum = smooth_step(away + 0.0030 * gauss(gap / 0.08), line, line + 0.0008)
    colour = blend(
        enamel, linear([0.72, 0.38, 0.38]) * (1 + 0.1 * fractal_noise(mm / 2, looks.seed + 72)[:, None]), gum
    )
    colour *= (0.12 + 0.80 * np.exp(-(((TEETH_FRONT - points[:, 2]).clip(0) / 0.011) ** 1.3)))[:, None]
    return np.concatenate([colour, np.full((len(points), 1), 1.1)], axis=1)


def _paint_ear(points: Float64Array, looks: Looks) -> Float64Array:
    mm = points * 1000
    skin = linear(looks.skin) * (1 + 0.10 * fractal_noise(mm / 5, looks.seed + 81, 4))[:, None]
    skin = blend(skin, linear(looks.skin) * [0.95, 0.68, 0.66], np.full(len(points), 0.30))
    sign = np.sign(points[:, 0])
    bowl = np.hypot((points[:, 2] + 0.010) / 0.0075, (points[:, 1] + 0.002) / 0.012)
    deep = smooth_step(1.15 - bowl, 0, 0.6) * (sign != 0)
    skin *= (1 - 0.62 * deep)[:, None]
    return np.concatenate([skin, np.full((len(points), 1), 0.4)], axis=1)


def _paint_mucosa(points: Float64Array, part: Part, looks: Looks) -> Float64Array:
    """Lid rims, tongue and cavity: wet and red, darker the deeper they lie."""
    mm = points * 1000
    if part == Part.LID_RIM:
        base, dark = linear([0.66, 0.40, 0.37]), np.ones(len(points))
    else:
        base = linear([0.76, 0.42, 0.41] if part == Part.TONGUE else [0.58, 0.27, 0.26])
        dark = 0.05 + 0.95 * np.exp(-((0.0900 - points[:, 2]).clip(0) / (0.030 if part == Part.TONGUE else 0.011)))
    colour = (
        base * (1 + 0.22 * value_noise(mm / 0.9, looks.seed + 91) + 0.1 * value_noise(mm / 4, looks.seed + 92))[:, None]
    )
    return np.stack([*(colour * dark[:, None]).T, 1.2 * dark**2], axis=1)
