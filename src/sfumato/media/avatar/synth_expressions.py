"""How the procedural head moves: expressions by ARKit's names, and joints for neck, jaw and eyes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.media.avatar.synth_mesh import Head, Part
from sfumato.media.avatar.synth_skin import EYE, MOUTH, MOUTH_HALF_WIDTH, Float64Array, Lids, gauss, smooth_step
from sfumato.rig import Rig
from sfumato.rig.arkit import responses

_JOINTS = ("root", "neck", "jaw", "eye_left", "eye_right")
_PARENTS = (-1, 0, 1, 1, 1)
_PLACES = np.array([[0.0, -0.2, -0.03], [0.0, -0.085, -0.028], [0.0, -0.018, 0.004], EYE, EYE * [-1, 1, 1]])

_BOTH, _UPPER, _LOWER = 0, 1, -1


@dataclass(frozen=True)
class _Move:
    """Skin around a point of the face moves: centre and spread across and along the face, motion in x, y, z, in mm.

    Given for the person's left; a mirrored copy moves the right. lips: which side of the slits takes part.
    """

    centre: tuple[float, float]
    spread: tuple[float, float]
    motion: tuple[float, float, float]
    lips: int = _BOTH


_CORNER = (25.5, -62.5)
# One entry for every expression of the skin. Motions are near what tracked faces show at full strength.
_SIDED = {
    "browDown": (_Move((20, 32), (14, 9), (-2.5, -5.5, 1.0)), _Move((36, 34), (10, 9), (-1, -3, 0))),
    "browOuterUp": (_Move((42, 34), (11, 12), (0.5, 6.0, -0.5)),),
    "eyeSquint": (_Move((32, 1), (12, 5), (0, 2.2, 0.4), _LOWER), _Move((40, -14), (14, 10), (0, 3, 1.5))),
    "mouthSmile": (
        _Move(_CORNER, (12, 10), (7.5, 7.0, -3.5)),
        _Move((12, -62.5), (9, 8), (2.0, 1.6, -0.8)),
        _Move((43, -26), (14, 13), (1.0, 4.5, 3.0)),
    ),
    "mouthFrown": (_Move(_CORNER, (11, 11), (0.5, -6.5, -0.5)), _Move((14, -84), (10, 8), (0, 1.5, 1.0))),
    "mouthUpperUp": (_Move((11, -57), (9, 6), (0.5, 5.0, 0.5), _UPPER), _Move((20, -42), (8, 10), (0, 2.0, 0.5))),
    "mouthLowerDown": (_Move((11, -69), (9, 6), (0.5, -5.0, 0.3), _LOWER),),
    "mouthStretch": (_Move(_CORNER, (14, 12), (8.0, -2.0, -3.0)),),
    "noseSneer": (
        _Move((14, -34), (8, 9), (1.0, 4.0, 0.5)),
        _Move((10, 14), (8, 9), (-1.0, -2.0, 0.5)),
        _Move((14, -56), (10, 6), (0, 2.0, 0.3), _UPPER),
    ),
}
_WHOLE = {
    "browInnerUp": (_Move((11, 34), (11, 12), (0.5, 6.5, -0.5)),),
    "cheekPuff": (_Move((46, -50), (15, 17), (7.0, 0, 6.5)),),
    "mouthPucker": (
        _Move(_CORNER, (12, 11), (-10.0, 0, 4.0)),
        _Move((6, -57), (8, 6), (-1.5, 0.8, 6.0)),
        _Move((6, -69), (8, 6), (-1.5, -0.8, 6.0)),
    ),
    "mouthFunnel": (
        _Move(_CORNER, (12, 11), (-8.0, 0, 3.0)),
        _Move((4, -57), (10, 7), (-1.0, 3.5, 5.0), _UPPER),
        _Move((4, -69), (10, 7), (-1.0, -4.5, 5.0), _LOWER),
    ),
    "mouthRollLower": (_Move((0, -69), (16, 5), (0, 3.0, -4.0), _LOWER),),
    "mouthShrugLower": (_Move((0, -72), (14, 9), (0, 4.0, 1.5), _LOWER), _Move((0, -92), (14, 10), (0, 3, 1))),
}
_LIDS = {
    "eyeBlink": Lids(-0.0041, 0.0036),
    "eyeWide": Lids(0.0076, 0.0044),
}


def head_rig(head: Head) -> Rig:
    """The head as a rig that answers to ARKit's names; joint `neck` turns the head, `root` the shoulders as well."""
    names = expression_names()
    return Rig(
        vertices=head.rest.astype(np.float32),
        faces=head.faces.astype(np.int32),
        shape_names=names,
        shapes=expression_shapes(head).astype(np.float32),
        joint_names=_JOINTS,
        parents=np.array(_PARENTS, np.int32),
        joints=_PLACES.astype(np.float32),
        skin=joint_weights(head).astype(np.float32),
        regions=tuple(part.name.lower() for part in Part),
        region=head.vertex_part.astype(np.uint8),
        arkit=responses(names, _JOINTS),
    )


