"""Cameras from JSON: three kinds of files give the same cameras, and a fault is named with entry and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfumato.camera import Camera
from sfumato.errors import InputError
from sfumato.sources.cameras import read_cameras

CAMERA = Camera.look_at(np.array([1.0, -2, -3]), np.array([0.2, 0, 0.5]), width=200, height=100, fov_degrees=60)
LOOKING = {"position": [1, -2, -3], "target": [0.2, 0, 0.5]}
PLACED = {"rotation": CAMERA.rotation.tolist(), "translation": CAMERA.translation.tolist()}
PINHOLE = {"width": 200, "height": 100, "fx": CAMERA.fx}


def opengl() -> list[list[float]]:
    """CAMERA as NeRF datasets store it."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = CAMERA.rotation.T * [1, -1, -1], CAMERA.position
    return [[float(value) for value in row] for row in matrix]


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    "content",
    [
        {"cameras": [PINHOLE | PLACED]},
        {"cameras": [PINHOLE | LOOKING | {"up": [0, -1, 0], "cx": 100, "fy": CAMERA.fy}]},
        {"cameras": [LOOKING], "width": 200, "height": 100, "fov": 60},
        {"frames": [{"transform_matrix": opengl()}], "w": 200, "h": 100, "fl_x": CAMERA.fx, "cx": 100.0, "cy": 50.0},
        {"frames": [{"transform_matrix": opengl(), "w": 200.0, "h": 100}], "camera_angle_x": np.radians(60)},
        [
            {
                "id": 0,
                "img_name": "a",
                "width": 200,
                "height": 100,
                "position": CAMERA.position.tolist(),
                "rotation": CAMERA.rotation.T.tolist(),
                "fx": CAMERA.fx,
                "fy": CAMERA.fy,
            }
        ],
    ],
    ids=["placed", "looking", "shared", "transforms", "nerf", "3dgs"],
)
def test_every_kind_of_file_gives_the_same_camera(tmp_path: Path, content: Any) -> None:
    (camera,) = read_cameras(write(tmp_path / "a.json", content)).cameras
    assert (camera.width, camera.height) == (200, 100)
    numbers = [camera.fx, camera.fy, camera.cx, camera.cy]
    assert numbers == pytest.approx([CAMERA.fx, CAMERA.fy, 100, 50])
    assert camera.rotation == pytest.approx(CAMERA.rotation) and camera.position == pytest.approx([1, -2, -3])


def test_a_size_fills_in_where_the_file_has_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", {"frames": [{"transform_matrix": opengl()}], "camera_angle_x": 1.0})
    (camera,) = read_cameras(path, size=(80, 60)).cameras
    assert (camera.width, camera.height) == (80, 60) and camera.fx == pytest.approx(40 / np.tan(0.5))
    with pytest.raises(InputError, match=r"camera 0 .*field 'w': it is missing.*--size"):
        read_cameras(path)


def test_the_example_in_the_documentation_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cameras.md").read_text(encoding="utf-8")
    example = page.split("```json\n")[1].split("```")[0]
    path = read_cameras(write(tmp_path / "a.json", example))
    assert path.times == (0, 2, 3.5) and path.cameras[2].fx == 1400


