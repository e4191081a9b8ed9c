"""Still pictures from files: PNG, JPEG, WebP, TIFF, GIF, BMP, PPM, JPEG 2000, AVIF and HEIC, read through Pillow."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from sfumato.errors import InputError
from sfumato.sources.deep import read_deep
from sfumato.sources.opening import BROKEN, as_input_error, open_picture, size_of_file
from sfumato.sources.profiles import embedded_profile
from sfumato.sources.transparency import fill_transparent

_ORIENTATION = 0x0112  # EXIF 2.32, table 4


@dataclass(frozen=True)
class Photo:
    """A still picture as it is meant to be seen: upright, in sRGB.

    pixels: float32 [H, W, C], C-contiguous, sRGB-encoded values in 0..1; C = 1 grey, 3 RGB, 4 RGB and straight alpha.
        Alpha is there only if some pixel is not opaque; the colour of fully transparent pixels is filled in smoothly
        from the visible ones (see `transparency.fill_transparent`).
    format: the file's format in Pillow's words ("PNG", "JPEG", "HEIF", ...).
    bit_depth: bits per channel that were read: 8 (also for fewer) or up to 16.
    profile: the name of the ICC profile that was embedded and honoured, or None (the file then counts as sRGB).
    orientation: the EXIF orientation that was undone, 1..8; 1 means that the file was upright.
    file_bytes: size of the file.
    """

    pixels: NDArray[np.float32]
    format: str
    bit_depth: int
    profile: str | None
    orientation: int
    file_bytes: int


def read_photo(path: str | os.PathLike[str]) -> Photo:
    """Reads the still picture at `path`.

    EXIF orientation is applied. Colours are converted to sRGB through the embedded ICC profile; without one they count
    as sRGB (PNG `gAMA` and `cHRM` are not used). CMYK without a profile is converted as uncalibrated ink. Grey, RGB and
    alpha in 16 bits keep their precision in PNG and TIFF, unless a profile other than sRGB must be converted: that goes
    through 8 bits. A file of several frames or pages gives its first one, with a warning.

    A picture of 24 megapixels needs about 0.5 GB at its peak, with transparency 1 GB; 16-bit RGB 0.6 GB.

    Raises InputError, a sentence with file and reason, if the file is missing, unreadable, empty, truncated, damaged,
    of another kind, above 100 megapixels (`opening.MAX_PIXELS`), or has values without a defined white (floating point
    and 32-bit integers).
    """
    path = Path(path)
    file_bytes = size_of_file(path)
    with as_input_error(path), open_picture(path) as image:
        _warn_of_more_frames(path, image)
        samples, bits, profile = _read_samples(path, image)
        orientation = _orientation(path, image)
        file_format = image.format or "unknown"
    pixels = _as_pixels(_upright(samples, orientation), 2**bits - 1)
    return Photo(pixels, file_format, bits, profile, orientation, file_bytes)


def _warn_of_more_frames(path: Path, image: Image.Image) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # MPO: a phone's JPEG with its depth or gain map behind the picture
        warnings.warn(f"'{path}' has {frames} frames or pages; only the first is read", UserWarning, stacklevel=3)


def _read_samples(path: Path, image: ImageFile.ImageFile) -> tuple[NDArray[Any], int, str | None]:
    """Unsigned samples [H, W, C] in sRGB (C = 1..4), the bits that white fills, and the honoured profile's name."""
    icc = image.info.get("icc_profile")
    deep = read_deep(image, lambda: open_picture(path))
    if deep is not None:
        profile = embedded_profile(icc, deep.mode, f"'{path}'")
        if profile is None or profile.is_srgb:
            return deep.samples, deep.bits, profile.name if profile else None
        picture = deep.narrowed()
    else:
        picture = _eight_bit(path, image)
        profile = embedded_profile(icc, picture.mode, f"'{path}'")
    if profile is not None and not profile.is_srgb:
        picture = profile.to_srgb(picture)
    elif picture.mode == "CMYK":
        picture = picture.convert("RGB")
    samples = np.asarray(picture)
    return samples.reshape(*samples.shape[:2], -1), 8, profile.name if profile else None


def _eight_bit(path: Path, image: ImageFile.ImageFile) -> Image.Image:
    """`image` loaded as L, LA, RGB, RGBA or CMYK."""
    image.load()
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode in ("F", "I"):
        kind = "floating-point" if image.mode == "F" else "32-bit integer"
        raise InputError(
            f"cannot read '{path}': its values are {kind}, which do not say where white is; save it with 8 or 16 bits"
        )
    if image.mode == "CMYK":
        return image
    transparent = image.has_transparency_data
    target = ("LA" if transparent else "L") if grey else ("RGBA" if transparent else "RGB")
    return image if image.mode == target else image.convert(target)


def _orientation(path: Path, image: Image.Image) -> int:
    """The EXIF orientation still to undo; asked after loading, because some readers turn the picture themselves."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except BROKEN as error:
        warnings.warn(f"'{path}': the EXIF data is broken ({error}) and ignored", UserWarning, stacklevel=3)
        return 1
    return found if found in range(1, 9) else 1


def _upright(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A view of `samples` [H, W, C] turned and mirrored as EXIF orientation 1..8 asks."""
    if orientation >= 5:  # these four swap rows and columns
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples


def _as_pixels(samples: NDArray[Any], white: int) -> NDArray[np.float32]:
    """float32 pixels in 0..1; alpha that is opaque everywhere is dropped, grey with alpha becomes RGB with alpha."""
    channels = samples.shape[2]
    if channels in (2, 4) and (samples[..., -1] == white).all():
        channels -= 1
        samples = samples[..., :channels]
    if channels == 2:
        samples = samples[..., [0, 0, 0, 1]]
    pixels = np.empty(samples.shape, np.float32)
    np.divide(samples, np.float32(white), out=pixels)
    if samples.shape[2] == 4:
        fill_transparent(pixels)
    return pixels
