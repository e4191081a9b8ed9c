"""What names a file, and files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from sfumato.errors import OutputError


def is_url(source: object) -> bool:
    """Whether `source` is text that names something on a server."""
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def save(path: str | os.PathLike[str], data: bytes | bytearray | memoryview) -> None:
    """Write `data` to `path` completely or not at all; see `replacing`."""
    with replacing(path) as temporary, open(temporary, "xb") as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file's name, to be written in the block; at its end the file appears under the name `path`.

    The bytes go to a temporary file in the same folder, to the disk, and only then under the final name; whatever
    happens, no half-written file stays behind, and a file that was there before is replaced in one step.
    Raises: OutputError with the reason: no such folder, no permission, disk full, not a regular file.
    """
    target = _target(path)
    temporary = target.with_name(f".sfumato-{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _target(path: str | os.PathLike[str]) -> Path:
    """The file that `path` names: a link stays a link; what it points to is replaced."""
    try:
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise OutputError(f"cannot write '{os.fspath(path)}': it is a folder; name a file inside it")
        if target.exists() and not target.is_file():
            raise OutputError(
                f"cannot write '{os.fspath(path)}': it is there already and is not a regular file; choose another name"
            )
        if not target.parent.is_dir():
            raise OutputError(f"cannot write '{os.fspath(path)}': there is no folder '{target.parent}'; make it first")
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise _unwritable(path, error) from error
    return target


def _unwritable(path: str | os.PathLike[str], error: OSError | ValueError) -> OutputError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return OutputError(
        f"cannot write '{os.fspath(path)}': {reason}; check the folder, its permissions and the free space"
    )


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


def check_target(target: Path, source: Path) -> None:
    """Refuse, before any work is done, an output that cannot be written. Raises OutputError."""
    folder = target.parent
    if target.is_dir():
        raise OutputError(f"cannot write '{target}': it is a folder; name a file in it")
    if not folder.is_dir():
        raise OutputError(f"cannot write '{target}': there is no folder '{folder}'")
    if not os.access(folder, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise OutputError(f"cannot write '{target}': no permission")
    if target.exists() and source.exists() and target.samefile(source):
        raise OutputError(f"cannot write '{target}': it is the picture to encode")
