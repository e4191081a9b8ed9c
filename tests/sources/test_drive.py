"""Drives from JSON and .npz: what they say comes out; what is wrong is named by file, frame and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sfumato.errors import InputError
from sfumato.sources.capture_folder import npz_bytes
from sfumato.sources.drive import MAX_FRAMES, read_drive


def as_json(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "weights.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def as_npz(tmp_path: Path, **arrays: Any) -> Path:
    path = tmp_path / "frames.npz"
    path.write_bytes(npz_bytes({name.replace("__", "."): np.asarray(value) for name, value in arrays.items()}))
    return path


def test_frames_of_names_and_weights_are_read_and_what_a_frame_lacks_is_zero(tmp_path: Path) -> None:
    drive = read_drive(as_json(tmp_path, {"fps": 25, "frames": [{"jawOpen": 0.3, "headYaw": 10}, {}, {"jawOpen": 1}]}))
    assert (drive.frames, drive.fps) == (3, 25)
    np.testing.assert_allclose(drive.weights["jawOpen"], [0.3, 0, 1])
    np.testing.assert_allclose(drive.weights["headYaw"], [10, 0, 0])
    assert not drive.shapes and drive.vertices is None and drive.translation is None


def test_a_table_of_weights_says_the_same_as_frames(tmp_path: Path) -> None:
    drive = read_drive(as_json(tmp_path, {"names": ["jawOpen", "headYaw"], "weights": [[0.3, 10], [0, 0], [1, 0]]}))
    assert (drive.frames, drive.fps) == (3, None)
    np.testing.assert_allclose(drive.weights["jawOpen"], [0.3, 0, 1])


def test_the_name_that_means_no_expression_is_passed_over(tmp_path: Path) -> None:
    drive = read_drive(as_json(tmp_path, {"frames": [{"_neutral": 0.9, "jawOpen": 0.3}]}))
    assert list(drive.weights) == ["jawOpen"]


def test_what_a_capture_says_of_its_rig_is_a_drive(tmp_path: Path) -> None:
    turns, shifts = np.ones((4, 3), np.float32), np.zeros((4, 3), np.float32)
    drive = read_drive(
        as_npz(tmp_path, rig="rig.npz", weight__grin=np.arange(4.0), rotation__neck=turns, translation=shifts)
    )
    assert drive.frames == 4 and drive.shapes and drive.fps is None
    np.testing.assert_allclose(drive.weights["grin"], np.arange(4))
    np.testing.assert_array_equal(drive.rotations["neck"], turns)
    np.testing.assert_array_equal(drive.translation, shifts)


def test_the_meshes_of_a_capture_are_a_drive(tmp_path: Path) -> None:
    vertices = np.random.default_rng(0).normal(size=(2, 5, 3))
    drive = read_drive(as_npz(tmp_path, vertices=vertices, faces=[[0, 1, 2]], fps=24.0))
    assert (drive.frames, drive.fps) == (2, 24)
    np.testing.assert_allclose(drive.vertices, vertices, rtol=1e-6)
    np.testing.assert_array_equal(drive.faces, [[0, 1, 2]])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "it is not JSON"),
        ([1], "it is not an object"),
        ({}, "it has neither a list 'frames' nor lists"),
        ({"frames": []}, "it has 0 frames"),
        ({"frames": [{}] * (MAX_FRAMES + 1)}, "it has 100,001 frames"),
        ({"frames": [{}, 3]}, r"frame 1 \(counted from 0\): it is not an object"),
        ({"frames": [{}, {"jawOpen": "wide"}]}, r"frame 1 \(counted from 0\): field 'jawOpen': it is not a finite"),
        ({"frames": [{"jawOpen": True}]}, r"frame 0 .*field 'jawOpen'"),
        ('{"frames": [{"jawOpen": NaN}]}', r"frame 0 .*field 'jawOpen': it is not a finite number within"),
        ('{"frames": [{"jawOpen": 1e999}]}', r"frame 0 .*field 'jawOpen'"),
        ({"names": ["a"], "weights": [[1], [1, 2]]}, r"frame 1 .*it is not a list of 1 weights"),
        ({"names": ["a", "a"], "weights": []}, "it has 0 frames"),
        ({"names": ["a", "a"], "weights": [[1, 2]]}, "field 'names': it is not a list of different names"),
        ({"names": ["a"], "weights": [[None]]}, r"frame 0 .*field 'a'"),
        ({"fps": 0, "frames": [{}]}, "field 'fps'"),
        ({"fps": "fast", "frames": [{}]}, "field 'fps'"),
    ],
)
def test_broken_json_is_named_by_file_frame_and_field(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(InputError, match=f"cannot read '.*weights.json': {says}"):
        read_drive(as_json(tmp_path, content))


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"other": [1.0]}, "it has none of vertices"),
        ({"weight__grin": [0.0, np.nan]}, r"frame 1 .*field 'weight.grin': it is not a finite"),
        ({"weight__grin": [0.0, 1.0], "rotation__neck": np.zeros((3, 3))}, r"field 'rotation.neck': .* \[2, 3\]"),
        ({"weight__grin": [[0.0]]}, "field 'weight.grin': .*not numbers"),
        ({"weight__grin": ["a"]}, "field 'weight.grin'"),
        ({"weight__grin": np.zeros(0)}, "it has 0 frames"),
        ({"vertices": np.zeros((4, 3))}, r"field 'vertices': it is float64 \[4, 3\], not numbers \[any, any, 3\]"),
        ({"vertices": np.full((2, 4, 3), np.inf)}, "frame 0 .*field 'vertices'"),
        ({"vertices": np.zeros((0, 4, 3))}, "it has 0 frames"),
        ({"vertices": np.zeros((1, 4, 3)), "faces": [[0.5, 1, 2]]}, "field 'faces'"),
        ({"translation": np.zeros((2, 2))}, "field 'translation'"),
        ({"weight__grin": [0.0], "fps": [1.0, 2.0]}, "field 'fps'"),
    ],
)  # fmt: skip
def test_broken_arrays_are_named_by_file_frame_and_field(tmp_path: Path, arrays: Any, says: str) -> None:
    with pytest.raises(InputError, match=f"cannot read '.*frames.npz': .*{says}"):
        read_drive(as_npz(tmp_path, **arrays))


def test_names_that_every_frame_makes_anew_do_not_fill_the_memory(tmp_path: Path) -> None:
    path = as_json(tmp_path, {"frames": [{f"name{number}": 1} for number in range(20_000)]})
    with pytest.raises(InputError, match="20,000 frames of more than"):
        read_drive(path)


def test_other_files_are_no_drives(tmp_path: Path) -> None:
    for name in ("a.txt", "none.json", "none.npz"):
        with pytest.raises(InputError, match="cannot read"):
            read_drive(tmp_path / name)
    (tmp_path / "b.npz").write_bytes(b"PK no zip")
    with pytest.raises(InputError, match=r"not an \.npz"):
        read_drive(tmp_path / "b.npz")
