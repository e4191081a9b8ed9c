"""Chunks to one `.sfu` file and back, whatever the chunks mean.

    write   assemble(medium, fields, parts) -> bytes; sfumato.files.save puts them into a file
    read    Parser().feed(data) -> chunks as their bytes arrive; .head, .index, .prefixes() say what is there
    cut     cut(source, "5%") -> the first bytes of a file, which are a file themselves
    check   verify(source) -> a report, or the error that names chunk, byte and broken promise

docs/format.md describes the bytes. The container knows nothing of splats, pixels or media: HEAD's members beyond its
own and the payloads of all chunks but HEAD and INDX are opaque to it. Errors are those of `sfumato.errors`.
"""

from sfumato.container.budget import Budget, select
from sfumato.container.crc32c import crc32c
from sfumato.container.cut import cut
from sfumato.container.head import Head, Level
from sfumato.container.index import Entry, Index, Region
from sfumato.container.layout import Chunk, pack, unpack
from sfumato.container.parser import Parser
from sfumato.container.pieces import Source, pieces
from sfumato.container.prefix import Prefix
from sfumato.container.verify import Report, verify
from sfumato.container.writer import Part, assemble

__all__ = [
    "Budget",
    "Chunk",
    "Entry",
    "Head",
    "Index",
    "Level",
    "Parser",
    "Part",
    "Prefix",
    "Region",
    "Report",
    "Source",
    "assemble",
    "crc32c",
    "cut",
    "pack",
    "pieces",
    "select",
    "unpack",
    "verify",
]
