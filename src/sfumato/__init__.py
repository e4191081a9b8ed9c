"""Sfumato: a picture, a scene or a head as one progressive file of Gaussian splats.

    sfumato.encode("cat.jpg", "cat.sfu", bytes=30_000)     pixels to a file
    asset = sfumato.open("cat.sfu")                        a file, or any prefix of one
    asset.render(budget="5%")                              pixels after 5 % of the bytes, float32 [H, W, C]
    sfumato.cut("cat.sfu", "small.sfu", "10KB")            the first bytes of a file, which are a file themselves
    sfumato.verify("cat.sfu")                              every checksum and every promise of the format
    sfumato.curve("cat.jpg", "cat.sfu")                    PSNR, SSIM and MS-SSIM of every prefix
    sfumato.convert("room.ply", "room.spz")                a scene of splats in the format of another tool
    sfumato.render("room.spz", "orbit", "room.mp4")        a scene as cameras see it: a film or pictures
    sfumato.open("head.sfu").pose(jaw_open=0.4)            a head in a pose, to be drawn at any budget

What goes wrong on purpose is a `sfumato.SfumatoError`; its text is one sentence with file, place and reason.
Importing this package loads neither torch nor matplotlib; the other modules are loaded when they are first used.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from sfumato.errors import (
    BudgetError,
    ChangedError,
    CheckpointError,
    ChecksumError,
    ChunkError,
    FormatError,
    InputError,
    LimitError,
    NetworkError,
    OutputError,
    SettingsError,
    SfumatoError,
    SignatureError,
    TruncatedError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from sfumato.camera import Camera, CameraPath
    from sfumato.container import Budget, Prefix, Report
    from sfumato.media.avatar.asset import AvatarAsset
    from sfumato.media.avatar.decoder import AvatarDecoder
    from sfumato.media.avatar.encode import AvatarReport
    from sfumato.media.avatar.settings import AvatarSettings
    from sfumato.media.image.asset import ImageAsset
    from sfumato.media.image.decoder import ImageDecoder
    from sfumato.media.image.encode import EncodeReport, EncodeSettings, Progress
    from sfumato.media.scene.asset import SceneAsset
    from sfumato.media.scene.decoder import SceneDecoder
    from sfumato.media.scene.encode import SceneReport, SceneSettings
    from sfumato.media.views import RenderReport, RenderSettings
    from sfumato.quality.curve import RateCurve
    from sfumato.rig import Rig
    from sfumato.sources.drive import Drive
    from sfumato.sources.scene import Scene
    from sfumato.splats import Splats2D, Splats3D

__version__ = "0.1.0"

__all__ = [
    "AvatarAsset",
    "AvatarDecoder",
    "AvatarReport",
    "AvatarSettings",
    "Budget",
    "BudgetError",
    "Camera",
    "CameraPath",
    "ChangedError",
    "CheckpointError",
    "ChecksumError",
    "ChunkError",
    "EncodeReport",
    "EncodeSettings",
    "FormatError",
    "ImageAsset",
    "ImageDecoder",
    "InputError",
    "LimitError",
    "NetworkError",
    "OutputError",
    "Prefix",
    "Progress",
    "RateCurve",
    "RenderReport",
    "RenderSettings",
    "Report",
    "Scene",
    "SceneAsset",
    "SceneDecoder",
    "SceneReport",
    "SceneSettings",
    "SettingsError",
    "SfumatoError",
    "SignatureError",
    "Splats2D",
    "Splats3D",
    "TruncatedError",
    "UnsupportedError",
    "__version__",
    "convert",
    "curve",
    "cut",
    "encode",
    "open",
    "render",
    "verify",
]

_HOMES = {
    "AvatarAsset": "sfumato.media.avatar.asset",
    "AvatarDecoder": "sfumato.media.avatar.decoder",
    "AvatarReport": "sfumato.media.avatar.encode",
    "AvatarSettings": "sfumato.media.avatar.settings",
    "Budget": "sfumato.container",
    "Camera": "sfumato.camera",
    "CameraPath": "sfumato.camera",
    "EncodeReport": "sfumato.media.image.encode",
    "EncodeSettings": "sfumato.media.image.encode",
    "ImageAsset": "sfumato.media.image.asset",
    "ImageDecoder": "sfumato.media.image.decoder",
    "Prefix": "sfumato.container",
    "Progress": "sfumato.media.image.encode",
    "RateCurve": "sfumato.quality.curve",
    "RenderReport": "sfumato.media.views",
    "RenderSettings": "sfumato.media.views",
    "Report": "sfumato.container",
    "Scene": "sfumato.sources.scene",
    "SceneAsset": "sfumato.media.scene.asset",
    "SceneDecoder": "sfumato.media.scene.decoder",
    "SceneReport": "sfumato.media.scene.encode",
    "SceneSettings": "sfumato.media.scene.encode",
    "Splats2D": "sfumato.splats",
    "Splats3D": "sfumato.splats",
}

_Path = str | os.PathLike[str]


def __getattr__(name: str) -> Any:
    """The classes of the public face, loaded on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sfumato' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)


