"""A capture becomes an avatar asset: read, fit, round, write."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from sfumato.container import Prefix
from sfumato.files import check_target, save
from sfumato.media.avatar.assemble import assemble_avatar
from sfumato.media.avatar.asset import AvatarAsset
from sfumato.media.avatar.attention import attention
from sfumato.media.avatar.bindable import faces_to_bind
from sfumato.media.avatar.decoder import AvatarDecoder
from sfumato.media.avatar.evaluate import view_psnr
from sfumato.media.avatar.finish import finish
from sfumato.media.avatar.fit import Fit
from sfumato.media.avatar.forest import Forest, check_template
from sfumato.media.avatar.pictures import Pictures
from sfumato.media.avatar.settings import AvatarSettings
from sfumato.media.avatar.tracked import rig_of_frames
from sfumato.media.avatar.tuning import MeshTuning
from sfumato.media.checkpoint import Checkpoint
from sfumato.media.image.settings import Progress, Report
from sfumato.rig import Rig
from sfumato.sources.capture import Capture, Driving
from sfumato.sources.capture_opening import open_capture
from sfumato.splats import Float32Array

FIT_SHARE = 0.95
"""Of the progress; the rest is rounding and writing."""

COMPONENTS = 32
"""Shapes of a rig that is made of tracked meshes: on synthetic heads they are then told to 0.06 mm."""

JUDGES = 8
"""Training pictures by which the prefixes in INDX are measured."""


@dataclass(frozen=True)
class AvatarReport:
    """What became of an encode.

    path: the file. bytes: its length. splats, chunks: in it (HEAD and INDX are chunks too). faces: of the template.
    psnr_db: of the whole file, the mean over some training pictures; of the prefixes the same.
    levels_db: of every level with those above it, over some held-out pictures, before rounding; empty where no picture
    is held out. seconds: from start to end. prefixes: every prefix that is a valid file.
    """

    path: Path
    bytes: int
    splats: int
    chunks: int
    faces: int
    psnr_db: float
    levels_db: tuple[float, ...]
    seconds: float
    prefixes: tuple[Prefix, ...]


@dataclass(frozen=True, eq=False)
class Subject:
    """What is to be fitted: a capture with the rig that its meshes stand on, and what this was told, if known."""

    capture: Capture
    rig: Rig
    driving: Driving | None

    @classmethod
    def open(cls, folder: str | os.PathLike[str], rig: str | os.PathLike[str] | Rig | None = None) -> Subject:
        """The capture in a folder, checked; without a rig one is made of its meshes.

        Raises: InputError that names the file, and frame, camera or face where it is about one.
        """
        capture, own = open_capture(folder, rig)
        capture.check_views()
        driving = capture.driving
        if own is None:
            own, weights, turns, translation = rig_of_frames(capture.vertices, capture.faces, COMPONENTS)
            named = dict(zip(own.shape_names, weights.T, strict=True))
            driving = Driving("", named, {own.joint_names[0]: turns}, translation)
        own = replace(own, faces=own.faces[faces_to_bind(own)], uv=None, uv_faces=None)
        first = f"{folder}', frame '{capture.frames[0].name}', '{capture.source.vertices_file(0)}"
        check_template(own.faces.astype(np.intp), capture.vertices[0], first)
        return cls(capture, own, driving)

    def mesh(self, rig: Rig, frame: int) -> Float32Array:
        """The mesh of a frame as a rig that has arrived makes it, [V, 3]; the tracked one where that is not known."""
        told = self.driving
        if told is None or set(told.weights) - set(rig.shape_names) or set(told.rotations) - set(rig.joint_names):
            tracked: Float32Array = self.capture.vertices[frame]
            return tracked
        weights = {name: values[frame] for name, values in told.weights.items()}
        turns = {name: values[frame] for name, values in told.rotations.items()}
        return rig.pose(weights, turns, told.translation[frame])

    def digest(self) -> str:
        """What tells one capture from another."""
        found = hashlib.sha256()
        for array in (self.capture.vertices, self.rig.faces, self.capture.image(0, 0)):
            found.update(np.ascontiguousarray(array).data)
        found.update(repr((self.capture.cameras, self.capture.frames)).encode())
        return found.hexdigest()


def encode_capture(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    settings: AvatarSettings | None = None,
    *,
    rig: str | os.PathLike[str] | Rig | None = None,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> AvatarReport:
    """Fit an avatar to the capture in the folder `source` and write it to `destination`.

    rig: of the capture's meshes, or its file; by default what the capture names, or one that is made of its meshes.
    progress: called about ten times a second.
    checkpoint: the file that keeps the work while it runs; by default `destination` and ".checkpoint". It is removed at
        the end and stays after KeyboardInterrupt, so that `resume` can go on from it.
    Raises: InputError, OutputError, CheckpointError, SettingsError.
    """
    begun, settings = time.monotonic(), settings or AvatarSettings()
    target = Path(destination)
    check_target(target, Path(source))
    subject = Subject.open(source, rig)
    keep = checkpoint or target.with_name(target.name + ".checkpoint")
    identity = {**asdict(settings), "capture": subject.digest()}
    store = Checkpoint.load(keep, identity) if resume else Checkpoint.new(keep, identity)
    fit = fit_of(subject, settings)
    fit.run(_share(progress), store)
    if progress:
        progress(Progress("write", FIT_SHARE))
    data = written(subject, fit, settings)
    save(target, data)
    store.remove()
    asset = AvatarAsset.open(data)
    last = asset.prefixes[-1]
    return AvatarReport(
        target,
        len(data),
        last.splats or 0,
        last.chunks,
        len(subject.rig.faces),
        last.quality_db or 0.0,
        fit.level_psnr(fit.held_out, len(fit.held_out)) if fit.held_out is not None else (),
        time.monotonic() - begun,
        asset.prefixes,
    )


def fit_of(subject: Subject, settings: AvatarSettings) -> Fit:
    """The fit of a subject, not begun yet."""
    capture, rig = subject.capture, subject.rig
    faces = rig.faces.astype(np.intp)
    held_out = capture.pairs("novel view")
    return Fit(
        Forest(faces, len(rig.vertices), max_depth=settings.depth),
        capture.vertices,
        Pictures(capture, capture.pairs("train"), settings.scale),
        settings,
        background=capture.background,
        held_out=Pictures(capture, held_out, settings.scale) if held_out else None,
        attention=attention(rig, settings.attention) if settings.attention > 1 else None,
        tuning=MeshTuning(capture.vertices, faces, rig, subject.driving) if settings.tune_meshes else None,
    )


def written(subject: Subject, fit: Fit, settings: AvatarSettings) -> bytes:
    """The file of a fit that is over."""
    finished, pictures = finish(fit), fit.pictures
    judges = [pictures[number] for number in pictures.some(JUDGES)]

    def measure(decoder: AvatarDecoder) -> float | None:
        assert decoder.rig is not None
        found = 0.0
        for view in judges:
            splats = decoder.posed(subject.mesh(decoder.rig, view.frame))
            found += view_psnr(splats, view, fit.background) / len(judges)
        return found

    return assemble_avatar(
        fit.state.avatar,
        finished.stream,
        finished.level,
        subject.rig,
        fineness=finished.fineness,
        background=fit.background,
        measure=measure,
        by_reference="rig" if settings.rig_by_reference else None,
    )


def _share(progress: Report | None) -> Report | None:
    """Turns the fit's progress into that of the whole."""
    if progress is None:
        return None
    return lambda part: progress(replace(part, fraction=FIT_SHARE * part.fraction))
