"""The beginning of a file as a file of its own."""

from __future__ import annotations

from sfumato.container.budget import Budget, select
from sfumato.container.parser import Parser
from sfumato.container.pieces import Source, name_of, pieces


def cut(source: Source, budget: Budget | str) -> bytes:
    """The longest prefix of a file that keeps the budget: exactly its first bytes, and a valid file.

    source: a path, or the bytes themselves. No more is read than the cut needs, and all of that is checked; damage
        behind the cut does no harm.
    budget: percent are of the whole file. Where `source` is itself a cut that holds less than the budget allows, the
        result is all of it.
    Raises: BudgetError if the budget is not understood or cannot hold the base level; InputError if the file cannot be
        read; FormatError if what the cut needs is damaged or not there.
    """
    if isinstance(budget, str):
        budget = Budget.parse(budget)
    parser = Parser(name_of(source))
    kept = bytearray()
    length: int | None = None
    for piece in pieces(source):
        kept += piece
        parser.feed(piece)
        if length is None and parser.index is not None:
            length = select(parser.prefixes(), budget).length
        if length is not None and parser.position >= length:
            return bytes(kept[:length])
    parser.close()
    return bytes(kept)
