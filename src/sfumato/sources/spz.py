"""Scenes from Niantic's SPZ, versions 1 to 4: columns of quantised attributes, compressed with gzip or Zstandard.

Written from the format's description at github.com/nianticlabs/spz. Its own library is not on PyPI; versions 1 to 3
need the standard library alone, version 4 the package zstandard.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.sources.checked import Scene, check_count, gather, ranges
from sfumato.sources.quaternions import from_smallest_three
from sfumato.sources.zstd import ZstdStream
from sfumato.splats import SH_COEFFICIENTS, Splats3D

_MAGIC = b"NGSP"
_HEADER = struct.Struct("<4sIIBBBB")  # magic, version, splats, degree, fraction bits, flags, reserved or streams
_TABLE_AT = struct.Struct("<I12x")  # version 4 only, behind _HEADER: where the table of the streams lies
_STREAM = struct.Struct("<QQ")  # compressed and plain bytes of a stream
_RECORD = struct.Struct("<II")  # kind and bytes of an extension
_ANTIALIASED, _EXTENDED = 1, 2
_COORDINATES = 0xADBE0003  # the extension SPZ_ADOBE_coordinate_system
_RUB, _RDF = 4, 6  # right up back, right down forward, in the order of spz::CoordinateSystem
_COLOR_SCALE = 0.15
_REST = (0, 9, 24, 45, 72)  # harmonics beyond the constant, all channels, of degree 0..4

# The most that a byte can unfold to: deflate's own limit, and what the format's own library accepts of Zstandard.
_GZIP_RATIO, _ZSTD_RATIO = 1032, 1024
_MAX_EXTENSION_BYTES = 1 << 16

Columns = dict[str, NDArray[np.uint8]]


class Stream(Protocol):
    """Where plain bytes come from."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer, or what is left of it when the stream ends; returns how many bytes."""


@dataclass(frozen=True)
class _Header:
    """The first bytes of the plain stream of versions 1 to 3, and of the file itself in version 4."""

    path: Path
    version: int
    count: int
    degree: int
    fraction_bits: int
    flags: int
    streams: int

    @property
    def widths(self) -> dict[str, int]:
        """Bytes a splat in each column, in their order."""
        return {
            "positions": 6 if self.version == 1 else 9,
            "alphas": 1,
            "colors": 3,
            "scales": 3,
            "rotations": 3 if self.version < 3 else 4,
            "harmonics": _REST[self.degree],
        }

    def fail(self, problem: str) -> NoReturn:
        raise InputError(f"cannot read '{self.path}': SPZ {self.version}: {problem}; fetch or export it again")


def read_spz(path: Path, *, repair: bool = False) -> Scene:
    """Read an SPZ file of version 1 to 4, gzipped or (versions 1 to 3) plain.

    Its axes are right, up, back by the format's definition unless its extension says otherwise, and are turned to ours.
    Harmonics of degree 4 are left out, with a note.

    Raises: InputError if the package zstandard is needed and missing, if header, table and length contradict each
    other, if a stream is damaged or cut off, or with field and row of a bad splat unless `repair` leaves such splats
    out.
    """
    with path.open("rb") as file:
        head = file.read(8)
    legacy = head[:4] != _MAGIC or struct.unpack("<I", head[4:].ljust(4, b"\0"))[0] < 4
    header, columns, extensions = (_read_one_stream if legacy else _read_streams)(path)
    signs, notes = _extensions(header, extensions)
    if header.degree > 3:
        notes.append("the harmonics of degree 4 are left out")
    degree = min(header.degree, 3)
    blocks = (block.with_axes_flipped(*signs) for block in _blocks(header, columns, degree))
    splats, dropped = gather(path, header.count, degree, blocks, repair=repair)
    return Scene(splats, f"SPZ {header.version}", bool(header.flags & _ANTIALIASED), dropped, tuple(notes))


def _parse_header(path: Path, data: bytes) -> _Header:
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        raise InputError(f"cannot read '{path}': it does not begin with a whole SPZ header; fetch or export it again")
    _, version, count, degree, fraction_bits, flags, streams = _HEADER.unpack_from(data)
    header = _Header(path, version, count, degree, fraction_bits, flags, streams)
    if not 1 <= version <= 4:
        header.fail("only versions 1 to 4 are known")
    if degree >= len(_REST):
        header.fail(f"harmonics of degree {degree} are not defined")
    if fraction_bits > 24:
        header.fail(f"{fraction_bits} bits of a 24-bit position cannot be its fraction")
    check_count(path, count)
    return header


def _read_one_stream(path: Path) -> tuple[_Header, Columns, bytes]:
    """Versions 1 to 3: header and columns one behind the other."""
    file_bytes = path.stat().st_size
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        zipped = file.peek(2)[:2] == b"\x1f\x8b"
        stream: Any = stack.enter_context(gzip.GzipFile(fileobj=file)) if zipped else file
        try:
            header = _parse_header(path, stream.read(_HEADER.size))
            if header.version > 3:
                header.fail("it is packed with gzip as only versions 1 to 3 are")
            _check_size(header, file_bytes * (_GZIP_RATIO if zipped else 1), sum(header.widths.values()))
            columns = {name: _read_column(header, stream, name) for name in header.widths}
            rest = stream.read(_MAX_EXTENSION_BYTES)  # also lets gzip come to its checksum
        except (EOFError, OSError, zlib.error) as error:
            raise InputError(
                f"cannot read '{path}': the gzip stream is truncated or damaged ({error}); fetch it again"
            ) from None
    return header, columns, rest if header.flags & _EXTENDED else b""


