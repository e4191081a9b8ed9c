"""A rig moves as linear blend skinning promises, answers to ARKit's names, and refuses what is no rig."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import SettingsError
from sfumato.rig import ARKIT_NAMES, Response, Rig, axis_angle, check_mesh, rotation_matrices
from sfumato.rig.arkit import responses

TURN = st.tuples(*[st.floats(-4, 4)] * 3)
PLACES = np.random.default_rng(0).uniform(-0.1, 0.1, (4, 3))


def parts(**changes: Any) -> dict[str, Any]:
    """The fields of a rig with 30 vertices, 3 shapes and 4 joints of which two are arms of the second."""
    random = np.random.default_rng(1)
    skin = random.uniform(0, 1, (30, 4))
    return {
        "vertices": random.uniform(-0.1, 0.1, (30, 3)),
        "faces": random.permuted(np.tile(np.arange(30), (20, 1)), axis=1)[:, :3],
        "shape_names": ("jawOpen", "browInnerUp_L", "browInnerUp_R"),
        "shapes": random.normal(0, 0.01, (3, 30, 3)),
        "joint_names": ("root", "neck", "eye_left", "eye_right"),
        "parents": [-1, 0, 1, 1],
        "joints": PLACES,
        "skin": skin / skin.sum(axis=1, keepdims=True),
    } | changes


def rig(**changes: Any) -> Rig:
    return Rig(**parts(**changes))


def full() -> Rig:
    """With everything that a rig may have."""
    random = np.random.default_rng(2)
    regressor = random.uniform(0, 1, (4, 30))
    return rig(
        joint_regressor=regressor / regressor.sum(axis=1, keepdims=True),
        correctives=random.normal(0, 0.002, (27, 30, 3)),
        arkit=responses(parts()["shape_names"], parts()["joint_names"]),
    )


def test_a_rig_at_rest_is_its_neutral_bit_for_bit():
    for it in (rig(), full()):
        for posed in (it.pose(), it.pose(np.zeros(3), {"neck": np.zeros(3)}, np.zeros(3)), it.drive({"jawOpen": 0})):
            np.testing.assert_array_equal(posed, it.vertices)


@given(turn=TURN, shift=TURN, weight=st.floats(-1, 1))
def test_turning_the_root_moves_everything_rigidly(turn, shift, weight):
    it = rig()
    still = it.pose({"jawOpen": weight}, {"neck": [0.2, 0.1, 0]})
    moved = it.pose({"jawOpen": weight}, {"neck": [0.2, 0.1, 0], "root": turn}, shift)
    expected = (still - it.joints[0]) @ rotation_matrices(turn).T + it.joints[0] + shift
    np.testing.assert_allclose(moved, expected, atol=3e-6)


@given(a=st.lists(st.floats(-2, 2), min_size=3, max_size=3), b=st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_without_turns_vertices_are_linear_in_the_weights(a, b):
    it = full()
    moves = [it.pose(np.array(w)) - it.vertices for w in (a, b, np.add(a, b))]
    np.testing.assert_allclose(moves[0] + moves[1], moves[2], atol=1e-6)


def test_poses_are_those_of_the_textbook():
    it = full()
    weights = np.array([0.5, -0.2, 0.8])
    turns = {"root": [0.1, 0, 0.2], "neck": [0, 0.4, 0], "eye_right": [-0.3, 0.2, 0]}
    local = [rotation_matrices(turns.get(name, [0, 0, 0])) for name in it.joint_names]
    shaped = it.vertices.astype(float) + np.einsum("k,kvc->vc", weights, it.shapes)
    joints = it.joints + it.joint_regressor @ (shaped - it.vertices)
    shaped += np.einsum("f,fvc->vc", np.concatenate([(r - np.eye(3)).ravel() for r in local[1:]]), it.correctives)
    world = []
    for j, parent in enumerate(it.parents):  # homogeneous matrices, from the root on
        place = np.eye(4)
        place[:3, :3], place[:3, 3] = local[j], joints[j] - (joints[parent] if j else 0)
        world.append(world[parent] @ place if j else place)
    expected = np.zeros((30, 3))
    for j, matrix in enumerate(world):
        at_rest = np.eye(4)
        at_rest[:3, 3] = -joints[j]
        moved = np.column_stack([shaped, np.ones(30)]) @ (matrix @ at_rest).T
        expected += it.skin[:, j : j + 1] * moved[:, :3]
    np.testing.assert_allclose(it.pose(weights, turns, [1, 2, 3]), expected + np.array([1, 2, 3]), atol=1e-6)


def test_frames_are_posed_together_as_one_by_one():
    it = full()
    random = np.random.default_rng(3)
    weights, turns, shift = random.normal(size=(5, 3)), random.normal(size=(5, 3)), random.normal(size=(5, 3))
    together = it.pose(weights, {"neck": turns, "root": [0, 0.1, 0]}, shift)
    assert together.shape == (5, 30, 3) and together.dtype == np.float32
    for t in range(5):
        alone = it.pose(weights[t], {"neck": turns[t], "root": [0, 0.1, 0]}, shift[t])
        np.testing.assert_allclose(together[t], alone, atol=1e-6)
    only = it.pose({"jawOpen": weights[:, 0], "browInnerUp_L": 0.5})
    np.testing.assert_allclose(only[2], it.pose({"jawOpen": weights[2, 0], "browInnerUp_L": 0.5}), atol=1e-6)


def test_a_head_looks_left_down_and_tilts_right_where_it_says_so():
    nose, crown = np.array([0, 0, 1]), np.array([0, 1, 0])
    assert (rotation_matrices(axis_angle(yaw_degrees=90)) @ nose).round(6).tolist() == [1, 0, 0]
    assert (rotation_matrices(axis_angle(pitch_degrees=90)) @ nose).round(6).tolist() == [0, -1, 0]
    assert (rotation_matrices(axis_angle(roll_degrees=90)) @ crown).round(6).tolist() == [-1, 0, 0]
    assert np.allclose(rotation_matrices(axis_angle(yaw_degrees=180)) @ nose, [0, 0, -1])
    both = rotation_matrices(axis_angle(yaw_degrees=90, pitch_degrees=30)) @ nose  # down, wherever the head looks
    np.testing.assert_allclose(both, [np.cos(np.pi / 6), -0.5, 0], atol=1e-9)


@given(turn=TURN)
def test_rotations_are_rotations(turn):
    matrix = rotation_matrices(turn)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)
    np.testing.assert_allclose(matrix @ turn, turn, atol=1e-12)


def test_arkit_moves_shapes_and_joints_by_name():
    it = full()
    assert len(ARKIT_NAMES) == len(set(ARKIT_NAMES)) == 52
    expected = it.pose({"browInnerUp_L": 0.5, "browInnerUp_R": 0.5, "jawOpen": 0.25})
    np.testing.assert_array_equal(it.drive({"browInnerUp": 0.5, "jawOpen": 0.25, "tongueOut": 1}), expected)
    _, turns = it.driven({"eyeLookInLeft": 0.5, "eyeLookUpLeft": 0.5, "eyeLookOutRight": 0.5})
    looks = {name: rotation_matrices(turn) @ [0, 0, 1] for name, turn in turns.items()}
    assert looks["eye_left"][0] < -0.2 and looks["eye_left"][1] > 0.2  # to the person's right, and up
    assert looks["eye_right"][0] < -0.2 and abs(looks["eye_right"][1]) < 1e-6
    film = it.drive({"jawOpen": np.linspace(0, 1, 4)}, {"neck": [0, 0.3, 0]})
    np.testing.assert_allclose(film[3], it.pose({"jawOpen": 1}, {"neck": [0, 0.3, 0]}), atol=1e-6)


def test_names_of_other_writers_answer_to_arkit():
    found = responses(("EyeBlinkLeft", "mouthSmile_R", "cheek_puff", "smile"))
    assert found["eyeBlinkLeft"].shapes == (("EyeBlinkLeft", 1.0),)
    assert found["mouthSmileRight"].shapes == (("mouthSmile_R", 1.0),)
    assert found["cheekPuff"].shapes == (("cheek_puff", 1.0),) and len(found) == 3


def test_the_rig_of_a_person_poses_like_the_general_one():
    it = full()
    person = it.reshaped({"browInnerUp_L": 0.7}, np.full((30, 3), 0.01))
    assert person.shape_names == ("jawOpen", "browInnerUp_R")
    general = it.reshaped({}, np.full((30, 3), 0.01)).pose({"browInnerUp_L": 0.7, "jawOpen": 0.2}, {"neck": [0, 1, 0]})
    np.testing.assert_allclose(person.pose({"jawOpen": 0.2}, {"neck": [0, 1, 0]}), general, atol=1e-6)
    assert person.arkit["browInnerUp"].shapes == (("browInnerUp_R", 1.0),)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vertices": np.where(np.arange(90).reshape(30, 3) == 31, np.nan, 0)}, "vertices: row 10 .* not finite"),
        ({"vertices": np.zeros((30, 2))}, r"vertices must be \[30, 3\]; got \[30, 2\]"),
        ({"faces": [[0, 1, 2], [0, 1, 30]]}, r"face 1 is \[0, 1, 30\], but there are 30 vertices"),
        ({"faces": [[0, 1, -1]]}, "face 0"),
        ({"faces": [[0, 1, 0.5]]}, "faces: row 0 .* whole number"),
        ({"faces": np.zeros((0, 3))}, "needs vertices, faces and a joint"),
        ({"shapes": np.zeros((2, 30, 3))}, r"shapes must be \[3, 30, 3\]"),
        ({"shape_names": ("a", "a", "b")}, "shape_names must differ"),
        ({"parents": [-1, 0, 3, 1]}, "parents"),
        ({"skin": np.full((30, 4), 0.5)}, "skin: the weights of vertex 0"),
        ({"skin": "none"}, "skin must be an array of numbers"),
        ({"correctives": np.zeros((9, 30, 3))}, "correctives must be"),
        ({"uv": np.zeros((5, 2))}, "both uv"),
        ({"uv": np.zeros((5, 2)), "uv_faces": np.full((20, 3), 5)}, "uv_faces: face 0"),
        ({"regions": ("skin",), "region": np.ones(30)}, "region"),
        ({"arkit": {"jawOpen": Response((("mouth", 1.0),))}}, "jawOpen"),
    ],
)
def test_what_is_no_rig_is_refused_by_the_field_at_fault(changes, words):
    with pytest.raises(SettingsError, match=words):
        rig(**changes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weights": np.zeros(4)}, r"weights must be \[3\]"),
        ({"weights": {"smile": 1}}, "no shape 'smile'; it has jawOpen"),
        ({"weights": {"jawOpen": np.nan}}, "weight of jawOpen must be finite"),
        ({"weights": {"jawOpen": "wide"}}, "must be numbers; got str"),
        ({"rotations": {"tail": [0, 0, 0]}}, "no joint 'tail'"),
        ({"rotations": {"neck": [0, 0]}}, r"rotation of neck must be \[3\]"),
        ({"translation": [1.0]}, "translation"),
        ({"weights": np.zeros((4, 3)), "translation": np.zeros((5, 3))}, "different numbers of frames"),
    ],
)
def test_poses_that_make_no_sense_are_refused_by_name(arguments, words):
    with pytest.raises(SettingsError, match=words):
        rig().pose(**arguments)


def test_names_that_arkit_does_not_have_are_refused():
    with pytest.raises(SettingsError, match="'jaw_open' is not a name of ARKit"):
        rig().drive({"jaw_open": 1})


def test_faults_of_a_mesh_are_reported_by_face():
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, 1], [2, 0, 0]], float)
    assert not check_mesh(square, [[0, 1, 2], [0, 2, 3]])
    faults = check_mesh(square, [[0, 1, 2], [0, 2, 3], [0, 2, 4], [1, 1, 2], [0, 1, 5]])
    assert faults.degenerate.tolist() == [3, 4]
    assert faults.non_manifold.tolist() == [0, 1, 2]
    assert str(faults) == "faces 3, 4 are degenerate; faces 0, 1, 2 lie at non-manifold edges"
    flipped = check_mesh(square, [[0, 1, 2], [0, 3, 2]])
    assert flipped.non_manifold.tolist() == [0, 1]
    assert str(check_mesh(square, [[0, 1, 5]])) == "face 0 is degenerate"