def test_times_are_read(tmp_path: Path) -> None:
    content = {"cameras": [LOOKING | {"time": 0}, LOOKING | {"time": 2.5}], **PINHOLE}
    assert read_cameras(write(tmp_path / "a.json", content)).times == (0, 2.5)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("3", "nor a list"),
        ({"cameras": {}}, "nor a list"),
        ([], "the list of cameras is empty"),
        ({"cameras": [3]}, "camera 0 .*: it is not an object"),
        ({"cameras": [PINHOLE | PLACED, PINHOLE]}, "camera 1 .*, field 'position': it is missing"),
        ({"cameras": [PINHOLE | {"position": [0, 0, 0]}]}, "field 'target': it is missing"),
        ({"cameras": [PLACED | {"width": 200, "height": 100}]}, "field 'fx': it is missing, and 'fov' too"),
        ({"cameras": [PLACED | PINHOLE | {"fx": 0}]}, "field 'fx': it is 0, which must be above 0"),
        ({"cameras": [PLACED | PINHOLE | {"fx": "80"}]}, "field 'fx': it is not a finite number"),
        ({"cameras": [PLACED | PINHOLE | {"fx": True}]}, "field 'fx': it is not a finite number"),
        ({"cameras": [PLACED | PINHOLE | {"fx": 10**400}]}, "field 'fx': it is not a finite number"),
        ({"cameras": [PLACED | PINHOLE | {"cx": float("nan")}]}, "field 'cx': it is not a finite number"),
        ({"cameras": [PLACED | PINHOLE | {"translation": [1e200, 0, 0]}]}, "field 'translation': .*within"),
        ({"cameras": [PLACED | PINHOLE | {"width": 200.5}]}, "field 'width': .*whole number of pixels"),
        ({"cameras": [PLACED | PINHOLE | {"height": -1}]}, "field 'height': it is -1"),
        ({"cameras": [PLACED | PINHOLE | {"translation": [1, 2]}]}, "field 'translation': it is not 3 finite"),
        ({"cameras": [PLACED | PINHOLE | {"rotation": [[1, 0, 0]] * 3}]}, "field 'rotation': it is not a rotation"),
        ({"cameras": [PLACED | PINHOLE | {"rotation": (-np.eye(3)).tolist()}]}, "right-handed"),
        ({"cameras": [PINHOLE | {"position": [0, 0, 0], "target": [0, 0, 0]}]}, "field 'target': .*where it stands"),
        ({"cameras": [PINHOLE | {"position": [0, 0, 0], "target": [0, 2, 0]}]}, "field 'target': .*upward"),
        ({"cameras": [PINHOLE | LOOKING | {"time": 1}, PINHOLE | LOOKING]}, "camera 1 .*'time': it is missing"),
        ({"cameras": [PINHOLE | LOOKING | {"time": 1}] * 2}, "camera 1 .*'time': .*does not come after"),
        ({"frames": [{"w": 8, "h": 8, "fl_x": 9}]}, "field 'transform_matrix': it is missing"),
        ({"frames": [{"w": 8, "h": 8, "fl_x": 9, "transform_matrix": [[1]]}]}, "it is not 4 x 4 finite numbers"),
        ({"frames": [{"camera_model": "OPENCV_FISHEYE"}]}, "'OPENCV_FISHEYE' is not a pinhole camera"),
        ([{"width": 8, "height": 8, "fx": 9, "fy": 9, "rotation": np.eye(3).tolist()}], "field 'position'"),
    ],
)
def test_a_fault_is_named_with_camera_and_field(tmp_path: Path, content: Any, says: str) -> None:
    path = write(tmp_path / "path.json", content)
    with pytest.raises(InputError, match=says) as fault:
        read_cameras(path)
    assert str(fault.value).startswith(f"cannot read '{path}': ")


def test_a_missing_file_and_a_folder_are_input_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path, "zero\0byte"):
        with pytest.raises(InputError, match="cannot read"):
            read_cameras(path)


def test_lens_distortion_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    content = {"frames": [{"transform_matrix": opengl()}] * 2, "w": 8, "h": 8, "fl_x": 9, "k1": 0.1}
    with pytest.warns(UserWarning, match="lens distortion is left out") as said:
        read_cameras(write(tmp_path / "a.json", content))
    assert len(said) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*PINHOLE, *PLACED, *LOOKING, "up", "time", "cameras", "frames"]), inner)
    ),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.fixed_dictionaries({"cameras": st.lists(JSON, max_size=3)}) | JSON)
def test_whatever_json_there_is_nothing_but_an_input_error_comes_out(tmp_path: Path, content: Any) -> None:
    path = write(tmp_path / "a.json", content)
    try:
        assert read_cameras(path).cameras
    except InputError as error:
        assert str(path) in str(error)
