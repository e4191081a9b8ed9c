"""Splats as Niantic's SPZ, version 4: about a tenth of a PLY's bytes.

Written from the format's description at github.com/nianticlabs/spz.
"""

from __future__ import annotations

import importlib
import os
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import OutputError
from sfumato.exports.checks import check_splats
from sfumato.files import save
from sfumato.splats import Splats3D

_HEADER = struct.Struct("<4sIIBBBBI12x")  # magic, version, splats, degree, fraction bits, flags, streams, table's place
_STREAM = struct.Struct("<QQ")  # compressed and plain bytes of a stream
_ANTIALIASED = 1
_FRACTION_BITS = 12  # what the format's own library writes: steps of 1/4096 within -2048..2048
_COLOR_SCALE = 0.15
_BAND_BITS = (5, 4, 4)  # of the harmonics of degree 1, 2 and 3, the defaults of the format's own library
_LEVEL = 9  # of Zstandard; 19 saves 2 % more in ten times the time
_BLOCK = 1 << 16

UInt8Array = NDArray[np.uint8]


def write_spz(splats: Splats3D, path: str | os.PathLike[str], *, antialiased: bool = False) -> None:
    """Write SPZ 4 on its own axes, right, up, back.

    Positions are rounded to steps of 1/4096 (coarser by powers of two where the scene reaches beyond -2048..2048),
    scales to steps of 1/16 of their logarithm within exp(-10)..exp(5.94), opacities to 8 bits, the constant colour to
    steps of 0.026 within -3.33..3.33, rotations to about 1/700, harmonics to 5 bits (degree 1) or 4 within -1..1.

    antialiased: set the flag that the scene was trained with the filter of Mip-Splatting (arXiv 2311.16493).

    Raises: OutputError if the package zstandard is missing, a position is beyond the format's 8,388,607 units or the
    file cannot be written; nothing is left behind then.
    """
    try:
        zstd: Any = importlib.import_module("zstandard")
    except ImportError:
        raise OutputError(
            f"cannot write '{os.fspath(path)}': SPZ 4 needs the package zstandard; pip install 'sfumato[scenes]'"
        ) from None
    check_splats(splats, path)
    bits = _fraction_bits(splats, path)
    count, rest = len(splats), 3 * (splats.sh.shape[1] - 1)
    columns = [np.empty((count, width), np.uint8) for width in (9, 1, 3, 3, 4, rest) if width]
    for start in range(0, count, _BLOCK):
        block = splats[start : start + _BLOCK].with_axes_flipped(1, -1, -1)
        for column, values in zip(columns, _packed(block, bits), strict=True):
            column[start : start + _BLOCK] = values
    compressor = zstd.ZstdCompressor(level=_LEVEL, write_checksum=True)
    streams = [compressor.compress(column.reshape(-1)) for column in columns]
    table = [_STREAM.pack(len(stream), column.size) for stream, column in zip(streams, columns, strict=True)]
    flags = _ANTIALIASED if antialiased else 0
    header = _HEADER.pack(b"NGSP", 4, count, splats.sh_degree, bits, flags, len(streams), _HEADER.size)
    save(path, b"".join([header, *table, *streams]))


def _fraction_bits(splats: Splats3D, path: str | os.PathLike[str]) -> int:
    """The most bits up to the usual 12 with which every coordinate fits into 24."""
    reach = float(np.abs(splats.mean).max(initial=0))
    for bits in range(_FRACTION_BITS, -1, -1):
        if round(reach * 2**bits) < 1 << 23:
            return bits
    raise OutputError(
        f"cannot write '{os.fspath(path)}': a splat lies at {reach:,.0f} units, and SPZ reaches to 8,388,607; "
        "scale the scene down, or write .ply"
    )


def _packed(splats: Splats3D, bits: int) -> list[UInt8Array]:
    """The columns of the format, [n, bytes a splat] each."""
    fixed = np.rint(splats.mean * np.float64(2**bits)).astype("<i4")
    columns = [
        fixed.view(np.uint8).reshape(-1, 3, 4)[..., :3].reshape(-1, 9),
        _eight_bit(splats.opacity[:, None] * 255),
        _eight_bit(splats.sh[:, 0] * (_COLOR_SCALE * 255) + 127.5),
        _eight_bit((np.log(splats.scale) + 10) * 16),
        _smallest_three(splats.rotation[:, [1, 2, 3, 0]]).view(np.uint8).reshape(-1, 4),
    ]
    if splats.sh_degree:
        columns.append(_harmonics(splats.sh[:, 1:]))
    return columns


def _eight_bit(values: NDArray[Any]) -> UInt8Array:
    eight: UInt8Array = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return eight


def _harmonics(sh: NDArray[np.float32]) -> UInt8Array:
    """[n, K - 1, 3] to [n, 3 (K - 1)]: multiples of 2^(8 - bits of the band) with 0 at 128."""
    step = np.array([2.0 ** (8 - _BAND_BITS[band]) for band in range(3) for _ in range(2 * band + 3)])
    step = step[: sh.shape[1], None]
    return _eight_bit(np.rint(sh * 128 / step) * step + 128).reshape(len(sh), -1)


def _smallest_three(quaternions: NDArray[np.float32]) -> NDArray[np.uint32]:
    """[n, 4] to words: two bits name the largest component, then a sign and nine bits for each of the others."""
    unit = quaternions / np.linalg.norm(quaternions.astype(np.float64), axis=1, keepdims=True)
    largest = np.abs(unit).argmax(axis=1)
    others = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])[largest]
    three = np.take_along_axis(unit, others, 1)
    three = np.where(np.take_along_axis(unit, largest[:, None], 1) < 0, -three, three)
    fields = (three < 0).astype(np.uint32) << 9 | np.rint(np.abs(three) * (511 / np.sqrt(0.5))).astype(np.uint32)
    words: NDArray[np.uint32] = largest.astype(np.uint32) << 30 | fields[:, 0] << 20 | fields[:, 1] << 10 | fields[:, 2]
    return words.astype("<u4")
