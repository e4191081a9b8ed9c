"""Captures in Sfumato's own layout: capture.json, cameras.json, vertices.npz, images, masks; see docs/captures.md."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.errors import InputError, OutputError
from sfumato.rig import Rig
from sfumato.sources.cameras import read_cameras, read_json
from sfumato.sources.capture import Capture, CaptureCamera, CaptureFrame, Driving, Float32Array
from sfumato.sources.npz import npz_bytes, read_npz
from sfumato.sources.photo import read_photo
from sfumato.sources.rig_npz import rig_bytes

CAPTURE, CAMERAS, VERTICES, DRIVING = "capture.json", "cameras.json", "vertices.npz", "driving.npz"
RIG = "rig.npz"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


class Picture(NamedTuple):
    """A picture to write: numbers of frame and camera, pixels uint8 [H, W, 3], mask uint8 [H, W]."""

    frame: int
    camera: int
    pixels: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def read_capture(folder: str | os.PathLike[str]) -> Capture:
    """The capture in a folder of Sfumato's own layout.

    Raises: InputError that names the file, and frame or camera where it is about one: a file is missing or not what it
    should be, names or counts contradict each other.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"cannot read '{root}': it is not a folder; name the folder of a capture")
    found = read_cameras(root / CAMERAS).cameras
    entries = _entries(root / CAMERAS, "cameras")["cameras"]
    cameras = tuple(
        CaptureCamera(
            _text(root / CAMERAS, "camera", number, entry, "name"),
            camera,
            _is_test(root / CAMERAS, "camera", number, entry),
        )
        for number, (camera, entry) in enumerate(zip(found, entries, strict=True))
    )
    path = root / CAPTURE
    content = _entries(path, "frames")
    frames = tuple(
        CaptureFrame(
            _text(path, "frame", number, entry, "name"),
            _text(path, "frame", number, entry, "sequence"),
            _is_test(path, "frame", number, entry),
        )
        for number, entry in enumerate(content["frames"])
    )
    arrays = read_npz(root / VERTICES, ["faces"])
    if "faces" not in arrays or arrays["faces"].dtype.kind not in "iu" or arrays["faces"].shape[1:] != (3,):
        raise InputError(
            f"cannot read '{root / VERTICES}': it has no whole numbers 'faces' [F, 3]; see docs/captures.md"
        )
    background = content.get("background", [1, 1, 1])
    source = _Folder(root, [camera.name for camera in cameras], [frame.name for frame in frames])
    return Capture(
        str(root), cameras, frames, arrays["faces"].astype(np.int32), source,
        _colour(path, background), _read_driving(root, len(frames)),
    )  # fmt: skip


