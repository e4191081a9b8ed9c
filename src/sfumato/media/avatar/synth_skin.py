"""The skin of the procedural head as a function of two parameters, in metres: y up, the face looks to +z.

A point of the skin is named by `phi`, the angle around the vertical axis (0 at the nose, pi/2 at the person's left ear,
which lies on +x), and `h`, its height on the midline of the face. The numbers are those of an adult's head (crown to
chin 23 cm, width 15.5 cm, depth 19.5 cm, distance of the eyes 63 mm), drawn by hand until it looked like one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]

CROWN, CHIN, BOTTOM = 0.128, -0.106, -0.235
MOUTH = -0.0625
MOUTH_HALF_WIDTH = 0.0255
EYE = np.array([0.0315, 0.0105, 0.0650])
"""Centre of the left eyeball."""
EYEBALL_RADIUS = 0.0122
LID_RADIUS = 0.0138
EYE_HALF_WIDTH = 0.0148
LID_REACH = 0.018  # how far above and below the eye the skin follows a lid

# Height against half width, front and back of the face's and neck's cross sections and how far a section's back lies
# above its front.
_HALF_WIDTH = ((0.13, 0.079), (0.05, 0.079), (0.02, 0.0755), (-0.01, 0.0725), (-0.04, 0.068), (-0.065, 0.062),
               (-0.09, 0.056), (-0.106, 0.052), (-0.118, 0.049), (-0.14, 0.049), (-0.175, 0.053), (-0.2, 0.072),
               (-0.235, 0.12))  # fmt: skip
_FRONT = ((0.13, 0.090), (0.075, 0.0905), (0.04, 0.0915), (0.03, 0.0915), (0.012, 0.0875), (-0.02, 0.0885),
          (-0.045, 0.0905), (-0.0625, 0.091), (-0.08, 0.0865), (-0.094, 0.0885), (-0.103, 0.083), (-0.11, 0.068),
          (-0.12, 0.048), (-0.14, 0.036), (-0.18, 0.030), (-0.235, 0.045))  # fmt: skip
_BACK = ((0.13, -0.103), (0.04, -0.103), (0.0, -0.098), (-0.03, -0.088), (-0.06, -0.078), (-0.106, -0.073),
         (-0.14, -0.074), (-0.18, -0.078), (-0.235, -0.095))  # fmt: skip
_LIFT = ((0.13, 0.0), (-0.01, 0.0), (-0.06, 0.018), (-0.106, 0.062), (-0.118, 0.064), (-0.14, 0.045), (-0.18, 0.015),
         (-0.235, 0.0))  # fmt: skip
# Angle against height of the hairline: forehead, temples, sideburns, above the ears, nape.
_HAIRLINE = ((0.0, 0.083), (0.25, 0.082), (0.48, 0.086), (0.66, 0.070), (0.84, 0.040), (1.0, 0.022), (1.12, -0.008),
             (1.28, -0.012), (1.42, 0.026), (1.75, 0.026), (2.05, -0.015), (2.6, -0.055), (np.pi, -0.062))  # fmt: skip
_RIDGE = ((-0.0465, 0.0), (-0.0425, 0.0045), (-0.0385, 0.0165), (-0.0335, 0.0215), (-0.028, 0.0205), (-0.010, 0.0135),
          (0.006, 0.0075), (0.016, 0.0045), (0.032, 0.0))  # fmt: skip
_RIDGE_WIDTH = ((-0.0465, 0.0075), (-0.034, 0.0076), (-0.022, 0.0070), (0.0, 0.0062), (0.016, 0.0065), (0.032, 0.010))
_HAIR_THICKNESS = 0.011


@dataclass(frozen=True)
class Lids:
    """How far the lids' edges stand above (upper) and below (lower) the line between an eye's corners, in metres."""

    upper: float = 0.0058
    lower: float = 0.0040


def skin(phi: Float64Array, h: Float64Array, side: Float64Array, left: Lids, right: Lids) -> Float64Array:
    """Points [N, 3] of the skin at angles and heights [N].

    side: [N], +1 for what belongs to the part above a slit (upper lip, upper lids), -1 below. left, right: of the eyes.
    """
    xyz = _skull(phi, h)
    front = smooth_step(np.cos(phi), 0.1, 0.45) * smooth_step(h, CHIN - 0.012, CHIN + 0.004)
    xyz[:, 1] += front * _lid_shift(xyz, side, left, right)
    x, y = np.abs(xyz[:, 0]), xyz[:, 1]
    xyz[:, 2] += front * (_bones(x, y) + _nose(x, y) + _lips(x, y))
    eye_z = EYE[2] + np.sqrt(np.maximum(LID_RADIUS**2 - (x - EYE[0]) ** 2 - (y - EYE[1]) ** 2, 0.0))
    near_eye = bump(np.hypot(x - EYE[0], y - EYE[1]) / 0.016, 2)
    xyz[:, 2] += front * near_eye * (soft_max(xyz[:, 2], eye_z, 0.0012) - xyz[:, 2])
    return xyz + _hair(xyz)


def hair_cover(points: Float64Array) -> Float64Array:
    """How far above the hairline points [N, 3] of the skin are, in metres; negative on bare skin."""
    turn = np.abs(np.arctan2(points[:, 0], points[:, 2] + 0.008))
    cover: Float64Array = points[:, 1] - _curve(_HAIRLINE, turn, 0.07)
    return cover


def mouth_fall(x: Float64Array) -> Float64Array:
    """1 in the middle of the mouth, 0 at its corners and beyond."""
    fall: Float64Array = np.maximum(1 - (x / MOUTH_HALF_WIDTH) ** 2, 0.0) ** 0.9
    return fall


def gauss(t: Float64Array) -> Float64Array:
    """exp(-t^2 / 2)."""
    value: Float64Array = np.exp(-0.5 * t * t)
    return value


def bump(t: Float64Array, power: float = 1.0) -> Float64Array:
    """1 at 0, smoothly to 0 at 1 and beyond."""
    value: Float64Array = np.maximum(1 - np.abs(t) ** (2 * power), 0.0) ** 2
    return value


def smooth_step(t: Float64Array, low: Float64Array | float, high: Float64Array | float) -> Float64Array:
    """0 below `low`, 1 above `high`, smooth in between."""
    share = np.clip((t - low) / (np.asarray(high) - low), 0.0, 1.0)
    value: Float64Array = share * share * (3 - 2 * share)
    return value


def soft_max(a: Float64Array, b: Float64Array, width: float) -> Float64Array:
    """The larger of two heights, rounded over `width`."""
    value: Float64Array = 0.5 * (a + b + np.sqrt((a - b) ** 2 + 4 * width**2)) - width * bump((a - b) / (8 * width))
    return value


def _curve(points: tuple[tuple[float, float], ...], at: Float64Array, smoothing: float) -> Float64Array:
    """The line through `points`, rounded over about `smoothing` on both sides."""
    x, y = np.array(sorted(points)).T
    total = np.zeros(np.shape(at))
    offsets = np.linspace(-2, 2, 17)
    weights = np.exp(-0.5 * offsets**2)
    for offset, weight in zip(offsets, weights / weights.sum(), strict=True):
        total += weight * np.interp(at + offset * smoothing, x, y)
    return total


def _skull(phi: Float64Array, h: Float64Array) -> Float64Array:
    dome = np.sqrt(np.maximum(1 - np.maximum((h - 0.02) / (CROWN - 0.02), 0.0) ** 2.4, 0.0))
    width = _curve(_HALF_WIDTH, h, 0.006) * dome
    front, back = _curve(_FRONT, h, 0.003), _curve(_BACK, h, 0.008)
    centre = -0.008 - 0.012 * smooth_step(-h, 0.09, 0.14)
    cos, sin = np.cos(phi), np.sin(phi)
    depth = np.where(cos > 0, front - centre, centre - back) * dome
    z = centre + depth * np.sign(cos) * np.abs(cos) ** np.where(cos > 0, 0.88, 0.95)
    return np.stack([width * sin, h + _curve(_LIFT, h, 0.005) * (1 - cos) / 2, z], axis=1)


def _lid_shift(xyz: Float64Array, side: Float64Array, left: Lids, right: Lids) -> Float64Array:
    """How far the opening of the eyes moves the skin up or down."""
    x = np.abs(xyz[:, 0]) - EYE[0]
    dy = xyz[:, 1] - EYE[1]
    almond = np.maximum(1 - (x / EYE_HALF_WIDTH) ** 2, 0.0) ** np.where(side > 0, 0.62, 0.75)
    is_left = xyz[:, 0] > 0
    upper = np.where(is_left, left.upper, right.upper)
    lower = np.where(is_left, left.lower, right.lower)
    tilt = 0.0012 * x / EYE_HALF_WIDTH * bump(np.hypot(x / 0.025, dy / LID_REACH))  # outer corners stand higher
    fade = np.maximum(1 - np.abs(dy) / LID_REACH, 0.0) ** 2
    shift: Float64Array = np.where(side > 0, upper, -lower) * almond * fade + tilt
    return shift


def _bones(x: Float64Array, y: Float64Array) -> Float64Array:
    """Brow ridge, sockets, cheeks, chin and folds: how far they stand out."""
    fold = (x - 0.0175) * 0.85 + (y + 0.038) * 0.46  # across the line from the nose's wing to beside the mouth
    along = (y + 0.052) / 0.014
    return (
        0.0045 * gauss((y - 0.031 - 0.06 * (x - 0.03)) / 0.0075) * gauss((x - 0.027) / 0.017)
        - 0.0105 * gauss((x - 0.0305) / 0.0150) * gauss((y - 0.0105) / 0.0125)
        - 0.0045 * gauss((x - 0.017) / 0.007) * gauss((y - 0.013) / 0.009)
        + 0.0050 * gauss((x - 0.045) / 0.016) * gauss((y + 0.014) / 0.013)
        - 0.0045 * gauss((x - 0.048) / 0.013) * gauss((y + 0.052) / 0.018)
        + 0.0065 * gauss(x / 0.016) * gauss((y + 0.0945) / 0.0095)
        - 0.0014 * gauss(fold / 0.0028) * gauss(along)
        + 0.0020 * gauss((fold - 0.008) / 0.006) * gauss(along)
        + 0.0060 * gauss(x / 0.026) * gauss((y + 0.060) / 0.020)  # the teeth push the mouth forward
    )


def _nose(x: Float64Array, y: Float64Array) -> Float64Array:
    tip = -0.0335
    rise = _curve(_RIDGE, y, 0.0014)
    half = _curve(_RIDGE_WIDTH, y, 0.004)
    wing = 0.0088 * gauss((x - 0.0125) / 0.0046) * gauss((y + 0.0350) / 0.0050)
    crease = 0.0028 * gauss((x - 0.0195) / 0.0028) * gauss((y + 0.0345) / 0.0065)
    nostril = 0.0035 * gauss((x - 0.0068) / 0.0028) * gauss((y + 0.0415) / 0.0026)
    bulb = 0.0022 * gauss(x / 0.0075) * gauss((y - tip) / 0.0060)
    return rise * gauss(x / half) + wing - crease - nostril + bulb


def _lips(x: Float64Array, y: Float64Array) -> Float64Array:
    bow = 0.0018 * (gauss((x - 0.006) / 0.004) - gauss(x / 0.003))  # the upper edge of the upper lip
    fall = mouth_fall(x)
    upper = 0.0056 * gauss((y - (MOUTH + 0.0050 + bow)) / 0.0042) * fall
    lower = 0.0068 * gauss((y - (MOUTH - 0.0064)) / 0.0050) * mouth_fall(x * 1.12)
    line = 0.0040 * gauss((y - MOUTH) / 0.0016) * fall**0.5
    corner = 0.0014 * gauss((x - MOUTH_HALF_WIDTH) / 0.0050) * gauss((y - MOUTH) / 0.0055)
    philtrum = 0.0011 * gauss(x / 0.0032) * gauss((y + 0.0515) / 0.0045)
    under = 0.0030 * gauss(x / 0.016) * gauss((y + 0.0785) / 0.0045)
    return upper + lower - line - corner - philtrum - under


def _hair(xyz: Float64Array) -> Float64Array:
    """How the hair stands out from the skull, away from a point inside the head."""
    cover = smooth_step(hair_cover(xyz), 0.001, 0.018)
    phi = np.arctan2(xyz[:, 0], xyz[:, 2])
    away = xyz - [0.0, 0.01, -0.01]
    tufts = 1 + 0.16 * smooth_step(0.118 - xyz[:, 1], 0.0, 0.03) * np.sin(9 * phi + 60 * xyz[:, 1]) * np.sin(
        70 * xyz[:, 1] - 4 * phi + 1
    )
    raised = 1 + 0.6 * smooth_step(xyz[:, 1], 0.05, 0.12)  # fuller on the top
    thick = _HAIR_THICKNESS * cover * tufts * raised
    outward: Float64Array = thick[:, None] * away / np.linalg.norm(away, axis=1, keepdims=True)
    return outward
