"""Cameras: orbits that keep upward up, paths between cameras, pictures of another shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.camera import Camera, CameraPath, Float64Array, orbit

DIRECTIONS = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)


def seen(camera: Camera, point: Float64Array) -> Float64Array:
    """Where `point` [3] is on the picture, in pixels, and its depth."""
    x, y, z = camera.rotation @ point + camera.translation
    return np.array([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy, z])


@given(up=DIRECTIONS, azimuth=st.floats(-400, 400), elevation=st.floats(-80, 80))
def test_every_camera_of_an_orbit_sees_the_centre_in_the_middle_and_up_is_up(
    up: tuple[float, float, float], azimuth: float, elevation: float
) -> None:
    centre = np.array([1.0, 2, 3])
    for camera in orbit(
        centre, 5, 4, width=200, height=100, azimuth_degrees=azimuth, elevation_degrees=elevation, up=up
    ):
        assert seen(camera, centre) == pytest.approx([100, 50, 5])
        above = seen(camera, centre + 0.1 * np.array(up))
        assert above[0] == pytest.approx(100) and above[1] < 50
        height = (camera.position - centre) @ np.array(up) / np.linalg.norm(up)
        assert height == pytest.approx(5 * np.sin(np.radians(elevation)))


def test_an_orbit_begins_in_front_and_goes_on_counterclockwise() -> None:
    front, right, *_ = orbit(np.zeros(3), 2, 4, width=8, height=8, elevation_degrees=0)
    assert front.position == pytest.approx([0, 0, -2]) and front.rotation == pytest.approx(np.eye(3))
    assert right.position == pytest.approx([2, 0, 0])


def test_a_picture_of_another_shape_shows_all_of_the_view() -> None:
    camera = Camera(200, 100, 150, 140, 90, 55, np.eye(3), np.zeros(3))
    wide, high = camera.fitted(400, 100), camera.fitted(100, 100)
    for corner in ((0, 0), (200, 100), (0, 100)):
        point = np.array([(corner[0] - 90) / 150, (corner[1] - 55) / 140, 1.0])
        for fitted in (wide, high):
            x, y, _ = seen(fitted, point)
            assert -1e-9 <= x <= fitted.width + 1e-9 and -1e-9 <= y <= fitted.height + 1e-9
    assert (wide.fx, high.fx) == (150, 75)


def test_a_path_in_between_keeps_its_ends_and_turns_evenly() -> None:
    a = Camera(64, 48, 50, 50, 32, 24, np.eye(3), np.zeros(3))
    b = Camera.look_at(np.array([4.0, 0, 0]), np.array([5.0, 0, 0]), width=64, height=48, fov_degrees=90)
    first, middle, last = CameraPath((a, b)).resampled(3)
    assert first is a and last is b
    assert middle.position == pytest.approx([2, 0, 0])
    assert middle.rotation[2] == pytest.approx([np.sqrt(0.5), 0, np.sqrt(0.5)])  # half way from +z to +x
    assert middle.fx == pytest.approx((50 + b.fx) / 2)


@given(turn=DIRECTIONS, angle=st.floats(0, np.pi))
def test_what_lies_between_two_cameras_is_a_camera(turn: tuple[float, float, float], angle: float) -> None:
    x, y, z = np.array(turn) / np.linalg.norm(turn)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    a = Camera(8, 8, 5, 5, 4, 4, np.eye(3), np.zeros(3))
    path = CameraPath((a, Camera(8, 8, 5, 5, 4, 4, rotation, np.ones(3))), (0.0, 1.0))
    cameras = path.resampled(5)
    turned = [np.arccos(np.clip((np.trace(camera.rotation) - 1) / 2, -1, 1)) for camera in cameras]
    assert turned == pytest.approx(np.linspace(0, angle, 5), abs=1e-5)


def test_times_decide_where_a_path_is() -> None:
    cameras = tuple(Camera(8, 8, 5, 5, 4, 4, np.eye(3), np.array([-x, 0, 0])) for x in (0.0, 1, 2))
    at = [camera.position[0] for camera in CameraPath(cameras, (0, 3, 4)).resampled(5)]
    assert at == pytest.approx([0, 1 / 3, 2 / 3, 1, 2])
    with pytest.raises(ValueError, match="increase"):
        CameraPath(cameras, (0, 2, 2))
    with pytest.raises(ValueError, match="at least one camera"):
        CameraPath(())


def test_a_camera_does_not_look_at_itself() -> None:
    with pytest.raises(ValueError, match="where it stands"):
        Camera.look_at(np.ones(3), np.ones(3), width=8, height=8)
