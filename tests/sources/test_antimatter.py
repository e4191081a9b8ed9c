"""antimatter15's `.splat` comes in as splats."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from scene_files import shared

from sfumato.errors import InputError
from sfumato.sources.scene import read_scene
from sfumato.splats import SH_C0

ROW = struct.pack("<6f8B", 1, 2, 3, 0.1, 0.2, 0.3, 255, 0, 51, 102, 128 + 64, 128, 128 - 64, 128)


def test_a_row_holds_what_the_format_says(tmp_path: Path) -> None:
    (tmp_path / "a.splat").write_bytes(ROW)
    splats = read_scene(tmp_path / "a.splat").splats
    np.testing.assert_array_equal(splats.mean, [[1, 2, 3]])
    np.testing.assert_allclose(splats.scale, [[0.1, 0.2, 0.3]])
    np.testing.assert_allclose(0.5 + SH_C0 * splats.sh, [[[1, 0, 0.2]]], atol=1e-6)
    np.testing.assert_allclose(splats.opacity, [0.4], rtol=1e-6)
    np.testing.assert_allclose(splats.rotation, [[0.5**0.5, 0, -(0.5**0.5), 0]], rtol=1e-6)


def test_a_truncated_file_says_in_which_row_it_ends(tmp_path: Path) -> None:
    (tmp_path / "a.splat").write_bytes(ROW * 4 + ROW[:5])
    with pytest.raises(InputError, match="the file ends 5 bytes into row 4"):
        read_scene(tmp_path / "a.splat")


def test_bad_splats_are_reported_by_field_and_row_and_repaired(tmp_path: Path) -> None:
    no_extent = struct.pack("<6f8B", 1, 2, 3, 0.1, 0, 0.3, *ROW[24:])
    nowhere = struct.pack("<6f8B", 1, float("nan"), 3, 0.1, 1, 0.3, *ROW[24:])
    no_turn = ROW[:28] + bytes([128] * 4)
    (tmp_path / "a.splat").write_bytes(ROW + no_extent + nowhere + no_turn)
    with pytest.raises(InputError, match=r"row 1 of 4 .*scale_1 is a standard deviation of 0.*; 3 of 4 splats are bad"):
        read_scene(tmp_path / "a.splat")
    found = read_scene(tmp_path / "a.splat", repair=True)
    assert (found.dropped, len(found.splats)) == (3, 1)
    (tmp_path / "a.splat").write_bytes(ROW + no_turn)
    with pytest.raises(InputError, match=r"row 1 of 2 .*rot_0 to rot_3 are all 0"):
        read_scene(tmp_path / "a.splat")
    (tmp_path / "a.splat").write_bytes(ROW + nowhere)
    with pytest.raises(InputError, match=r"row 1 of 2 .*y is not a finite number"):
        read_scene(tmp_path / "a.splat")


def test_files_of_other_tools_open() -> None:
    splats = read_scene(shared("splat_fixtures/minimal.splat")).splats
    np.testing.assert_array_equal(splats.mean, [[-1, 0, -1], [0, 0, -1], [-1, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(splats.scale, 0.1)
