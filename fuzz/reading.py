"""Files as decoders meet them: in portions, and broken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from sfumato.errors import FormatError


class Decoder(Protocol):
    """What all media's decoders have."""

    def feed(self, data: bytes) -> object:
        """Takes the next bytes."""

    def close(self) -> None:
        """Says that there are no more."""


AnyDecoder = TypeVar("AnyDecoder", bound=Decoder)


def portions(data: bytes) -> list[bytes]:
    """The bytes in portions of up to 61, whose size depends on how they begin."""
    step = 1 + sum(data[:64]) % 61
    return [data[at : at + step] for at in range(0, len(data), step)]


def read(decoder: AnyDecoder, pieces: Iterable[bytes]) -> AnyDecoder:
    """The decoder at the end of the pieces, or where the first error left it."""
    try:
        for piece in pieces:
            decoder.feed(piece)
        decoder.close()
    except FormatError:
        pass
    return decoder
