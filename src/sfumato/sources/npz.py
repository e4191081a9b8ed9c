"""Arrays of numpy's .npz, checked before memory is allocated, and written the same every time; no pickles."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.sources.rig_file import MAX_FILE_BYTES, read_bytes

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file can say; the same arrays give the same bytes
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npz(path: Path, names: Iterable[str] | None = None, most: int = MAX_FILE_BYTES) -> dict[str, NDArray[Any]]:
    """The arrays of numbers or text in the .npz at `path`, by name: those of `names` that are there, or all.

    most: bytes that they may have together, uncompressed. Raises: InputError with file and array.
    """
    data = read_bytes(path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {
                member.filename.removesuffix(".npy"): member
                for member in archive.infolist()
                if member.filename.endswith(".npy")
            }
            wanted = [name for name in members if names is None or name in set(names)]
            total = sum(members[name].file_size for name in wanted)
            if total > most:
                raise InputError(f"cannot read '{path}': its arrays have {total:,} bytes, the limit is {most:,}")
            return {name: _array(path, name, archive, members[name]) for name in wanted}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        reason = str(error).strip(". ") or type(error).__name__
        raise InputError(
            f"cannot read '{path}': it is not an .npz, or damaged ({reason}); fetch or save it again"
        ) from None


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A .npz file of arrays; the same arrays give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, np.array(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), data.getvalue(), zipfile.ZIP_DEFLATED, 6)
    return target.getvalue()


def _array(path: Path, name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as file:
        data = file.read(member.file_size)
    stream = io.BytesIO(data)
    try:
        shape, fortran, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    except (KeyError, ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise InputError(f"cannot read '{path}': array {name}: its header is damaged; save it again") from None
    if dtype.kind not in "biufUS":
        raise InputError(f"cannot read '{path}': array {name}: it is of type {dtype}; save numbers or text")
    start = stream.tell()
    if min(shape, default=1) < 0 or dtype.itemsize * math.prod(shape) != len(data) - start:
        raise InputError(
            f"cannot read '{path}': array {name}: {len(data) - start:,} bytes do not fill {dtype} {list(shape)}; "
            "fetch or save it again"
        )
    if not dtype.itemsize:
        return np.empty(shape, dtype)
    return np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if fortran else "C")