def encode(
    source: _Path,
    destination: _Path,
    *,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: _Path | None = None,
    resume: bool = False,
    rig: _Path | Rig | None = None,
    **settings: Any,
) -> EncodeReport | SceneReport | AvatarReport:
    """Make one progressive file at `destination` of the picture, the scene of splats or the capture at `source`.

    Splats are fitted to a picture, or to a capture of a head, which is a folder (docs/captures.md) and becomes an
    avatar; those of a scene (3DGS PLY, compressed PLY, SPZ, SOG, .splat) are taken as they are.

    progress: called about ten times a second.
    checkpoint: where the fit is saved while it runs, by default `destination` with ".checkpoint" behind it. It is
        removed when the file is written, and stays after a KeyboardInterrupt.
    resume: go on from the checkpoint; source and settings have to be the same.
    rig: of a capture that does not name its own (docs/rigs.md).
    settings: the fields of `EncodeSettings`: splats, levels, quality_db, bytes, seconds, resolution_levels, iterations
        and seed; for a scene those of `SceneSettings`: quality, single_level, optimise, optimise_steps and seed, and
        `repair`, which leaves out broken splats; for a capture those of `AvatarSettings`: splats, seconds, steps,
        sh_degree, depth, scale, seed, rig_by_reference and others.

    Raises: InputError, SettingsError, BudgetError (`bytes` cannot hold the base level), CheckpointError, OutputError.
    """
    from sfumato.media.image.encode import EncodeSettings, encode_image
    from sfumato.media.scene.encode import SceneSettings, encode_scene_file
    from sfumato.sources.capture_opening import is_capture
    from sfumato.sources.scene import is_scene

    where = None if checkpoint is None else Path(checkpoint)
    if is_capture(source):
        return _encode_capture(source, destination, settings, rig, progress, where, resume)
    if rig is not None:
        raise SettingsError(f"cannot use a rig on '{source}': only captures have one; leave it out")
    if is_scene(source):
        if resume or checkpoint is not None:
            raise SettingsError(f"cannot resume: '{source}' is a scene, and scenes are encoded in one go")
        repair = settings.pop("repair", False)
        try:
            wanted = SceneSettings(**settings)
        except TypeError:
            raise SettingsError(
                f"cannot encode the scene '{source}' with {', '.join(sorted(settings))}: scenes know quality, "
                "single_level, optimise, optimise_steps, seed and repair"
            ) from None
        return encode_scene_file(source, destination, wanted, repair=repair, progress=progress)
    _check_known(f"the picture '{source}'", "pictures", settings, EncodeSettings.__dataclass_fields__)
    return encode_image(
        source, destination, EncodeSettings(**settings), progress=progress, checkpoint=where, resume=resume
    )


def _encode_capture(
    source: _Path,
    destination: _Path,
    settings: Mapping[str, Any],
    rig: _Path | Rig | None,
    progress: Callable[[Progress], None] | None,
    checkpoint: Path | None,
    resume: bool,
) -> AvatarReport:
    from sfumato.media.avatar.encode import encode_capture
    from sfumato.media.avatar.settings import AvatarSettings

    _check_known(f"the capture '{source}'", "captures", settings, AvatarSettings.__dataclass_fields__)
    wanted = AvatarSettings(**settings)
    return encode_capture(source, destination, wanted, rig=rig, progress=progress, checkpoint=checkpoint, resume=resume)


