"""Scenes and avatars as cameras see them: one picture, numbered pictures or a film."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from sfumato.camera import Camera, CameraPath
from sfumato.errors import OutputError, SettingsError
from sfumato.exports.film import check_film, write_film
from sfumato.exports.picture import write_picture
from sfumato.kernels.splats3d import render
from sfumato.media.image.settings import Progress
from sfumato.media.subject import subject_of
from sfumato.media.view_settings import MAX_FRAMES, RenderReport, RenderSettings
from sfumato.sources.cameras import read_cameras
from sfumato.splats import Float32Array, Splats3D

__all__ = ["FILMS", "MAX_PIXELS", "RenderReport", "RenderSettings", "render_scene"]

FILMS = (".mp4",)
MAX_PIXELS = 100_000_000
"""Of a picture: the renderer needs 2.4 GB for so many."""

_Path = str | os.PathLike[str]
_FRAMES = 120  # of an orbit: four seconds at 30 frames a second
_FPS = 30.0
_OF_ORBIT = ("fov_degrees", "azimuth_degrees", "elevation_degrees", "up")
_NUMBER = re.compile(r"%(?:0\d)?d|\{frame\}")
_WITHOUT_ALPHA = (".jpg", ".jpeg", *FILMS)


def render_scene(
    scene: _Path | Splats3D,
    cameras: _Path | CameraPath | Sequence[Camera] | None,
    destination: _Path,
    settings: RenderSettings,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> RenderReport:
    """Show `scene` from `cameras` in `destination`; see `sfumato.render`."""
    path = Path(destination)
    film = path.suffix.lower() in FILMS
    if film:
        check_film(path)
    numbered = not film and _number(path) is not None
    subject = subject_of(scene, settings)
    moves = subject.frames > 1
    if moves and settings.frames is not None:
        raise SettingsError(f"cannot render {settings.frames} frames: the drive has {subject.frames}; leave frames out")
    where = ("front" if moves else "orbit") if cameras is None else cameras
    fps = settings.fps or subject.fps or _FPS
    shots: list[Camera] = []
    if where == "orbit" or where == "front":
        still = _FRAMES if where == "orbit" and (film or numbered) else 1
        count = subject.frames if moves else settings.frames or still
    else:
        shots = _shots(_path(where, settings), settings, subject.frames if moves else None, fps if film else None)
        count = len(shots)
    sizes = {(shot.width, shot.height) for shot in shots} or {settings.size or subject.size}
    _check(path, count, sizes, film=film, numbered=numbered, moves=moves)
    shown = subject.splats(0)
    if not shots:
        shots = subject.around(count) if where == "orbit" else subject.around(1) * count
    if film:
        width, height = shots[0].width // 2 * 2, shots[0].height // 2 * 2  # H.264 halves the chroma planes
        shots = [shot.cropped(0, 0, width, height) for shot in shots]
    background = settings.background
    if background is None and path.suffix.lower() in _WITHOUT_ALPHA:
        background = subject.behind
    antialias = subject.antialiased if settings.antialias is None else settings.antialias
    frames = (subject.splats(number) if moves else shown for number in range(count))
    pictures = _pictures(frames, shots, background, antialias, progress)
    if film:
        write_film(path, pictures, fps)
        paths = [path]
    else:
        paths = [_named(path, number, len(shots)) for number in range(len(shots))] if numbered else [path]
        _write_all(paths, pictures)
    return RenderReport(tuple(paths), len(shots), shots[0].width, shots[0].height, len(shown))


def _path(cameras: _Path | CameraPath | Sequence[Camera], settings: RenderSettings) -> CameraPath:
    defaults = {field.name: field.default for field in fields(RenderSettings)}
    if given := [name for name in _OF_ORBIT if getattr(settings, name) != defaults[name]]:
        raise SettingsError(f"cannot use {', '.join(given)} with a path of cameras: only an orbit has them")
    if isinstance(cameras, CameraPath):
        return cameras
    if isinstance(cameras, (str, os.PathLike)):
        return read_cameras(cameras, size=settings.size)
    if not cameras:
        raise SettingsError("cannot render without a camera: give at least one, or 'orbit'")
    return CameraPath(tuple(cameras))


def _shots(path: CameraPath, settings: RenderSettings, drive: int | None, fps: float | None) -> list[Camera]:
    """The cameras of a path that are asked for, in the size that is asked for.

    drive: frames that the path has to last for, if any. fps: of a film, else None.
    """
    if settings.size is not None:
        path = CameraPath(tuple(camera.fitted(*settings.size) for camera in path.cameras), path.times)
    if drive is not None or settings.frames is not None:
        return path.resampled(drive or settings.frames or 1)
    if fps is not None and path.times is not None:
        seconds = path.times[-1] - path.times[0]
        return path.resampled(1 + round(min(seconds * fps, MAX_FRAMES)))
    return list(path.cameras)


def _check(path: Path, count: int, sizes: set[tuple[int, int]], *, film: bool, numbered: bool, moves: bool) -> None:
    """Refuse what cannot be written, before a scene is read or anything drawn."""
    if count > MAX_FRAMES:
        raise SettingsError(f"cannot write '{path}': it would have more than {MAX_FRAMES:,} frames; ask for fewer")
    if count > 1 and not (film or numbered):
        what = "frames" if moves else "cameras"
        choose = "choose one (--frame), " if moves else ""
        raise OutputError(
            f"cannot write '{path}': there are {count} {what}, and one picture shows one; {choose}write "
            f"'{path.stem}-{{frame}}{path.suffix}' for numbered pictures, or an .mp4"
        )
    for width, height in sizes:
        if width * height > MAX_PIXELS:
            raise SettingsError(
                f"cannot render {width:,} x {height:,} pixels: at most {MAX_PIXELS / 1e6:.0f} megapixels; "
                "choose a smaller size"
            )
        if film and min(width, height) < 2:
            raise SettingsError(f"cannot write '{path}': a film has at least 2 x 2 pixels; choose a larger size")
    if film and len(sizes) > 1:
        raise SettingsError(
            f"cannot write '{path}': the cameras have pictures of {len(sizes)} sizes, and a film has one; choose a size"
        )


def _pictures(
    frames: Iterator[Splats3D],
    shots: Sequence[Camera],
    background: tuple[float, float, float] | None,
    antialias: bool,
    progress: Callable[[Progress], None] | None,
) -> Iterator[Float32Array]:
    """[H, W, 3] over the background, or [H, W, 4] with straight alpha, one by one."""
    start = time.monotonic()
    for number, (splats, shot) in enumerate(zip(frames, shots, strict=True), 1):
        made = render(splats, shot, background=background, antialias=antialias)
        if background is None:
            alpha = made.alpha[..., None]
            yield np.concatenate([made.color / np.maximum(alpha, np.float32(1e-6)), alpha], axis=2)
        else:
            yield made.color
        if progress:
            left = (time.monotonic() - start) / number * (len(shots) - number)
            progress(Progress("render", number / len(shots), seconds_left=left))


def _write_all(paths: Sequence[Path], pictures: Iterator[Float32Array]) -> None:
    """Every picture to its file; if one fails, those written before it go too."""
    written: list[Path] = []
    try:
        for path, picture in zip(paths, pictures, strict=True):
            write_picture(path, picture)
            written.append(path)
    except BaseException:
        for path in written:
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def _number(path: Path) -> str | None:
    """The part of the file's name that stands for the number of the picture."""
    found = _NUMBER.findall(path.name)
    if len(found) > 1:
        raise OutputError(f"cannot write '{path}': the name has {len(found)} places for a number; leave one of them")
    return found[0] if found else None


def _named(path: Path, number: int, count: int) -> Path:
    """The name of picture `number` of `count`, counted from 0."""
    place = _number(path) or ""
    digits = max(4, len(str(count - 1)))
    return path.with_name(path.name.replace(place, f"{number:0{digits}}" if place == "{frame}" else place % number))
