"""The image decoder's fuzz target: bytes that claim to be an image or a chunk of splats may raise a FormatError only.

Beyond that the target holds the decoder to what it promises: portions do not matter, splats that were handed out stay
and are finite, and both coders find the same integers.
"""

from __future__ import annotations

import numpy as np
from reading import portions, read
from sealing import seal

from sfumato.coding import SymbolDecoder
from sfumato.coding.rans import PythonRans
from sfumato.container import Chunk, Part, assemble
from sfumato.errors import FormatError
from sfumato.media.image.codec import KIND, MAX_CELLS, Header, decode_integers, encode_integers, walk
from sfumato.media.image.decoder import ImageDecoder
from sfumato.media.image.quantise import Grid, QuantisedSplats, dequantise, quantise
from sfumato.splats import Splats2D

_CANVASES = ((3, 64, 48), (1, 1, 1), (4, 700, 9), (3, 32768, 32768))  # channels, width, height


def seeds() -> list[bytes]:
    """Payloads of a few splats for each canvas, and whole files; the first byte says which."""
    found = []
    for number, (channels, width, height) in enumerate(_CANVASES):
        for count in (0, 1, 40):
            found.append(bytes([number]) + _payload(count, channels, width, height))
    parts = [Part(Chunk(KIND, level, payload=_payload(20, 3, 64, 48)), splats=20) for level in (0, 1, 1)]
    fields = {"width": 64, "height": 48, "channels": 3}
    return [*found, b"\xff" + assemble("image", fields, parts)]


def one_input(data: bytes) -> None:
    """Judge the bytes as a payload or, if the first one is 128 or more, as a file with right checksums."""
    if not data:
        return
    if data[0] >= 128:
        _judge_file(seal(data[1:]))
    else:
        _judge_payload(data[1:], *_CANVASES[data[0] % len(_CANVASES)])


def _payload(count: int, channels: int, width: int, height: int) -> bytes:
    rng = np.random.default_rng(count)
    xy = rng.uniform(-16, (width + 16, height + 16), (count, 2))
    chol = np.stack([rng.uniform(0.3, 9, count), rng.normal(0, 2, count), rng.uniform(0.3, 9, count)], axis=1)
    splats = Splats2D(
        xy.astype(np.float32), chol.astype(np.float32), rng.normal(0, 0.5, (count, channels)).astype(np.float32)
    )
    grid = Grid(30, 0)
    return encode_integers(quantise(splats, grid, width, height), grid, width, height)


def _judge_payload(payload: bytes, channels: int, width: int, height: int) -> None:
    try:
        q, grid = decode_integers(payload, channels, width, height)
    except FormatError:
        return
    header, stream = Header.from_bytes(payload, channels)
    cells = grid.cells(width, height)
    assert len(q) == header.count and max(cells) <= MAX_CELLS
    twin = walk(SymbolDecoder(stream, PythonRans()), header, channels, cells, None)
    assert _same(q, twin), "the two coders disagree"
    splats = dequantise(q, grid)
    assert all(np.isfinite(getattr(splats, name)).all() for name in ("xy", "chol", "color"))
    assert (splats.chol[:, [0, 2]] > 0).all()


def _judge_file(data: bytes) -> None:
    whole = read(ImageDecoder(), [data]).parts
    pieces = read(ImageDecoder(), portions(data)).parts
    assert len(whole) == len(pieces), "portions matter"
    for a, b in zip(whole, pieces, strict=True):
        assert np.array_equal(a.xy, b.xy) and np.array_equal(a.color, b.color), "portions matter"


def _same(a: QuantisedSplats, b: QuantisedSplats) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__)
