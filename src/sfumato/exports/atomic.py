"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from sfumato.errors import OutputError


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes `data` to `path` through a temporary file beside it, renamed at the end.

    Until the rename an older file at `path` stays as it was; after a failure nothing new is left behind. The bytes are
    flushed to the disk before the rename, so that a power cut leaves one of the two files.

    Raises OutputError with the system's reason.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"cannot write '{path}': it is a folder; name a file inside it")
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OutputError(
            f"cannot write '{path}': {reason.lower()}; check the folder, its permissions and free space"
        ) from None
    finally:
        with contextlib.suppress(OSError, ValueError):
            temporary.unlink()
