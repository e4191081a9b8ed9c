"""A folder of any layout opens as a capture with its rig, or says what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sfumato.camera import Camera
from sfumato.errors import InputError
from sfumato.rig import Rig
from sfumato.sources.capture import CaptureCamera, CaptureFrame, Driving
from sfumato.sources.capture_folder import RIG, Picture, write_capture
from sfumato.sources.capture_opening import is_capture, open_capture

VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32) / 10
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])


def capture_folder(folder: Path, rig: Rig | None) -> Path:
    """A capture of one camera and two frames, which names its rig if there is one."""
    view = Camera.look_at(np.array([0, 0, 1.0]), np.zeros(3), width=16, height=16, up=(0, 1, 0))
    pictures = [Picture(frame, 0, np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16), np.uint8)) for frame in (0, 1)]
    write_capture(
        folder / "capture",
        [CaptureCamera("00", view)],
        [CaptureFrame("a", "rest"), CaptureFrame("b", "rest")],
        FACES,
        np.stack([VERTICES, VERTICES]),
        pictures,
        driving=None if rig is None else Driving(RIG, {}, {}, np.zeros((2, 3), np.float32)),
        rig=rig,
    )
    return folder / "capture"


def test_a_capture_comes_with_the_rig_that_it_names(tmp_path: Path) -> None:
    folder = capture_folder(tmp_path, Rig.rigid(VERTICES, FACES))
    assert is_capture(folder)
    capture, rig = open_capture(folder)
    assert len(capture.frames) == 2 and rig is not None
    np.testing.assert_array_equal(rig.faces, FACES)


def test_a_capture_that_names_no_rig_has_none_unless_it_is_given(tmp_path: Path) -> None:
    folder = capture_folder(tmp_path, None)
    assert open_capture(folder)[1] is None
    given = Rig.rigid(VERTICES, FACES)
    assert open_capture(folder, given)[1] is given


def test_a_rig_of_another_mesh_is_refused(tmp_path: Path) -> None:
    folder = capture_folder(tmp_path, None)
    with pytest.raises(InputError, match="its mesh has 4 vertices and 4 faces, and the template 4 and 3"):
        open_capture(folder, Rig.rigid(VERTICES, FACES[:3]))


def test_vhaps_layout_needs_a_rig(tmp_path: Path) -> None:
    (tmp_path / "transforms_train.json").write_text("{}")
    assert is_capture(tmp_path)
    with pytest.raises(InputError, match=r"made by a rig of FLAME; name its file \(--rig\)"):
        open_capture(tmp_path)


def test_other_paths_are_no_captures(tmp_path: Path, picture_file: Path) -> None:
    for path in (tmp_path, picture_file, tmp_path / "none"):
        assert not is_capture(path)
        with pytest.raises(InputError, match="not the folder of a capture"):
            open_capture(path)
    assert not is_capture("zero\0byte")
