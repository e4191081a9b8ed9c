"""The picture that stands for a file: what its first bytes show, drawn by our own renderer."""

from __future__ import annotations

import io
import os

import numpy as np
from PIL import Image

from sfumato.container import Parser, cut
from sfumato.errors import BudgetError, SfumatoError
from sfumato.kernels.splats3d import render
from sfumato.media.avatar.asset import AvatarAsset
from sfumato.media.framing import orbit_around
from sfumato.media.image.asset import ImageAsset
from sfumato.media.scene.asset import SceneAsset
from sfumato.pixels import to_uint8
from sfumato.splats import Float32Array, Splats3D

SIZE = (480, 360)
"""Pixels: width and height of a scene's poster, and the most that an image's takes."""

_BUDGET = "5%"  # what the format promises to be a picture
_MAX_SPLATS = 5_000_000  # of the beginning; about half a GB while the poster is drawn
_BACKGROUND = (0.08, 0.08, 0.09)  # of the gallery's cards
_JPEG_QUALITY = 85


def poster(path: str | os.PathLike[str], medium: str) -> bytes | None:
    """A JPEG of what 5 % of the file at `path` show, or its base level if that takes more; None if it cannot be drawn,
    because it is damaged or shows more splats than a small picture is worth.

    medium: as HEAD says.
    """
    try:
        data = _beginning(path)
        picture = None if _splats(data) > _MAX_SPLATS else _picture(data, medium)
    except (SfumatoError, MemoryError):
        return None
    if picture is None:
        return None
    file = io.BytesIO()
    eight = to_uint8(picture)
    Image.fromarray(eight[..., 0] if eight.shape[2] == 1 else eight).save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()


def _beginning(path: str | os.PathLike[str]) -> bytes:
    try:
        return cut(path, _BUDGET)
    except BudgetError:
        return cut(path, "level 0")


def _splats(data: bytes) -> int:
    """How many splats a prefix shows at most. The whole file may hold any number of them."""
    parser = Parser()
    parser.feed(data)
    return parser.prefixes_here[-1].splats or 0


def _picture(data: bytes, medium: str) -> Float32Array | None:
    """[H, W, 1 or 3] in 0..1."""
    if medium == "image":
        return _image(ImageAsset.open(data))
    if medium == "scene":
        scene = SceneAsset.open(data)
        return _view(scene.splats(), antialias=scene.layout.antialiased)
    if medium == "avatar":
        posed = AvatarAsset.open(data).pose()
        return _view(posed.splats().with_axes_flipped(1, -1, -1), elevation_degrees=0.0)
    return None


def _image(asset: ImageAsset) -> Float32Array:
    scale = min(1.0, SIZE[0] / asset.width, SIZE[1] / asset.height)
    pixels = asset.render(size=(max(1, round(asset.width * scale)), max(1, round(asset.height * scale))))
    if asset.channels < 4:
        return pixels
    alpha = pixels[..., 3:]
    laid: Float32Array = pixels[..., :3] * alpha + np.array(_BACKGROUND, np.float32) * (1 - alpha)
    return laid


def _view(splats: Splats3D, *, antialias: bool = False, elevation_degrees: float = 15.0) -> Float32Array:
    camera = orbit_around(splats, 1, width=SIZE[0], height=SIZE[1], elevation_degrees=elevation_degrees)[0]
    return render(splats, camera, background=_BACKGROUND, antialias=antialias).color
