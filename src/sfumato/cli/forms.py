"""The forms of the values that options have."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from sfumato.files import is_url


def whole_from(least: int) -> Callable[[str], int]:
    """A whole number from `least` on."""

    def whole(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least}")
        return int(text)

    return whole


def local(text: str) -> str:
    """A path of this machine."""
    if is_url(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is an address; download it first ('sfumato decode' and sfumato.open fetch as much as is needed)"
        )
    return text


def _wholes(text: str, separator: str, count: int, form: str) -> tuple[int, ...]:
    parts = text.lower().split(separator)
    if len(parts) != count or not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form {form}")
    return tuple(int(part) for part in parts)


def size(text: str) -> tuple[int, ...]:
    """Width and height."""
    return _wholes(text, "x", 2, "WxH, such as 640x480")


def crop(text: str) -> tuple[int, ...]:
    """Left, top, width and height."""
    return _wholes(text, ",", 4, "X,Y,W,H, such as 0,0,320,240")


def pose(text: str) -> dict[str, float]:
    """Weights by name."""
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        try:
            weight = float(value)
        except ValueError:
            weight = math.nan
        if not name.strip() or not math.isfinite(weight):
            raise argparse.ArgumentTypeError(f"{part!r} is not of the form NAME=NUMBER, such as jawOpen=0.4")
        found[name.strip()] = weight
    return found


def direction(text: str) -> tuple[float, ...]:
    """An axis, or three numbers."""
    sign, axis = (-1.0, text[1:]) if text[:1] == "-" else (1.0, text.removeprefix("+"))
    if axis in ("x", "y", "z"):
        return tuple(sign * (axis == name) for name in "xyz")
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 3 or not any(numbers) or not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(f"{text!r} is neither x, y, z, -x, -y, -z nor a direction such as 0,1,0.2")
    return numbers


def background(text: str) -> tuple[float, ...] | None:
    """A colour in 0..1, or none."""
    if text == "none":
        return None
    color = _wholes(text, ",", 3, "R,G,B, such as 255,255,255, or none")
    if max(color) > 255:
        raise argparse.ArgumentTypeError(f"{text!r} goes beyond 255")
    return tuple(part / 255 for part in color)


def levels(text: str) -> int | tuple[int, ...]:
    """How many levels, or the splats at their ends."""
    counts = _wholes(text, ",", text.count(",") + 1, "6 or 360,900,2250")
    return counts[0] if len(counts) == 1 else counts


def between_commas(text: str) -> list[str]:
    """Texts between commas."""
    return [part.strip() for part in text.split(",")]
