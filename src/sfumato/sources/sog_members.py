"""The named files of a SOG data set, from a zip or a folder, within caps and never from outside it."""

from __future__ import annotations

import contextlib
import json
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from sfumato.errors import InputError

MAX_MEMBER_BYTES = 1 << 28
"""Larger members are refused before they are read: four times a plane of `sog.MAX_PIXELS` random pixels."""

MAX_JSON_BYTES = 1 << 24
"""Larger meta.json or lod-meta.json are refused: three codebooks take 20 KB, a tree of 50,000 nodes 16 MB."""

META = "meta.json"

# Encrypted members and the rarer compression methods of zip have no place in a SOG.
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

Read = Callable[[str, int], bytes]
"""Gives the bytes of a member by its name, at most so many; raises InputError."""


@contextlib.contextmanager
def open_members(path: Path) -> Iterator[Read]:
    """What reads the members beside the meta.json at `path`: a zip, a folder, or that meta.json itself.

    Names are plain file names; any other (`../x`, `/x`, `a/b`) is refused. In a zip the data set may lie in one folder.
    Declared sizes are checked before anything is inflated; contents are checked against the zip's checksums.
    Raises: InputError that names the file and the member.
    """
    if path.is_dir() or path.name.lower().endswith(".json"):
        folder = path if path.is_dir() else path.parent
        yield lambda name, limit: _from_folder(path, folder / plain_name(path, name), limit)
        return
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InputError(f"cannot read '{path}': there is no such file; check the path") from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {_reason(error)}; check the path and the permissions") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(
            f"cannot read '{path}': it is not a whole zip ({_reason(error)}), as a .sog must be; fetch or save it again"
        ) from None
    with archive:
        prefix = _prefix(path, archive)
        yield lambda name, limit: _from_zip(path, archive, prefix, plain_name(path, name), limit)


def plain_name(path: Path, name: str) -> str:
    """`name` itself if it names a file right beside meta.json; InputError for anything that could lead elsewhere."""
    if name in ("", ".", "..") or any(c in name for c in "/\\:\0") or len(name) > 255:
        raise InputError(
            f"cannot read '{path}': {META}: {name[:80]!r} is not the plain name of a file beside it; "
            "do not trust this file"
        )
    return name


def read_json(path: Path, name: str, read: Read) -> dict[str, Any]:
    """The JSON object in member `name`; InputError for anything else."""
    try:
        found = json.loads(read(name, MAX_JSON_BYTES))
    except (ValueError, RecursionError) as error:  # ValueError: not JSON, or not UTF-8
        raise InputError(f"cannot read '{path}': {name}: it is not JSON ({error}); fetch or save it again") from None
    if not isinstance(found, dict):
        raise InputError(f"cannot read '{path}': {name}: it is not a JSON object; fetch or save it again")
    return found


def _prefix(path: Path, archive: zipfile.ZipFile) -> str:
    """Where meta.json lies in the zip: "" or "folder/"."""
    places = [name for name in archive.namelist() if PurePosixPath(name).name == META]
    if META in places:
        return ""
    if len(places) != 1:
        raise InputError(
            f"cannot read '{path}': the zip has {len(places) or 'no'} {META}, a .sog has one; "
            "unpack it and name a folder"
            if places
            else f"cannot read '{path}': the zip has no {META}, so it is not a .sog; check what it is"
        )
    return places[0][: -len(META)]


def _from_zip(path: Path, archive: zipfile.ZipFile, prefix: str, name: str, limit: int) -> bytes:
    try:
        info = archive.getinfo(prefix + name)
    except KeyError:
        raise InputError(f"cannot read '{path}': {name}: the zip has no such member; fetch or save it again") from None
    _check_size(path, name, info.file_size, limit)
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise InputError(f"cannot read '{path}': {name}: it is encrypted or packed oddly; save it stored or deflated")
    try:
        return archive.read(info)  # no more than the size declared in the directory
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"cannot read '{path}': {name}: it is damaged ({_reason(error)}); fetch or save it again"
        ) from None


def _from_folder(path: Path, file: Path, limit: int) -> bytes:
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"cannot read '{path}': {file.name}: it is not a regular file; check the folder")
        _check_size(path, file.name, found.st_size, limit)
        with file.open("rb") as opened:
            return opened.read(limit)
    except FileNotFoundError:
        raise InputError(f"cannot read '{path}': {file.name}: there is no such file; fetch the whole folder") from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {file.name}: {_reason(error)}; check the permissions") from None


def _check_size(path: Path, name: str, size: int, limit: int) -> None:
    if size > limit:
        raise InputError(
            f"cannot read '{path}': {name}: it has {size:,} bytes, the limit is {limit:,}; do not trust this file"
        )


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.strip(". ").lower() or type(error).__name__
