"""Captures: pictures of a moving head from several cameras with a tracked mesh; see docs/captures.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.camera import Camera
from sfumato.errors import InputError

Float32Array = NDArray[np.float32]
Split = Literal["train", "novel view", "novel expression"]

SPLITS: tuple[Split, ...] = ("train", "novel view", "novel expression")


@dataclass(frozen=True)
class CaptureCamera:
    """A camera of a capture; `test` cameras are held out to measure novel views."""

    name: str
    camera: Camera
    test: bool = False


@dataclass(frozen=True)
class CaptureFrame:
    """A moment of a capture; frames of `test` sequences are held out to measure novel expressions."""

    name: str
    sequence: str
    test: bool = False


@dataclass(frozen=True)
class Driving:
    """What a rig was told in every frame.

    rig: the file of the rig, beside the capture's other files; empty where none is named.
    weights: by expression, float32 [T]. rotations: by joint, axis times angle in radians, float32 [T, 3].
    translation: float32 [T, 3], in world units.
    """

    rig: str
    weights: Mapping[str, Float32Array]
    rotations: Mapping[str, Float32Array]
    translation: Float32Array


class CaptureSource(Protocol):
    """Where a capture's large parts come from; frames and cameras are counted from 0.

    Whatever cannot be read is an InputError that names the file.
    """

    def vertices(self) -> Float32Array:
        """The mesh in every frame, [T, V, 3]."""

    def vertices_file(self, frame: int) -> str:
        """The file that holds the vertices of a frame."""

    def image(self, frame: int, camera: int, background: Float32Array) -> Float32Array:
        """The picture, [H, W, 3] in 0..1; what is transparent in its file shows the background [3]."""

    def mask(self, frame: int, camera: int) -> Float32Array | None:
        """How much of every pixel the head covers, [H, W] in 0..1; None if the capture has no masks."""

    def picture_file(self, frame: int, camera: int, *, mask: bool = False) -> str:
        """The file of a picture or of its mask."""


@dataclass(frozen=True)
class Capture:
    """A capture, whose pictures and vertices are read when they are asked for.

    place: the folder, as messages name it. cameras: at least one, names differ. frames: at least one, names differ.
    faces: int32 [F, 3], numbers of vertices. background: sRGB [3] in 0..1, the colour where the head is not.
    driving: what the rig was told in every frame, if known.
    """

    place: str
    cameras: tuple[CaptureCamera, ...]
    frames: tuple[CaptureFrame, ...]
    faces: NDArray[np.int32]
    source: CaptureSource = field(repr=False)
    background: tuple[float, float, float] = (1.0, 1.0, 1.0)
    driving: Driving | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for what, names in (("camera", self.cameras), ("frame", self.frames)):
            found = [item.name for item in names]
            if not found:
                raise self._wrong("the capture", f"it has no {what}", f"add at least one {what}")
            if len(set(found)) < len(found):
                twice = next(name for name in found if found.count(name) > 1)
                raise self._wrong(f"{what} '{twice}'", "it is there twice", "names must differ")
        faces = np.asarray(self.faces)
        if faces.ndim != 2 or faces.shape[1:] != (3,) or not len(faces) or faces.min() < 0:
            raise self._wrong("the mesh", "faces are not triangles [F, 3] of vertex numbers", "write at least one")

    @cached_property
    def vertices(self) -> Float32Array:
        """The mesh in every frame, float32 [T, V, 3] in world units.

        Raises: InputError that names frame and file if vertices are missing, not finite or fewer than the faces name.
        """
        vertices = self.source.vertices()
        if vertices.ndim != 3 or vertices.shape[2] != 3 or len(vertices) != len(self.frames):
            raise self._wrong(
                f"'{self.source.vertices_file(0)}'",
                f"vertices are {' x '.join(map(str, vertices.shape))}, not {len(self.frames)} frames x V x 3",
                "write one mesh for every frame",
            )
        if self.faces.max() >= vertices.shape[1]:
            raise self._wrong(
                f"'{self.source.vertices_file(0)}'",
                f"a face names vertex {self.faces.max()}, and the mesh has {vertices.shape[1]}",
                "faces and vertices must belong to one mesh",
            )
        broken = ~np.isfinite(vertices).all(axis=(1, 2))
        if broken.any():
            frame = int(np.flatnonzero(broken)[0])
            vertex = int(np.flatnonzero(~np.isfinite(vertices[frame]).all(axis=1))[0])
            raise self._wrong(
                f"frame '{self.frames[frame].name}', '{self.source.vertices_file(frame)}'",
                f"vertex {vertex} is not a finite point",
                "track the frame again or leave it out",
            )
        return vertices

    def image(self, frame: int, camera: int) -> Float32Array:
        """The picture of a frame by a camera (counted from 0), float32 [H, W, 3], sRGB in 0..1; InputError."""
        pixels = self.source.image(frame, camera, np.array(self.background, np.float32))
        self._check_size(pixels, frame, camera, mask=False)
        return pixels

    def mask(self, frame: int, camera: int) -> Float32Array | None:
        """How much of every pixel the head covers, float32 [H, W] in 0..1; None without masks; InputError."""
        mask = self.source.mask(frame, camera)
        if mask is not None:
            self._check_size(mask, frame, camera, mask=True)
        return mask

    def pairs(self, split: Split) -> list[tuple[int, int]]:
        """The (frame, camera) of a split: what to learn from, the held-out views of it, the held-out expressions."""
        frames = [k for k, frame in enumerate(self.frames) if frame.test == (split == "novel expression")]
        cameras = [
            k for k, camera in enumerate(self.cameras)
            if split == "novel expression" or camera.test == (split == "novel view")
        ]  # fmt: skip
        return [(frame, camera) for frame in frames for camera in cameras]

    def check_template(self, faces: ArrayLike, vertices: int) -> None:
        """Refuse a capture whose mesh is not that of a template with these faces [F, 3] and so many vertices."""
        found, wanted = np.asarray(faces), self.faces
        if self.vertices.shape[1] != vertices or found.shape != wanted.shape or not (found == wanted).all():
            raise self._wrong(
                f"frame '{self.frames[0].name}', '{self.source.vertices_file(0)}'",
                f"its mesh has {self.vertices.shape[1]:,} vertices and {len(wanted):,} faces, and the template "
                f"{vertices:,} and {len(found):,}, or their faces differ",
                "track with this template",
            )

    def check_views(self) -> None:
        """Refuse cameras that see no vertex of the first frame; InputError names camera and file."""
        vertices = self.vertices[0].astype(np.float64)
        for number, item in enumerate(self.cameras):
            view = item.camera
            x, y, z = (vertices @ view.rotation.T + view.translation).T
            safe = np.where(z > 0, z, 1.0)
            u, v = view.fx * x / safe + view.cx, view.fy * y / safe + view.cy
            if not ((z > 0) & (u >= 0) & (u < view.width) & (v >= 0) & (v < view.height)).any():
                raise self._wrong(
                    f"frame '{self.frames[0].name}', camera '{item.name}', '{self.source.picture_file(0, number)}'",
                    "no vertex of the mesh lies in its picture",
                    "check the camera's axes (x right, y down, z forward, world to camera) and the mesh's units",
                )

    def _check_size(self, pixels: Float32Array, frame: int, camera: int, *, mask: bool) -> None:
        view = self.cameras[camera].camera
        if pixels.shape[:2] != (view.height, view.width):
            height, width = pixels.shape[:2]
            raise self._wrong(
                f"frame '{self.frames[frame].name}', '{self.source.picture_file(frame, camera, mask=mask)}'",
                f"the {'mask' if mask else 'picture'} is {width} x {height}, and camera "
                f"'{self.cameras[camera].name}' has {view.width} x {view.height} pixels",
                "scale it or correct the camera",
            )

    def _wrong(self, place: str, promise: str, remedy: str) -> InputError:
        return InputError(f"cannot read '{self.place}': {place}: {promise}; {remedy}")
