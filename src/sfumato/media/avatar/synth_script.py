"""What the head of a synthetic capture does, and the cameras that look on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.camera import Camera
from sfumato.rig import axis_angle
from sfumato.sources.capture import CaptureCamera, CaptureFrame

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moment:
    """A frame of the script.

    arkit: weights by ARKit's names. head: the head's turn, axis times angle in radians [3]. shift: metres [3].
    """

    frame: CaptureFrame
    arkit: dict[str, float]
    head: Float64Array
    shift: Float64Array


@dataclass(frozen=True)
class _Sequence:
    """A short scene.

    plays: for one name or a pair ("mouthSmile" means Left and Right) how strong it is, around which time (0..1 of the
    scene) and for how long. turns: yaw, pitch and roll of the head in degrees, reached and left again once.
    """

    name: str
    plays: tuple[tuple[str, float, float, float], ...]
    turns: tuple[float, float, float] = (0.0, 0.0, 0.0)
    test: bool = False


_SEQUENCES = (
    _Sequence("rest", (("eyeBlink", 1.0, 0.85, 0.1),)),
    _Sequence(
        "smile",
        (("mouthSmile", 1.0, 0.5, 0.45), ("eyeSquint", 0.7, 0.55, 0.35), ("jawOpen", 0.25, 0.6, 0.25)),
        (8, -3, 3),
    ),
    _Sequence(
        "speech",
        (
            ("jawOpen", 0.7, 0.5, 0.22),
            ("mouthFunnel", 0.9, 0.15, 0.18),
            ("mouthStretch", 0.8, 0.8, 0.2),
            ("mouthLowerDown", 0.6, 0.6, 0.4),
            ("jawOpen", 0.35, 0.9, 0.15),
        ),
        (-6, 2, 0),
    ),
    _Sequence(
        "surprise",
        (
            ("browInnerUp", 1.0, 0.5, 0.5),
            ("browOuterUp", 0.9, 0.5, 0.5),
            ("eyeWide", 1.0, 0.5, 0.4),
            ("jawOpen", 0.7, 0.55, 0.35),
        ),
        (0, -6, -3),
    ),
    _Sequence(
        "anger",
        (
            ("browDown", 1.0, 0.5, 0.5),
            ("noseSneer", 1.0, 0.5, 0.4),
            ("mouthUpperUp", 0.7, 0.55, 0.4),
            ("mouthFrown", 0.6, 0.3, 0.3),
        ),
        (-10, 5, 0),
    ),
    _Sequence(
        "lips",
        (
            ("mouthPucker", 1.0, 0.25, 0.3),
            ("cheekPuff", 1.0, 0.7, 0.3),
            ("eyeBlink", 1.0, 0.45, 0.16),
            ("mouthRollLower", 0.8, 0.95, 0.15),
        ),
        (5, 3, 4),
    ),
    _Sequence(
        "gaze",
        (
            ("eyeLookOutLeft", 0.8, 0.25, 0.3),
            ("eyeLookInRight", 0.8, 0.25, 0.3),
            ("eyeLookInLeft", 0.8, 0.75, 0.3),
            ("eyeLookOutRight", 0.8, 0.75, 0.3),
            ("mouthShrugLower", 0.8, 0.5, 0.4),
            ("browOuterUpLeft", 0.9, 0.6, 0.3),
        ),
        (14, 0, -4),
    ),
    _Sequence(
        "held out",
        (
            ("jawOpen", 0.6, 0.35, 0.25),
            ("mouthSmile", 0.8, 0.6, 0.35),
            ("browInnerUp", 0.8, 0.7, 0.3),
            ("eyeBlinkLeft", 1.0, 0.85, 0.15),
            ("mouthFunnel", 0.5, 0.2, 0.2),
            ("eyeLookUpLeft", 0.4, 0.4, 0.2),
            ("eyeLookUpRight", 0.4, 0.4, 0.2),
            ("noseSneer", 0.5, 0.95, 0.2),
        ),
        (-12, -3, 5),
        test=True,
    ),
)
_TEST_SHARE = 6  # one of so many frames is held out, about as in the published captures (1 of 10 sequences or more)
_DISTANCE = 1.0  # metres, as in rigs of cameras around a chair
_SEEN = np.array([0.236, 0.345])  # metres: width and height that every camera sees at least
_CENTRE = np.array([0.0, -0.017, -0.005])
_WIDEST = 80.0  # degrees to both sides
_ELEVATIONS = (3.0, -14.0, 18.0, 8.0)


def script(frames: int) -> list[Moment]:
    """So many moments (2 or more): scenes to learn from, each of about equal length, and one that is held out."""
    held_out = max(1, frames // _TEST_SHARE)
    train = [sequence for sequence in _SEQUENCES if not sequence.test]
    moments: list[Moment] = []
    for place, sequence in enumerate(_SEQUENCES):
        left = frames - held_out
        count = held_out if sequence.test else left // len(train) + (place < left % len(train))
        for k in range(count):
            frame = CaptureFrame(f"{len(moments):04d}", sequence.name, sequence.test)
            moments.append(_moment(frame, sequence, (k + 0.5) / count if place else k / count))
    return moments


def cameras(count: int, width: int, height: int) -> list[CaptureCamera]:
    """So many cameras from one side of the face over the front to the other; every eighth is held out.

    Of fewer than eight the middle one, of one none.
    """
    focal = _DISTANCE * float(min(np.array([width, height]) / _SEEN))
    shots = []
    for k in range(count):
        turn = np.radians(_WIDEST * (2 * k / (count - 1) - 1)) if count > 1 else 0.0
        rise = np.radians(_ELEVATIONS[k % len(_ELEVATIONS)])
        away = np.array([np.sin(turn) * np.cos(rise), np.sin(rise), np.cos(turn) * np.cos(rise)])
        view = Camera.look_at(_CENTRE + _DISTANCE * away, _CENTRE, width=width, height=height, up=(0.0, 1.0, 0.0))
        view = Camera(width, height, focal, focal, width / 2, height / 2, view.rotation, view.translation)
        test = k % 8 == 3 if count >= 8 else count > 1 and k == count // 2
        shots.append(CaptureCamera(f"{k:02d}", view, test))
    return shots


def _moment(frame: CaptureFrame, sequence: _Sequence, time: float) -> Moment:
    arkit: dict[str, float] = {}
    for stem, strength, middle, width in sequence.plays:
        value = strength * _swell((time - middle) / width)
        sided = stem.startswith(_PAIRS) and not stem.endswith(("Left", "Right"))
        for name in (f"{stem}Left", f"{stem}Right") if sided else (stem,):
            arkit[name] = min(1.0, arkit.get(name, 0.0) + value)
    yaw, pitch, roll = _swell(2 * time - 1) * np.array(sequence.turns, float)
    head = axis_angle(yaw_degrees=yaw, pitch_degrees=pitch, roll_degrees=roll)
    return Moment(frame, arkit, head, np.array([0.002 * np.sin(5 * time), 0.001 * np.sin(9 * time), 0.0]))


_PAIRS = ("mouthSmile", "mouthFrown", "mouthStretch", "mouthLowerDown", "mouthUpperUp", "browDown", "browOuterUp",
          "eyeBlink", "eyeWide", "eyeSquint", "noseSneer")  # fmt: skip


def _swell(t: float) -> float:
    """1 at 0, smoothly to 0 at -1 and 1."""
    return float(np.cos(np.pi / 2 * np.clip(t, -1, 1)) ** 2)
