"""ICT-FaceKit is read from its folder and packed; meshes in OBJ on their own are rigs without expressions."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from rig_files import shared, write_obj

from sfumato.errors import InputError
from sfumato.rig import ARKIT_NAMES, check_mesh
from sfumato.sources.npz import read_npz
from sfumato.sources.obj import read_obj
from sfumato.sources.rig import read_rig
from sfumato.sources.rig_ict import read_ict

# A pyramid on a square: one quad and four triangles, counterclockwise from outside.
VERTICES = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1], [0, 2, 0]], float)
FACES = np.array([[0, 1, 2, 3], [1, 0, 4, -1], [2, 1, 4, -1], [3, 2, 4, -1], [0, 3, 4, -1]])
UV = VERTICES[:, [0, 2]] / 4 + 0.5
MOVES = {"jawOpen": np.array([0, -1, 0]), "browDown_L": np.array([0, 0, 0.5]), "identity000": np.array([1, 0, 0])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "ICT-FaceKit" / "FaceXModel"
    place.mkdir(parents=True)
    write_obj(place / "generic_neutral_mesh.obj", VERTICES, FACES, UV)
    for name, move in MOVES.items():
        write_obj(place / f"{name}.obj", VERTICES + move, FACES, UV)
    return place


def packed(path: Path, **changes: object) -> Path:
    arrays = {
        "vertices": VERTICES.astype(np.float32), "faces": FACES.astype(np.int32), "uv": UV, "faces_uv": FACES,
        "expression_names": np.array(["browDown_L", "jawOpen"]),
        "expressions": np.stack([np.tile(MOVES[name], (5, 1)) for name in ("browDown_L", "jawOpen")]),
        "identities": np.tile(MOVES["identity000"], (1, 5, 1)).astype(np.float16),
    }  # fmt: skip
    np.savez(path, **{name: array for name, array in (arrays | changes).items() if array is not None})
    return path


def test_the_folder_and_the_packed_file_are_the_same_rig(folder, tmp_path):
    rigs = [read_ict(folder, identities=3), read_ict(packed(tmp_path / "ict_face_model.npz"), identities=3)]
    for rig in rigs:
        assert rig.shape_names == ("browDown_L", "jawOpen", "identity0")
        np.testing.assert_allclose(rig.vertices, VERTICES / 100, atol=1e-7)
        np.testing.assert_allclose(rig.pose({"jawOpen": 1}), (VERTICES + MOVES["jawOpen"]) / 100, atol=1e-7)
        np.testing.assert_allclose(rig.uv[rig.uv_faces], UV[rig.faces], atol=1e-6)
        assert len(rig.faces) == 6 and not check_mesh(rig.vertices, rig.faces)
    np.testing.assert_array_equal(*(rig.faces[np.lexsort(rig.faces.T)] for rig in rigs))
    assert read_rig(folder.parent).shape_names == read_rig(tmp_path).shape_names == ("browDown_L", "jawOpen")


def test_ict_facekit_has_all_of_arkit_but_the_tongue():
    rig = read_rig(shared("ict_face_dev"))
    assert rig.vertices.shape == (26719, 3) and rig.faces.shape == (52220, 3) and rig.shapes.shape == (57, 26719, 3)
    assert set(ARKIT_NAMES) - set(rig.arkit) == {"tongueOut"}
    assert not check_mesh(rig.vertices, rig.faces)
    assert rig.head_joint == "neck"
    width, height, _ = rig.vertices.max(axis=0) - rig.vertices.min(axis=0)
    assert 0.2 < width < 0.3 and 0.3 < height < 0.4  # metres
    pupil = np.abs(rig.shapes[rig.shape_names.index("PupilDilate_L")]).max(axis=1) > 0
    assert {rig.regions[k] for k in rig.region[pupil]} == {"eyes"}
    np.testing.assert_array_equal(rig.pose(), rig.vertices)


def test_the_eyes_of_ict_facekit_turn_and_stay_in_the_head():
    rig = read_rig(shared("ict_face_dev"))
    left = np.flatnonzero((rig.region == rig.regions.index("eyes")) & (rig.vertices[:, 0] > 0))
    front = left[rig.vertices[left, 2].argmax()]
    posed = rig.drive({"eyeLookOutLeft": 1})
    assert posed[front, 0] - rig.vertices[front, 0] > 0.005  # the pupil goes to the person's left
    assert np.abs(posed[left].mean(axis=0) - rig.vertices[left].mean(axis=0)).max() < 0.003
    turned = rig.pose(rotations={"neck": [0, 0.5, 0]})
    collar = rig.vertices[:, 1] < -0.16
    assert collar.any()
    np.testing.assert_allclose(turned[collar], rig.vertices[collar], atol=1e-6)


def test_a_mesh_in_obj_is_a_rig_that_only_moves_as_a_whole(tmp_path):
    rig = read_rig(write_obj(tmp_path / "mesh.obj", VERTICES, FACES))
    assert rig.joint_names == ("root",) and rig.shape_names == () and rig.uv is None and not rig.arkit
    np.testing.assert_allclose(rig.pose(translation=[0, 0, 1]), VERTICES + np.array([0, 0, 1]), atol=1e-6)


def test_the_canonical_face_of_mediapipe_opens():
    rig = read_rig(shared("face_mediapipe_canonical") / "canonical_face_model.obj")
    assert rig.vertices.shape == (468, 3) and rig.faces.shape == (898, 3) and rig.uv is not None


def test_negative_numbers_count_backwards(tmp_path):
    path = tmp_path / "mesh.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0 0.5 0.5 0.5\nf -3//1 -2//1 -1//1\nv 0 0 1\nf 1 2 -1\n")
    assert read_obj(path).faces.tolist() == [[0, 1, 2], [0, 1, 3]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n", "line 4: a face of '1 2 4'"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "line 4"),
        ("v 0 0 0\nv 1 0\nv 0 1 0\nf 1 2 3\n", "line 2: 'v 1 0' does not have 3 finite numbers"),
        ("v 0 0 0\nv 1 nan 0\nv 0 1 0\nf 1 2 3\n", "line 2"),
        ("v 0 0 0\nv 1 x 0\nv 0 1 0\nf 1 2 3\n", "line 2"),
        ("v 0 0 0\nv 1 0 0\nf 1 2\n", "line 3: a face of 2 corners"),
        ("v 0 0 0\n", "1 vertices and 0 faces"),
        ("hello\n", "0 vertices"),
        ("", "the file is empty"),
    ],
)
def test_a_damaged_obj_is_named_by_line(tmp_path, text, words):
    path = tmp_path / "mesh.obj"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_rig(path)
    assert "mesh.obj" in str(caught.value)


def test_an_expression_of_another_topology_is_named(folder):
    write_obj(folder / "smile.obj", VERTICES[:4], FACES[:1])
    with pytest.raises(InputError, match=r"smile.obj': it has 4 vertices and the neutral has 5"):
        read_rig(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expressions": None}, "no array expressions"),
        ({"expressions": np.zeros((3, 5, 3))}, "do not belong together"),
        ({"expressions": np.full((2, 5, 3), np.nan)}, "shapes: row 0 .* not finite"),
        ({"faces": np.full((5, 4), 7)}, "faces: face 0"),
        ({"vertices": np.array([{}] * 5)}, "vertices: it is of type object"),
    ],
)
def test_a_damaged_pack_is_named_by_array(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        read_rig(packed(tmp_path / "ict_face_model.npz", **changes))


def test_sizes_that_an_npz_only_claims_are_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "ict_face_model.npz"
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3), }".ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vertices.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"1234")
    with pytest.raises(InputError, match="vertices: 4 bytes do not fill float32"):
        read_npz(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vertices.npy", bytes(1_000_000))
    with pytest.raises(InputError, match="1,000,000 bytes, the limit is 1,000"):
        read_npz(path, most=1000)
    path.write_bytes(b"PK\3\4 not a zip")
    with pytest.raises(InputError, match=r"not an \.npz, or damaged"):
        read_npz(path)


def test_what_is_no_rig_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "missing.glb", "a\0b.obj"):
        with pytest.raises(InputError):
            read_rig(path)
