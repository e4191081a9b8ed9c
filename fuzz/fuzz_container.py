"""The container's fuzz target: bytes that claim to be a file may raise a SfumatoError and nothing else.

Beyond that the target holds the parser to what it promises: portions do not matter, chunks that were handed out stay,
a cut of a valid file is a valid file.
"""

from __future__ import annotations

import contextlib
import struct

from sealing import seal

from sfumato.container import Chunk, Parser, Part, Region, assemble, cut, verify
from sfumato.errors import BudgetError, SfumatoError

_SIGNATURE_LENGTH = 8
_HEADER = struct.Struct("<4sBBI")


def seeds() -> list[bytes]:
    """Small whole files, a prefix and a damaged one, to start from."""
    base = Part(Chunk("DEMO", 0, 0, b"base"), 5, 20.0)
    tiny = assemble("image", {"size": [2, 1]}, [base])
    more = [Part(Chunk("DEMO", 1, 0, b"one"), 3, 25.5), Part(Chunk("note", 2, 3, b"two")), Part(Chunk("DEMO", 1))]
    small = assemble("scene", {"bounds": [[0, 0.5, -1e-3], [True, None, "ü"]]}, [base, base, *more])
    part = Part(Chunk("DEMO", 1, 0, b"one"), 3, 25.5, Region(7, (0, 20, 300), (65535, 21, 300)))
    in_space = assemble("scene", {}, [base, part])
    return [tiny, small, small[:-20], small[:60] + b"?" + small[61:], in_space]


def one_input(data: bytes) -> None:
    """Judge `data` as it is, and again with every checksum made right, which leads the fuzzer behind the checksums."""
    _judge(data)
    _judge(seal(data))


def _judge(data: bytes) -> None:
    whole = _read([data])
    step = 1 + sum(data[:4]) % 37
    assert _read([data[at : at + step] for at in range(0, len(data), step)]) == whole, "portions matter"
    chunks, problem = whole
    try:
        report = verify(data)
    except SfumatoError as error:
        assert str(error) == problem, "verify() and Parser disagree"
        return
    assert problem is None and report.here.length == len(data)
    for budget in ("level 0", f"{report.here.length} bytes", "50%"):
        with contextlib.suppress(BudgetError):
            short = cut(data, budget)
            assert data.startswith(short) and verify(short).whole == report.whole, "the cut is not the same file"
            assert _read([short])[0] == chunks[: len(_read([short])[0])], "the cut shows something else"


def _read(pieces: list[bytes]) -> tuple[list[Chunk], str | None]:
    """The chunks in these bytes, and the message of what stopped them."""
    parser = Parser()
    found: list[Chunk] = []
    try:
        for piece in pieces:
            found += parser.feed(piece)
        parser.close()
    except SfumatoError as error:
        return found, str(error)
    return found, None
