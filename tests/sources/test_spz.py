"""SPZ of every version comes in as splats, or is refused with the place where it is wrong."""

from __future__ import annotations

import gzip
import importlib
import struct
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scene_files import shared

from sfumato.errors import InputError
from sfumato.sources.scene import read_scene
from sfumato.splats import SH_C0

POSITIONS = {1: struct.pack("<3e", 1.5, -2, 0.25), 2: bytes([0, 24, 0, 0, 224, 255, 0, 4, 0])}  # with 12 fraction bits
ROTATIONS = {
    1: bytes([255, 128, 128]),
    3: struct.pack("<I", 0 << 30 | 0 << 20 | 512 << 10 | 0),
}  # nearly all of it in x
REST = (0, 9, 24, 45, 72)


def columns(version: int = 4, degree: int = 1, count: int = 2) -> list[bytes]:
    """The columns of `count` equal splats."""
    sh = bytes(range(128, 128 + REST[degree]))
    parts = [POSITIONS[min(version, 2)], b"\x33", bytes([255, 127, 0]), bytes([160, 176, 144])]
    return [part * count for part in [*parts, ROTATIONS[1 if version < 3 else 3], sh]]


def header(version: int, *, count: int = 2, degree: int = 1, bits: int = 12, flags: int = 1, last: int = 0) -> bytes:
    return struct.pack("<4sIIBBBB", b"NGSP", version, count, degree, bits, flags, last)


def spz4(parts: list[bytes], *, extensions: bytes = b"", compress: Any = None, **fields: int) -> bytes:
    zstandard = pytest.importorskip("zstandard", reason="the package zstandard is not installed")
    parts = [part for part in parts if part]
    packed = [(compress or zstandard.ZstdCompressor().compress)(part) for part in parts]
    flags = 1 | (2 if extensions else 0)
    table = b"".join(struct.pack("<QQ", len(p), len(part)) for p, part in zip(packed, parts, strict=True))
    head = header(4, **{"flags": flags, "last": len(parts), **fields})
    return head + struct.pack("<I12x", 32 + len(extensions)) + extensions + table + b"".join(packed)


def file_of(tmp_path: Path, data: bytes) -> Path:
    (tmp_path / "a.spz").write_bytes(data)
    return tmp_path / "a.spz"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_every_version_holds_what_the_format_says(tmp_path: Path, version: int, packed: bool) -> None:
    if version == 4:
        data = spz4(columns())
    else:
        data = header(version) + b"".join(columns(version))
        data = gzip.compress(data) if packed else data
    found = read_scene(file_of(tmp_path, data))
    splats = found.splats
    assert (found.format, found.antialiased, len(splats), splats.sh_degree) == (f"SPZ {version}", True, 2, 1)
    np.testing.assert_array_equal(splats.mean, [[1.5, 2, -0.25]] * 2)  # y and z point the other way
    np.testing.assert_allclose(splats.opacity, 0.2)
    np.testing.assert_allclose(splats.scale, np.exp([[0, 1, -1]] * 2), rtol=1e-6)
    np.testing.assert_allclose(splats.sh[:, 0], [[0.5 / 0.15, -0.5 / 255 / 0.15, -0.5 / 0.15]] * 2, rtol=1e-5)
    rest = np.arange(9).reshape(3, 3) / 128 * [[-1], [-1], [1]]  # the harmonics y, z and x
    np.testing.assert_allclose(splats.sh[1, 1:], rest)
    np.testing.assert_allclose(splats.rotation, [[0, 1, 0, 0]] * 2, atol=0.01)


@pytest.mark.parametrize("largest", range(4))
def test_smallest_three_rotations_are_told_apart(tmp_path: Path, largest: int) -> None:
    expected = np.array([0.1, -0.3, 0.2, 0.25])  # x y z w
    expected[largest] = np.sqrt(1 - np.square(np.delete(expected, largest)).sum())
    word = largest
    for value in np.delete(expected, largest):
        word = word << 10 | int(value < 0) << 9 | round(abs(value) / 0.5**0.5 * 511)
    parts = [*columns(3, 0, 1)[:4], struct.pack("<I", word)]
    data = gzip.compress(header(3, count=1, degree=0) + b"".join(parts))
    x, y, z, w = expected
    found = read_scene(file_of(tmp_path, data)).splats.rotation[0]
    np.testing.assert_allclose(found, [w, x, -y, -z], atol=2e-3)


def test_harmonics_of_degree_4_are_cut_to_3_with_a_note(tmp_path: Path) -> None:
    found = read_scene(file_of(tmp_path, spz4(columns(degree=4), degree=4)))
    assert found.splats.sh_degree == 3
    assert "degree 4" in found.notes[0]
    assert found.splats.sh[0, 15].tolist() == [c / 128 for c in (42, 43, 44)]


@pytest.mark.parametrize(
    ("axes", "mean"), [(0, [1.5, 2, -0.25]), (4, [1.5, 2, -0.25]), (6, [1.5, -2, 0.25]), (7, [-1.5, 2, 0.25])]
)
def test_the_extension_for_axes_is_obeyed(tmp_path: Path, axes: int, mean: list[float]) -> None:
    other = struct.pack("<II3s", 0x12340001, 3, b"abc")
    extensions = other + struct.pack("<III", 0xADBE0003, 4, axes)
    found = read_scene(file_of(tmp_path, spz4(columns(), extensions=extensions)))
    np.testing.assert_array_equal(found.splats.mean[0], mean)
    assert found.notes == ("the extension 0x12340001 is left out",)
    plain = header(3, flags=2) + b"".join(columns(3)) + extensions
    np.testing.assert_array_equal(read_scene(file_of(tmp_path, gzip.compress(plain))).splats.mean[0], mean)


