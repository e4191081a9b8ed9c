"""Captures as VHAP and GaussianAvatars export them: transforms of three splits, FLAME codes, pictures and masks.

transforms_train.json, transforms_val.json (held-out cameras), transforms_test.json (held-out sequences)
flame_param/*.npz, images/*.png, fg_masks/*.png: as the entries of the transforms name them
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.camera import Camera
from sfumato.errors import InputError, SettingsError
from sfumato.sources.cameras import read_cameras, read_json
from sfumato.sources.capture import Capture, CaptureCamera, CaptureFrame, Float32Array
from sfumato.sources.capture_folder import over
from sfumato.sources.npz import read_npz
from sfumato.sources.photo import read_photo

_SPLITS = ("train", "val", "test")
_CODES = ("translation", "rotation", "neck_pose", "jaw_pose", "eyes_pose", "shape", "expr")
_SAME_CAMERA = 1e-4  # how far the numbers of one camera may move between frames: rounding


class FlameRig(Protocol):
    """What is needed of a FLAME rig; `sfumato.rig.Rig` is one."""

    @property
    def faces(self) -> NDArray[np.int32]:
        """Faces [F, 3]."""

    @property
    def vertices(self) -> Float32Array:
        """The neutral [V, 3]."""

    @property
    def shape_names(self) -> tuple[str, ...]:
        """The names of all shapes."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Root, neck, jaw, left and right eye, in this order."""

    def pose(
        self,
        weights: Mapping[str, ArrayLike] | ArrayLike | None = None,
        rotations: Mapping[str, ArrayLike] | None = None,
        translation: ArrayLike | None = None,
    ) -> Float32Array:
        """The posed vertices, [V, 3]."""

    def reshaped(self, weights: Mapping[str, ArrayLike], offsets: ArrayLike | None = None) -> FlameRig:
        """The rig of one person: with shapes at weights, and vertices moved by offsets [V, 3]."""


@dataclass(frozen=True)
class FlameNames:
    """How a rig names the codes of FLAME.

    shape, expression: what the names of the shapes begin with; the numbers after it count up in the order of the codes.
    """

    shape: str = "shape"
    expression: str = "expr"


def read_vhap(folder: str | os.PathLike[str], rig: FlameRig, names: FlameNames | None = None) -> Capture:
    """The capture in a folder of VHAP's or GaussianAvatars' layout, its meshes made by a FLAME rig.

    A camera is a train camera if the train split has it, a frame is held out if only the test split has it. Every frame
    needs a picture of every camera. Where the pictures have masks (`fg_mask_path`, or `fg_masks` beside `images`), all
    need one. A camera must not move.

    Raises: InputError that names the file, and entry, frame or camera where it is about one.
    """
    root = Path(folder)
    entries: dict[tuple[str, str], Mapping[str, Any]] = {}
    views: dict[str, Camera] = {}
    train_cameras, train_frames = set(), set()
    present = [split for split in _SPLITS if (root / f"transforms_{split}.json").exists()]
    if "train" not in present:
        raise InputError(f"cannot read '{root}': it has no transforms_train.json; name the folder of an export of VHAP")
    for split in present:
        path = root / f"transforms_{split}.json"
        cameras = read_cameras(path).cameras
        content = read_json(path)
        found = content["frames"] if isinstance(content, dict) else []
        for number, (entry, camera) in enumerate(zip(found, cameras, strict=True)):
            frame, view = (_index(path, number, entry, key) for key in ("timestep_index", "camera_index"))
            _check_still(path, number, view, camera, views)
            entries[frame, view] = entry
            if split == "train":
                train_cameras.add(view)
            if split != "test":
                train_frames.add(frame)
    frames = sorted({frame for frame, _ in entries})
    order = sorted(views)
    _check_complete(root, entries, frames, order)
    source = _Export(root, entries, frames, order, rig, names or FlameNames())
    return Capture(
        str(root),
        tuple(CaptureCamera(view, views[view], view not in train_cameras) for view in order),
        tuple(
            CaptureFrame(frame, "test" if frame not in train_frames else "train", frame not in train_frames)
            for frame in frames
        ),
        np.asarray(rig.faces, np.int32),
        source,
    )


