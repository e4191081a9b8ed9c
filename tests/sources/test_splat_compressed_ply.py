"""PlayCanvas' compressed PLY comes in as splats."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scene_files import scene, shared

from sfumato.errors import InputError
from sfumato.sources.scene import read_scene
from sfumato.splats import SH_C0, Splats3D

BOUNDS = [f"{end}_{kind}{axis}" for kind in ("", "scale_") for end in ("min", "max") for axis in "xyz"]
COLORS = [f"{end}_{channel}" for end in ("min", "max") for channel in "rgb"]


def steps(
    values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32], bits: int
) -> NDArray[np.int64]:
    return np.rint((values - low) / (high - low) * (2**bits - 1)).astype(np.int64)


def packed(values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.int64]:
    x, y, z = (steps(values[:, i], low[:, i], high[:, i], bits) for i, bits in enumerate((11, 10, 11)))
    return x << 21 | y << 11 | z


def compressed(splats: Splats3D, *, colored: bool = True, chunks: int | None = None, drop: str = "") -> bytes:
    """A compressed PLY, written down independently of what reads it, one splat at a time where that is clearer."""
    starts = range(0, len(splats), 256)
    color = (0.5 + SH_C0 * splats.sh[:, 0]).astype(np.float32)
    groups = [splats.mean, np.log(splats.scale), *([color] if colored else [])]
    ends = [[kind(group[i : i + 256], axis=0) for kind in (np.min, np.max)] for i in starts for group in groups]
    table = np.array(ends, np.float32).reshape(len(starts), -1)
    each = np.repeat(table.reshape(len(starts), -1, 2, 3), 256, axis=0)[: len(splats)]
    words = [packed(group, each[:, k, 0], each[:, k, 1]) for k, group in enumerate(groups[:2])]
    rotation = []
    for q in splats.rotation:
        largest = int(np.abs(q).argmax())
        a, b, c = (int(v) for v in steps(np.delete(q * np.sign(q[largest]), largest) / np.sqrt(2), -0.5, 0.5, 10))
        rotation.append(largest << 30 | a << 20 | b << 10 | c)
    low, high = (each[:, 2, 0], each[:, 2, 1]) if colored else (np.zeros((1, 3)), np.ones((1, 3)))
    r, g, b = steps(color, low, high, 8).T
    rgba = r << 24 | g << 16 | b << 8 | np.rint(splats.opacity * 255).astype(np.int64)
    rows = np.stack([words[0], np.array(rotation), words[1], rgba], axis=1).astype("<u4")
    names = ["packed_position", "packed_rotation", "packed_scale", "packed_color"]
    header = ["ply", "format binary_little_endian 1.0", f"element chunk {len(starts) if chunks is None else chunks}"]
    header += [f"property float {name}" for name in BOUNDS + (COLORS if colored else []) if name != drop]
    header += [f"element vertex {len(splats)}", *(f"property uint {name}" for name in names)]
    rest = splats.sh[:, 1:].transpose(0, 2, 1).reshape(len(splats), -1)
    if rest.size:
        header += [f"element sh {len(splats)}", *(f"property uchar f_rest_{i}" for i in range(rest.shape[1]))]
    sh = np.clip(np.floor((rest / 8 + 0.5) * 256), 0, 255).astype(np.uint8)
    return "\n".join([*header, "end_header", ""]).encode() + table[:chunks].tobytes() + rows.tobytes() + sh.tobytes()


@pytest.mark.parametrize("colored", [True, False])
@pytest.mark.parametrize("degree", range(4))
def test_every_degree_is_read_within_the_precision_of_the_format(tmp_path: Path, degree: int, colored: bool) -> None:
    expected = scene(600, degree)
    (tmp_path / "a.ply").write_bytes(compressed(expected, colored=colored))
    found = read_scene(tmp_path / "a.ply")
    splats = found.splats
    assert (found.format, splats.sh_degree) == ("compressed PLY", degree)
    assert np.abs(splats.mean - expected.mean).max() < 40 / 1023 / 2 * 1.01
    assert np.abs(np.log(splats.scale / expected.scale)).max() < 10 / 1023 / 2 * 1.01
    assert np.abs(splats.opacity - expected.opacity).max() < 0.5 / 255 * 1.01
    assert np.abs(splats.sh[:, 0] - expected.sh[:, 0]).max() < 1 / SH_C0 / 255 / 2 * 1.01
    assert (
        np.abs(splats.sh - expected.sh).max(initial=0, where=np.arange(splats.sh.shape[1])[:, None] > 0)
        < 8 / 512 * 1.01
    )
    same = np.sign((splats.rotation * expected.rotation).sum(axis=1, keepdims=True))
    assert np.abs(splats.rotation * same - expected.rotation).max() < 2.5e-3


def test_too_few_chunks_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(compressed(scene(600, 0), chunks=2))
    with pytest.raises(InputError, match="2 rows bound only the first 512 of 600 splats"):
        read_scene(tmp_path / "a.ply")


@pytest.mark.parametrize("part", ["max_scale_y", "max_b"])
def test_a_missing_bound_is_named(tmp_path: Path, part: str) -> None:
    (tmp_path / "a.ply").write_bytes(compressed(scene(600, 0), drop=part))
    with pytest.raises(InputError, match=re.escape(f"element chunk: the fields {part} are missing")):
        read_scene(tmp_path / "a.ply")


def test_a_truncated_file_says_in_which_row_it_ends(tmp_path: Path) -> None:
    data = compressed(scene(600, 1))
    for left, where in ((1, "element sh: .* row 599"), (600 * 9 + 20, "element vertex: .* row 598")):
        (tmp_path / "a.ply").write_bytes(data[:-left])
        with pytest.raises(InputError, match=where):
            read_scene(tmp_path / "a.ply")


def test_bounds_that_are_no_numbers_make_bad_splats_which_repair_leaves_out(tmp_path: Path) -> None:
    data = compressed(scene(600, 0))
    at = data.index(b"end_header\n") + len(b"end_header\n") + 18 * 4  # min_x of the second chunk
    (tmp_path / "a.ply").write_bytes(data[:at] + np.float32(np.nan).tobytes() + data[at + 4 :])
    with pytest.raises(InputError, match=r"row 256 of 600 .*x is not a finite number; 256 of 600 splats are bad"):
        read_scene(tmp_path / "a.ply")
    found = read_scene(tmp_path / "a.ply", repair=True)
    assert (found.dropped, len(found.splats)) == (256, 344)


def test_files_of_other_tools_open() -> None:
    guitar = read_scene(shared("splat_guitar/guitar.compressed.ply")).splats
    assert (len(guitar), guitar.sh_degree) == (90_854, 0)


def test_one_scene_as_compressed_ply_and_as_spz_agrees_within_their_precisions() -> None:
    ply = read_scene(shared("splat_biker/biker.compressed.ply")).splats
    spz = read_scene(shared("splat_biker/biker.spz")).splats
    assert len(ply) == len(spz) == 152_746
    assert np.abs(ply.mean - spz.mean).max() < 0.5 / 4096 * 1.01
    held = ply.scale > np.exp(-10)  # SPZ holds nothing smaller
    assert np.abs(np.log(ply.scale / spz.scale))[held].max() < 0.5 / 16 * 1.01
    np.testing.assert_allclose(ply.opacity, spz.opacity, atol=1e-6)
    assert np.abs(ply.sh - spz.sh).max() < 0.5 / 255 / 0.15 * 1.01
    same = np.sign((ply.rotation * spz.rotation).sum(axis=1, keepdims=True))
    assert np.abs(ply.rotation - spz.rotation * same).max() < 3e-3