def test_axes_with_z_up_are_refused_with_a_way_out(tmp_path: Path) -> None:
    data = spz4(columns(), extensions=struct.pack("<III", 0xADBE0003, 4, 16))
    with pytest.raises(InputError, match=r"axes number 16, with z up or down.*export it with the axes right, up, back"):
        read_scene(file_of(tmp_path, data))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("packed", [True, False])
def test_a_truncated_file_of_one_stream_is_refused_wherever_it_ends(tmp_path: Path, version: int, packed: bool) -> None:
    data = header(version) + b"".join(columns(version))
    data = gzip.compress(data) if packed else data
    for length in range(4, len(data)):
        with pytest.raises(InputError, match=r"cannot read '.*a\.spz'"):
            read_scene(file_of(tmp_path, data[:length]))


def test_a_truncated_file_of_version_4_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    data = spz4(columns())
    for length in range(4, len(data)):
        with pytest.raises(InputError, match=r"cannot read '.*a\.spz'"):
            read_scene(file_of(tmp_path, data[:length]))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (header(3, degree=5), "harmonics of degree 5 are not defined"),
        (header(3, bits=25), "25 bits of a 24-bit position"),
        (header(3, count=0), "it has 0 splats"),
        (header(0), "only versions 1 to 4 are known"),
        (header(5) + bytes(99), "only versions 1 to 4 are known"),
        (header(3) + b"".join(columns(3))[:-3], "harmonics end in row 1 of 2"),
        (header(3, count=4_000_000_000), "the limit is 100,000,000"),
        (gzip.compress(header(4) + bytes(99)), "packed with gzip as only versions 1 to 3"),
        (gzip.compress(b"something else"), "does not begin with a whole SPZ header"),
    ],
)
def test_a_wrong_header_is_refused_with_its_reason(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_scene(file_of(tmp_path, data))


@pytest.mark.parametrize("packed", [True, False])
def test_absurd_counts_are_refused_before_anything_is_allocated(tmp_path: Path, packed: bool) -> None:
    data = header(3, count=90_000_000) + bytes(1000)
    hostile = [gzip.compress(data) if packed else data, spz4(columns(), count=90_000_000)]
    tracemalloc.start()
    try:
        for each in hostile:
            with pytest.raises(InputError, match="too short for the 90,000,000 splats"):
                read_scene(file_of(tmp_path, each))
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


def test_streams_that_hold_more_or_less_than_they_say_are_refused(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="the package zstandard is not installed")
    compressor = zstandard.ZstdCompressor(write_content_size=False)
    for change, says in (
        (lambda p: p + b"x", r"stream 0 \(positions\) goes on"),
        (lambda p: p[:-1], "positions end in row 1"),
    ):
        data = spz4(columns(), compress=lambda part, change=change: compressor.compress(change(part)))
        with pytest.raises(InputError, match=says):
            read_scene(file_of(tmp_path, data))
    with pytest.raises(InputError, match=r"stream 0 \(positions\) at byte 128 should unpack"):
        read_scene(file_of(tmp_path, spz4(columns(), count=3)))
    with pytest.raises(InputError, match="table of 4 streams"):
        read_scene(file_of(tmp_path, spz4(columns(), last=4)))
    with pytest.raises(InputError, match="Zstandard stream is damaged"):
        read_scene(file_of(tmp_path, spz4(columns(), compress=lambda part: b"\0" * len(part))))


def test_a_flipped_bit_in_a_gzipped_file_does_not_pass(tmp_path: Path) -> None:
    plain = header(3) + b"".join(columns(3))
    data = bytearray(gzip.compress(plain, 0))  # stored, so that only the checksum tells
    data[data.index(columns(3)[1])] ^= 1
    with pytest.raises(InputError, match="the gzip stream is truncated or damaged"):
        read_scene(file_of(tmp_path, bytes(data)))


def test_without_zstandard_version_4_says_how_to_install_it_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = spz4(columns())
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ImportError):
        importlib.import_module("zstandard")
    with pytest.raises(InputError, match=r"SPZ 4 needs the package zstandard; pip install 'sfumato\[scenes\]'"):
        read_scene(file_of(tmp_path, four))
    assert len(read_scene(file_of(tmp_path, gzip.compress(header(3) + b"".join(columns(3))))).splats) == 2


@pytest.mark.parametrize("name", ["minimal-raw", "minimal-v2", "minimal-v3", "minimal-v4"])
def test_files_of_other_tools_open(name: str) -> None:
    splats = read_scene(shared(f"splat_fixtures/{name}.spz")).splats
    far = 1 if name in ("minimal-raw", "minimal-v2") else -1  # the older two were made on other axes
    np.testing.assert_array_equal(splats.mean, [[-1, 0, far], [0, 0, far], [-1, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(splats.scale, 0.1, rtol=0.02)
    np.testing.assert_allclose(splats.opacity, 0.9, atol=0.002)
    color = 0.5 + SH_C0 * splats.sh[:, 0]
    assert (color[[0, 1, 2, 3], [0, 0, 1, 1]] > 0.5).tolist() == [False, True, True, True]
