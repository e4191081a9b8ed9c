"""An asset of any medium, opened by what its HEAD says."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from sfumato.container import Budget, Parser
from sfumato.container.layout import MAX_HEAD_PAYLOAD, OVERHEAD, SIGNATURE
from sfumato.errors import FormatError, InputError, SettingsError, UnsupportedError
from sfumato.media.avatar.asset import AvatarAsset
from sfumato.media.decoding import with_article
from sfumato.media.image.asset import ImageAsset
from sfumato.media.scene.asset import SceneAsset
from sfumato.rig import Rig
from sfumato.sources.drive import Drive
from sfumato.sources.scene import Scene, read_scene

Asset = ImageAsset | SceneAsset | AvatarAsset
RigFile = str | os.PathLike[str] | Rig
Told = str | os.PathLike[str] | Drive | Mapping[str, float]
"""What an avatar is told: the file of a drive, or one pose as weights by name."""

_HEAD_BYTES = len(SIGNATURE) + OVERHEAD + MAX_HEAD_PAYLOAD


def open_asset(
    source: bytes | str | os.PathLike[str], *, max_splats: int | None = None, rig: RigFile | None = None
) -> Asset:
    """The asset in a file, in a prefix of one, or in bytes.

    max_splats: of a scene or an avatar; see `SceneDecoder`. rig: of an avatar; see `AvatarAsset.open`.

    Raises: InputError if the file cannot be read; FormatError, of the subclass that fits, if it breaks a promise;
        UnsupportedError for a medium that this version cannot show; SettingsError for a rig of what has none.
    """
    medium = medium_of(source)
    most = {} if max_splats is None else {"max_splats": max_splats}
    if medium == "avatar":
        return AvatarAsset.open(source, rig=rig, **most)
    if rig is not None:
        raise SettingsError(f"cannot use a rig with {_named(source)}: only avatars have one; leave it out")
    if medium == "scene":
        return SceneAsset.open(source, **most)
    if medium not in ("image", None):
        raise UnsupportedError(f"cannot open an asset of the medium '{medium}'; a newer Sfumato may")
    return ImageAsset.open(source)  # which also says what is wrong with a file that has no HEAD


def open_scene(
    source: str | os.PathLike[str],
    *,
    budget: Budget | str | None = None,
    repair: bool = False,
    drive: Told | None = None,
    frame: int | None = None,
    rig: RigFile | None = None,
) -> Scene:
    """The splats in a file of any format, of an `.sfu` file those that `budget` shows; an avatar's as it is told.

    An avatar's axes, up and towards the camera, become those of scenes, down and away from it.

    Raises: InputError, FormatError, BudgetError; SettingsError for settings that such a file does not know.
    """
    asset = open_asset(source, rig=rig) if is_asset(source) else None
    if isinstance(asset, AvatarAsset):
        splats = asset.drive({} if drive is None else drive).single(frame).splats(budget)
        return Scene(splats.with_axes_flipped(1, -1, -1), "Sfumato")
    check_still(source, drive=drive, frame=frame, rig=rig)
    if isinstance(asset, SceneAsset):
        return Scene(asset.splats(budget), "Sfumato", asset.layout.antialiased)
    if asset is not None:
        medium = with_article(asset.head.medium)
        raise InputError(f"cannot read {_named(source)} as a scene: it holds {medium}; use 'sfumato decode'")
    if budget is not None:
        raise SettingsError(f"cannot use a budget on {_named(source)}: only .sfu files have prefixes; leave it out")
    return read_scene(source, repair=repair)


def check_still(source: str | os.PathLike[str], **given: object) -> None:
    """SettingsError for settings that only avatars know; InputError if the file is not there at all."""
    if wrong := [name for name, value in given.items() if value is not None]:
        if isinstance(source, (str, os.PathLike)) and not os.path.exists(source) and source != "splats":
            raise InputError(f"cannot read '{os.fspath(source)}': there is no such file")
        raise SettingsError(
            f"cannot use {', '.join(wrong)} with {_named(source)}: only .sfu avatars move; leave it out"
        )


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


def _named(source: bytes | str | os.PathLike[str]) -> str:
    return "the bytes" if isinstance(source, bytes) else f"'{os.fspath(source)}'"


def _first_bytes(source: bytes | str | os.PathLike[str]) -> bytes:
    if isinstance(source, bytes):
        return source[:_HEAD_BYTES]
    with open(source, "rb") as file:
        return file.read(_HEAD_BYTES)
