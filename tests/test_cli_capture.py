from __future__ import annotations

from sfumato.cli import main
from sfumato.sources.capture_folder import read_capture

SMALL = ["--size", "32x48", "--frames", "2", "--cameras", "2", "--faces", "2000"]


def test_a_capture_is_made_and_read(tmp_path, capsys):
    assert main(["capture", "synth", "-o", str(tmp_path / "head"), *SMALL]) == 0
    assert "2 frames by 2 cameras, 32 x 48" in capsys.readouterr().out
    capture = read_capture(tmp_path / "head")
    assert len(capture.frames) == len(capture.cameras) == 2 and capture.image(1, 1).shape == (48, 32, 3)


def test_a_folder_with_something_in_it_is_refused_before_the_work_begins(tmp_path, capsys):
    (tmp_path / "note.txt").write_text("mine")
    assert main(["capture", "synth", "-o", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_a_rig_that_is_none_is_refused(tmp_path, capsys):
    assert main(["capture", "synth", "-o", str(tmp_path / "head"), "--rig", str(tmp_path / "no.glb")]) == 2
    assert "cannot read" in capsys.readouterr().err


def test_numbers_out_of_range_are_refused(tmp_path, capsys):
    assert main(["capture", "synth", "-o", str(tmp_path / "head"), "--frames", "1"]) == 2
    assert main(["capture", "synth", "-o", str(tmp_path / "head"), "--size", "4x4"]) == 2
    assert "size" in capsys.readouterr().err
