"""Bytes of an image asset to splats, as they arrive."""

from __future__ import annotations

from collections.abc import Iterator

from sfumato.container import Chunk, Head, Parser
from sfumato.errors import ChunkError, FormatError, LimitError, UnsupportedError
from sfumato.media.image.codec import KIND, decode_splats
from sfumato.splats import Splats2D

MAX_SIDE = 1 << 15
"""Pixels along a side: more than any camera has, and small enough for every grid of positions."""


class ImageDecoder:
    """Feed it the bytes of a file in any portions; ask it for its splats at any time.

    name: the file's name, for error messages.

    >>> decoder = ImageDecoder("cat.sfu")
    >>> for data in stream:
    ...     if decoder.feed(data):
    ...         show(decoder.splats)
    >>> decoder.close()
    """

    def __init__(self, name: str = "<bytes>") -> None:
        self.parser = Parser(name, kinds={KIND})
        self._parts: list[Splats2D] = []
        self._ends: list[int] = []
        self._promised: Iterator[int] | None = None  # the splats that INDX announces for each chunk still to come
        self._canvas: tuple[int, int, int] | None = None
        self._error: FormatError | None = None

    @property
    def head(self) -> Head | None:
        """HEAD, once it has arrived."""
        return self.parser.head

    @property
    def canvas(self) -> tuple[int, int, int] | None:
        """(width, height, channels), once HEAD has arrived."""
        return self._canvas

    @property
    def levels_complete(self) -> int:
        """Levels that are there completely, counted from the base level."""
        return self.parser.levels_complete

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

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Take the next bytes; returns how many chunks of splats they completed.

        Raises: FormatError, of the subclass that fits; what came before stays usable, and every later call raises it
            again: splats behind a gap would make a picture that no prefix shows.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        try:
            chunks = self.parser.feed(data)
            if self._canvas is None and self.parser.head is not None:
                self._canvas = _canvas(self.parser)
            for chunk in chunks:
                if chunk.level:
                    self._check_base()
                self._take(chunk)
            self._check_base()
        except FormatError as error:
            self._error = error
            raise
        return len(chunks)

    def _check_base(self) -> None:
        """Hold the base level to what INDX announces, once INDX is there and before any later chunk is taken."""
        index = self.parser.index
        if self._promised is not None or index is None:
            return
        self._check_count("the base level", sum(map(len, self._parts)), index.base_splats)
        self._promised = iter([entry.splats for entry in index.entries if entry.kind == KIND])

    def _check_count(self, part: str, found: int, promised: int) -> None:
        if found != promised:
            raise ChunkError(
                f"cannot decode {self.parser.name!r}: {part} holds {found:,} splats, INDX announces {promised:,}"
            )

    def close(self, partial: bool = False) -> None:
        """Say that there are no more bytes; see `container.Parser.close`. Raises what stopped `feed`, too."""
        if self._error is not None:
            raise self._error.with_traceback(None)
        self.parser.close(partial)

    def _take(self, chunk: Chunk) -> None:
        part = self._decode(chunk)
        if self._promised is not None:
            self._check_count(f"the chunk at byte {chunk.offset:,}", len(part), next(self._promised))
        self._parts.append(part)
        self._ends.append(chunk.offset + chunk.length)

    def _decode(self, chunk: Chunk) -> Splats2D:
        assert self._canvas is not None
        width, height, channels = self._canvas
        try:
            part = decode_splats(chunk.payload, channels, width, height)
        except FormatError as error:
            raise type(error)(
                f"cannot decode {self.parser.name!r}: splats of level {chunk.level} at byte {chunk.offset:,}: {error}; "
                f"the {len(self._parts)} chunks of splats before are intact"
            ) from error
        return part


def _canvas(parser: Parser) -> tuple[int, int, int]:
    """Width, height and channels from HEAD. Raises FormatError if they are missing or beyond the caps."""
    head = parser.head
    assert head is not None
    start = f"cannot decode {parser.name!r}: HEAD"
    if head.medium != "image":
        raise UnsupportedError(f"{start} says that the file is a {head.medium}, which is no image")
    values = [head.fields.get(name) for name in ("width", "height", "channels")]
    if any(type(value) is not int or value < 1 for value in values):
        raise ChunkError(f"{start} gives no width, height and channels")
    width, height, channels = (int(value) for value in values if value is not None)
    if max(width, height) > MAX_SIDE:
        raise LimitError(f"{start} declares {width:,} x {height:,} pixels; {MAX_SIDE:,} a side are allowed")
    if channels not in (1, 3, 4):
        raise UnsupportedError(f"{start} declares {channels} colour channels; 1, 3 and 4 are known")
    return width, height, channels
