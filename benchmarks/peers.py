"""Classic picture codecs at chosen sizes, for the tables beside Sfumato's: real bytes, decoded again.

    at_bytes("jpegxl", pixels, 30_000)                  the largest file of at most 30,000 bytes, decoded
    ProgressiveFile("jpeg2000", pixels, 30_000).at(900) what the first 900 bytes of one progressive file show

JPEG, WebP, AVIF and JPEG 2000 go through Pillow, JPEG XL (effort 7) through imagecodecs. Baseline JPEG has optimised
Huffman tables and the chroma subsampling (4:2:0 or 4:4:4) that scores the higher PSNR at that size. Metadata is left
out everywhere; what remains of headers counts.

Progressive prefixes:
    JPEG       the progressive file's own bytes, cut anywhere, decoded by libjpeg as far as they go.
    JPEG 2000  one file with twelve quality layers; cut at the last whole packet, the rest decoded as empty packets.
    JPEG XL    neither library shows an unfinished file, so that there is one file per rate only.
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from sfumato.quality.metrics import psnr

Pixels = NDArray[np.uint8]
"""A picture, uint8 [H, W, 3]."""

CODECS = ("jpeg", "jpeg-progressive", "webp", "avif", "jpeg2000", "jpegxl")
PROGRESSIVE = ("jpeg-progressive", "jpeg2000")
NAMES = {
    "jpeg": "JPEG",
    "jpeg-progressive": "progressive JPEG",
    "webp": "WebP",
    "avif": "AVIF",
    "jpeg2000": "JPEG 2000",
    "jpegxl": "JPEG XL",
}

JPEGXL_EFFORT = 7
AVIF_SPEED = 6
LAYERS = 12  # quality layers of a progressive JPEG 2000 file, from 1/50 of its bytes to all of them


@dataclass(frozen=True)
class Coded:
    """bytes: what the picture took, headers included. pixels: what a decoder shows, uint8 [H, W, 3]."""

    bytes: int
    pixels: Pixels


def at_bytes(codec: str, pixels: Pixels, budget: int) -> Coded | None:
    """`pixels` as the largest file of at most `budget` bytes; None where the codec's smallest file is larger."""
    return Encoder(codec, pixels).at_bytes(budget)


class Encoder:
    """One picture and one codec; remembers its files, so that many budgets cost few encodes."""

    def __init__(self, codec: str, pixels: Pixels) -> None:
        if codec not in CODECS:
            raise ValueError(f"codec must be one of {', '.join(CODECS)}, not {codec!r}")
        self.codec = codec
        self.pixels = pixels
        self._writers = [(functools.cache(writer), knobs) for writer, knobs in _writers(codec, pixels)]

    def file_at(self, budget: int) -> bytes | None:
        """The file of at most `budget` bytes that looks best among the codec's variants, or None."""
        files = [file for writer, knobs in self._writers if (file := _largest(writer, knobs, budget)) is not None]
        return max(files, key=lambda file: psnr(decode(self.codec, file), self.pixels), default=None)

    def at_bytes(self, budget: int) -> Coded | None:
        """See `at_bytes`."""
        file = self.file_at(budget)
        return None if file is None else Coded(len(file), decode(self.codec, file))


class ProgressiveFile:
    """One progressive file of at most `budget` bytes, and what its first bytes show."""

    def __init__(self, codec: str, pixels: Pixels, budget: int) -> None:
        if codec not in PROGRESSIVE:
            raise ValueError(f"codec must be one of {', '.join(PROGRESSIVE)}, not {codec!r}")
        self.codec = codec
        self._packets: list[int] = []
        if codec == "jpeg-progressive":
            self.file = Encoder(codec, pixels).file_at(budget)
            return
        knobs = range(RATES)
        layered = functools.cache(lambda knob: _jpeg2000(pixels, _ratio(knob), LAYERS))
        found = _largest_knob(layered, knobs, budget)
        self.file = None if found is None else layered(found)
        if found is not None:
            self._packets = _packet_lengths(_jpeg2000(pixels, _ratio(found), LAYERS, packet_lengths=True))

    def at(self, budget: int) -> Coded | None:
        """What the first `budget` bytes show; None where they show nothing yet. `bytes` says how many were usable."""
        if self.file is None:
            return None
        if budget >= len(self.file):
            return Coded(len(self.file), decode(self.codec, self.file))
        return self._cut_jpeg(budget) if self.codec == "jpeg-progressive" else self._cut_jpeg2000(budget)

    def _cut_jpeg(self, budget: int) -> Coded | None:
        assert self.file is not None
        if budget < _first_scan(self.file):
            return None
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            return Coded(budget, decode(self.codec, self.file[:budget]))
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before

    def _cut_jpeg2000(self, budget: int) -> Coded | None:
        """Whole packets of the budget, then an empty packet (one zero byte, ISO 15444-1 B.10.3) for every other one."""
        assert self.file is not None
        tile = self.file.index(b"\xff\x90")
        length = body = self.file.index(b"\xff\x93", tile) + 2
        packets = 0
        while packets < len(self._packets) and length + self._packets[packets] <= budget:
            length += self._packets[packets]
            packets += 1
        if packets == 0:
            return None
        data = self.file[body:length] + bytes(len(self._packets) - packets)
        header = self.file[: tile + 6] + struct.pack(">I", body - tile + len(data)) + self.file[tile + 10 : body]
        return Coded(length, decode(self.codec, header + data + b"\xff\xd9"))


