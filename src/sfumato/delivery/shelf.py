"""The files that a server shows: found by name, never outside their folder, and known by the hash of their bytes."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sfumato.delivery.headers import ASSET_TYPES, SFU_TYPE
from sfumato.errors import InputError

MAX_LISTED = 1000
"""Assets of a folder that a gallery lists; a page of more helps nobody."""
_MAX_HASHES = 10_000  # remembered; about 2 MB
_ELSEWHERE = set("\\:") if os.name == "nt" else set()  # in a part of a path: other folders, drives, streams


@dataclass(frozen=True)
class Shelf:
    """A folder whose files may be served.

    root: its real path. types: media types by lower-case suffix; files with other suffixes are not there.
    only: the one name that is there, or None for all. Hidden files and what lies in hidden folders are never there, and
        neither is anything that a link leads to outside the folder.
    """

    root: Path
    types: Mapping[str, str]
    only: str | None = None

    @classmethod
    def folder(cls, path: str | os.PathLike[str], types: Mapping[str, str] = ASSET_TYPES) -> Shelf:
        """All served files in a folder. Raises: InputError if it is none."""
        root = _real(path)
        if not root.is_dir():
            raise InputError(f"cannot serve '{os.fspath(path)}': it is no folder; 'sfumato view' shows a single file")
        return cls(root, types)

    @classmethod
    def file(cls, path: str | os.PathLike[str]) -> Shelf:
        """One asset alone. Raises: InputError if it is none."""
        real = _real(path)
        shelf = cls(real.parent, {".sfu": SFU_TYPE}, real.name)
        if shelf.find(real.name) is None:
            raise InputError(f"cannot serve '{os.fspath(path)}': {_why_not(real)}")
        return shelf

    def find(self, name: str) -> Path | None:
        """The real path of the file that a URL's decoded path names below the root; None if there is none to serve.

        name: parts separated by "/", without one in front.
        """
        if self.only is not None and name != self.only:
            return None
        parts = name.split("/")
        if not all(map(_is_plain, parts)):
            return None
        try:
            real = self.root
            for end in range(1, len(parts) + 1):  # every step stays inside: no link out and back in
                real = self.root.joinpath(*parts[:end]).resolve(strict=True)
                below = real.relative_to(self.root)
            served = real.is_file() and all(map(_is_plain, below.parts))
        except (OSError, ValueError, RuntimeError):  # not there; outside; on older Pythons a loop of links
            return None
        suffixes = {Path(name).suffix.lower(), real.suffix.lower()}
        return real if served and suffixes <= self.types.keys() else None

    def media_type(self, name: str) -> str:
        """What a file that was found under `name` is."""
        return self.types[Path(name).suffix.lower()]

    def assets(self) -> list[str]:
        """The names of the `.sfu` files, sorted; at most `MAX_LISTED`."""
        if self.only is not None:
            return [self.only]
        found: list[str] = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(name for name in folders if _is_plain(name))
            place = Path(folder).relative_to(self.root)
            names = ((place / name).as_posix() for name in sorted(files) if name.lower().endswith(".sfu"))
            found += [name for name in names if self.find(name) is not None]
            if len(found) >= MAX_LISTED:
                break
        return sorted(found[:MAX_LISTED])


class Hashes:
    """SHA-256 of files, computed once for every path, size and time of change. Safe to use from several threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], str] = {}
        self._lock = threading.Lock()

    def of(self, path: Path, status: os.stat_result) -> str:
        """The hash of the file at `path` in hexadecimal digits; `status` is what `os.stat` said of it."""
        key = (os.fspath(path), status.st_mtime_ns, status.st_size)
        with self._lock:
            if key in self._known:
                return self._known[key]
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with self._lock:
            while len(self._known) >= _MAX_HASHES:
                del self._known[next(iter(self._known))]
            self._known[key] = digest
        return digest


def _real(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot serve '{os.fspath(path)}': {reason.lower()}; check the path") from error


def _why_not(real: Path) -> str:
    """Why a file that is there is not served, and what to do."""
    if real.is_dir():
        return "it is a folder; 'sfumato serve' shows folders"
    if real.suffix.lower() != ".sfu":
        return "it is no .sfu file; 'sfumato encode' makes them of pictures, scenes and captures"
    if not _is_plain(real.name):
        return "its name begins with a dot or has characters that an address cannot hold; rename it"
    return "it is no regular file"


def _is_plain(part: str) -> bool:
    """Whether a part of a path is a visible name of something in the folder before it.

    What is not UTF-8 on the disk could not be asked for.
    """
    return bool(part) and not part.startswith(".") and part.isprintable() and not set(part) & _ELSEWHERE