class _Export:
    """The large parts of an export."""

    def __init__(
        self,
        root: Path,
        entries: Mapping[tuple[str, str], Mapping[str, Any]],
        frames: list[str],
        cameras: list[str],
        rig: FlameRig,
        names: FlameNames,
    ) -> None:
        self._root, self._entries, self._frames, self._cameras = root, entries, frames, cameras
        self._rig, self._names = rig, names
        for frame in range(len(frames)):
            for camera in range(len(cameras)):
                for path in (self._image(frame, camera), self._mask(frame, camera), Path(self.vertices_file(frame))):
                    if path is not None and not path.is_file():
                        raise InputError(
                            f"cannot read '{root}': frame '{frames[frame]}', camera '{cameras[camera]}': there is no "
                            f"'{path}'; add it or take the frame out of the transforms"
                        )

    def vertices(self) -> Float32Array:
        return np.stack([self._posed(frame) for frame in range(len(self._frames))])

    def vertices_file(self, frame: int) -> str:
        entry = self._entries[self._frames[frame], self._cameras[0]]
        return str(_inside(self._root, entry, "flame_param_path", f"flame_param/{self._frames[frame]}.npz"))

    def image(self, frame: int, camera: int, background: Float32Array) -> Float32Array:
        pixels = read_photo(self._image(frame, camera)).pixels
        mask = self.mask(frame, camera)
        if mask is None or pixels.shape[2] == 4 or mask.shape != pixels.shape[:2]:
            return over(pixels, background)  # a mask of another size is refused where it is asked for
        laid: Float32Array = pixels * mask[..., None] + background * (1 - mask[..., None])
        return laid

    def mask(self, frame: int, camera: int) -> Float32Array | None:
        path = self._mask(frame, camera)
        return None if path is None else read_photo(path).pixels[..., 0].copy()

    def picture_file(self, frame: int, camera: int, *, mask: bool = False) -> str:
        found = self._mask(frame, camera) if mask else None
        return str(found or self._image(frame, camera))

    def _image(self, frame: int, camera: int) -> Path:
        entry = self._entries[self._frames[frame], self._cameras[camera]]
        return _inside(self._root, entry, "file_path", "")

    def _mask(self, frame: int, camera: int) -> Path | None:
        entry = self._entries[self._frames[frame], self._cameras[camera]]
        if "fg_mask_path" in entry:
            return _inside(self._root, entry, "fg_mask_path", "")
        if not (self._root / "fg_masks").is_dir():
            return None
        return self._root / "fg_masks" / self._image(frame, camera).name

    def _posed(self, frame: int) -> Float32Array:
        path = Path(self.vertices_file(frame))
        codes = read_npz(path)
        place = f"cannot read '{path}': frame '{self._frames[frame]}'"
        values = {name: codes[name].astype(np.float64).ravel() for name in _CODES if name in codes}
        if missing := [name for name in _CODES if name not in values]:
            raise InputError(f"{place}: it has no array '{missing[0]}'; export it again")
        wrong = [
            name for name, size in (("translation", 3), ("rotation", 3), ("neck_pose", 3), ("jaw_pose", 3),
                                    ("eyes_pose", 6)) if values[name].size != size
        ]  # fmt: skip
        if wrong or not all(np.isfinite(value).all() for value in values.values()):
            raise InputError(f"{place}: '{(wrong or ['a code'])[0]}' is not finite or of another size; track it again")
        turns = (values["rotation"], values["neck_pose"], values["jaw_pose"], *np.split(values["eyes_pose"], 2))
        rig = self._rig
        try:
            person = rig.reshaped(_codes(rig, self._names.shape, values["shape"]), self._offsets(codes, place))
            expression = _codes(rig, self._names.expression, values["expr"])
            rotations = dict(zip(rig.joint_names, turns, strict=False))
            return person.pose(expression, rotations, values["translation"])
        except SettingsError as error:
            raise InputError(f"{place}: {error}") from None

    def _offsets(self, codes: Mapping[str, NDArray[Any]], place: str) -> Float32Array:
        """What is added to single vertices [V, 3]; teeth, which come last and which trackers lack, stay."""
        given = codes.get("static_offset", np.zeros((0, 3)))
        count = len(self._rig.vertices)
        if given.dtype.kind != "f" or given.shape[-1:] != (3,) or given.size > 3 * count:
            raise InputError(f"{place}: 'static_offset' is not for a mesh of {count:,} vertices; use the rig it is for")
        offsets = np.zeros((count, 3), np.float32)
        offsets[: given.size // 3] = given.reshape(-1, 3)
        return offsets


def _codes(rig: FlameRig, stem: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Weights by the names of a rig's shapes; SettingsError for codes that the rig has no shapes for."""
    names = [name for name in rig.shape_names if name.startswith(stem) and name.removeprefix(stem).isdigit()]
    names.sort(key=lambda name: int(name.removeprefix(stem)))
    if values[len(names) :].any():
        raise SettingsError(f"it has {len(values)} codes '{stem}', and the rig {len(names)} shapes; read more of them")
    return dict(zip(names, values.tolist(), strict=False))


def _index(path: Path, number: int, entry: Mapping[str, Any], key: str) -> str:
    """The frame's or the camera's name: its number, of which monocular exports leave the camera's out."""
    value = entry.get(key, 0 if key == "camera_index" else None)
    if type(value) is not int or not 0 <= value < 10**6:
        raise InputError(f"cannot read '{path}': frame {number} (counted from 0): '{key}' is not a whole number from 0")
    return f"{value:05d}" if key == "timestep_index" else f"{value:02d}"


def _check_still(path: Path, number: int, name: str, camera: Camera, views: dict[str, Camera]) -> None:
    before = views.setdefault(name, camera)
    numbers = [
        np.r_[view.width, view.height, view.fx, view.fy, view.cx, view.cy, view.rotation.ravel(), view.translation]
        for view in (before, camera)
    ]
    if np.abs(numbers[0] - numbers[1]).max() > _SAME_CAMERA:
        raise InputError(
            f"cannot read '{path}': frame {number} (counted from 0): camera '{name}' differs from what it was before; "
            "only cameras that stand still are read"
        )


def _check_complete(
    root: Path, entries: Mapping[tuple[str, str], Mapping[str, Any]], frames: list[str], cameras: list[str]
) -> None:
    for frame in frames:
        for camera in cameras:
            if (frame, camera) not in entries:
                raise InputError(
                    f"cannot read '{root}': frame '{frame}': no split has a picture of it by camera '{camera}'; add it "
                    "or take the frame out"
                )


def _inside(root: Path, entry: Mapping[str, Any], key: str, default: str) -> Path:
    """The file in the folder that an entry names; InputError if it names none or one outside."""
    value = entry.get(key, default)
    if not isinstance(value, str) or not value or Path(value).is_absolute() or ".." in Path(value).parts:
        raise InputError(
            f"cannot read '{root}': '{key}' of frame {entry.get('timestep_index')} names no file inside it"
        )
    return root / value