def expression_names() -> tuple[str, ...]:
    """ARKit's names of the head's expressions, in the order of `expression_shapes`."""
    sided = [f"{name}{side}" for name in (*_SIDED, *_LIDS) for side in ("Left", "Right")]
    return (*_WHOLE, *sided)


def expression_shapes(head: Head) -> Float64Array:
    """What every expression adds to the vertices at full strength, [K, V, 3] in metres."""
    rest = head.rest
    shapes = []
    for name in expression_names():
        stem, sign = _split(name)
        if stem in _LIDS:
            pair = (_LIDS[stem], Lids()) if sign > 0 else (Lids(), _LIDS[stem])
            shapes.append(head.place(*pair) - rest)
        else:
            moves = _SIDED[stem] if sign else _WHOLE[stem]
            shapes.append(_moved(head, rest, moves, (sign,) if sign else (1.0, -1.0)))
    return np.stack(shapes)


def joint_weights(head: Head) -> Float64Array:
    """How much every vertex follows every joint, [V, J]; rows add up to 1."""
    rest = head.rest
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    neck = smooth_step(y + 0.35 * z, -0.150, -0.088)
    # Between the lips the border of the jaw is sharp; beside the mouth it is as wide as a cheek.
    band = 0.0002 + 0.050 * smooth_step(x, 0.6 * MOUTH_HALF_WIDTH, 2.2 * MOUTH_HALF_WIDTH)
    jaw = smooth_step(MOUTH - y, -band, band)
    inside = (x < MOUTH_HALF_WIDTH * 0.93) & (np.abs(y - MOUTH) < 0.006)
    jaw = np.where(inside & (head.side > 0) & (head.leader == np.arange(len(x))), 0.0, jaw)
    slit = np.unique(head.leader[head.vertex_part == Part.MOUTH])
    ease = smooth_step(x[slit], 0.80 * MOUTH_HALF_WIDTH, 1.04 * MOUTH_HALF_WIDTH)
    jaw[slit] = np.where(head.side[slit] > 0, 0.5 * ease, 1 - 0.5 * ease)
    jaw *= smooth_step(z, -0.005, 0.040) * smooth_step(y - 0.9 * (0.07 - z).clip(0, 0.05), -0.175, -0.100)
    jaw = jaw[head.leader]
    jaw[np.isin(head.vertex_part, (Part.LOWER_TEETH, Part.TONGUE))] = 1.0
    jaw[np.isin(head.vertex_part, (Part.UPPER_TEETH, Part.EAR, Part.LEFT_EYE, Part.RIGHT_EYE))] = 0.0
    neck = np.where(head.vertex_part == Part.SKIN, neck, 1.0)
    weights = np.zeros((len(rest), len(_JOINTS)))
    weights[:, 0], weights[:, 1], weights[:, 2] = 1 - neck, neck * (1 - jaw), neck * jaw
    for column, part in ((3, Part.LEFT_EYE), (4, Part.RIGHT_EYE)):
        weights[head.vertex_part == part] = np.eye(len(_JOINTS))[column]
    return weights


def _split(name: str) -> tuple[str, float]:
    for suffix, sign in (("Left", 1.0), ("Right", -1.0)):
        if name.endswith(suffix):
            return name.removesuffix(suffix), sign
    return name, 0.0


def _moved(head: Head, rest: Float64Array, moves: tuple[_Move, ...], signs: tuple[float, ...]) -> Float64Array:
    mm = rest * 1000
    front = smooth_step(rest[:, 2], 0.005, 0.045) * (head.vertex_part == Part.SKIN)
    total = np.zeros_like(rest)
    for move in moves:
        for sign in signs:
            across = (mm[:, 0] - sign * move.centre[0]) / move.spread[0]
            along = (mm[:, 1] - move.centre[1]) / move.spread[1]
            strength = front * gauss(across) * gauss(along) * _lip_share(head, mm, move)
            strength *= strength > 0.004  # a motion ends somewhere, so that shapes stay sparse
            total += strength[:, None] * np.array(move.motion) * [sign, 1, 1] / 1000
    return total[head.leader] * head.share[:, None]


def _lip_share(head: Head, mm: Float64Array, move: _Move) -> NDArray[np.float64]:
    """1 for the side of a slit that takes part in a motion, 0 for the other, between them half at the corners."""
    if move.lips == _BOTH:
        return np.ones(len(mm))
    height, half = (1000 * MOUTH, 1000 * MOUTH_HALF_WIDTH) if move.centre[1] < -45 else (1000 * EYE[1], 60.0)
    distance = np.where(np.abs(mm[:, 1] - height) < 0.5, head.side, np.sign(mm[:, 1] - height))
    corner = smooth_step(np.abs(mm[:, 0]), 0.75 * half, half)
    return (1 - corner) * (distance * move.lips > 0) + 0.5 * corner
