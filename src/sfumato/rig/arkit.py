"""The names by which ARKit drives a face, and what they do to a rig."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

ARKIT_NAMES = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""The 52 names of ARKit's `ARFaceAnchor.BlendShapeLocation`; Left and Right are those of the person."""

# Full deflection of a joint at weight 1, in radians; ARKit gives none. Eyes: 30 degrees to the side and 25 up or down,
# about what people use before they turn the head; jaw: 25 degrees, a wide open mouth of FLAME, and 5 to the side.
_EYE_SIDE, _EYE_HEIGHT, _JAW_OPEN, _JAW_SIDE = 0.52, 0.44, 0.44, 0.09


@dataclass(frozen=True)
class Response:
    """What one name of ARKit at weight 1 does to a rig; it grows in proportion to the weight.

    shapes: name of a shape and the weight it gets. turns: name of a joint and its rotation as axis-angle in radians.
    """

    shapes: tuple[tuple[str, float], ...] = ()
    turns: tuple[tuple[str, tuple[float, float, float]], ...] = ()


def responses(shape_names: Iterable[str], joint_names: Iterable[str] = ()) -> dict[str, Response]:
    """What the names of ARKit do to a rig whose shapes and joints are named after what they are.

    shape_names: a shape answers to the ARKit name that it spells, whatever its case and underscores; left and right may
        be `Left`, `_L` and `Right`, `_R`. Where ARKit has one name for both sides (browInnerUp, cheekPuff), two shapes,
        one for each side, answer together. joint_names: `jaw`, `eye_left` and `eye_right` turn (in the axes of
        `sfumato.rig.Rig`) as jawOpen, jawLeft, jawRight and eyeLook* ask; where a shape answers to the name as well,
        an eye does both (the shape moves the lids) and a jaw leaves it to the shape.
    """
    found = {_plain(name): name for name in shape_names}
    joints = set(joint_names)
    answers = {}
    for name in ARKIT_NAMES:
        plain = name.lower()
        keys = [plain] if plain in found else [key for key in (plain + "left", plain + "right") if key in found]
        joint, turn = _turn(name)
        turns = ((joint, turn),) if joint in joints and not (keys and joint == "jaw") else ()
        if keys or turns:
            answers[name] = Response(tuple((found[key], 1.0) for key in keys), turns)
    return answers


def _plain(name: str) -> str:
    """`name` in the form that names are compared in: `eyeBlink_L` becomes eyeblinkleft."""
    name = re.sub(r"[_. ]L$", "left", re.sub(r"[_. ]R$", "right", name.strip()))
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _turn(name: str) -> tuple[str, tuple[float, float, float]]:
    """The joint that shows the ARKit name, if any does, and how far it turns at weight 1."""
    if eye := re.fullmatch("eyeLook(Up|Down|In|Out)(Left|Right)", name):
        to_left = _EYE_SIDE if (eye[1], eye[2]) in (("Out", "Left"), ("In", "Right")) else -_EYE_SIDE
        nod = {"Up": -_EYE_HEIGHT, "Down": _EYE_HEIGHT}.get(eye[1])
        return f"eye_{eye[2].lower()}", (0.0, to_left, 0.0) if nod is None else (nod, 0.0, 0.0)
    jaw = {"jawOpen": (_JAW_OPEN, 0.0, 0.0), "jawLeft": (0.0, _JAW_SIDE, 0.0), "jawRight": (0.0, -_JAW_SIDE, 0.0)}
    return ("jaw", jaw[name]) if name in jaw else ("", (0.0, 0.0, 0.0))
