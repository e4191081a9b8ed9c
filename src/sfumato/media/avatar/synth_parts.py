"""The solid parts of the procedural head: eyeballs, teeth, tongue and ears, each as points [V, 3] and faces [F, 3]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.media.avatar.synth_skin import MOUTH, Float64Array, bump, gauss

Solid = tuple[Float64Array, NDArray[np.int64]]

TEETH_FRONT = 0.0865
"""z of the front teeth, just behind the lips."""
TEETH_HALF_WIDTH = 0.0225
TEETH_DEPTH = 0.030


def eyeball(detail: float, centre: Float64Array, radius: float) -> Solid:
    """A ball with a cornea that looks to +z; its pole is the middle of the pupil."""
    rings, columns = max(6, round(13 * detail)), max(10, round(22 * detail))
    polar = np.pi * (np.arange(1, rings) / rings) ** 1.25  # finer at the front
    turn = 2 * np.pi * np.arange(columns) / columns
    swell = radius * (1 + 0.055 * bump(polar / 0.62))  # the cornea
    ring = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(turn),
            np.sin(polar)[:, None] * np.sin(turn),
            np.broadcast_to(np.cos(polar)[:, None], (rings - 1, columns)),
        ],
        axis=-1,
    )
    ring *= swell[:, None, None]
    points = np.concatenate([[[0, 0, radius * 1.055]], ring.reshape(-1, 3), [[0, 0, -radius]]])
    return points + centre, _capped(rings - 1, columns)


def teeth(detail: float, *, upper: bool) -> Solid:
    """A row of teeth as one bow, open behind."""
    columns = max(14, round(40 * detail))
    sign = 1.0 if upper else -1.0
    turn = np.linspace(-1.3, 1.3, columns)
    # (away from the gap between the rows, outward from the bow): edge inside, edge, belly, neck, gum
    profile = np.array([[0.0012, -0.0045], [-0.0002, -0.0016], [0.0018, 0.0], [0.0075, -0.0004], [0.0125, -0.0022]])
    inset = 0.0 if upper else 0.0022
    length = 1.0 if upper else 0.9
    away, outward = profile[:, 0] * length, profile[:, 1] - inset
    width = TEETH_HALF_WIDTH + outward[:, None]
    gap = MOUTH + (-0.0018 if upper else -0.0024)
    scallop = 0.0004 * np.abs(np.sin(turn * 7.0)) * (away[:, None] < 0.003)
    points = np.stack(
        [
            width * np.sin(turn),
            np.broadcast_to(gap + sign * (away[:, None] + scallop), (len(away), columns)),
            TEETH_FRONT - TEETH_DEPTH + (TEETH_DEPTH + outward[:, None]) * np.cos(turn),
        ],
        axis=-1,
    )
    return points.reshape(-1, 3), _sheet(len(away), columns, flip=not upper)


def tongue(detail: float) -> Solid:
    """A flat ellipsoid behind the lower teeth."""
    points, faces = eyeball(0.7 * detail, np.zeros(3), 1.0)
    groove = 1 - 0.25 * gauss(points[:, 0] / 0.25) * (points[:, 1] > 0)
    shaped = points * [0.0165, 0.0062, 0.026] * np.stack([np.ones_like(groove), groove, np.ones_like(groove)], axis=1)
    return shaped + np.array([0.0, MOUTH - 0.0105, TEETH_FRONT - 0.032]), faces


def ear(detail: float, sign: float) -> Solid:
    """The ear on the side of `sign` x: a bowl with a rim, leaning back and away from the head."""
    columns = max(12, round(26 * detail))
    turn = 2 * np.pi * np.arange(columns) / columns
    # radius against height over the plate, from the bowl over the rim to the back
    rings = np.array([[0.16, -0.0052], [0.36, -0.0045], [0.50, 0.0004], [0.62, 0.0012], [0.74, -0.0006], [0.86, 0.0030],
                      [0.95, 0.0042], [1.0, 0.0018], [0.93, -0.0030], [0.72, -0.0075], [0.50, -0.0150]])  # fmt: skip
    if detail < 0.6:
        rings = rings[[1, 3, 4, 6, 7, 9]]
    radius, height = rings[:, :1], rings[:, 1:]
    egg = 1 + 0.16 * np.sin(turn)  # wider at the top
    forward = radius * 0.0170 * egg * np.cos(turn)
    upward = radius * 0.0320 * (np.sin(turn) - 0.06 * np.cos(2 * turn))
    lobe = 0.6 * gauss((turn - 1.55 * np.pi) / 0.5)  # the lobe is flat
    lift = np.where(radius < 0.9, height * (1 - lobe), height) - 0.004 * np.cos(turn) * radius
    lean, flare = 0.20, 0.42
    u = np.array([sign * -np.sin(flare), 0.0, np.cos(flare)])
    v = np.array([0.0, np.cos(lean), -np.sin(lean)])
    n = np.cross(u, v) * -sign
    centre = np.array([sign * 0.0790, 0.002, -0.012])
    ring = centre + forward[..., None] * u + upward[..., None] * v + np.broadcast_to(lift, forward.shape)[..., None] * n
    tip = centre + n * -0.0056
    points = np.concatenate([[tip], ring.reshape(-1, 3)])
    faces = _capped(len(rings), columns, closed=False)
    return points, faces if sign < 0 else faces[:, ::-1]


def _sheet(rows: int, columns: int, *, flip: bool) -> NDArray[np.int64]:
    numbers = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (n.ravel() for n in (numbers[:-1, :-1], numbers[:-1, 1:], numbers[1:, :-1], numbers[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    return faces[:, ::-1] if flip else faces


def _capped(rings: int, columns: int, *, closed: bool = True) -> NDArray[np.int64]:
    """Faces of a pole, `rings` rings of `columns` vertices, and a second pole if it is `closed`."""
    numbers = 1 + np.arange(rings * columns).reshape(rings, columns)
    after = np.roll(numbers, -1, axis=1)
    faces = [np.stack([np.zeros(columns, np.int64), numbers[0], after[0]], 1)]
    a, b, c, d = (n.ravel() for n in (numbers[:-1], after[:-1], numbers[1:], after[1:]))
    faces += [np.stack([a, c, d], 1), np.stack([a, d, b], 1)]
    if closed:
        last = np.full(columns, 1 + rings * columns)
        faces.append(np.stack([numbers[-1], last, after[-1]], 1))
    return np.concatenate(faces)
