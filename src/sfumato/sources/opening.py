"""Opens a file as a picture through Pillow, or says in one sentence why that cannot be."""

from __future__ import annotations

import contextlib
import importlib
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageFile, UnidentifiedImageError

from sfumato.errors import InputError

MAX_PIXELS = 100_000_000
"""Larger pictures are refused: 1.2 GB as float32 RGB, beyond what a fit on a laptop holds."""

BROKEN = (OSError, SyntaxError, ValueError, TypeError, EOFError, KeyError, IndexError, struct.error, zlib.error)
"""What Pillow's readers raise on damaged bytes."""

# Only these decoders may run: Pillow would hand PostScript to an external program, for one.
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "GIF", "BMP", "PPM", "JPEG2000", "AVIF", "HEIF")


def size_of_file(path: Path) -> int:
    """The size in bytes of the regular, readable, not empty file at `path`; InputError for anything else."""
    try:
        found = path.stat()
        with path.open("rb") if stat.S_ISREG(found.st_mode) else contextlib.nullcontext():
            pass
    except FileNotFoundError:
        raise InputError(f"cannot read '{path}': there is no such file; check the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read '{path}': {reason.lower()}; check the path and the permissions") from None
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"cannot read '{path}': it is a folder; name one picture inside it")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"cannot read '{path}': it is not a regular file; save the picture to one first")
    if not found.st_size:
        raise InputError(f"cannot read '{path}': the file is empty; fetch or save it again")
    return found.st_size


@contextlib.contextmanager
def as_input_error(path: Path) -> Iterator[None]:
    """Turns whatever the decoders raise on bad bytes into one sentence."""
    try:
        yield
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        count = re.search(r"\d+", str(error))
        size = f"{int(count[0]) / 1e6:.0f} megapixels" if count else "far too many pixels"
        raise InputError(_too_large(path, size)) from None
    except MemoryError:
        raise InputError(f"cannot read '{path}': not enough memory for its pixels; scale it down first") from None
    except UnidentifiedImageError:
        raise InputError(f"cannot read '{path}': {_why_unidentified(path)}") from None
    except BROKEN as error:
        reason = str(error).strip(". ") or type(error).__name__
        raise InputError(
            f"cannot read '{path}': the picture is truncated or damaged ({reason}); fetch or save it again"
        ) from error


def _too_large(path: Path, size: str) -> str:
    return f"cannot read '{path}': it has {size}, the limit is {MAX_PIXELS / 1e6:.0f} megapixels; scale it down first"


def open_picture(path: Path) -> ImageFile.ImageFile:
    """The picture at `path`, opened but not loaded: its header is read and its size within `MAX_PIXELS`."""
    with path.open("rb") as file:
        head = file.read(32)
    if head[4:8] == b"ftyp" and not _is_avif(head):
        _register_heif(path)
    Image.init()
    with warnings.catch_warnings():
        # The cap of this module, which does not depend on the one of Pillow, decides right after.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(path, formats=[name for name in _FORMATS if name in Image.OPEN])
    width, height = image.size
    if not 0 < width * height <= MAX_PIXELS:
        image.close()
    if width < 1 or height < 1:
        raise InputError(f"cannot read '{path}': it is {width} x {height} and has no pixels; save it again")
    if width * height > MAX_PIXELS:
        raise InputError(_too_large(path, f"{width} x {height} = {width * height / 1e6:.0f} megapixels"))
    return image


def _is_avif(head: bytes) -> bool:
    return head[4:12] in (b"ftypavif", b"ftypavis")


def _register_heif(path: Path) -> None:
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        raise InputError(
            f"cannot read '{path}': HEIC pictures need the package pillow-heif; pip install 'sfumato[heif]'"
        ) from None


def _why_unidentified(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(32)
    if _is_avif(head) and "AVIF" not in Image.OPEN:
        return "AVIF pictures need Pillow 11.3 or later; pip install --upgrade pillow"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "this kind of TIFF (floating-point RGB, for one) is not supported; save it with 8 or 16 bits per channel"
    if head[:2] == b"\xff\x0a" or head[4:8] == b"JXL ":
        return "JPEG XL is not supported; save it as PNG"
    signatures = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")
    if head.startswith(signatures) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "the picture is truncated or damaged near its beginning; fetch or save it again"
    return (
        "it is not a picture in a supported format; use PNG, JPEG, WebP, TIFF, GIF, BMP, PPM, JPEG 2000, AVIF or HEIC"
    )
