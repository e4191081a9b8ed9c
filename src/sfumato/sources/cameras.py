"""Cameras from JSON: Sfumato's paths, transforms.json of NeRF datasets, cameras.json of 3DGS; see docs/cameras.md."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sfumato.camera import Camera, CameraPath, Float64Array
from sfumato.errors import InputError

MAX_CAMERAS = 100_000
"""Of a file; an hour of film at 30 frames a second."""
MAX_BYTES = 64 * 1024 * 1024
"""Of a file; a camera takes about 1 KB, so that it is far beyond every dataset."""

_REMEDY = "correct it, docs/cameras.md describes the fields"
_DISTORTIONS = ("k1", "k2", "k3", "k4", "p1", "p2")
_PINHOLES = ("PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "perspective")
_LARGEST = 1e12  # numbers beyond it are damage, and their squares might not be finite
_ROUNDING = 1e-3  # how far a stored rotation may be from orthonormal; files with 4 digits are within 2e-4


def read_cameras(path: str | os.PathLike[str], *, size: tuple[int, int] | None = None) -> CameraPath:
    """The cameras in the JSON file at `path`, in its order.

    size: (width, height) of cameras whose file gives none.

    Lens distortion is left out, with a warning. Raises: InputError that names entry and field.
    """
    path = Path(path)
    content = read_json(path)
    if isinstance(content, list):
        entries, read, shared = content, _camera_of_3dgs, {}
    elif isinstance(content, dict) and isinstance(content.get("frames"), list):
        entries, read, shared = content["frames"], _camera_of_transforms, content
    elif isinstance(content, dict) and isinstance(content.get("cameras"), list):
        entries, read, shared = content["cameras"], _camera_of_path, content
    else:
        raise InputError(
            f"cannot read '{path}': it is neither an object with a list 'cameras' (Sfumato) or 'frames' "
            "(transforms.json) nor a list (cameras.json of 3DGS); see docs/cameras.md"
        )
    if not entries:
        raise InputError(f"cannot read '{path}': the list of cameras is empty; add at least one")
    if len(entries) > MAX_CAMERAS:
        raise InputError(
            f"cannot read '{path}': it has {len(entries):,} cameras, the limit is {MAX_CAMERAS:,}; split it first"
        )
    fields = [_Entry(path, number, members, shared, size) for number, members in enumerate(entries)]
    cameras = tuple(read(entry) for entry in fields)
    if read is _camera_of_transforms and any(entry.number(k, 0.0) for entry in fields for k in _DISTORTIONS):
        warnings.warn(f"'{path}': the lens distortion is left out", UserWarning, stacklevel=2)
    return CameraPath(cameras, _times(fields) if read is _camera_of_path else None)


class _Entry:
    """One camera's members, and what is said when one of them is not what it should be."""

    def __init__(
        self, path: Path, number: int, members: object, shared: Mapping[str, Any], size: tuple[int, int] | None
    ) -> None:
        self.place = f"cannot read '{path}': camera {number} (counted from 0)"
        if not isinstance(members, dict):
            raise InputError(f"{self.place}: it is not an object; {_REMEDY}")
        self._members, self._shared = members, shared
        self.default_size = size

    def get(self, field: str) -> Any:
        """The camera's own value, or the one that all cameras share, or None."""
        own = self._members.get(field)
        return self._shared.get(field) if own is None else own

    def __contains__(self, field: str) -> bool:
        return self.get(field) is not None

    def wrong(self, field: str, promise: str) -> InputError:
        return InputError(f"{self.place}, field '{field}': {promise}; {_REMEDY}")

    def array(self, field: str, *shape: int) -> Float64Array:
        """The numbers in `field`, of a shape."""
        if field not in self:
            raise self.wrong(field, "it is missing")
        value = self.get(field)
        try:
            values = np.array(value if _has_shape(value, shape) else np.nan, dtype=np.float64)
        except OverflowError:  # a whole number beyond 1e308
            values = np.array(np.nan)
        if not (np.abs(values) <= _LARGEST).all():
            form = f"{' x '.join(map(str, shape))} finite numbers" if shape else "a finite number"
            raise self.wrong(field, f"it is not {form} within +-{_LARGEST:g}")
        return values

    def number(
        self, field: str, default: float | None = None, *, above: float = -np.inf, below: float = np.inf
    ) -> float:
        """The number in `field`, between `above` and `below`; `default` if it is missing and there is one."""
        if default is not None and field not in self:
            return default
        value = float(self.array(field))
        if not above < value < below:
            limits = f"above {above:g}" + (f" and below {below:g}" if np.isfinite(below) else "")
            raise self.wrong(field, f"it is {value:g}, which must be {limits}")
        return value

    def size(self, width: str, height: str) -> tuple[int, int]:
        """Width and height in pixels."""
        if self.default_size is not None and width not in self and height not in self:
            return self.default_size
        if width not in self:
            raise self.wrong(width, "it is missing, and no size is asked for (--size)")
        sides = [self.number(field, above=0, below=1e6) for field in (width, height)]
        for field, side in zip((width, height), sides, strict=True):
            if side != round(side):
                raise self.wrong(field, f"it is {side:g}, which must be a whole number of pixels")
        return int(sides[0]), int(sides[1])

    def rotation(self, field: str, values: Float64Array) -> Float64Array:
        """The rotation nearest to `values` [3, 3] of `field`, which must be one up to rounding."""
        if np.abs(values @ values.T - np.eye(3)).max() > _ROUNDING or np.linalg.det(values) < 0:
            raise self.wrong(
                field, "it is not a rotation: its axes must have length 1, right angles and right-handed order"
            )
        left, _, right = np.linalg.svd(values)
        rotation: Float64Array = left @ right
        return rotation


