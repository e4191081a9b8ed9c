"""Scenes as cameras see them: one picture, numbered pictures or a film."""

from __future__ import annotations

import contextlib
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from sfumato.camera import Camera, CameraPath
from sfumato.errors import InputError, OutputError, SettingsError
from sfumato.exports.film import check_film, write_film
from sfumato.exports.picture import write_picture
from sfumato.kernels.splats3d import render
from sfumato.media.framing import orbit_around
from sfumato.media.image.settings import Progress
from sfumato.media.opening import is_asset, open_asset
from sfumato.media.scene.asset import SceneAsset
from sfumato.media.view_settings import MAX_FRAMES, RenderReport, RenderSettings
from sfumato.sources.cameras import read_cameras
from sfumato.sources.scene import read_scene
from sfumato.splats import Float32Array, Splats3D

__all__ = ["FILMS", "MAX_PIXELS", "RenderReport", "RenderSettings", "render_scene"]

FILMS = (".mp4",)
MAX_PIXELS = 100_000_000
"""Of a picture: the renderer needs 2.4 GB for so many."""

_Path = str | os.PathLike[str]
_SIZE = (1280, 720)  # of an orbit: what every player and every encoder of films takes
_FRAMES = 120  # of an orbit: four seconds at 30 frames a second
_OF_ORBIT = ("fov_degrees", "azimuth_degrees", "elevation_degrees", "up")
_NUMBER = re.compile(r"%(?:0\d)?d|\{frame\}")
_WITHOUT_ALPHA = (".jpg", ".jpeg", *FILMS)


def render_scene(
    scene: _Path | Splats3D,
    cameras: _Path | CameraPath | Sequence[Camera],
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
    shots = [] if cameras == "orbit" else _shots(_path(cameras, settings), settings, film)
    count = len(shots) or settings.frames or (_FRAMES if film or numbered else 1)
    sizes = {(shot.width, shot.height) for shot in shots} or {settings.size or _SIZE}
    _check(path, count, sizes, film, numbered)
    splats, whole, antialiased = _splats(scene, settings)
    shots = shots or _orbit(whole(), count, settings)
    if film:
        width, height = shots[0].width // 2 * 2, shots[0].height // 2 * 2  # H.264 halves the chroma planes
        shots = [shot.cropped(0, 0, width, height) for shot in shots]
    background = settings.background
    if background is None and path.suffix.lower() in _WITHOUT_ALPHA:
        background = (0.0, 0.0, 0.0)
    antialias = antialiased if settings.antialias is None else settings.antialias
    pictures = _pictures(splats, shots, background, antialias, progress)
    if film:
        write_film(path, pictures, settings.fps)
        paths = [path]
    else:
        paths = [_named(path, number, len(shots)) for number in range(len(shots))] if numbered else [path]
        _write_all(paths, pictures)
    return RenderReport(tuple(paths), len(shots), shots[0].width, shots[0].height, len(splats))


def _splats(scene: _Path | Splats3D, settings: RenderSettings) -> tuple[Splats3D, Callable[[], Splats3D], bool]:
    """The splats to show, what gives those to frame, and whether they were trained with Mip-Splatting's filter.

    All of a file's splats are framed, so that its pictures at different budgets can be compared.
    """
    if isinstance(scene, Splats3D):
        return scene, lambda: scene, False
    if is_asset(scene):
        asset = open_asset(scene)
        if not isinstance(asset, SceneAsset):
            raise InputError(f"cannot render '{os.fspath(scene)}': it holds no scene but an image; decode it instead")
        shown = asset.splats(settings.budget)
        return shown, (lambda: shown) if settings.budget is None else asset.splats, asset.layout.antialiased
    if settings.budget is not None:
        raise SettingsError(
            f"cannot use a budget on '{os.fspath(scene)}': only .sfu files are progressive; leave the budget out"
        )
    found = read_scene(scene, repair=settings.repair)
    for note in found.notes:
        warnings.warn(f"'{os.fspath(scene)}': {note}", UserWarning, stacklevel=4)
    return found.splats, lambda: found.splats, found.antialiased


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


def _orbit(splats: Splats3D, count: int, settings: RenderSettings) -> list[Camera]:
    width, height = settings.size or _SIZE
    return orbit_around(
        splats,
        count,
        width=width,
        height=height,
        azimuth_degrees=settings.azimuth_degrees,
        elevation_degrees=settings.elevation_degrees,
        fov_degrees=settings.fov_degrees,
        up=settings.up,
    )


def _shots(path: CameraPath, settings: RenderSettings, film: bool) -> list[Camera]:
    """The cameras of a path that are asked for, in the size that is asked for."""
    if settings.size is not None:
        path = CameraPath(tuple(camera.fitted(*settings.size) for camera in path.cameras), path.times)
    if settings.frames is not None:
        return path.resampled(settings.frames)
    if film and path.times is not None:
        seconds = path.times[-1] - path.times[0]
        return path.resampled(1 + round(min(seconds * settings.fps, MAX_FRAMES)))
    return list(path.cameras)


def _check(path: Path, count: int, sizes: set[tuple[int, int]], film: bool, numbered: bool) -> None:
    """Refuse what cannot be written, before anything is read or drawn."""
    if count > MAX_FRAMES:
        raise SettingsError(f"cannot write '{path}': it would have more than {MAX_FRAMES:,} frames; ask for fewer")
    if count > 1 and not (film or numbered):
        raise OutputError(
            f"cannot write '{path}': there are {count} cameras, and one picture shows one; write "
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
    splats: Splats3D,
    shots: Sequence[Camera],
    background: tuple[float, float, float] | None,
    antialias: bool,
    progress: Callable[[Progress], None] | None,
) -> Iterator[Float32Array]:
    """[H, W, 3] over the background, or [H, W, 4] with straight alpha, one by one."""
    start = time.monotonic()
    for number, shot in enumerate(shots, 1):
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
