"""Picture files and ICC profiles, made here so that the tests need no files."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# XYZ of the primaries, adapted to D50 (Adobe RGB (1998) Color Image Encoding, annex; IEC 61966-2-1 for sRGB).
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def icc_profile(gamma: float, primaries: Sequence[Sequence[float]] = (), name: str = "test profile") -> bytes:
    """A display profile, RGB with three primaries or grey with none (ICC.1:2001-04, sections 6.1, 6.4 and 6.5)."""

    def xyz(values: Sequence[float]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    text = name.encode() + b"\0"
    tags = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)),
        (b"wtpt", xyz((0.9642, 1.0, 0.8249))),
    ]
    if primaries:
        tags += [(letter + b"XYZ", xyz(p)) for letter, p in zip((b"r", b"g", b"b"), primaries, strict=True)]
        tags += [(letter + b"TRC", curve) for letter in (b"r", b"g", b"b")]
    else:
        tags += [(b"kTRC", curve)]
    table, body = struct.pack(">I", len(tags)), b""
    for signature, data in tags:
        data += bytes(-len(data) % 4)
        table += signature + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data
    space = b"RGB " if primaries else b"GRAY"
    header = struct.pack(
        ">I4sI4s4s4s", 132 - 4 + len(table) + len(body), b"\0\0\0\0", 0x02100000, b"mntr", space, b"XYZ "
    )
    header += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", *(round(v * 65536) for v in (0.9642, 1.0, 0.8249)))
    return header + bytes(128 - len(header)) + table + body


def save(path: Path, pixels: NDArray[np.uint8], **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path
