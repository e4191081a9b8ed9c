"""Whether a file keeps its promises, and how much of it is there."""

from __future__ import annotations

from dataclasses import dataclass

from sfumato.container.head import Head
from sfumato.container.index import Index
from sfumato.container.parser import Parser
from sfumato.container.pieces import Source, name_of, pieces
from sfumato.container.prefix import Prefix


@dataclass(frozen=True)
class Report:
    """What an intact file, or an intact prefix of one, holds.

    name: the file's name.
    head, index: HEAD and INDX.
    here: the prefix that is there.
    whole: the whole file as it was written.
    """

    name: str
    head: Head
    index: Index
    here: Prefix
    whole: Prefix

    @property
    def complete(self) -> bool:
        """Whether every announced chunk is there."""
        return self.here.chunks == self.whole.chunks

    def __str__(self) -> str:
        here, whole = self.here, self.whole
        if self.complete:
            state = f"complete: {whole.chunks} chunks, {whole.length:,} bytes"
        else:
            state = f"valid prefix: {here.chunks} of {whole.chunks} chunks, {here.length:,} of {whole.length:,} bytes"
        return f"{self.name}: {state}, {here.levels} of {whole.levels} levels"


def verify(source: Source) -> Report:
    """Read all of a file and check every promise the container makes: order, sizes, checksums, HEAD against INDX.

    source: a path, or the bytes themselves. What the chunks say is the medium's to check.
    Raises: InputError if the file cannot be read; FormatError, of the subclass that fits, for the first broken promise.
    """
    parser = Parser(name_of(source))
    for piece in pieces(source):
        parser.feed(piece)
    parser.close()
    choices = parser.prefixes()
    assert parser.head is not None and parser.index is not None  # close() has seen to it
    here = choices[parser.chunks - choices[0].chunks]
    return Report(parser.name, parser.head, parser.index, here, choices[-1])