def _check_known(what: str, kind: str, settings: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse settings that this kind of source does not know."""
    if unknown := settings.keys() - known.keys():
        raise SettingsError(f"cannot encode {what} with {', '.join(sorted(unknown))}: {kind} know {', '.join(known)}")


def open(
    source: bytes | _Path,
    *,
    budget: Budget | str | None = None,
    max_splats: int = 20_000_000,
    rig: _Path | Rig | None = None,
) -> ImageAsset | SceneAsset | AvatarAsset:
    """The asset in a file, a prefix of one, bytes or at an address on the web; HEAD decides of which medium it is.

    budget: no more than that is opened, such as "5%"; of an address only this prefix is fetched.
    max_splats: scenes and avatars that announce more are refused; by default as many as the format allows. A file of a
        few thousand bytes may hold that many, and each takes a hundred bytes of memory or more.
    rig: of an avatar that names its rig without having it: the file of that rig (docs/rigs.md), or the rig.

    Raises: InputError if a file cannot be read; NetworkError if an address cannot; LimitError for more than
        `max_splats`; BudgetError for a budget that does not hold the base level; FormatError, of the subclass that
        fits, if the file breaks a promise.
    """
    from sfumato import container
    from sfumato.files import is_url
    from sfumato.media.opening import open_asset

    if is_url(source):
        from sfumato.delivery.client import fetch

        source = fetch(str(source), budget).data
    elif budget is not None:
        source = container.cut(source, budget)
    return open_asset(source, max_splats=max_splats, rig=rig)


def cut(source: bytes | _Path, destination: _Path, budget: Budget | str) -> int:
    """Write the longest prefix of `source` that keeps `budget` to `destination`; returns its length in bytes.

    budget: "5%", "30KB", "2000 splats", "level 2" or a `Budget`.

    Raises: BudgetError if the budget is not understood or cannot hold the base level; InputError, FormatError,
        OutputError.
    """
    from sfumato import container
    from sfumato.files import save

    data = container.cut(source, budget)
    save(destination, data)
    return len(data)


def verify(source: bytes | _Path) -> Report:
    """Read all of a file and check every promise of docs/format.md; the report says what is there.

    Raises: InputError if the file cannot be read; FormatError, of the subclass that fits, for the first broken promise.
    """
    from sfumato import container

    return container.verify(source)


def convert(
    source: _Path,
    destination: _Path,
    *,
    repair: bool = False,
    sh_degree: int | None = None,
    budget: Budget | str | None = None,
    drive: _Path | Drive | Mapping[str, float] | None = None,
    frame: int | None = None,
    rig: _Path | Rig | None = None,
) -> Scene:
    """Write the splats in `source`, a scene or an avatar, to `destination`; the suffix decides the format
    (docs/formats.md).

    budget: of an `.sfu` file, such as "5%" or "30KB": only what so much of it shows.
    repair: leave out broken splats instead of refusing the file; `Scene.dropped` counts them.
    sh_degree: keep spherical harmonics up to this degree, 0..3; by default all of them.
    drive, frame: of an avatar, the pose: weights by name, or the file of a drive and which of its frames, from 0. An
        avatar's axes (up, towards the camera) become those of scenes (down, away from it).
    rig: as in `open`.

    Returns what was written, before the destination's own rounding.
    Raises: InputError with field and row of the first bad splat, or the place where the file is damaged; OutputError;
        SettingsError.
    """
    import dataclasses

    from sfumato.exports.scene import write_scene
    from sfumato.media.opening import open_scene

    if sh_degree is not None and sh_degree not in range(4):
        raise SettingsError(f"cannot keep harmonics up to degree {sh_degree}: it must be 0, 1, 2 or 3")
    scene = open_scene(source, budget=budget, repair=repair, drive=drive, frame=frame, rig=rig)
    if sh_degree is not None and sh_degree < scene.splats.sh_degree:
        scene = dataclasses.replace(scene, splats=scene.splats.with_sh_degree(sh_degree))
    write_scene(scene.splats, destination, antialiased=scene.antialiased)
    return scene


def render(
    scene: _Path | Splats3D,
    cameras: _Path | CameraPath | Sequence[Camera] | None,
    destination: _Path,
    *,
    progress: Callable[[Progress], None] | None = None,
    **settings: Any,
) -> RenderReport:
    """Show the scene of splats or the avatar in the file `scene` (`.sfu`, or what `convert` reads) as `cameras` see it.

    cameras: "orbit", "front" (where an orbit begins, standing still), a file of cameras (docs/cameras.md), or cameras;
        None is "front" for an avatar that is driven, else "orbit". A path of cameras lasts as long as a drive.
    destination: a picture (.png, .jpg, .webp or .tiff), numbered pictures if its name holds "{frame}" or "%04d", or a
        film (.mp4), which needs PyAV.
    progress: called after every frame.
    settings: the fields of `RenderSettings`: budget, size, frames, fps, fov_degrees, azimuth_degrees,
        elevation_degrees, up, background, antialias and repair; for an avatar also drive, frame and rig.

    Raises: InputError (the scene or the cameras), FormatError, SettingsError, BudgetError, OutputError.
    """
    from sfumato.media.views import RenderSettings, render_scene

    return render_scene(scene, cameras, destination, RenderSettings(**settings), progress=progress)


def curve(
    original: _Path | NDArray[Any],
    source: bytes | _Path | ImageAsset,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> RateCurve:
    """PSNR, SSIM and MS-SSIM of every prefix of the asset `source` against the picture `original`.

    original: a picture file, or pixels [H, W, C] in 0..1.

    Raises: InputError if the original is not the picture the asset was made of (its size differs) or cannot be read;
        FormatError.
    """
    from sfumato.media.image.asset import ImageAsset
    from sfumato.media.image.measure import measure_curve

    asset = source if isinstance(source, ImageAsset) else ImageAsset.open(source)
    return measure_curve(original, asset, progress=progress)
