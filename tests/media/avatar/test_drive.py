"""What an avatar is told: names are understood as people write them, and unknown ones are told with near ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from media.avatar.heads import small_rig
from sfumato.errors import InputError, SettingsError
from sfumato.media.avatar.drive import Names, mesh_of
from sfumato.rig import ARKIT_NAMES, axis_angle
from sfumato.sources.drive import Drive

RIG = small_rig()
NAMES = Names(RIG)


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ("jawOpen", "jawOpen"),
        ("jaw_open", "jawOpen"),
        ("JAW_OPEN", "jawOpen"),
        ("mouth_smile_left", "mouthSmileLeft"),
        ("ears_back", "ears_back"),
        ("earsBack", "ears_back"),
        ("head_yaw", "headYaw"),
        ("headRoll", "headRoll"),
    ],
)
def test_names_are_understood_in_snake_case_too(given: str, means: str) -> None:
    assert NAMES.find(given) == means


def test_every_name_of_arkit_is_known_to_every_rig() -> None:
    assert all(NAMES.find(name) == name for name in ARKIT_NAMES)


def test_an_unknown_name_is_told_with_near_ones() -> None:
    with pytest.raises(SettingsError, match=r"'jaw_opn' is neither a shape .* did you mean jawOpen"):
        NAMES.find("jaw_opn")
    with pytest.raises(SettingsError, match=r"'xyzzy' .*see rig\.shape_names"):
        NAMES.find("xyzzy")


def test_weights_move_the_mesh_as_the_rig_does() -> None:
    told = NAMES.expression({"jaw_open": 0.4, "ears_back": 0.5, "browDownLeft": 0.2})
    expected = RIG.pose({"jawOpen": 0.4, "ears_back": 0.5, "browDownLeft": 0.2})
    np.testing.assert_allclose(told.mesh(RIG), expected, atol=1e-7)


def test_arkit_moves_joints_where_the_rig_answers_with_them_and_shapes_first_does_not() -> None:
    told = NAMES.expression({"eyeLookOutLeft": 1.0})
    np.testing.assert_array_equal(told.mesh(RIG), RIG.drive({"eyeLookOutLeft": 1.0}))
    assert np.abs(told.mesh(RIG) - RIG.vertices).max() > 0.001
    shapes = NAMES.expression({"jawOpen": 1.0}, shapes_first=True)
    assert dict(shapes.shapes) == {"jawOpen": 1.0} and not shapes.arkit


def test_the_head_turns_to_the_persons_left_down_and_to_the_right_shoulder() -> None:
    """x is the person's left, y up, z where the face looks."""
    front, top = int(RIG.vertices[:, 2].argmax()), int(RIG.vertices[:, 1].argmax())
    at = RIG.vertices

    def moved(**turn: float) -> np.ndarray:
        return NAMES.expression(turn).mesh(RIG) - at

    assert moved(head_yaw=20)[front, 0] > 0.005
    assert moved(head_pitch=20)[front, 1] < -0.005
    assert moved(head_roll=20)[top, 0] < -0.005
    both = NAMES.expression({"headYaw": 20, "headRoll": 5}).mesh(RIG)
    turn = axis_angle(yaw_degrees=20, roll_degrees=5)
    np.testing.assert_array_equal(both, RIG.pose(rotations={RIG.head_joint: turn}))


def test_the_head_is_not_turned_twice() -> None:
    with pytest.raises(SettingsError, match="turned twice"):
        NAMES.expression({"head_yaw": 3}, {RIG.head_joint: [0, 0.1, 0]})


def test_a_rotation_replaces_what_a_name_does_to_the_joint() -> None:
    told = NAMES.expression({"eyeLookOutLeft": 1.0}, {"eye_left": [0, 0, 0]})
    np.testing.assert_allclose(told.mesh(RIG), RIG.vertices, atol=1e-7)