def _read_streams(path: Path) -> tuple[_Header, Columns, bytes]:
    """Version 4: a table of independent streams, one a column."""
    data = np.memmap(path, np.uint8, "r")
    header = _parse_header(path, bytes(data[: _HEADER.size]))
    begin = _HEADER.size + _TABLE_AT.size
    if len(data) < begin:
        header.fail("the file ends within its header")
    (table,) = _TABLE_AT.unpack(bytes(data[_HEADER.size : begin]))
    widths = {name: width for name, width in header.widths.items() if width}
    offset = table + header.streams * _STREAM.size
    if table < begin or offset > len(data) or header.streams < len(widths):
        header.fail(f"its table of {header.streams} streams at byte {table:,} is too short or outside the file")
    _check_size(header, len(data) * _ZSTD_RATIO, widths["positions"])
    columns = {"harmonics": np.empty(0, np.uint8)}
    for number, (name, width) in enumerate(widths.items()):
        at = table + number * _STREAM.size
        packed, plain = _STREAM.unpack(bytes(data[at : at + _STREAM.size]))
        if plain != header.count * width or packed > len(data) - offset:
            header.fail(
                f"stream {number} ({name}) at byte {offset:,} should unpack {packed:,} to {plain:,} bytes, but "
                f"{len(data) - offset:,} are there and {header.count:,} splats have {header.count * width:,}"
            )
        with ZstdStream(path, data[offset : offset + packed]) as stream:
            columns[name] = _read_column(header, stream, name)
            if stream.readinto(memoryview(bytearray(1))):
                header.fail(f"stream {number} ({name}) goes on behind its end")
        offset += packed
    extensions = bytes(data[begin : min(table, begin + _MAX_EXTENSION_BYTES)]) if header.flags & _EXTENDED else b""
    return header, columns, extensions


def _check_size(header: _Header, most: int, width: int) -> None:
    """Refuse a count that the file's bytes cannot hold, before anything is allocated for it."""
    if header.count * width > most:
        header.fail(f"the file is too short for the {header.count:,} splats it promises")


def _read_column(header: _Header, stream: Stream, name: str) -> NDArray[np.uint8]:
    column = np.empty(header.count * header.widths[name], np.uint8)
    view, filled = column.data, 0
    while filled < len(column):
        got = stream.readinto(view[filled : filled + io.DEFAULT_BUFFER_SIZE * 128])
        if not got:
            row = filled // header.widths[name]
            header.fail(f"{name} end in row {row:,} of {header.count:,} (counted from 0)")
        filled += got
    return column


def _extensions(header: _Header, data: bytes) -> tuple[tuple[int, int, int], list[str]]:
    """The signs that lead from the file's axes to right, down, forward, and notes on what is not understood."""
    axes, notes = _RUB, []
    while len(data) >= _RECORD.size:
        kind, length = _RECORD.unpack_from(data)
        payload, data = data[_RECORD.size : _RECORD.size + length], data[_RECORD.size + length :]
        if kind != _COORDINATES:
            notes.append(f"the extension {kind:#010x} is left out")
        elif len(payload) == 4:
            axes = int.from_bytes(payload, "little") or _RUB
    if axes > 8:
        raise InputError(
            f"cannot read '{header.path}': its extension says that it has axes number {axes}, with z up or down, and "
            "only those with y up or down are read; export it with the axes right, up, back"
        )
    same = ~((axes - 1) ^ (_RDF - 1))  # one bit an axis
    x, y, z = (1 if same >> bit & 1 else -1 for bit in range(3))
    return (x, y, z), notes


def _blocks(header: _Header, columns: Columns, degree: int) -> Iterator[Splats3D]:
    """Splats on the file's own axes."""
    rows = {name: columns[name].reshape(header.count, width) for name, width in header.widths.items()}
    for part in ranges(header.count):
        sh = np.empty((part.stop - part.start, SH_COEFFICIENTS[degree], 3), np.float32)
        sh[:, 0] = (rows["colors"][part] / np.float32(255) - np.float32(0.5)) / np.float32(_COLOR_SCALE)
        rest = rows["harmonics"][part].reshape(len(sh), -1, 3)[:, : sh.shape[1] - 1]
        sh[:, 1:] = (rest.astype(np.float32) - 128) / 128
        yield Splats3D(
            mean=_positions(header, rows["positions"][part]),
            rotation=_rotations(header, rows["rotations"][part]),
            scale=np.exp(rows["scales"][part].astype(np.float32) / 16 - 10),
            opacity=(rows["alphas"][part, 0] / 255).astype(np.float32),
            sh=sh,
        )


def _positions(header: _Header, column: NDArray[np.uint8]) -> NDArray[Any]:
    if header.version == 1:
        return column.view("<f2")
    parts = column.reshape(-1, 3, 3).astype(np.int32)
    fixed = parts[..., 0] | parts[..., 1] << 8 | parts[..., 2] << 16
    return ((fixed ^ 0x800000) - 0x800000) / 2.0**header.fraction_bits


def _rotations(header: _Header, column: NDArray[np.uint8]) -> NDArray[np.float32]:
    """From (x, y, z, w) without w in versions 1 and 2, later without the largest, to (w, x, y, z)."""
    if header.version < 3:
        return from_smallest_three(np.zeros(len(column)), column / 127.5 - 1)
    words = column.view("<u4")  # [n, 1]: two bits name the largest, then a sign and nine bits for each of the others
    fields = words >> np.array([20, 10, 0], np.uint32) & 1023
    others = np.where(fields & 512, -1.0, 1.0) * (fields & 511) * (np.sqrt(0.5) / 511)
    return from_smallest_three(words[:, 0] >> 30, others)[:, [3, 0, 1, 2]]
