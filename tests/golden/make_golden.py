"""Makes the golden files of images: what they decode to must never change.

    PYTHONPATH=src:tests python tests/golden/make_golden.py

Files that exist stay as they are, as do their lines in expected.json; only new ones are added. A golden file that no
longer decodes as expected shows a change of the format, which needs a new version instead.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from golden.making import error_of, make_missing
from media.image.samples import digests, picture

from sfumato.container import Chunk, Parser, Part, assemble
from sfumato.media.image.codec import KIND
from sfumato.media.image.decoder import ImageDecoder
from sfumato.media.image.encode import EncodeSettings, encode_pixels

HERE = Path(__file__).parent


def _fit(width: int, height: int, channels: int, splats: int, levels: int) -> bytes:
    return encode_pixels(
        picture(width, height, channels), EncodeSettings(splats=splats, levels=levels, iterations=60, seed=1)
    )


GOOD: dict[str, Callable[[], bytes]] = {
    "image-grey.sfu": lambda: _fit(64, 40, 1, 250, 4),
    "image-rgb.sfu": lambda: _fit(48, 32, 3, 300, 3),
    "image-rgba.sfu": lambda: _fit(33, 47, 4, 200, 3),
    "image-one-level.sfu": lambda: _fit(24, 24, 3, 120, 1),
    "image-many-levels.sfu": lambda: _fit(64, 48, 3, 400, 12),
    "image-one-splat.sfu": lambda: _fit(1, 1, 3, 1, 1),
}


def _remake(
    data: bytes, fields: dict[str, Any] | None = None, damage: Callable[[bytearray], None] | None = None
) -> bytes:
    """The file with other members of HEAD, or with a damaged third chunk of splats; its checksums are right."""
    parser = Parser(kinds={KIND})
    chunks = parser.feed(data)
    assert parser.head is not None
    parts = []
    for number, chunk in enumerate(chunks):
        payload = bytearray(chunk.payload)
        if damage is not None and number == 2:
            damage(payload)
        (count,) = struct.unpack_from("<H", chunk.payload)
        parts.append(Part(Chunk(KIND, chunk.level, payload=bytes(payload)), splats=count))
    return assemble("image", parser.head.fields if fields is None else fields, parts)


def _shorten(payload: bytearray) -> None:
    del payload[-2:]


def _count(payload: bytearray) -> None:
    struct.pack_into("<H", payload, 0, 65535)


def _exponent(payload: bytearray) -> None:
    payload[3] = 11


def _table(payload: bytearray) -> None:
    payload[9] = 84


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "hostile-cut.sfu": lambda data: data[: len(data) * 2 // 3 + 1],
    "hostile-bit.sfu": lambda data: _flip(data, len(data) * 2 // 3),
    "hostile-stream.sfu": lambda data: _remake(data, damage=_shorten),
    "hostile-count.sfu": lambda data: _remake(data, damage=_count),
    "hostile-grid.sfu": lambda data: _remake(data, damage=_exponent),
    "hostile-table.sfu": lambda data: _remake(data, damage=_table),
    "hostile-empty-chunk.sfu": lambda data: _remake(data, damage=bytearray.clear),
    "hostile-size.sfu": lambda data: _remake(data, {"width": 10**12, "height": 32, "channels": 3}),
    "hostile-channels.sfu": lambda data: _remake(data, {"width": 48, "height": 32, "channels": 2}),
    "hostile-no-size.sfu": lambda data: _remake(data, {"channels": 3}),
}


def refusal(data: bytes) -> dict[str, int | str]:
    """The class of the error that stops the decoder, and the chunks of splats it had by then."""
    decoder = ImageDecoder()

    def feed() -> None:
        decoder.feed(data)
        decoder.close()

    return {"error": error_of(feed), "chunks": len(decoder.parts)}


if __name__ == "__main__":
    make_missing(HERE, GOOD, digests, "image-rgb.sfu", HOSTILE, refusal)
