"""Pictures side by side with a caption under each: what a file shows after 5 %, 10 %, ... of its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sfumato.errors import SettingsError
from sfumato.pixels import to_uint8

_GROUND = (22, 24, 29)
_BRIGHT = (240, 242, 245)
_DIM = (150, 156, 166)
_CHECKS = (92, 116)  # the two greys of the board behind transparent pixels
_SEPARATOR = " · "
_LEAST_SHRINK = 0.75  # below this share of its size a caption is hard to read beside the others: break it into lines
_LEAST_SIZE = 8.0


def contact_strip(pictures: Sequence[NDArray[Any]], labels: Sequence[str], height: int = 320) -> NDArray[np.float32]:
    """One wide picture of `pictures` side by side on a dark ground, each with its label below.

    pictures: each [H, W, C], floating point in 0..1 or uint8, C = 1, 3 or 4; scaled to `height` pixels (transparency
        over a checkerboard). Smaller pictures are enlarged with hard pixel edges, so that nothing looks smoother than
        it is.
    labels: one per picture, such as "5 % · 2.4 KB · 23.1 dB"; the part before the first " · " is written brightly.

    Returns float32 [H, W, 3] in 0..1. Raises ValueError if the lists are empty or of different lengths.
    """
    if not pictures or len(pictures) != len(labels):
        raise ValueError(f"a strip needs a label for each picture, not {len(labels)} for {len(pictures)}")
    images = [_scaled(picture, height) for picture in pictures]
    margin = max(8, height // 20)
    gap = max(4, height // 40)
    font, captions = _captions([image.width for image in images], labels, max(11.0, height / 17))
    line = round(font.size * 1.3)
    band = round(font.size * 1.1) + line * max(len(lines) for lines in captions)
    width = sum(image.width for image in images) + gap * (len(images) - 1) + 2 * margin
    sheet = Image.new("RGB", (width, margin + height + band), _GROUND)
    draw = ImageDraw.Draw(sheet)
    x = margin
    for image, lines in zip(images, captions, strict=True):
        sheet.paste(image, (x, margin))
        y = margin + height + band / 2 - line * (len(lines) - 1) / 2
        for number, text in enumerate(lines):
            _write(draw, (x + image.width / 2, y + number * line), text, font, bright_start=number == 0)
        x += image.width + gap
    return np.asarray(sheet, np.float32) / np.float32(255)


def _scaled(picture: NDArray[Any], height: int) -> Image.Image:
    eight = to_uint8(picture)
    image = Image.fromarray(eight[..., 0] if eight.shape[2] == 1 else eight)
    width = max(1, round(image.width * height / image.height))
    resample = Image.Resampling.LANCZOS if image.height >= height else Image.Resampling.NEAREST
    image = image.resize((width, height), resample)
    if image.mode == "RGBA":
        image = Image.alpha_composite(_checkerboard(width, height), image)
    return image.convert("RGB")


def _checkerboard(width: int, height: int) -> Image.Image:
    cells = (np.arange(height)[:, None] // 8 + np.arange(width) // 8) % 2
    return Image.fromarray(np.where(cells, *_CHECKS).astype(np.uint8)).convert("RGBA")


def _captions(
    widths: Sequence[int], labels: Sequence[str], size: float
) -> tuple[ImageFont.FreeTypeFont, list[list[str]]]:
    """The font and the lines of every label: one line each if they fit with little shrinking, else a line per part."""

    def fitting(captions: list[list[str]]) -> float:
        font = _font(size)
        lengths = [max(font.getlength(line) for line in lines) for lines in captions]
        return min(size, *(size * width / max(length, 1) for width, length in zip(widths, lengths, strict=True)))

    captions = [[label] for label in labels]
    if fitting(captions) < _LEAST_SHRINK * size:
        captions = [label.split(_SEPARATOR) for label in labels]
    return _font(max(_LEAST_SIZE, fitting(captions))), captions


def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise SettingsError("captions need a Pillow with FreeType; pip install --force-reinstall pillow")
    return font


def _write(
    draw: ImageDraw.ImageDraw, center: tuple[float, float], text: str, font: ImageFont.FreeTypeFont, bright_start: bool
) -> None:
    first, separator, rest = text.partition(_SEPARATOR) if bright_start else ("", "", text)
    x, y = center[0] - font.getlength(text) / 2, center[1]
    draw.text((x, y), first, _BRIGHT, font, anchor="lm")
    draw.text((x + font.getlength(first), y), separator + rest, _DIM, font, anchor="lm")
