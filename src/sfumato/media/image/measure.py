"""How good every prefix of an image is."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from sfumato.errors import InputError
from sfumato.kernels.splats2d import render
from sfumato.media.image.asset import ImageAsset
from sfumato.media.image.settings import Progress
from sfumato.quality.curve import RateCurve, RatePoint
from sfumato.quality.metrics import psnr_of, squared_error
from sfumato.sources.photo import Photo, read_photo
from sfumato.splats import Float32Array, Splats2D

_STRIP_PIXELS = 1 << 20  # measuring goes strip by strip, so that a large picture needs little memory


def prefix_qualities(picture: Float32Array, parts: Sequence[Splats2D]) -> list[float]:
    """PSNR in dB of `picture` [H, W, C] after each of the parts, which are added one after another."""
    height, width, _ = picture.shape
    rows = max(1, _STRIP_PIXELS // width)
    errors = np.zeros(len(parts))
    for top in range(0, height, rows):
        strip = picture[top : top + rows]
        shown = np.zeros_like(strip)
        for number, part in enumerate(parts):
            shown += render(part, width, height, crop=(0, top, width, len(strip)))
            errors[number] += squared_error(shown, strip)
    return [psnr_of(float(error), picture.size) for error in errors]


def measure_curve(
    original: Photo | Float32Array | str | os.PathLike[str],
    asset: ImageAsset,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> RateCurve:
    """PSNR, SSIM and MS-SSIM of every prefix that is here against the original.

    Raises: InputError if the original cannot be read or has another size or number of channels.
    """
    if isinstance(original, (str, os.PathLike)):
        original = read_photo(original)
    pixels = original.pixels if isinstance(original, Photo) else original
    if pixels.shape != (asset.height, asset.width, asset.channels):
        raise InputError(
            f"cannot compare: the original has {pixels.shape[1]} x {pixels.shape[0]} pixels and {pixels.shape[2]} "
            f"channels, the asset {asset.width} x {asset.height} and {asset.channels}"
        )
    parts, prefixes = asset.parts(), asset.prefixes
    base = asset.head.levels[0].chunks
    shown = np.zeros_like(pixels)
    points = []
    for number, part in enumerate(parts):
        shown += render(part, asset.width, asset.height)
        if number + 1 >= base:
            prefix = prefixes[number + 1 - base]
            assert prefix.splats is not None
            points.append(RatePoint.measured(prefix.length, prefix.splats, np.clip(shown, 0, 1), pixels))
        if progress:
            progress(Progress("measure", (number + 1) / len(parts), points[-1].psnr if points else None))
    name = asset.path.name if asset.path else "<bytes>"
    return RateCurve(name, asset.width, asset.height, tuple(points))
