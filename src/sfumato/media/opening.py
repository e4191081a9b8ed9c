"""An asset of any medium, opened by what its HEAD says."""

from __future__ import annotations

import contextlib
import os

from sfumato.container import Parser
from sfumato.container.layout import MAX_HEAD_PAYLOAD, OVERHEAD, SIGNATURE
from sfumato.errors import FormatError, UnsupportedError
from sfumato.media.image.asset import ImageAsset
from sfumato.media.scene.asset import SceneAsset
from sfumato.media.scene.layout import MAX_SPLATS

_HEAD_BYTES = len(SIGNATURE) + OVERHEAD + MAX_HEAD_PAYLOAD


def open_asset(source: bytes | str | os.PathLike[str], *, max_splats: int = MAX_SPLATS) -> ImageAsset | SceneAsset:
    """The asset in a file, in a prefix of one, or in bytes.

    max_splats: of a scene; see `SceneDecoder`.

    Raises: InputError if the file cannot be read; FormatError, of the subclass that fits, if it breaks a promise;
        UnsupportedError for a medium that this version cannot show.
    """
    medium = medium_of(source)
    if medium == "scene":
        return SceneAsset.open(source, max_splats=max_splats)
    if medium not in ("image", None):
        raise UnsupportedError(f"cannot open an asset of the medium '{medium}'; a newer Sfumato may")
    return ImageAsset.open(source)  # which also says what is wrong with a file that has no HEAD


def medium_of(source: bytes | str | os.PathLike[str]) -> str | None:
    """The medium that HEAD names; None if the file cannot be read or does not begin with a HEAD that can."""
    parser = Parser()
    with contextlib.suppress(OSError, ValueError, FormatError):  # ValueError: a zero byte in the path
        parser.feed(_first_bytes(source))
    return None if parser.head is None else parser.head.medium


def is_asset(source: str | os.PathLike[str]) -> bool:
    """Whether the file at `source` can be read and begins as every `.sfu` file does."""
    with contextlib.suppress(OSError, ValueError):
        return _first_bytes(source).startswith(SIGNATURE)
    return False


def _first_bytes(source: bytes | str | os.PathLike[str]) -> bytes:
    if isinstance(source, bytes):
        return source[:_HEAD_BYTES]
    with open(source, "rb") as file:
        return file.read(_HEAD_BYTES)