def _camera_of_path(entry: _Entry) -> Camera:
    """Sfumato's own form."""
    width, height = entry.size("width", "height")
    if "fx" in entry:
        fx = entry.number("fx", above=0)
        fy = entry.number("fy", fx, above=0)
    elif "fov" in entry:
        fx = fy = _focal(width, np.radians(entry.number("fov", above=0.01, below=179)))
    else:
        raise entry.wrong("fx", "it is missing, and 'fov' too")
    cx, cy = entry.number("cx", width / 2), entry.number("cy", height / 2)
    if "rotation" in entry or "translation" in entry:
        rotation = entry.rotation("rotation", entry.array("rotation", 3, 3))
        return Camera(width, height, fx, fy, cx, cy, rotation, entry.array("translation", 3))
    if "position" not in entry:
        raise entry.wrong("position", "it is missing, and 'rotation' and 'translation' too")
    up = entry.array("up", 3) if "up" in entry else np.array([0.0, -1.0, 0.0])
    position, target = entry.array("position", 3), entry.array("target", 3)
    try:
        view = Camera.look_at(position, target, width=width, height=height, up=(up[0], up[1], up[2]))
    except ValueError as error:
        raise entry.wrong("target", str(error)) from None
    return Camera(width, height, fx, fy, cx, cy, view.rotation, view.translation)


def _times(entries: list[_Entry]) -> tuple[float, ...] | None:
    """The times of Sfumato's cameras: of all or of none, increasing."""
    if not any("time" in entry for entry in entries):
        return None
    times = [entry.number("time") for entry in entries]
    for entry, before, after in zip(entries[1:], times, times[1:], strict=False):
        if after <= before:
            raise entry.wrong("time", f"it is {after:g} seconds, which does not come after the {before:g} before it")
    return tuple(times)


def _camera_of_transforms(entry: _Entry) -> Camera:
    """NeRF, instant-ngp, nerfstudio: OpenGL axes (x right, y up, z backward), camera to world."""
    if "camera_model" in entry and entry.get("camera_model") not in _PINHOLES:
        raise entry.wrong("camera_model", f"'{entry.get('camera_model')}' is not a pinhole camera")
    width, height = entry.size("w", "h")
    if "fl_x" in entry or "camera_angle_x" not in entry:
        fx = entry.number("fl_x", above=0)
    else:
        fx = _focal(width, entry.number("camera_angle_x", above=1e-4, below=3.1))
    if "fl_y" not in entry and "camera_angle_y" in entry:
        fy = _focal(height, entry.number("camera_angle_y", above=1e-4, below=3.1))
    else:
        fy = entry.number("fl_y", fx, above=0)
    cx, cy = entry.number("cx", width / 2), entry.number("cy", height / 2)
    matrix = entry.array("transform_matrix", 4, 4)
    to_world = entry.rotation("transform_matrix", matrix[:3, :3]) * np.array([1.0, -1.0, -1.0])
    return Camera(width, height, fx, fy, cx, cy, to_world.T, -to_world.T @ matrix[:3, 3])


def _camera_of_3dgs(entry: _Entry) -> Camera:
    """What 3DGS writes beside its point clouds: rotation is camera to world, position the camera's centre."""
    width, height = entry.size("width", "height")
    fx, fy = entry.number("fx", above=0), entry.number("fy", above=0)
    to_world = entry.rotation("rotation", entry.array("rotation", 3, 3))
    return Camera(width, height, fx, fy, width / 2, height / 2, to_world.T, -to_world.T @ entry.array("position", 3))


def _focal(side: int, angle: float) -> float:
    return float(side / 2 / np.tan(angle / 2))


def _has_shape(value: object, shape: tuple[int, ...]) -> bool:
    """Whether `value` is lists of numbers of a shape; a number itself for ()."""
    if not shape:
        return type(value) in (int, float)
    return isinstance(value, list) and len(value) == shape[0] and all(_has_shape(item, shape[1:]) for item in value)


def read_json(path: Path) -> object:
    """The JSON value in the file, which is about cameras or a capture; InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read '{path}': {reason.lower()}; check the path and the permissions") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"cannot read '{path}': cameras take at most {MAX_BYTES:,} bytes; name a file of cameras")
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"cannot read '{path}': it is not JSON ({error}); name a camera path, a transforms.json or a cameras.json"
        ) from None