def decode(codec: str, data: bytes) -> Pixels:
    """The picture that `data` shows, uint8 [H, W, 3]."""
    if codec == "jpegxl":
        return np.asarray(imagecodecs.jpegxl_decode(data))
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


Writer = Callable[[int], bytes]
RATES = 700  # steps of 1 % from a compression ratio of 1.5


def _ratio(knob: int) -> float:
    return 1.5 * 1.01 ** (RATES - 1 - knob)


def _writers(codec: str, pixels: Pixels) -> list[tuple[Writer, range]]:
    """Functions from a quality knob to a file, one per variant; a larger knob means a larger file."""
    image = Image.fromarray(pixels)

    def save(form: str, **options: object) -> bytes:
        file = io.BytesIO()
        image.save(file, form, **options)
        return file.getvalue()

    if codec in ("jpeg", "jpeg-progressive"):
        options = {"optimize": True, "progressive": codec == "jpeg-progressive"}
        return [
            (
                functools.partial(lambda ratio, q: save("JPEG", quality=q, subsampling=ratio, **options), ratio),
                range(1, 101),
            )
            for ratio in ("4:2:0", "4:4:4")
        ]
    if codec == "webp":
        return [(lambda q: save("WEBP", quality=q, method=6), range(101))]
    if codec == "avif":
        return [(lambda q: save("AVIF", quality=q, speed=AVIF_SPEED, max_threads=2), range(101))]
    if codec == "jpeg2000":
        return [(lambda knob: _jpeg2000(pixels, _ratio(knob), 1), range(RATES))]
    distances = [25.0 / 1.03**k for k in range(190)]  # libjxl's largest distance down to 0.1
    return [
        (
            lambda k: bytes(imagecodecs.jpegxl_encode(pixels, distance=distances[k], effort=JPEGXL_EFFORT)),
            range(len(distances)),
        )
    ]


def _largest_knob(writer: Writer, knobs: range, budget: int) -> int | None:
    """The largest knob whose file keeps the budget, by bisection; None if no file does."""
    low, high = -1, len(knobs) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(writer(knobs[middle])) <= budget else (low, middle - 1)
    return None if low < 0 else knobs[low]


def _largest(writer: Writer, knobs: range, budget: int) -> bytes | None:
    knob = _largest_knob(writer, knobs, budget)
    return None if knob is None else writer(knob)


def _jpeg2000(pixels: Pixels, ratio: float, layers: int, packet_lengths: bool = False) -> bytes:
    """A bare codestream, 9/7 wavelet, layer after layer; the last layer has the compression `ratio`."""
    ratios = [ratio * 50 ** (1 - k / (layers - 1)) for k in range(layers)] if layers > 1 else [ratio]
    file = io.BytesIO()
    Image.fromarray(pixels).save(
        file,
        "JPEG2000",
        no_jp2=True,
        irreversible=True,
        mct=1,
        progression="LRCP",
        quality_mode="rates",
        quality_layers=ratios,
        plt=packet_lengths,
    )
    return file.getvalue()


def _packet_lengths(codestream: bytes) -> list[int]:
    """The lengths of all packets, read from the PLT markers (ISO 15444-1 A.7.3) of a codestream with one tile part."""
    position = codestream.index(b"\xff\x90") + 12
    lengths, value = [], 0
    while codestream[position : position + 2] == b"\xff\x58":
        size = struct.unpack(">H", codestream[position + 2 : position + 4])[0]
        for byte in codestream[position + 5 : position + 2 + size]:
            value = value << 7 | byte & 127
            if byte < 128:
                lengths.append(value)
                value = 0
        position += 2 + size
    return lengths


def _first_scan(jpeg: bytes) -> int:
    """Where the entropy-coded bytes of the first scan begin: no shorter prefix shows anything."""
    position = 2
    while jpeg[position + 1] != 0xDA:
        position += 2 + struct.unpack(">H", jpeg[position + 2 : position + 4])[0]
    return position + 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
