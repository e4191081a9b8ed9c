"""A capture where there is none: a procedural head, painted, seen by cameras over scripted expressions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from sfumato.errors import SettingsError
from sfumato.kernels.library import thread_count
from sfumato.media.avatar.synth_expressions import head_rig
from sfumato.media.avatar.synth_foreign import foreign_head
from sfumato.media.avatar.synth_mesh import Part, build_head
from sfumato.media.avatar.synth_paint import Looks, looks_of
from sfumato.media.avatar.synth_paint_parts import paint
from sfumato.media.avatar.synth_picture import SAMPLES, draw
from sfumato.media.avatar.synth_script import Moment, cameras, script
from sfumato.media.avatar.synth_skin import Float64Array
from sfumato.media.avatar.synth_texture import Int64Array, Texture, bake
from sfumato.rig import Rig
from sfumato.sources.capture import CaptureCamera, Driving
from sfumato.sources.capture_folder import RIG, Picture, write_capture

_BACKGROUND = (1.0, 1.0, 1.0)
_TEXEL = 1.3  # in samples of the picture: as fine as they are where the head faces the camera


@dataclass(frozen=True)
class SynthSettings:
    """What to make.

    seed: of the person's looks and of all noise; 0 is the same person as in the documentation. size: (width, height) in
    pixels; by default that of the published captures. frames: at least 2. cameras: at least 1. faces: about how many
    the procedural head has, 2,000 to 40,000. rig: a head to use instead of the procedural one.
    """

    seed: int = 0
    size: tuple[int, int] = (550, 802)
    frames: int = 60
    cameras: int = 16
    faces: int = 10_000
    rig: Rig | None = None

    def __post_init__(self) -> None:
        for name, value, good, range_ in (
            ("seed", self.seed, 0 <= self.seed < 2**31, "0 to 2^31 - 1"),
            ("size", self.size, min(self.size) >= 16 and max(self.size) <= 8192, "16 to 8192 pixels on each side"),
            ("frames", self.frames, 2 <= self.frames <= 10_000, "2 to 10,000"),
            ("cameras", self.cameras, 1 <= self.cameras <= 256, "1 to 256"),
            ("faces", self.faces, 2_000 <= self.faces <= 40_000, "2,000 to 40,000"),
        ):
            if not good:
                raise SettingsError(f"cannot make a capture with {name} = {value}: it must be {range_}")


def synthesise(
    folder: str | os.PathLike[str],
    settings: SynthSettings | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write a capture of a head that does not exist, with exact meshes and cameras and its rig, to a new folder.

    progress: called with the share that is done, 0..1. The same settings give the same bytes on one machine with one
    version of numpy and Pillow. Raises: OutputError, SettingsError.
    """
    settings = settings or SynthSettings()
    rig, part = _head(settings)
    moments = script(settings.frames)
    shots = cameras(settings.cameras, *settings.size)
    driving = _driving(rig, moments)
    vertices = rig.pose(driving.weights, driving.rotations, driving.translation)
    write_capture(
        folder,
        shots,
        [moment.frame for moment in moments],
        rig.faces,
        vertices,
        _pictures(rig, part, shots, vertices.astype(np.float64), settings, progress),
        background=_BACKGROUND,
        driving=driving,
        rig=rig,
    )


def procedural_rig(faces: int = 10_000) -> Rig:
    """The rig of the procedural head with about so many faces."""
    return head_rig(build_head(faces))


def _head(settings: SynthSettings) -> tuple[Rig, Int64Array]:
    """The rig and the part of each of its faces."""
    if settings.rig is not None:
        return foreign_head(settings.rig)
    head = build_head(settings.faces)
    return head_rig(head), head.part


def _driving(rig: Rig, moments: list[Moment]) -> Driving:
    """What the script asks of a rig in every frame."""
    names = sorted({name for moment in moments for name in moment.arkit})
    arkit = {name: np.array([moment.arkit.get(name, 0.0) for moment in moments]) for name in names}
    weights, turns = rig.driven(arkit)
    head = np.stack([moment.head for moment in moments])
    turns = {**turns, rig.head_joint: head}
    return Driving(
        RIG,
        {name: np.broadcast_to(value, len(moments)).astype(np.float32) for name, value in sorted(weights.items())},
        {name: value.astype(np.float32) for name, value in sorted(turns.items())},
        np.stack([moment.shift for moment in moments]).astype(np.float32),
    )


def _pictures(
    rig: Rig,
    part: Int64Array,
    shots: list[CaptureCamera],
    vertices: Float64Array,
    settings: SynthSettings,
    progress: Callable[[float], None] | None,
) -> Iterator[Picture]:
    faces = rig.faces.astype(np.int64)
    pixel = 1 / shots[0].camera.fx  # metres, at the distance of the cameras
    texture = _texture(rig.vertices.astype(np.float64), faces, part, looks_of(settings.seed), _TEXEL * pixel / SAMPLES)

    def picture(job: tuple[int, int]) -> Picture:
        frame, camera = job
        return Picture(*job, *draw(vertices[frame], faces, texture, shots[camera].camera, _BACKGROUND))

    jobs = iter([(frame, camera) for frame in range(len(vertices)) for camera in range(len(shots))])
    done, total, threads = 0, len(vertices) * len(shots), thread_count()
    with ThreadPoolExecutor(threads) as pool:
        while batch := list(islice(jobs, threads)):
            for made in pool.map(picture, batch):
                yield made
                done += 1
                if progress is not None:
                    progress(done / total)


def _texture(vertices: Float64Array, faces: Int64Array, part: Int64Array, looks: Looks, spacing: float) -> Texture:
    def painted(points: Float64Array, face: Int64Array) -> Float64Array:
        result = np.empty((len(points), 4))
        parts = part[face]
        for kind in np.unique(parts):
            result[parts == kind] = paint(points[parts == kind], Part(kind), looks)
        return result

    return bake(vertices, faces, spacing, painted)
