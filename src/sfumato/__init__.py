"""Sfumato: a picture as one progressive file of Gaussian splats.

    sfumato.encode("cat.jpg", "cat.sfu", bytes=30_000)     pixels to a file
    asset = sfumato.open("cat.sfu")                        a file, or any prefix of one
    asset.render(budget="5%")                              pixels after 5 % of the bytes, float32 [H, W, C]
    sfumato.cut("cat.sfu", "small.sfu", "10KB")            the first bytes of a file, which are a file themselves
    sfumato.verify("cat.sfu")                              every checksum and every promise of the format
    sfumato.curve("cat.jpg", "cat.sfu")                    PSNR, SSIM and MS-SSIM of every prefix

What goes wrong on purpose is a `sfumato.SfumatoError`; its text is one sentence with file, place and reason.
Importing this package loads neither torch nor matplotlib; the other modules are loaded when they are first used.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from sfumato.errors import (
    BudgetError,
    CheckpointError,
    ChecksumError,
    ChunkError,
    FormatError,
    InputError,
    LimitError,
    OutputError,
    SettingsError,
    SfumatoError,
    SignatureError,
    TruncatedError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from sfumato.container import Budget, Prefix, Report
    from sfumato.media.image.asset import ImageAsset
    from sfumato.media.image.decoder import ImageDecoder
    from sfumato.media.image.encode import EncodeReport, EncodeSettings, Progress
    from sfumato.quality.curve import RateCurve
    from sfumato.splats import Splats2D

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "BudgetError",
    "CheckpointError",
    "ChecksumError",
    "ChunkError",
    "EncodeReport",
    "EncodeSettings",
    "FormatError",
    "ImageAsset",
    "ImageDecoder",
    "InputError",
    "LimitError",
    "OutputError",
    "Prefix",
    "Progress",
    "RateCurve",
    "Report",
    "SettingsError",
    "SfumatoError",
    "SignatureError",
    "Splats2D",
    "TruncatedError",
    "UnsupportedError",
    "__version__",
    "curve",
    "cut",
    "encode",
    "open",
    "verify",
]

_HOMES = {
    "Budget": "sfumato.container",
    "EncodeReport": "sfumato.media.image.encode",
    "EncodeSettings": "sfumato.media.image.encode",
    "ImageAsset": "sfumato.media.image.asset",
    "ImageDecoder": "sfumato.media.image.decoder",
    "Prefix": "sfumato.container",
    "Progress": "sfumato.media.image.encode",
    "RateCurve": "sfumato.quality.curve",
    "Report": "sfumato.container",
    "Splats2D": "sfumato.splats",
}

_Path = str | os.PathLike[str]


def __getattr__(name: str) -> Any:
    """The classes of the public face, loaded on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sfumato' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)


def encode(
    source: _Path,
    destination: _Path,
    *,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: _Path | None = None,
    resume: bool = False,
    **settings: Any,
) -> EncodeReport:
    """Fit splats to the picture at `source` and write them to `destination` as one progressive file.

    progress: called about ten times a second.
    checkpoint: where the fit is saved while it runs, by default `destination` with ".checkpoint" behind it. It is
        removed when the file is written, and stays after a KeyboardInterrupt.
    resume: go on from the checkpoint; picture and settings have to be the same.
    settings: the fields of `EncodeSettings`: splats, levels, quality_db, bytes, seconds, resolution_levels, iterations
        and seed.

    Raises: InputError, SettingsError, BudgetError (`bytes` cannot hold the base level), CheckpointError, OutputError.
    """
    from sfumato.media.image.encode import EncodeSettings, encode_image

    where = None if checkpoint is None else Path(checkpoint)
    return encode_image(
        source, destination, EncodeSettings(**settings), progress=progress, checkpoint=where, resume=resume
    )


def open(source: bytes | _Path) -> ImageAsset:
    """The asset in a file, in a prefix of one, or in bytes.

    Raises: InputError if the file cannot be read; FormatError, of the subclass that fits, if it breaks a promise.
    """
    from sfumato.media.image.asset import ImageAsset

    return ImageAsset.open(source)


def cut(source: bytes | _Path, destination: _Path, budget: Budget | str) -> int:
    """Write the longest prefix of `source` that keeps `budget` to `destination`; returns its length in bytes.

    budget: "5%", "30KB", "2000 splats", "level 2" or a `Budget`.

    Raises: BudgetError if the budget is not understood or cannot hold the base level; InputError, FormatError,
        OutputError.
    """
    from sfumato import container

    data = container.cut(source, budget)
    container.save(destination, data)
    return len(data)


def verify(source: bytes | _Path) -> Report:
    """Read all of a file and check every promise of docs/format.md; the report says what is there.

    Raises: InputError if the file cannot be read; FormatError, of the subclass that fits, for the first broken promise.
    """
    from sfumato import container

    return container.verify(source)


def curve(
    original: _Path | NDArray[Any],
    source: bytes | _Path | ImageAsset,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> RateCurve:
    """PSNR, SSIM and MS-SSIM of every prefix of the asset `source` against the picture `original`.

    original: a picture file, or pixels [H, W, C] in 0..1.

    Raises: InputError if the original is not the picture the asset was made of (its size differs) or cannot be read;
        FormatError.
    """
    from sfumato.media.image.asset import ImageAsset
    from sfumato.media.image.measure import measure_curve

    asset = source if isinstance(source, ImageAsset) else ImageAsset.open(source)
    return measure_curve(original, asset, progress=progress)
