"""Bytes of a file, in any portions, to checked chunks."""

from __future__ import annotations

from collections.abc import Collection

from sfumato.container.head import Head
from sfumato.container.index import Index
from sfumato.container.layout import CHUNK_HEADER, SIGNATURE, Chunk, ChunkHeader, unpack, unpack_header
from sfumato.container.prefix import Prefix, prefixes
from sfumato.container.progress import Progress
from sfumato.errors import ChunkError, FormatError, SignatureError, TruncatedError


class Parser:
    """Reads a file as its bytes arrive: `feed()` them in any portions, then `close()`.

    The chunks that come out, and the error if there is one, do not depend on how the bytes are portioned. Work and
    memory are linear in the bytes fed, and nothing is allocated because a file says so.

    name: the file's name, for error messages.
    kinds: the chunk kinds the caller decodes. Others are skipped if their first letter is lower case and refused if it
        is upper case. None: every kind is handed out.

    >>> parser = Parser("head.sfu")
    >>> for data in stream:
    ...     for chunk in parser.feed(data):
    ...         decode(parser.head, chunk)
    >>> parser.close()
    """

    def __init__(self, name: str = "<bytes>", kinds: Collection[str] | None = None) -> None:
        self.name = name
        self._progress = Progress(kinds)
        self._error: FormatError | None = None
        self._buffer = bytearray()  # the bytes fed from `position` on
        self._position = 0
        self._header: ChunkHeader | None = None  # of the chunk that is arriving, once it is readable

    @property
    def head(self) -> Head | None:
        """HEAD, once it has arrived."""
        return self._progress.head

    @property
    def index(self) -> Index | None:
        """INDX, once it has arrived (right after the base level)."""
        return self._progress.index

    @property
    def error(self) -> FormatError | None:
        """What is wrong with the file, as soon as it is seen; everything that was handed out before it stays good."""
        return self._error

    @property
    def chunks(self) -> int:
        """Complete, intact chunks so far, HEAD and INDX included."""
        return len(self._progress.ends)

    @property
    def position(self) -> int:
        """Bytes of the signature and the complete, intact chunks so far."""
        return self._position

    @property
    def levels_complete(self) -> int:
        """Levels whose chunks have all arrived, counted from the base level."""
        return self._progress.levels_complete

    @property
    def base_complete(self) -> bool:
        """Whether all chunks of the base level have arrived."""
        return self._progress.base_complete

    @property
    def finished(self) -> bool:
        """Whether every announced chunk has arrived."""
        return self._progress.finished

    @property
    def announced_chunks(self) -> int | None:
        """Chunks of the whole file, HEAD and INDX included; known from HEAD on."""
        return None if self.head is None else self.head.chunks

    @property
    def announced_length(self) -> int | None:
        """Bytes of the whole file; known from INDX on."""
        if self.head is None or self.index is None:
            return None
        return self._progress.ends[self.head.levels[0].chunks + 1] + sum(e.length for e in self.index.entries)

    def prefixes(self, within_base: bool = False) -> list[Prefix]:
        """The prefixes of the whole file, whether or not they have arrived; empty before INDX.

        within_base: also those a viewer can render that end inside the base level and so are no valid files.
        """
        if self.head is None or self.index is None:
            return []
        return prefixes(self.head, self.index, self._progress.ends, within_base)

    @property
    def prefixes_here(self) -> tuple[Prefix, ...]:
        """The prefixes that have arrived and are valid files themselves, shortest first."""
        return tuple(prefix for prefix in self.prefixes() if prefix.chunks <= self.chunks)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Chunk]:
        """Take the next bytes; returns the medium's chunks (not HEAD, not INDX) that they complete, in file order.

        No intact chunk is lost to damage behind it: if these bytes complete a chunk and damage follows, the error is
        raised by the next `feed()` or `close()`, otherwise at once. From then on every call raises it.

        Raises: FormatError, of the subclass that fits.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        self._buffer += data
        found: list[Chunk] = []
        before = self.chunks
        try:
            while self._advance(found):
                pass
        except FormatError as error:
            self._error = self._named(error)
            self._buffer = bytearray()
            if self.chunks == before:
                raise self._error from error
        return found

    def close(self, partial: bool = False) -> None:
        """Say that there are no more bytes.

        partial: accept any prefix of a file, even inside a chunk or before the base level is complete.
        Raises: the error that stopped `feed()`; SignatureError if the few bytes there are begin no .sfu file;
            TruncatedError if the bytes end inside a chunk or before INDX.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        try:
            if self._position == 0:
                _check_signature(self._buffer)
            if not partial and (self.index is None or self._buffer):
                raise TruncatedError(self._truncation())
        except FormatError as error:
            raise self._named(error) from error

    def _advance(self, found: list[Chunk]) -> bool:
        """Take one step if the bytes for it are there; whether it was taken."""
        if self._position == 0:
            return self._take_signature()
        if self._header is None:
            if self.finished and self._buffer:
                raise ChunkError(f"more bytes follow the last announced chunk at byte {self._position:,}")
            if len(self._buffer) < CHUNK_HEADER.size:
                return False
        try:
            if self._header is None:
                self._header = unpack_header(bytes(self._buffer[: CHUNK_HEADER.size]))
                self._progress.check_length(self._header)
            length = self._header.length
            if len(self._buffer) < length:
                return False
            with memoryview(self._buffer) as buffer, buffer[:length] as piece:
                chunk = unpack(piece, self._position)
            wanted = self._progress.take(chunk)
        except FormatError as error:
            raise type(error)(f"{self._place()}: {error}") from error
        del self._buffer[:length]  # moves the start of the buffer, not its bytes
        self._header = None
        self._position += length
        if wanted:
            found.append(chunk)
        return True

    def _take_signature(self) -> bool:
        if len(self._buffer) < len(SIGNATURE):
            return False
        _check_signature(self._buffer)
        del self._buffer[: len(SIGNATURE)]
        self._position = len(SIGNATURE)
        return True

    def _truncation(self) -> str:
        """What is missing when the bytes end here."""
        there = len(self._buffer)
        if self._position == 0:
            return f"the file ends after {there} of the signature's {len(SIGNATURE)} bytes"
        if self._header is not None:
            return f"{self._place()}: the file ends after {there:,} of its {self._header.length:,} bytes"
        if there:
            return f"{self._place()}: the file ends inside its header, after {there} of {CHUNK_HEADER.size} bytes"
        return f"{self._place()}: the file ends before it, but needs at least HEAD, the base level and INDX"

    def _place(self) -> str:
        return f"chunk {self.chunks + 1} ({self._progress.place}) at byte {self._position:,}"

    def _named(self, error: FormatError) -> FormatError:
        """The error as users read it: with the file's name and what of it is safe."""
        intact = {0: "", 1: "; the first chunk is intact"}.get(
            self.chunks, f"; the first {self.chunks} chunks are intact"
        )
        return type(error)(f"cannot decode {self.name!r}: {error}{intact}")


def _check_signature(data: bytearray) -> None:
    """Refuse bytes that do not begin an .sfu file; fewer than eight are compared as far as they go."""
    start = bytes(data[: len(SIGNATURE)])
    if SIGNATURE.startswith(start):
        return
    if start[1:4] == SIGNATURE[1:4]:
        raise SignatureError("the signature is damaged, as by a transfer in text mode; copy the file as binary")
    raise SignatureError("this is not an .sfu file: it does not start with the signature")
