"""The colours of the procedural head's skin, lips, brows, stubble and hair, as a function of the point at rest.

A paint is linear RGB and gloss, [N, 4]. Everything sticks to the skin because it knows nothing of the pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sfumato.media.avatar.synth_noise import fractal_noise, value_noise
from sfumato.media.avatar.synth_skin import (
    EYE,
    EYE_HALF_WIDTH,
    MOUTH,
    Float64Array,
    Lids,
    gauss,
    hair_cover,
    mouth_fall,
    smooth_step,
)


@dataclass(frozen=True)
class Looks:
    """The colours of one person, sRGB 0..1, and the seed of everything that is drawn by chance."""

    seed: int
    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    iris: tuple[float, float, float]
    stubble: float
    freckles: float


_SKINS = ((0.86, 0.67, 0.57), (0.80, 0.60, 0.49), (0.72, 0.52, 0.41), (0.60, 0.42, 0.32))
_HAIRS = ((0.16, 0.10, 0.07), (0.30, 0.19, 0.11), (0.10, 0.08, 0.08), (0.45, 0.29, 0.16))
_IRISES = ((0.28, 0.42, 0.52), (0.33, 0.22, 0.13), (0.34, 0.42, 0.28), (0.45, 0.50, 0.53))


def looks_of(seed: int) -> Looks:
    """The person that belongs to a seed; seed 0 is fair with brown hair and grey-blue eyes."""
    if seed == 0:
        return Looks(0, _SKINS[0], _HAIRS[1], _IRISES[0], 0.6, 0.7)
    random = np.random.default_rng(seed)
    skin, hair, iris = random.integers(4, size=3)
    return Looks(seed, _SKINS[skin], _HAIRS[hair], _IRISES[iris], float(random.random()), float(random.random()))


def linear(colour: ArrayLike) -> Float64Array:
    """Linear light of sRGB values, with the plain exponent 2.2."""
    value: Float64Array = np.asarray(colour, float) ** 2.2
    return value


def blend(paint: Float64Array, colour: ArrayLike, share: Float64Array) -> Float64Array:
    """`paint` [N, 3] with `share` [N] (0..1) of it replaced by a linear colour [3] or [N, 3]."""
    mixed: Float64Array = paint + (np.asarray(colour) - paint) * share[:, None]
    return mixed


def paint_skin(points: Float64Array, looks: Looks) -> Float64Array:
    """The paint [N, 4] of the skin with all that grows on it, at points [N, 3] of the head at rest."""
    x, y, z = points.T
    side, mm, seed = np.abs(x), points * 1000, looks.seed
    front = smooth_step(z, 0.02, 0.05)
    colour = _bare_skin(points, looks)
    gloss = 0.35 + 0.15 * value_noise(mm / 1.1, seed + 3)
    gloss += 0.25 * front * (gauss(x / 0.012) * gauss((y + 0.02) / 0.03) + gauss(x / 0.03) * gauss((y - 0.055) / 0.02))
    beard = _beard(points)
    dots = smooth_step(value_noise(mm / 0.55, seed + 11) + 0.35 * value_noise(mm / 6, seed + 12), 0.35, 0.75)
    colour = blend(colour, linear([0.36, 0.34, 0.35]), 0.22 * looks.stubble * beard)
    colour = blend(colour, 0.5 * linear(looks.hair), 0.75 * looks.stubble * beard * dots)
    lips = _lip_cover(x, y) * front
    creases = value_noise(np.stack([mm[:, 0] / 0.8, mm[:, 1] / 6, mm[:, 2] / 6], 1), seed + 21)
    rose = linear([0.70, 0.40, 0.38]) * (0.55 + 0.45 * np.asarray(looks.skin).mean() / 0.7)
    colour = blend(colour, rose * (1 + 0.28 * creases[:, None]), 0.85 * lips)
    colour *= (1 - 0.65 * front * gauss((y - MOUTH) / 0.0009) * mouth_fall(x) ** 0.3)[:, None]
    gloss += 0.5 * lips
    brow = _brow(points, seed) * front
    colour = blend(colour, 0.55 * linear(looks.hair), 0.92 * brow)
    lashes = _lashes(points) * front
    colour = blend(colour, linear([0.10, 0.07, 0.06]), 0.9 * lashes)
    colour *= (1 - 0.85 * front * gauss((side - 0.0066) / 0.0022) * gauss((y + 0.0425) / 0.0016))[:, None]  # nostrils
    hair, cover = _hair(points, looks)
    colour = blend(colour, hair, cover)
    gloss = gloss * (1 - np.maximum(cover, brow)) + 0.45 * cover
    return np.concatenate([colour * _hollows(points)[:, None], gloss.clip(0, 1.5)[:, None]], axis=1)


def _bare_skin(points: Float64Array, looks: Looks) -> Float64Array:
    x, y, z = points.T
    side, mm, seed = np.abs(x), points * 1000, looks.seed
    base = linear(looks.skin)
    front = smooth_step(z, 0.02, 0.05)
    flush = 0.55 * gauss((side - 0.045) / 0.014) * gauss((y + 0.024) / 0.014)
    flush += 0.50 * gauss(side / 0.013) * gauss((y + 0.034) / 0.010) + 0.25 * gauss(side / 0.016) * gauss(
        (y + 0.09) / 0.01
    )
    flush = front * flush + 0.7 * smooth_step(side, 0.079, 0.086) * (y > -0.06)  # ears
    sallow = front * gauss(side / 0.05) * gauss((y - 0.06) / 0.02)
    tired = front * gauss((side - 0.030) / 0.014) * gauss((y + 0.004) / 0.005)
    socket = front * gauss((side - 0.030) / 0.016) * gauss((y - 0.020) / 0.006)
    mottle = fractal_noise(mm / 9, seed + 31, 4)
    colour = base * (1 + 0.10 * mottle[:, None] + 0.07 * fractal_noise(mm / 2.2, seed + 32, 3)[:, None])
    colour = blend(colour, base * [1.02, 0.62, 0.60], (flush * (0.8 + 0.4 * mottle)).clip(0, 1))
    colour = blend(colour, base * [1.0, 0.97, 0.82], 0.5 * sallow)
    colour = blend(colour, base * [0.78, 0.62, 0.68], 0.45 * tired + 0.40 * socket)
    pores = value_noise(mm / 0.7, seed + 33)
    colour *= (1 + 0.09 * pores * smooth_step(-y, -0.08, 0.0))[:, None]
    spots = value_noise(mm / 2.6, seed + 34) + 0.5 * value_noise(mm / 17, seed + 35)
    sunny = 0.15 + gauss((y + 0.012) / 0.022) * smooth_step(0.065 - side, 0, 0.02)
    freckles = smooth_step(spots, 0.62, 0.85) * sunny * looks.freckles
    colour = blend(colour, base * [0.52, 0.38, 0.30], (0.75 * freckles).clip(0, 1))
    moles = smooth_step(value_noise(mm / 5.1, seed + 36), 0.945, 0.965)
    return blend(colour, base * [0.25, 0.17, 0.14], 0.8 * moles * (1 - _lip_cover(x, y)))


def _beard(points: Float64Array) -> Float64Array:
    """Where a beard would grow, 0..1."""
    x, y, z = points.T
    side = np.abs(x)
    edge = y + 0.048 - 1.1 * (side - 0.030).clip(0) * (z > 0)  # from below the nose up to the ears
    below = smooth_step(-edge, -0.002, 0.012) * smooth_step(z, 0.008, 0.030)
    throat = smooth_step(y + 0.45 * (0.09 - z), -0.118, -0.085)
    cover: Float64Array = below * throat * (1 - _lip_cover(x, y)) * smooth_step(y, -0.15, -0.12)
    return cover


def _lip_cover(x: Float64Array, y: Float64Array) -> Float64Array:
    side = np.abs(x)
    fall = mouth_fall(x)
    bow = 0.0016 * (gauss((side - 0.0058) / 0.0042) - gauss(side / 0.003))
    top = MOUTH + (0.0074 + bow) * fall**0.9
    bottom = MOUTH - 0.0108 * mouth_fall(x * 1.03) ** 0.8
    inside: Float64Array = smooth_step(top - y, -0.0006, 0.0010) * smooth_step(y - bottom, -0.0008, 0.0014)
    return inside * smooth_step(fall, 0.0, 0.12)


def _brow(points: Float64Array, seed: int) -> Float64Array:
    """Fine strokes that lean outwards."""
    x, y, _ = points.T
    side = np.abs(x)
    along = (side - 0.011) / 0.040
    middle = 0.0285 + 0.0075 * np.sin(np.pi * 0.62 * along.clip(0, 1.2)) - 0.004 * (along.clip(0, 1.2)) ** 3
    half = 0.0046 * smooth_step(along, -0.06, 0.16) * (1 - 0.72 * smooth_step(along, 0.45, 1.05))
    region = smooth_step(half - np.abs(y - middle), -0.0012, 0.0018) * smooth_step(1.05 - along, 0, 0.06)
    lean = 0.9 - 0.85 * along.clip(0, 1)  # upright near the nose, flat outside
    across = (y - middle) * np.cos(lean) - side * np.sin(lean)
    forth = side * np.cos(lean) + (y - middle) * np.sin(lean)
    strokes = value_noise(np.stack([across / 0.00042, forth / 0.0045, np.sign(x) * 5], 1), seed + 41)
    strokes += 0.5 * value_noise(np.stack([across / 0.0009, forth / 0.006, np.sign(x) * 7], 1), seed + 42)
    ink: Float64Array = region * smooth_step(strokes + 1.1 * region, 0.45, 0.95)
    return ink


def _lashes(points: Float64Array) -> Float64Array:
    """A dark line along the upper lid's edge, a fainter one along the lower, and the lid's crease."""
    x, y = np.abs(points[:, 0]) - EYE[0], points[:, 1] - EYE[1]
    almond = np.maximum(1 - (x / EYE_HALF_WIDTH) ** 2, 0.0)
    tilt = 0.0012 * x / EYE_HALF_WIDTH
    lids = Lids()
    upper = y - (lids.upper * almond**0.62 + tilt)
    lower = y - (-lids.lower * almond**0.75 + tilt)
    near = smooth_step(almond, -0.02, 0.10)
    crease = gauss((upper - 0.0042 - 0.001 * almond) / 0.0008) * smooth_step(almond, 0.05, 0.4)
    line: Float64Array = near * (
        smooth_step(0.0013 - upper, 0, 0.0007) * (upper > -0.002)
        + 0.45 * smooth_step(lower + 0.0008, 0, 0.0006) * (lower < 0.002)
    )
    return np.maximum(line, 0.35 * crease).clip(0, 1)


def _hair(points: Float64Array, looks: Looks) -> tuple[Float64Array, Float64Array]:
    """Colour [N, 3] of the scalp hair and how much of the skin it hides [N]."""
    seed = looks.seed
    mm = points * 1000
    whorl = np.array([0.0, 0.10, -0.045])  # strands run away from it
    away = points - whorl
    turn = np.arctan2(away[:, 0], away[:, 2] + 1e-9)
    down = np.hypot(np.hypot(away[:, 0], away[:, 2]), away[:, 1])
    bend = 0.05 * fractal_noise(mm / 30, seed + 51, 2)
    ring = np.stack([np.cos(turn + bend), np.sin(turn + bend)], 1)
    strand = value_noise(np.concatenate([ring * 170, down[:, None] / 0.016], 1), seed + 52)
    strand += 0.8 * value_noise(np.concatenate([ring * 75, down[:, None] / 0.022], 1), seed + 53)
    strand += 0.4 * value_noise(np.concatenate([ring * 15, down[:, None] / 0.05], 1), seed + 54)
    base = linear(looks.hair)
    shade = np.exp(0.55 * strand - 0.1)
    cover = hair_cover(points) + 0.0016 * strand + 0.0022 * value_noise(mm / 5, seed + 55)
    hidden = smooth_step(cover, -0.0030, 0.0055)
    root = 1 - 0.35 * gauss((cover - 0.004) / 0.004)
    hidden = hidden * smooth_step(hidden + 0.35 * strand, 0.10, 0.60)
    return base * (shade * root)[:, None], hidden


def _hollows(points: Float64Array) -> Float64Array:
    """How much of the light from all around reaches a place."""
    x, y, z = points.T
    side = np.abs(x)
    under_chin = smooth_step(-y, 0.098, 0.118) * smooth_step(y, -0.20, -0.125) * smooth_step(z, -0.02, 0.03)
    eye = gauss((side - 0.0225) / 0.009) * gauss((y - 0.013) / 0.009) * (z > 0.04)
    nose = gauss((side - 0.018) / 0.004) * gauss((y + 0.038) / 0.006) * (z > 0.04)
    lip = gauss(side / 0.016) * gauss((y + 0.0775) / 0.0035) * (z > 0.04)
    open_sky: Float64Array = (1 - 0.42 * under_chin) * (1 - 0.30 * eye) * (1 - 0.28 * nose) * (1 - 0.15 * lip)
    return open_sky
