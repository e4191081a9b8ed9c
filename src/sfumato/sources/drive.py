"""Drives: what a rig is told in every frame, from JSON or .npz; see docs/avatars.md."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.sources.npz import read_npz
from sfumato.sources.rig_file import read_bytes

Float32Array = NDArray[np.float32]

MAX_FRAMES = 100_000
"""Of a drive; almost an hour at 30 frames a second."""

MAX_JSON_BYTES = 256 * 1024 * 1024
"""Of a drive in JSON; a frame with all names of ARKit takes 1 to 2 KB."""

MAX_WEIGHTS = 50_000_000
"""Of a drive, frames times names: 200 MB."""

HEAD_TURNS = ("headYaw", "headPitch", "headRoll")
"""Names that turn the head, in degrees: to the person's left, down, towards the person's right shoulder."""

_NO_EXPRESSION = "_neutral"  # a name that MediaPipe's face landmarker gives beside those of ARKit
_LARGEST = 1e6  # numbers beyond it are damage
_REMEDY = "docs/avatars.md describes drives"


@dataclass(frozen=True, eq=False)
class Drive:
    """What a rig is told in every frame, as a file says it: whether a rig knows the names is not checked here.

    name: of the file, for messages. frames: T, at least 1. fps: frames a second, None if the file does not say.
    weights: float32 [T] by expression, those of `HEAD_TURNS` in degrees. shapes: whether a name that is both ARKit's
    and that of a shape means the shape alone, as in `Rig.pose`. rotations: by joint, axis times angle in radians,
    float32 [T, 3]. translation: float32 [T, 3] in world units, or None.
    vertices: float32 [T, V, 3], the meshes themselves instead of all of it, or None. faces: int32 [F, 3], their faces,
    or None if the file has none.
    """

    name: str
    frames: int
    fps: float | None = None
    weights: Mapping[str, Float32Array] = field(default_factory=dict)
    shapes: bool = False
    rotations: Mapping[str, Float32Array] = field(default_factory=dict)
    translation: Float32Array | None = None
    vertices: Float32Array | None = None
    faces: NDArray[np.int32] | None = None


def read_drive(path: str | os.PathLike[str]) -> Drive:
    """The drive in a .json or .npz file.

    JSON: {"fps": 30, "frames": [{"jawOpen": 0.3, "headYaw": 10}, ...]}, names that a frame lacks being 0, or
    {"fps": 30, "names": ["jawOpen", ...], "weights": [[0.3, ...], ...]}, a row for each frame.
    .npz: as `driving.npz` of a capture (`weight.<name>` [T], `rotation.<joint>` [T, 3], `translation` [T, 3]) with
    `fps` if it is known, or `vertices` [T, V, 3] as in `vertices.npz` of a capture.

    Raises: InputError that names file, frame and field.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".json", ".npz"):
        raise InputError(f"cannot read '{path}': a drive is a .json or .npz file; {_REMEDY}")
    return _read_json(path) if suffix == ".json" else _read_npz(path)


def _read_json(path: Path) -> Drive:
    data = read_bytes(path, MAX_JSON_BYTES)
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"cannot read '{path}': it is not JSON ({error}); {_REMEDY}") from None
    if not isinstance(content, dict):
        raise _wrong(path, "it is not an object")
    fps = _rate(path, content["fps"]) if content.get("fps") is not None else None
    if isinstance(content.get("frames"), list):
        return _drive_of_frames(path, content["frames"], fps)
    if isinstance(content.get("names"), list) and isinstance(content.get("weights"), list):
        return _drive_of_rows(path, content["names"], content["weights"], fps)
    raise _wrong(path, "it has neither a list 'frames' nor lists 'names' and 'weights'")


def _drive_of_frames(path: Path, entries: list[Any], fps: float | None) -> Drive:
    """One object of names and weights for each frame."""
    _check_frames(path, len(entries))
    weights: dict[str, Float32Array] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise _wrong(path, f"frame {number} (counted from 0): it is not an object of names and weights")
        for name, value in entry.items():
            if name not in weights:
                if (len(weights) + 1) * len(entries) > MAX_WEIGHTS:
                    raise _wrong(path, f"it has {len(entries):,} frames of more than {len(weights):,} names")
                weights[name] = np.zeros(len(entries), np.float32)
            weights[name][number] = _weight(path, number, name, value)
    return Drive(str(path), len(entries), fps, _expressions(weights))


