"""Pictures with more than 8 bits per channel, read through Pillow without losing the lower byte.

Pillow keeps 16-bit grey whole but unpacks 16-bit RGB and RGBA into the upper bytes only. Its decoders can be told the
byte order of the samples, though, so reading the same file a second time with the order reversed gives the lower
bytes. Kinds that do not fit this (planar or premultiplied TIFF, 16-bit CMYK) are left to the 8-bit way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

_PHOTOMETRIC, _BITS_PER_SAMPLE, _PLANAR = 262, 258, 284  # TIFF 6.0 tag numbers; PhotometricInterpretation 0: white is 0
_SWAPPED = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


@dataclass(frozen=True)
class DeepSamples:
    """What a picture with 9 to 16 bits per channel holds.

    samples: uint16 [H, W, C] with C = 1 grey, 2 grey and alpha, 3 RGB or 4 RGBA; a single colour that the file declares
        transparent (PNG `tRNS`) has become an alpha channel.
    bits: white is 2^bits - 1.
    """

    samples: NDArray[np.uint16]
    bits: int

    @property
    def mode(self) -> str:
        """Pillow's name for the channels: L, LA, RGB or RGBA."""
        return ("L", "LA", "RGB", "RGBA")[self.samples.shape[2] - 1]

    def narrowed(self) -> Image.Image:
        """The picture in 8 bits per channel, rounded half up."""
        white = 2**self.bits - 1
        scaled = ((self.samples.astype(np.uint32) * 510 + white) // (2 * white)).astype(np.uint8)
        return Image.fromarray(scaled[..., 0] if self.mode == "L" else scaled)


def read_deep(image: ImageFile.ImageFile, reopen: Callable[[], ImageFile.ImageFile]) -> DeepSamples | None:
    """The samples of a picture with 9 to 16 bits per channel, or None if it has 8 or cannot be read whole.

    image: opened and not yet loaded; it is loaded when samples are returned, and untouched otherwise.
    reopen: opens the same file once more, for the lower bytes.
    """
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return _read_grey(image)
    rawmode = _rawmode(image)
    if rawmode == "LA;16B":
        return DeepSamples(_read_grey_alpha(image), 16)
    if rawmode[:-1] in ("RGB;16", "RGBA;16") and _tags(image).get(_PLANAR, 1) == 1:
        return DeepSamples(_read_color(image, reopen(), rawmode), 16)
    return None


def _rawmode(image: ImageFile.ImageFile) -> str:
    """How the decoder will unpack the samples, in Pillow's words; "" if it does not say."""
    args = image.tile[0][3] if image.tile else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _with_rawmode(image: ImageFile.ImageFile, rawmode: str) -> None:
    tiles: list[Any] = list(image.tile)
    image.tile = [
        tile._replace(args=(rawmode, *tile.args[1:]) if isinstance(tile.args, tuple) else rawmode) for tile in tiles
    ]


def _tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})


def _read_grey(image: Image.Image) -> DeepSamples:
    declared = _tags(image).get(_BITS_PER_SAMPLE, (16,))
    bits = int(declared[0] if isinstance(declared, tuple) else declared)
    white_is_zero = _tags(image).get(_PHOTOMETRIC, 1) == 0
    image.load()
    grey = np.asarray(image).astype(np.uint16)[..., None]  # [H, W, 1]
    if white_is_zero:
        grey = np.uint16(2**bits - 1) - grey
    return DeepSamples(_with_key(grey, image), bits)


def _read_grey_alpha(image: ImageFile.ImageFile) -> NDArray[np.uint16]:
    """Pillow keeps the four bytes of a 16-bit grey and alpha pixel together when told that they are one RGBA pixel."""
    _with_rawmode(image, "RGBA")
    image.load()
    packed = np.ascontiguousarray(np.asarray(image))  # [H, W, 4]
    return packed.view(">u2").astype(np.uint16)


def _read_color(upper: ImageFile.ImageFile, lower: ImageFile.ImageFile, rawmode: str) -> NDArray[np.uint16]:
    with lower:
        _with_rawmode(lower, rawmode[:-1] + _SWAPPED[rawmode[-1]])
        lower.load()
        low = np.asarray(lower)
    upper.load()
    samples = np.asarray(upper).astype(np.uint16)
    samples <<= 8
    samples |= low
    return _with_key(samples, upper)


def _with_key(samples: NDArray[np.uint16], image: Image.Image) -> NDArray[np.uint16]:
    """Adds the alpha channel that a declared transparent colour stands for."""
    key = image.info.get("transparency")
    if key is None or samples.shape[2] not in (1, 3):
        return samples
    alpha = np.where((samples == np.asarray(key, np.uint16)).all(2, keepdims=True), 0, 0xFFFF).astype(np.uint16)
    return np.concatenate([samples, alpha], axis=2)
