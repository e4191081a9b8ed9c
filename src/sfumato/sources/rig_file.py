"""The bytes of a rig's file, and the checks that what any reader makes of them is a rig."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sfumato.errors import InputError, SettingsError

MAX_FILE_BYTES = 1 << 30
"""Larger files are refused; FLAME, the largest rig we know, has 0.05 GB."""

MAX_VERTICES = 1_000_000
"""More are refused; rigs of heads have 500 to 50,000."""

MAX_FACES = 2_000_000

MAX_SHAPE_VALUES = 250_000_000
"""Shapes times vertices times 3: 1 GB as float32. FLAME has 6 million, ICT-FaceKit with all identities 12 million."""


def read_bytes(path: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """The regular, not empty file at `path`, of `most` bytes at most; InputError for anything else."""
    try:
        if path.is_dir():
            raise InputError(f"cannot read '{path}': it is a folder; name a file inside it")
        if path.exists() and not path.is_file():
            raise InputError(f"cannot read '{path}': it is not a regular file; save the rig to one first")
        size = path.stat().st_size
        if size > most:
            raise InputError(
                f"cannot read '{path}': it has {size:,} bytes, the limit is {most:,}; is it the file of a rig?"
            )
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read '{path}': {reason.lower()}; check the path and the permissions") from None
    if not data:
        raise InputError(f"cannot read '{path}': the file is empty; fetch or save it again")
    return data


def check_counts(path: Path, vertices: int, faces: int, shapes: int) -> None:
    """Refuse a rig that would fill the memory, or that has nothing in it."""
    for count, most, what in (
        (vertices, MAX_VERTICES, "vertices"),
        (faces, MAX_FACES, "faces"),
        (shapes * vertices * 3, MAX_SHAPE_VALUES, "numbers in its shapes"),
    ):
        if count > most:
            raise InputError(f"cannot read '{path}': it has {count:,} {what}, the limit is {most:,}; simplify it first")
    if not (vertices and faces):
        raise InputError(f"cannot read '{path}': it has {vertices:,} vertices and {faces:,} faces; export a mesh")


@contextlib.contextmanager
def as_input_error(path: Path) -> Iterator[None]:
    """Turns what the checks of a rig say into an error that names the file."""
    try:
        yield
    except SettingsError as error:
        raise InputError(f"cannot read '{path}': {error}; export or fetch it again") from None