def write_capture(
    folder: str | os.PathLike[str],
    cameras: Iterable[CaptureCamera],
    frames: Iterable[CaptureFrame],
    faces: NDArray[Any],
    vertices: Float32Array,
    pictures: Iterable[Picture],
    *,
    background: tuple[float, float, float] = (1.0, 1.0, 1.0),
    driving: Driving | None = None,
    rig: Rig | None = None,
) -> None:
    """Write a capture as `read_capture` reads it; the same capture gives the same bytes.

    vertices: [T, V, 3]. pictures: one for every frame and camera, in any order; they are written as they come.
    rig: written beside the other files as RIG, by which name `driving` should call it.

    The folder appears whole or not at all. Raises: OutputError if something is there already or cannot be written.
    """
    target = Path(folder)
    shots, moments = list(cameras), list(frames)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"cannot write '{target}': it is there already and not empty; choose another name")
    temporary = target.with_name(f".sfumato-{secrets.token_hex(8)}.tmp")
    try:
        temporary.mkdir()
        for name, content in (
            (CAMERAS, {"cameras": [_camera(item) for item in shots]}),
            (CAPTURE, {"background": list(background), "frames": [_frame(item) for item in moments]}),
        ):
            (temporary / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        arrays = {"vertices": np.asarray(vertices, np.float32), "faces": np.asarray(faces, np.int32)}
        (temporary / VERTICES).write_bytes(npz_bytes(arrays))
        if driving is not None:
            (temporary / DRIVING).write_bytes(npz_bytes(_driving_arrays(driving)))
        if rig is not None:
            (temporary / RIG).write_bytes(rig_bytes(rig))
        for kind in ("images", "masks"):
            for moment in moments:
                (temporary / kind / moment.name).mkdir(parents=True)
        for picture in pictures:
            place = f"{moments[picture.frame].name}/{shots[picture.camera].name}.png"
            (temporary / "images" / place).write_bytes(_png(picture.pixels))
            (temporary / "masks" / place).write_bytes(_png(picture.mask))
        with contextlib.suppress(FileNotFoundError):
            target.rmdir()
        temporary.rename(target)
    except OSError as error:
        raise OutputError(f"cannot write '{target}': {error.strerror or error}; check the folder around it") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class _Folder:
    """The large parts of a capture, read from its files."""

    def __init__(self, root: Path, cameras: list[str], frames: list[str]) -> None:
        self._root, self._cameras, self._frames = root, cameras, frames
        self._images = self._files("images")
        self._masks = self._files("masks") if (root / "masks").is_dir() else None

    def vertices(self) -> Float32Array:
        path = self._root / VERTICES
        arrays = read_npz(path, ["vertices"])
        if "vertices" not in arrays or arrays["vertices"].dtype.kind != "f":
            raise InputError(f"cannot read '{path}': it has no floating-point 'vertices' [T, V, 3]; save them again")
        return arrays["vertices"].astype(np.float32)

    def vertices_file(self, frame: int) -> str:
        return str(self._root / VERTICES)

    def image(self, frame: int, camera: int, background: Float32Array) -> Float32Array:
        return over(read_photo(self._images[frame][camera]).pixels, background)

    def mask(self, frame: int, camera: int) -> Float32Array | None:
        if self._masks is None:
            return None
        pixels = read_photo(self._masks[frame][camera]).pixels
        return np.ascontiguousarray(pixels[..., :3].mean(axis=2, dtype=np.float32))

    def picture_file(self, frame: int, camera: int, *, mask: bool = False) -> str:
        files = self._masks if mask and self._masks is not None else self._images
        return str(files[frame][camera])

    def _files(self, kind: str) -> list[list[Path]]:
        """The file of every frame and camera; InputError for the first that is missing."""
        found = []
        for frame in self._frames:
            folder = self._root / kind / frame
            names = set(os.listdir(folder)) if folder.is_dir() else set()
            found.append([self._file(folder, names, frame, camera) for camera in self._cameras])
        return found

    def _file(self, folder: Path, names: set[str], frame: str, camera: str) -> Path:
        for suffix in SUFFIXES:
            if camera + suffix in names:
                return folder / (camera + suffix)
        raise InputError(
            f"cannot read '{self._root}': frame '{frame}', camera '{camera}': there is no "
            f"'{folder / camera}{SUFFIXES[0]}' (or {', '.join(SUFFIXES[1:])}); add it, or leave the frame out"
        )


def over(pixels: Float32Array, background: Float32Array) -> Float32Array:
    """A picture [H, W, C] (grey, RGB, with straight alpha) as RGB [H, W, 3] over a background [3]."""
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:]
        laid: Float32Array = pixels[..., :3] * alpha + background * (1 - alpha)
        return laid
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _read_driving(root: Path, count: int) -> Driving | None:
    path = root / DRIVING
    if not path.exists():
        return None
    arrays = read_npz(path)
    parts: dict[str, dict[str, Float32Array]] = {"weight": {}, "rotation": {}}
    translation = arrays.get("translation", np.zeros((count, 3))).astype(np.float32)
    for key, value in arrays.items():
        kind, _, name = key.partition(".")
        if kind in parts:
            parts[kind][name] = value.astype(np.float32)
    sized = [(value, (count,)) for value in parts["weight"].values()]
    wide = [(value, (count, 3)) for value in (*parts["rotation"].values(), translation)]
    if any(value.shape != shape or not np.isfinite(value).all() for value, shape in (*sized, *wide)):
        raise InputError(f"cannot read '{path}': an array is not finite or not of {count} frames; save it again")
    return Driving(str(arrays.get("rig", "")), parts["weight"], parts["rotation"], translation)


def _driving_arrays(driving: Driving) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"rig": np.array(driving.rig), "translation": driving.translation}
    arrays |= {f"weight.{name}": np.asarray(value, np.float32) for name, value in driving.weights.items()}
    return arrays | {f"rotation.{name}": np.asarray(value, np.float32) for name, value in driving.rotations.items()}


def _camera(item: CaptureCamera) -> dict[str, Any]:
    view = item.camera
    return {
        "name": item.name, "split": "test" if item.test else "train", "width": view.width, "height": view.height,
        "fx": view.fx, "fy": view.fy, "cx": view.cx, "cy": view.cy,
        "rotation": view.rotation.tolist(), "translation": view.translation.tolist(),
    }  # fmt: skip


def _frame(item: CaptureFrame) -> dict[str, Any]:
    return {"name": item.name, "sequence": item.sequence, "split": "test" if item.test else "train"}


def _entries(path: Path, key: str) -> dict[str, Any]:
    """The JSON object in a file; it has a list `key`."""
    content = read_json(path)
    if not isinstance(content, dict) or not content.get(key) or not isinstance(content[key], list):
        raise InputError(f"cannot read '{path}': it has no list '{key}' with entries; see docs/captures.md")
    return content


def _text(path: Path, what: str, number: int, entry: object, field: str) -> str:
    value = entry.get(field) if isinstance(entry, dict) else None
    plain = isinstance(value, str) and value and not set(value) & set('/\\:*?"<>|\0') and value not in (".", "..")
    if not isinstance(value, str) or not plain:
        raise InputError(
            f"cannot read '{path}': {what} {number} (counted from 0): '{field}' is not a name that a file can have; "
            "see docs/captures.md"
        )
    return value


def _is_test(path: Path, what: str, number: int, entry: Mapping[str, Any]) -> bool:
    split = entry.get("split", "train")
    if split not in ("train", "test"):
        raise InputError(f"cannot read '{path}': {what} {number} (counted from 0): 'split' is neither train nor test")
    return bool(split == "test")


def _colour(path: Path, value: object) -> tuple[float, float, float]:
    good = isinstance(value, list) and len(value) == 3 and all(type(v) in (int, float) and 0 <= v <= 1 for v in value)
    if not isinstance(value, list) or not good:
        raise InputError(f"cannot read '{path}': 'background' is not three numbers from 0 to 1; correct it")
    return float(value[0]), float(value[1]), float(value[2])


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=4)
    return file.getvalue()
