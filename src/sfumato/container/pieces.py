"""Files and byte strings as a stream of pieces, with one kind of error."""

from __future__ import annotations

import os
from collections.abc import Iterator

from sfumato.errors import InputError

Source = bytes | str | os.PathLike[str]

# Large enough that reading costs nothing beside checking, small enough that a cut reads little beyond its end.
_PIECE = 64 * 1024


def name_of(source: Source) -> str:
    """What error messages call `source`: its file name, or "<bytes>"."""
    return "<bytes>" if isinstance(source, bytes) else os.path.basename(os.fspath(source))


def pieces(source: Source) -> Iterator[bytes]:
    """The bytes of a file, or the given bytes, in pieces of at most 64 KiB.

    Raises: InputError if the file cannot be read.
    """
    if isinstance(source, bytes):
        for start in range(0, len(source), _PIECE):
            yield source[start : start + _PIECE]
        return
    try:
        with open(source, "rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read {os.fspath(source)!r}: {reason}") from error
