from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from sfumato.errors import InputError
from sfumato.rig import Rig
from sfumato.sources.capture_folder import npz_bytes
from sfumato.sources.capture_vhap import read_vhap

RANDOM = np.random.default_rng(0)
NEUTRAL = RANDOM.normal(size=(5, 3)) * 0.1
FACES = [[0, 1, 2], [0, 2, 3]]
RIG = Rig(
    vertices=NEUTRAL, faces=FACES, shape_names=("shape0", "shape1", "expr0", "expr1"),
    shapes=RANDOM.normal(size=(4, 5, 3)) * 0.01,
    joint_names=("root", "neck", "jaw", "eye_left", "eye_right"), parents=[-1, 0, 1, 1, 1], joints=np.zeros((5, 3)),
    skin=np.eye(5),
)  # fmt: skip
TRANSLATIONS = RANDOM.normal(size=(3, 3)) * 0.01


def entry(frame, camera):
    matrix = np.eye(4)
    matrix[:3, 3] = [0.1 * camera, 0, 1]
    return {
        "timestep_index": frame, "camera_index": camera, "transform_matrix": matrix.tolist(), "w": 20, "h": 30,
        "fl_x": 40.0, "fl_y": 40.0, "cx": 10.0, "cy": 15.0, "file_path": f"images/{frame:05d}_{camera:02d}.png",
        "fg_mask_path": f"fg_masks/{frame:05d}_{camera:02d}.png", "flame_param_path": f"flame_param/{frame:05d}.npz",
    }  # fmt: skip


def codes(frame, **changes):
    return {
        "translation": TRANSLATIONS[frame][None], "rotation": np.array([[0, 0.1 * frame, 0]]),
        "neck_pose": np.zeros((1, 3)), "jaw_pose": np.array([[0.2, 0, 0]]), "eyes_pose": np.zeros((1, 6)),
        "shape": np.array([0.5, -1.0]), "expr": np.array([[0.3, 0.1 * frame]]),
        "static_offset": np.zeros((1, 4, 3)),
    } | changes  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name in ("images", "fg_masks", "flame_param"):
        (tmp_path / name).mkdir()
    for frame in range(3):
        (tmp_path / f"flame_param/{frame:05d}.npz").write_bytes(npz_bytes(codes(frame)))
        for camera in range(2):
            mask = np.zeros((30, 20), np.uint8)
            mask[10:, :] = 255
            Image.new("RGB", (20, 30), (200, 10, 10)).save(tmp_path / f"images/{frame:05d}_{camera:02d}.png")
            Image.fromarray(mask).save(tmp_path / f"fg_masks/{frame:05d}_{camera:02d}.png")
    for split, pairs in (
        ("train", [(0, 0), (1, 0)]), ("val", [(0, 1), (1, 1)]), ("test", [(2, 0), (2, 1)])
    ):  # fmt: skip
        content = {"frames": [entry(*pair) for pair in pairs]}
        (tmp_path / f"transforms_{split}.json").write_text(json.dumps(content))
    return tmp_path


def rewrite(folder, split, change):
    path = folder / f"transforms_{split}.json"
    content = json.loads(path.read_text())
    change(content["frames"])
    path.write_text(json.dumps(content))


def test_splits_cameras_and_pictures_are_those_of_the_export(folder):
    capture = read_vhap(folder, RIG)
    assert capture.pairs("train") == [(0, 0), (1, 0)]
    assert capture.pairs("novel view") == [(0, 1), (1, 1)]
    assert capture.pairs("novel expression") == [(2, 0), (2, 1)]
    np.testing.assert_allclose(capture.cameras[1].camera.position, [0.1, 0, 1], atol=1e-9)
    np.testing.assert_allclose(capture.cameras[0].camera.rotation, np.diag([1, -1, -1]), atol=1e-9)
    image, mask = capture.image(0, 0), capture.mask(0, 0)
    assert (image[:10] == 1).all()  # the mask lays white over what is not the head
    np.testing.assert_allclose(image[10:], np.broadcast_to(np.array([200, 10, 10]) / 255, (20, 20, 3)), atol=1e-6)
    assert mask.shape == (30, 20) and mask[:10].max() == 0 and mask[10:].min() == 1


def test_codes_pose_the_rig(folder):
    weights = {"shape0": 0.5, "shape1": -1.0, "expr0": 0.3, "expr1": 0.2}
    expected = RIG.pose(weights, {"root": [0, 0.2, 0], "jaw": [0.2, 0, 0]}, TRANSLATIONS[2])
    np.testing.assert_allclose(read_vhap(folder, RIG).vertices[2], expected, atol=1e-6)


def test_a_static_offset_moves_the_neutral(folder):
    offset = np.full((1, 4, 3), 0.01)  # of the tracked vertices; the rig has one more
    (folder / "flame_param/00000.npz").write_bytes(npz_bytes(codes(0, static_offset=offset)))
    still = codes(0, rotation=np.zeros((1, 3)), jaw_pose=np.zeros((1, 3)))
    (folder / "flame_param/00001.npz").write_bytes(npz_bytes(still))
    (folder / "flame_param/00002.npz").write_bytes(npz_bytes(still | {"static_offset": offset}))
    vertices = read_vhap(folder, RIG).vertices
    np.testing.assert_allclose((vertices[2] - vertices[1])[:4], 0.01, atol=1e-6)
    np.testing.assert_allclose((vertices[2] - vertices[1])[4], 0, atol=1e-6)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "transforms_train.json").unlink(), "no transforms_train.json"),
        (lambda f: (f / "images/00001_01.png").unlink(), "frame '00001', camera '01'.*00001_01.png"),
        (lambda f: (f / "fg_masks/00002_00.png").unlink(), "frame '00002'.*fg_masks"),
        (lambda f: (f / "flame_param/00001.npz").unlink(), "frame '00001'.*flame_param"),
        (lambda f: rewrite(f, "val", lambda e: e.pop()), "frame '00001'.*camera '01'"),
        (lambda f: rewrite(f, "val", lambda e: e[0].pop("timestep_index")), "transforms_val.*timestep_index"),
        (lambda f: rewrite(f, "test", lambda e: e[0].update(file_path="../../secret.png")), "file_path"),
        (lambda f: rewrite(f, "test", lambda e: e[0].update(fl_x=50.0)), "transforms_test.*camera '00' differs"),
    ],
)
def test_an_incomplete_export_is_refused(folder, damage, words):
    damage(folder)
    with pytest.raises(InputError, match=f"cannot read '.*{words}"):
        read_vhap(folder, RIG)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"jaw_pose": np.array([[np.nan, 0, 0]])}, "not finite"),
        ({"eyes_pose": np.zeros((1, 3))}, "eyes_pose"),
        ({"expr": np.ones((1, 5))}, "5 codes 'expr'"),
        ({"static_offset": np.zeros((1, 9, 3))}, "static_offset"),
    ],
)
def test_codes_that_no_pose_follows_from_are_named_by_frame_and_file(folder, changes, words):
    (folder / "flame_param/00001.npz").write_bytes(npz_bytes(codes(1, **changes)))
    with pytest.raises(InputError, match=rf"00001.npz': frame '00001'.*{words}"):
        _ = read_vhap(folder, RIG).vertices


def test_a_mask_of_another_size_is_named(folder):
    Image.new("L", (5, 5)).save(folder / "fg_masks/00001_00.png")
    with pytest.raises(InputError, match=r"frame '00001', '.*fg_masks/00001_00.png'.*5 x 5"):
        read_vhap(folder, RIG).mask(1, 0)
