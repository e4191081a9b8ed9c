"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from sfumato.errors import OutputError


def save(path: str | os.PathLike[str], data: bytes | bytearray | memoryview) -> None:
    """Write `data` to `path` completely or not at all.

    The bytes go to a temporary file in the same folder, to the disk, and only then under the final name; whatever
    happens, no half-written file stays behind, and a file that was there before is replaced in one step.
    Raises: OutputError with the reason: no such folder, no permission, disk full, not a regular file.
    """
    temporary: Path | None = None
    try:
        target = Path(os.path.realpath(path))  # a link stays a link; what it points to is replaced
        if target.is_dir():
            raise OutputError(f"cannot write '{os.fspath(path)}': it is a folder; name a file inside it")
        if target.exists() and not target.is_file():
            raise OutputError(
                f"cannot write '{os.fspath(path)}': it is there already and is not a regular file; choose another name"
            )
        if not target.parent.is_dir():
            raise OutputError(f"cannot write '{os.fspath(path)}': there is no folder '{target.parent}'; make it first")
        temporary = target.with_name(f".sfumato-{secrets.token_hex(8)}.tmp")
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = None
        _sync_folder(target.parent)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OutputError(
            f"cannot write '{os.fspath(path)}': {reason}; check the folder, its permissions and the free space"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk where the system can; the file's own bytes are there already."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(OSError):  # some network file systems cannot
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
