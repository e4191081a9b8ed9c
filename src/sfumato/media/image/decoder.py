"""Bytes of an image asset to splats, as they arrive."""

from __future__ import annotations

from sfumato.container import Chunk, Head
from sfumato.errors import ChunkError, LimitError, UnsupportedError
from sfumato.media.decoding import Decoder
from sfumato.media.image.codec import KIND, decode_splats
from sfumato.splats import Splats2D

MAX_SIDE = 1 << 15
"""Pixels along a side: more than any camera has, and small enough for every grid of positions."""


class ImageDecoder(Decoder):
    """Feed it the bytes of a file in any portions; ask it for its splats at any time.

    name: the file's name, for error messages.

    >>> decoder = ImageDecoder("cat.sfu")
    >>> for data in stream:
    ...     if decoder.feed(data):
    ...         show(decoder.splats)
    >>> decoder.close()
    """

    medium = "image"
    kinds = frozenset({KIND})

    def __init__(self, name: str = "<bytes>") -> None:
        super().__init__(name)
        self._parts: list[Splats2D] = []
        self._ends: list[int] = []
        self._canvas: tuple[int, int, int] | None = None

    @property
    def canvas(self) -> tuple[int, int, int] | None:
        """(width, height, channels), once HEAD has arrived."""
        return self._canvas

    @property
    def parts(self) -> list[Splats2D]:
        """The splats of every chunk so far."""
        return list(self._parts)

    @property
    def ends(self) -> list[int]:
        """The bytes of the file at which the chunks of `parts` end."""
        return list(self._ends)

    @property
    def splats(self) -> Splats2D:
        """All splats so far."""
        return (
            Splats2D.concatenate(self._parts) if self._parts else Splats2D.empty(self._canvas[2] if self._canvas else 3)
        )

    def _begin(self, head: Head) -> None:
        self._canvas = _canvas(head)

    def _take(self, chunk: Chunk) -> None:
        assert self._canvas is not None
        width, height, channels = self._canvas
        part = decode_splats(chunk.payload, channels, width, height)
        self._promise(chunk, len(part))
        self._parts.append(part)
        self._ends.append(chunk.offset + chunk.length)


def _canvas(head: Head) -> tuple[int, int, int]:
    """Width, height and channels from HEAD. Raises FormatError if they are missing or beyond the caps."""
    values = [head.fields.get(name) for name in ("width", "height", "channels")]
    if any(type(value) is not int or value < 1 for value in values):
        raise ChunkError("HEAD gives no width, height and channels")
    width, height, channels = (int(value) for value in values if value is not None)
    if max(width, height) > MAX_SIDE:
        raise LimitError(f"HEAD declares {width:,} x {height:,} pixels; {MAX_SIDE:,} a side are allowed")
    if channels not in (1, 3, 4):
        raise UnsupportedError(f"HEAD declares {channels} colour channels; 1, 3 and 4 are known")
    return width, height, channels