def _drive_of_rows(path: Path, names: list[Any], rows: list[Any], fps: float | None) -> Drive:
    """One list of names, and a row of weights for each frame."""
    _check_frames(path, len(rows))
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise _wrong(path, "field 'names': it is not a list of different names")
    weights = np.empty((len(names), len(rows)), np.float32)
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise _wrong(path, f"frame {number} (counted from 0): it is not a list of {len(names)} weights, as 'names'")
        weights[:, number] = [_weight(path, number, name, value) for name, value in zip(names, row, strict=True)]
    return Drive(str(path), len(rows), fps, _expressions(dict(zip(names, weights, strict=True))))


def _read_npz(path: Path) -> Drive:
    arrays = read_npz(path)
    fps = _rate(path, arrays["fps"].tolist()) if "fps" in arrays else None
    if "vertices" in arrays:
        vertices = _numbers(path, "vertices", arrays["vertices"], (None, None, 3))
        faces = arrays.get("faces")
        if faces is not None and (faces.dtype.kind not in "iu" or faces.ndim != 2 or faces.shape[1] != 3):
            raise _wrong(path, f"field 'faces': it is {faces.dtype} {list(faces.shape)}, not whole numbers [F, 3]")
        own = None if faces is None else faces.astype(np.int32)
        return Drive(str(path), len(vertices), fps, vertices=vertices, faces=own)
    parts: dict[str, dict[str, Float32Array]] = {"weight": {}, "rotation": {}}
    count: int | None = None
    for key, values in arrays.items():
        kind, _, name = key.partition(".")
        if kind in parts and name:
            parts[kind][name] = _numbers(path, key, values, (count,) if kind == "weight" else (count, 3))
            count = len(values)
    translation = None
    if "translation" in arrays:
        translation = _numbers(path, "translation", arrays["translation"], (count, 3))
        count = len(translation)
    if count is None:
        raise _wrong(path, "it has none of vertices, weight.<name>, rotation.<joint> and translation")
    _check_frames(path, count)
    return Drive(str(path), count, fps, parts["weight"], True, parts["rotation"], translation)


def _numbers(path: Path, name: str, values: NDArray[Any], shape: tuple[int | None, ...]) -> Float32Array:
    """An array of this shape (None is any size) as float32, every number finite and not huge."""
    fits = values.ndim == len(shape) and all(
        want in (None, size) for want, size in zip(shape, values.shape, strict=True)
    )
    if not fits or values.dtype.kind not in "iuf":
        form = ", ".join("any" if want is None else f"{want:,}" for want in shape)
        raise _wrong(path, f"field '{name}': it is {values.dtype} {list(values.shape)}, not numbers [{form}]")
    _check_frames(path, len(values))
    bad = ~(np.abs(values) <= _LARGEST).all(axis=tuple(range(1, values.ndim)))
    if bad.any():
        raise _wrong(path, f"frame {int(bad.argmax())} (counted from 0): field '{name}': {_NOT_FINITE}")
    return values.astype(np.float32)


_NOT_FINITE = f"it is not a finite number within +-{_LARGEST:g}"


def _weight(path: Path, frame: int, name: str, value: object) -> float:
    if type(value) in (int, float) and isinstance(value, (int, float)) and abs(value) <= _LARGEST:
        return float(value)
    raise _wrong(path, f"frame {frame} (counted from 0): field '{name}': {_NOT_FINITE}")


def _expressions(weights: Mapping[str, Float32Array]) -> dict[str, Float32Array]:
    return {name: values for name, values in weights.items() if name != _NO_EXPRESSION}


def _rate(path: Path, value: object) -> float:
    if type(value) in (int, float) and isinstance(value, (int, float)) and 0.01 <= value <= 1000:
        return float(value)
    raise _wrong(path, "field 'fps': it is not a number of frames a second from 0.01 to 1000")


def _check_frames(path: Path, count: int) -> None:
    if not 1 <= count <= MAX_FRAMES:
        raise _wrong(path, f"it has {count:,} frames; 1 to {MAX_FRAMES:,} are allowed")


def _wrong(path: Path, promise: str) -> InputError:
    return InputError(f"cannot read '{path}': {promise}; {_REMEDY}")
