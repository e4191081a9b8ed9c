"""Embedded ICC colour profiles: what they are, and pictures converted from them to sRGB."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

# The profile's own colour space for each kind of picture; a grey picture may carry an RGB profile (its neutral axis).
_SPACES = {"L": ("GRAY", "RGB"), "LA": ("GRAY", "RGB"), "RGB": ("RGB",), "RGBA": ("RGB",), "CMYK": ("CMYK",)}

# Two renderings of one 8-bit colour that differ by one step are rounding, not another colour space.
_ROUNDING = 1


@dataclass(frozen=True)
class ColorProfile:
    """An embedded ICC profile that its picture can be read through.

    name: the profile's own description, "unnamed" if it has none.
    space: the ICC signature of its colour space: "GRAY", "RGB" or "CMYK".
    is_srgb: whether it shows every colour as sRGB does, within one 8-bit step; converting would only add rounding.
    """

    name: str
    space: str
    is_srgb: bool
    _handle: ImageCms.ImageCmsProfile

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """`image` (L, LA, RGB, RGBA or CMYK) converted to sRGB as L, LA, RGB or RGBA; alpha is kept as it is.

        Relative colorimetric with black point compensation, as photo editors and browsers do.
        """
        alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
        color = image.convert(image.mode[:-1]) if alpha is not None else image
        shown = color.point(self._grey_curve()) if color.mode == "L" else _shown(self._handle, color)
        if alpha is not None:
            shown.putalpha(alpha)
        return shown

    def _grey_curve(self) -> list[int]:
        """The sRGB value of each of the 256 greys; littleCMS' shortcut for grey is too coarse in the shadows."""
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
        if self.space == "RGB":
            ramp = ramp.convert("RGB")
        exact = _shown(self._handle, ramp, ImageCms.Flags.NOOPTIMIZE)
        return [int(value) for value in np.asarray(exact.getchannel("G"))[0]]


def embedded_profile(data: bytes | None, mode: str, where: str) -> ColorProfile | None:
    """The ICC profile in `data` for a picture of `mode` (L, LA, RGB, RGBA or CMYK); None for no data.

    A profile that is broken or made for another kind of picture is left aside with one warning that begins with
    `where`; the picture then counts as sRGB (CMYK: as uncalibrated ink).
    """
    if not data:
        return None
    try:
        handle = ImageCms.ImageCmsProfile(io.BytesIO(data))
        space = handle.profile.xcolor_space.strip()
        if space not in _SPACES[mode]:
            raise ImageCms.PyCMSError(f"it is for {space} and the picture is {mode}")
        name = (handle.profile.profile_description or "").strip("\0 \n") or "unnamed"
        return ColorProfile(name, space, _shows_srgb(handle, space), handle)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError) as error:
        warnings.warn(
            f"{where}: the embedded colour profile is not usable ({error}); the colours are taken as sRGB",
            UserWarning,
            stacklevel=2,
        )
        return None


def _shown(
    handle: ImageCms.ImageCmsProfile, image: Image.Image, flags: ImageCms.Flags = ImageCms.Flags.NONE
) -> Image.Image:
    transform = ImageCms.buildTransform(
        handle,
        ImageCms.createProfile("sRGB"),
        image.mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION | flags,
    )
    shown = ImageCms.applyTransform(image, transform)
    if shown is None:
        raise ImageCms.PyCMSError("the conversion gave no picture")
    return shown


def _shows_srgb(handle: ImageCms.ImageCmsProfile, space: str) -> bool:
    """Asked of colours, not of names: a grid over the whole space must come out as it went in."""
    if space == "CMYK":
        _shown(handle, Image.new("CMYK", (1, 1)))  # raises here, where the caller warns, if the profile cannot convert
        return False
    ramp = np.arange(256, dtype=np.uint8)[None]  # [1, 256]
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)  # [1, 729, 3]
    colors = Image.fromarray(ramp if space == "GRAY" else grid)
    shown = np.asarray(_shown(handle, colors, ImageCms.Flags.NOOPTIMIZE)).astype(np.int16)
    return int(np.abs(shown - np.asarray(colors.convert("RGB"))).max()) <= _ROUNDING
