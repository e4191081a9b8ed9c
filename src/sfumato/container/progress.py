"""What has arrived of a file, and what may stand next: the order of chunks and the promises of HEAD and INDX."""

from __future__ import annotations

from collections.abc import Collection

from sfumato.container.head import Head
from sfumato.container.index import Entry, Index, max_payload
from sfumato.container.layout import HEAD, INDX, MAX_HEAD_PAYLOAD, Chunk, ChunkHeader, check_payload_length
from sfumato.errors import ChunkError, UnsupportedError


class Progress:
    """Takes the undamaged chunks of one file in order and judges each by its place.

    kinds: the chunk kinds the caller decodes, or None for all.

    head, index: HEAD and INDX, once they have been taken.
    ends: the bytes at which the chunks taken so far end, [chunks].
    levels_complete: levels whose chunks have all been taken, counted from the base level.
    """

    def __init__(self, kinds: Collection[str] | None) -> None:
        self.head: Head | None = None
        self.index: Index | None = None
        self.ends: list[int] = []
        self.levels_complete = 0
        self._kinds = None if kinds is None else frozenset(kinds)
        self._missing: list[int] = []  # chunks still to come of every level, [levels]

    @property
    def finished(self) -> bool:
        """Whether every announced chunk has been taken."""
        return self.head is not None and len(self.ends) == self.head.chunks

    @property
    def place(self) -> str:
        """What should stand next, such as "HEAD" or "level 2": the chunk's own header may be damaged."""
        if self.head is None:
            return HEAD
        if self._announced is not None:
            return f"level {self._announced.level}"
        return INDX if self.base_complete else "level 0"

    @property
    def base_complete(self) -> bool:
        """Whether all chunks of the base level have been taken."""
        return self.levels_complete > 0

    @property
    def _announced(self) -> Entry | None:
        """What INDX says of the next chunk, if INDX is there and announces one."""
        if self.head is None or self.index is None or self.finished:
            return None
        return self.index.entries[len(self.ends) - self.head.levels[0].chunks - 2]

    def check_length(self, header: ChunkHeader) -> None:
        """Hold a chunk's declared length to what may stand next, before its payload is waited for.

        Kind, level and flags are judged when the checksum has told damage from intent.
        Raises: LimitError for more than fits there; ChunkError for another length than INDX announced.
        """
        if self.head is None:
            check_payload_length(header.payload, MAX_HEAD_PAYLOAD)
        elif self._announced is not None:
            if header.payload != self._announced.payload:
                raise ChunkError(
                    f"its payload takes {header.payload:,} bytes, but INDX announces {self._announced.payload:,}"
                )
        elif self.base_complete:
            check_payload_length(header.payload, max_payload(self.head.chunks - len(self.ends) - 1))

    def take(self, chunk: Chunk) -> bool:
        """Take the next chunk; whether it is one that the caller decodes.

        Raises: ChunkError if it may not stand here; UnsupportedError if it needs a newer reader; what `Head` and
            `Index` raise. The progress is then as before.
        """
        wanted = False
        if self.head is None:
            _check_own(chunk, HEAD)
            self.head = Head.from_bytes(chunk.payload)
            self._missing = [level.chunks for level in self.head.levels]
        elif self.index is None and self.base_complete:
            _check_own(chunk, INDX)
            index = Index.from_bytes(chunk.payload)
            index.check_against(self.head)
            self.index = index
        else:
            wanted = self._take_content(chunk, self.head.levels[0].chunks)
        self.ends.append(chunk.offset + chunk.length)
        return wanted

    def _take_content(self, chunk: Chunk, base: int) -> bool:
        announced = self._announced
        if announced is None:
            if chunk.level != 0 or chunk.kind in (HEAD, INDX):
                raise ChunkError(
                    f"{base} chunks of level 0 should follow HEAD, but this is {chunk.kind} of level {chunk.level}"
                )
        elif (chunk.kind, chunk.level, chunk.flags) != (announced.kind, announced.level, announced.flags):
            raise ChunkError(
                f"it is {chunk.kind} of level {chunk.level} with flags {chunk.flags}, but INDX announces "
                f"{announced.kind} of level {announced.level} with flags {announced.flags}"
            )
        known = self._kinds is None or chunk.kind in self._kinds
        if not known and chunk.kind[0].isupper():
            raise UnsupportedError(
                f"this reader does not know the chunk kind {chunk.kind}, without which nothing shows"
            )
        self._missing[chunk.level] -= 1
        while self.levels_complete < len(self._missing) and self._missing[self.levels_complete] == 0:
            self.levels_complete += 1
        return known


def _check_own(chunk: Chunk, kind: str) -> None:
    """Hold a chunk to one of the container's own kinds, which have level 0 and no flags in this version."""
    if chunk.kind != kind:
        raise ChunkError(f"{kind} should stand here, not {chunk.kind}")
    if chunk.level != 0 or chunk.flags != 0:
        raise UnsupportedError(f"{kind} has level {chunk.level} and flags {chunk.flags}; this reader knows 0 and 0")
