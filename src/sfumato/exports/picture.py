"""Rendered pixels as an ordinary picture file: PNG, JPEG, WebP or TIFF."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from sfumato.errors import OutputError
from sfumato.files import save
from sfumato.pixels import to_uint8

_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}

# JPEG is the one lossy format here: 95 without chroma subsampling keeps its own loss far below that of a splat picture.
_OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 6},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}


def write_picture(path: str | os.PathLike[str], pixels: NDArray[Any]) -> None:
    """Writes `pixels` to `path`; the suffix decides the format: .png, .jpg, .jpeg, .webp, .tif or .tiff.

    pixels: [H, W, C], sRGB-encoded, floating point in 0..1 (clipped and rounded as `pixels.to_uint8` does) or uint8;
        C = 1 grey, 3 RGB, 4 RGB and straight alpha.

    PNG (tagged as sRGB), WebP and TIFF keep every 8-bit value. JPEG is written at quality 95 without chroma
    subsampling; it has no alpha, so the picture is laid on white there, blended in sRGB values as browsers do.

    The file appears whole or not at all. Raises OutputError with the reason if it cannot be written, and ValueError for
    arrays of another shape or type.
    """
    path = Path(path)
    file_format = _FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise OutputError(f"cannot write '{path}': the suffix {path.suffix!r} is not one of {', '.join(_FORMATS)}")
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or not pixels.size:
        raise ValueError(f"pixels must be [H, W, C] with C = 1, 3 or 4 and at least one pixel, not {pixels.shape}")
    eight = to_uint8(pixels)
    if file_format == "JPEG" and pixels.shape[2] == 4:
        eight = _on_white(eight)
    save(path, _encoded(path, eight, file_format))


def _on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = pixels[..., 3:].astype(np.float32) / 255  # [H, W, 1]
    return to_uint8(pixels[..., :3].astype(np.float32) / 255 * alpha + (1 - alpha))


def _encoded(path: Path, pixels: NDArray[np.uint8], file_format: str) -> bytes:
    options = dict(_OPTIONS[file_format])
    if file_format == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add(b"sRGB", b"\0")  # PNG specification 11.3.2.5; 0: perceptual rendering intent
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    file = io.BytesIO()
    try:
        image.save(file, file_format, **options)
    except (OSError, ValueError, KeyError) as error:  # KeyError: this Pillow was built without the format
        height, width = pixels.shape[:2]
        raise OutputError(
            f"cannot write '{path}': Pillow cannot make a {width} x {height} {file_format} ({error}); try .png"
        ) from error
    return file.getvalue()
