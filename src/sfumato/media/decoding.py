"""Bytes of an asset of any medium to what it shows, as they arrive: what all decoders have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from sfumato.container import Chunk, Head, Parser
from sfumato.errors import ChunkError, FormatError, SfumatoError, UnsupportedError


class Decoder:
    """Feed it the bytes of a file in any portions; ask it for what it shows at any time.

    A medium names itself and the chunks it knows (`medium`, `kinds`), reads HEAD in `_begin` and a chunk in `_take`,
    which calls `_promise` with the splats of every chunk before it shows them, unless the medium is not `counted`.

    name: the file's name, for error messages.
    """

    medium: ClassVar[str]
    kinds: ClassVar[frozenset[str]]
    counted: ClassVar[bool] = True  # whether every chunk is held to the splats that INDX announces

    def __init__(self, name: str = "<bytes>") -> None:
        self.parser = Parser(name, kinds=self.kinds)
        self._error: SfumatoError | None = None
        self._begun = False
        self._taken = 0
        self._base_splats = 0
        self._promised: Iterator[int] | None = None  # the splats that INDX announces for each chunk still to come

    @property
    def head(self) -> Head | None:
        """HEAD, once it has arrived."""
        return self.parser.head

    @property
    def levels_complete(self) -> int:
        """Levels that are there completely, counted from the base level."""
        return self.parser.levels_complete

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Take the next bytes; returns how many chunks of the medium they completed.

        Raises: FormatError, of the subclass that fits; what came before stays usable, and every later call raises it
            again: what follows a gap would show something that no prefix shows.
        """
        self._raise_again()
        try:
            chunks = self.parser.feed(data)
            if not self._begun and self.parser.head is not None:
                self._check_head(self.parser.head)
                self._begun = True
            for chunk in chunks:
                if chunk.level:
                    self._check_base()
                self._take_checked(chunk)
            self._check_base()
        except SfumatoError as error:
            self._error = error
            raise
        return len(chunks)

    def close(self, partial: bool = False) -> None:
        """Say that there are no more bytes; see `container.Parser.close`.

        Raises: what stopped `feed`, or what is wrong with the end; every later call raises it again.
        """
        self._raise_again()
        try:
            self.parser.close(partial)
        except FormatError as error:
            self._error = error
            raise

    def _begin(self, head: Head) -> None:
        """Read HEAD, of this medium. FormatError, of the subclass that fits, for what cannot be."""
        raise NotImplementedError

    def _take(self, chunk: Chunk) -> None:
        """Read a chunk, and show it. FormatError, of the subclass that fits, before anything has changed."""
        raise NotImplementedError

    def _promise(self, chunk: Chunk, splats: int) -> None:
        """Hold a chunk to what INDX announces; those of the base level all together, once INDX is there."""
        if not chunk.level:
            self._base_splats += splats
        elif self._promised is not None and splats != (announced := next(self._promised)):
            raise ChunkError(f"it holds {splats:,} splats, INDX announces {announced:,}")

    def _check_head(self, head: Head) -> None:
        where = f"cannot decode {self.parser.name!r}"
        if head.medium != self.medium:
            raise UnsupportedError(
                f"{where}: HEAD says that the file is {with_article(head.medium)}, which is no {self.medium}"
            )
        try:
            self._begin(head)
        except FormatError as error:
            raise type(error)(f"{where}: {error}") from error

    def _check_base(self) -> None:
        """Hold the base level to what INDX announces, once INDX is there and before any later chunk is taken."""
        index = self.parser.index
        if self._promised is not None or index is None:
            return
        if self.counted and self._base_splats != index.base_splats:
            raise ChunkError(
                f"cannot decode {self.parser.name!r}: the base level holds {self._base_splats:,} splats, INDX "
                f"announces {index.base_splats:,}"
            )
        self._promised = iter([entry.splats for entry in index.entries if entry.kind in self.kinds])

    def _take_checked(self, chunk: Chunk) -> None:
        try:
            self._take(chunk)
        except FormatError as error:
            before = f"; the {self._taken:,} chunks of the {self.medium} before are intact" if self._taken else ""
            raise type(error)(
                f"cannot decode {self.parser.name!r}: {chunk.kind} of level {chunk.level} at byte {chunk.offset:,}: "
                f"{error}{before}"
            ) from error
        self._taken += 1

    def _raise_again(self) -> None:
        if self._error is not None:
            raise self._error.with_traceback(None)


def with_article(medium: str) -> str:
    """The medium as it stands in a sentence: "a scene", "an image"."""
    return f"{'an' if medium[:1] in 'aeiou' else 'a'} {medium}"
