from __future__ import annotations

import numpy as np
import pytest

from sfumato.errors import OutputError, SettingsError
from sfumato.kernels.mesh import render_mesh
from sfumato.media.avatar.synth import SynthSettings, procedural_rig, synthesise
from sfumato.rig import Rig, check_mesh
from sfumato.sources.capture_folder import read_capture

SMALL = dict(size=(44, 64), frames=8, cameras=3, faces=2_000)
RIG = procedural_rig(2_000)
REST = RIG.vertices


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synth") / "capture"
    synthesise(folder, SynthSettings(**SMALL))
    return folder


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def moved(weights=None, **others):
    """How far every vertex goes, [V] in millimetres."""
    return 1000 * np.linalg.norm(RIG.pose(weights, **others) - REST, axis=1)


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SFUMATO_THREADS", "3")
    synthesise(tmp_path / "again", SynthSettings(**SMALL))
    assert files(folder) == files(tmp_path / "again")


def test_another_seed_is_another_person_with_the_same_mesh(folder, tmp_path):
    synthesise(tmp_path / "other", SynthSettings(**SMALL, seed=5))
    first, second = read_capture(folder), read_capture(tmp_path / "other")
    assert (first.vertices == second.vertices).all()
    assert np.abs(first.image(0, 1) - second.image(0, 1)).mean() > 0.02


def test_pictures_show_the_head_where_mask_and_mesh_are(folder):
    capture = read_capture(folder)
    capture.check_views()
    for frame, camera in [(0, 0), (3, 1), (7, 2)]:
        image, mask = capture.image(frame, camera), capture.mask(frame, camera)
        assert (image[mask == 0] == 1).all()  # the background is white
        assert 0.25 < mask.mean() < 0.9 and image[mask == 1].mean() < 0.8
        seen = render_mesh(capture.vertices[frame], capture.faces, capture.cameras[camera].camera).face >= 0
        assert (mask[seen] > 0).all() and (mask[~seen] < 1).all()


def test_a_capture_has_held_out_views_and_a_held_out_sequence(folder):
    capture = read_capture(folder)
    assert all(capture.pairs(split) for split in ("train", "novel view", "novel expression"))
    held_out = {frame.sequence for frame in capture.frames if frame.test}
    assert len(held_out) == 1 and not held_out & {frame.sequence for frame in capture.frames if not frame.test}


def test_the_driving_poses_the_rig_as_the_capture_shows_it(folder):
    capture = read_capture(folder)
    driving = capture.driving
    again = RIG.pose(driving.weights, driving.rotations, driving.translation)
    assert (again == capture.vertices).all()
    capture.check_template(RIG.faces, len(REST))


def test_every_expression_moves_the_face_and_leaves_the_rest():
    back = REST[:, 2] < -0.01
    for name in RIG.shape_names:
        motion = moved({name: 1.0})
        assert 1.5 < motion.max() < 16, name  # mm
        assert motion[back].max() == 0, name
        stray = (REST[:, 1] > 0.0) if name.startswith(("mouth", "cheek")) else (REST[:, 1] < -0.075)
        assert motion[stray].max() < 0.5, name


def test_left_and_right_mirror_each_other():
    for name in RIG.shape_names:
        if name.endswith("Left"):
            shapes = [RIG.shapes[RIG.shape_names.index(n)] for n in (name, name.removesuffix("Left") + "Right")]
            norms = [np.linalg.norm(shape, axis=1) for shape in shapes]
            weights = [norm / norm.sum() for norm in norms]
            left, right = ((weight[:, None] * REST).sum(axis=0) for weight in weights)
            assert left[0] > 0.005, name
            np.testing.assert_allclose(left * [-1, 1, 1], right, atol=1e-4, err_msg=name)


def test_a_blink_closes_the_eye_and_nothing_else():
    pupil = {side: RIG.joints[RIG.joint_names.index(f"eye_{side}")] + [0, 0, 0.013] for side in ("left", "right")}

    def seen_eye(side, vertices):
        """Whether a ray from the front meets the eyeball in front of its pupil."""
        from sfumato.camera import Camera

        view = Camera.look_at(pupil[side] + [0, 0, 0.5], pupil[side], width=9, height=9, fov_degrees=0.4, up=(0, 1, 0))
        face = render_mesh(vertices, RIG.faces, view).face[4, 4]
        return RIG.regions[RIG.region[RIG.faces[face, 0]]] == f"{side}_eye"

    assert seen_eye("left", REST) and seen_eye("right", REST)
    winking = RIG.pose({"eyeBlinkLeft": 1.0})
    assert not seen_eye("left", winking) and seen_eye("right", winking)


def test_the_jaw_takes_the_lower_teeth_along_and_leaves_the_upper():
    opened = moved(rotations={"jaw": [0.35, 0, 0]})
    part = {name: RIG.region == k for k, name in enumerate(RIG.regions)}
    assert opened[part["lower_teeth"]].min() > 10 and opened[part["tongue"]].min() > 5
    for still in ("upper_teeth", "left_eye", "right_eye", "ear"):
        assert opened[part[still]].max() == 0
    assert opened[REST[:, 1] > 0.0].max() < 0.5


def test_turning_the_neck_moves_the_head_rigidly_and_leaves_the_shoulders():
    posed = RIG.pose(rotations={"neck": [0, 0.4, 0]})
    head, low = REST[:, 1] > 0, REST[:, 1] < -0.19
    before, after = REST[head][:40], posed[head][:40]
    gaps = [np.linalg.norm(v[:, None] - v[None], axis=2) for v in (before, after)]
    np.testing.assert_allclose(*gaps, atol=1e-6)
    assert np.abs(posed - REST)[low].max() < 1e-6


@pytest.mark.parametrize("faces", [2_000, 3_000, 10_000, 20_000])
def test_the_mesh_has_about_as_many_faces_as_asked_for_and_no_faults(faces):
    rig = procedural_rig(faces)
    assert abs(len(rig.faces) / faces - 1) < 0.15
    assert not check_mesh(rig.vertices, rig.faces)
    assert np.ptp(rig.vertices[:, 0]) < 0.3 and 0.3 < np.ptp(rig.vertices[:, 1]) < 0.45  # metres


def test_another_rig_is_painted_and_moved_in_the_procedural_heads_place(tmp_path):
    twice = Rig.rigid(2 * REST + [1, 2, 3], RIG.faces)
    synthesise(tmp_path / "capture", SynthSettings(**SMALL | {"frames": 2, "cameras": 1}, rig=twice))
    capture = read_capture(tmp_path / "capture")
    assert 0.2 < capture.mask(0, 0).mean() < 0.95
    assert np.ptp(capture.vertices[0], axis=0).max() < 0.3


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"frames": 1}, "frames = 1"), ({"size": (8, 9)}, "size"), ({"faces": 10}, "faces"), ({"seed": -1}, "seed")],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(SettingsError, match=words):
        SynthSettings(**settings)


def test_a_capture_is_not_written_over_another_one(folder):
    with pytest.raises(OutputError, match="not empty"):
        synthesise(folder, SynthSettings(**SMALL))
