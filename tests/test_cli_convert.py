"""`sfumato convert` and `sfumato.convert`: a scene goes from format to format, and what is lost is said."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import sfumato
from sfumato.cli import main
from sfumato.exports.scene import write_scene
from sfumato.splats import Splats3D


@pytest.fixture
def scene_file(tmp_path: Path) -> Path:
    """A PLY of 10 splats with harmonics of degree 2."""
    rng = np.random.default_rng(5)
    rotation = np.full((10, 4), 0.5)
    splats = Splats3D(rng.normal(size=(10, 3)), rotation, np.ones((10, 3)), np.full(10, 0.5), np.zeros((10, 9, 3)))
    write_scene(splats, tmp_path / "a.ply")
    return tmp_path / "a.ply"


def test_a_scene_goes_through_every_format(
    scene_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = ["a.ply", "b.spz", "c.ply", "d.splat", "e.ply"]
    for source, destination in itertools.pairwise(steps):
        assert main(["convert", str(tmp_path / source), str(tmp_path / destination)]) == 0
    said = capsys.readouterr()
    size = (tmp_path / "b.spz").stat().st_size
    assert f"b.spz: 10 splats, {size:,} bytes, from 3DGS PLY with harmonics of degree 2\n" in said.out
    assert "d.splat: 10 splats, 320 bytes, from 3DGS PLY with harmonics of degree 2\n" in said.out
    assert "from antimatter15 .splat with harmonics of degree 0\n" in said.out
    assert not said.err


def test_harmonics_are_cut_off_on_demand_and_never_invented(scene_file: Path, tmp_path: Path) -> None:
    for asked, kept in ((0, 0), (1, 1), (3, 2)):
        assert main(["convert", str(scene_file), str(tmp_path / "b.ply"), "--sh-degree", str(asked)]) == 0
        assert sfumato.convert(tmp_path / "b.ply", tmp_path / "c.ply").splats.sh_degree == kept
    with pytest.raises(sfumato.SettingsError, match="must be 0, 1, 2 or 3"):
        sfumato.convert(scene_file, tmp_path / "b.ply", sh_degree=4)


def test_bad_splats_stop_the_conversion_unless_a_repair_is_asked_for(
    scene_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(scene_file.read_bytes())
    data[-4 * 38 * 3 : -4 * 38 * 3 + 4] = np.float32(np.nan).tobytes()  # x of the third row from the end
    scene_file.write_bytes(data)
    output = tmp_path / "b.splat"
    assert main(["convert", str(scene_file), str(output)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f"sfumato: cannot read '{scene_file}': row 7 of 10 (counted from 0): x is not a finite number"
    )
    assert "--repair" in said and not output.exists()
    assert main(["convert", str(scene_file), str(output), "--repair"]) == 0
    assert capsys.readouterr().out.endswith("1 bad splats were left out\n")
    assert output.stat().st_size == 9 * 32


def test_what_a_file_holds_and_the_splats_do_not_is_said(
    scene_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, rows = scene_file.read_bytes().split(b"end_header\n")
    wider = np.hstack([np.frombuffer(rows, "<f4").reshape(10, 38), np.zeros((10, 1), "<f4")])
    scene_file.write_bytes(header + b"property float filter_3D\nend_header\n" + wider.tobytes())
    assert main(["convert", str(scene_file), str(tmp_path / "b.ply")]) == 0
    assert f"sfumato: warning: '{scene_file}': the field filter_3D" in capsys.readouterr().err


def test_the_output_is_checked_before_the_scene_is_read(scene_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for output, says in (("b.txt", "suffix '.txt' is not one of"), (scene_file, "it is the input")):
        assert main(["convert", "missing.ply" if output == "b.txt" else str(scene_file), str(output)]) == 2
        assert says in capsys.readouterr().err