@pytest.mark.parametrize(
    ("weights", "rotations", "translation", "says"),
    [
        ({"jawOpen": float("nan")}, None, None, "the weight of jawOpen must be a finite number"),
        ({"jawOpen": "wide"}, None, None, "the weight of jawOpen must be a finite number; got 'wide'"),
        ({"jawOpen": [0.1, 0.2]}, None, None, "the weight of jawOpen"),
        ({}, {"chin": [0, 0, 0]}, None, "no joint 'chin'; it has root, neck, eye_left"),
        ({}, {"neck": [0, 0]}, None, r"the rotation of neck must be \[3\]"),
        ({}, None, [0, 0, float("inf")], "the translation must be finite"),
    ],
)
def test_what_is_no_pose_is_named(weights, rotations, translation, says) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SettingsError, match=says):
        NAMES.expression(weights, rotations, translation)


def test_vertices_are_the_mesh_if_they_are_of_the_templates_topology() -> None:
    moved = RIG.vertices + np.float32(0.01)
    np.testing.assert_array_equal(mesh_of(moved, RIG).mesh(RIG), moved)
    for wrong in (moved[:-1], moved[None], np.full_like(moved, np.nan)):
        with pytest.raises(SettingsError, match="vertices"):
            mesh_of(wrong, RIG)


def test_a_frame_of_a_drive_is_what_it_says() -> None:
    ramp = np.linspace(0, 1, 5, dtype=np.float32)
    turns = np.stack([0 * ramp, ramp, 0 * ramp], axis=1)
    drive = Drive("a.npz", 5, None, {"grin": ramp, "jawOpen": ramp}, True, {"neck": turns}, turns / 10)
    NAMES.check(drive)
    mesh = NAMES.frame(drive, 3).mesh(RIG)
    expected = RIG.pose({"grin": 0.75, "jawOpen": 0.75}, {"neck": [0, 0.75, 0]}, [0, 0.075, 0])
    np.testing.assert_allclose(mesh, expected, atol=1e-7)


def test_a_drive_of_meshes_is_held_to_the_topology() -> None:
    meshes = np.tile(RIG.vertices, (2, 1, 1)) + np.float32(0.02)
    good = Drive("a.npz", 2, vertices=meshes, faces=RIG.faces)
    NAMES.check(good)
    np.testing.assert_array_equal(NAMES.frame(good, 1).mesh(RIG), meshes[1])
    with pytest.raises(
        InputError, match=r"'a\.npz': frame 0: field 'vertices': .* 17 vertices, the avatar's template 18"
    ):
        NAMES.check(Drive("a.npz", 2, vertices=meshes[:, 1:]))
    with pytest.raises(InputError, match=r"'a\.npz': field 'faces': its 32 faces are not the 32"):
        NAMES.check(Drive("a.npz", 2, vertices=meshes, faces=RIG.faces[::-1]))


def test_a_drive_of_unknown_names_is_told_by_file_frame_and_field() -> None:
    late = np.array([0, 0, 1], np.float32)
    with pytest.raises(InputError, match=r"'a\.json': frame 2 .*field 'jawOpn': .*did you mean jawOpen"):
        NAMES.check(Drive("a.json", 3, weights={"jawOpn": late}))
    with pytest.raises(InputError, match=r"'a\.npz': frame 2 .*field 'rotation\.chin': the rig has no joint"):
        NAMES.check(Drive("a.npz", 3, rotations={"chin": np.stack([late] * 3, axis=1)}))
    twice = Drive("a.npz", 3, weights={"headYaw": late}, rotations={RIG.head_joint: np.zeros((3, 3), np.float32)})
    with pytest.raises(InputError, match="turned twice"):
        NAMES.check(twice)


def test_without_the_rig_that_a_file_names_names_mean_nothing_and_this_is_said(tmp_path: Path) -> None:
    missing = Names(RIG, "FLAME 2023")
    for act in (
        lambda: missing.find("jawOpen"),
        lambda: missing.expression({}, {"neck": [0, 0, 0]}),
        lambda: missing.all_shapes(np.zeros(5), {}),
    ):
        with pytest.raises(
            InputError, match=r"names the rig 'FLAME 2023' without having it, .*open the file with rig="
        ):
            act()
    missing.expression({}, None, [0, 0, 1])
