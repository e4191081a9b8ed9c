"""Rigs in glTF stand and move as the file's nodes, skins and morph targets say; hostile ones give one sentence."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig_files import Glb, head_glb, shared

from sfumato.errors import InputError
from sfumato.rig import ARKIT_NAMES, Rig
from sfumato.sources import rig_file
from sfumato.sources.rig import read_rig


def opened(tmp_path: Path, glb: Glb) -> Rig:
    path = tmp_path / "head.glb"
    path.write_bytes(glb.bytes())
    return read_rig(path)


def test_a_skinned_mesh_stands_where_its_bones_put_it(tmp_path):
    rig = opened(tmp_path, head_glb())
    assert rig.joint_names == ("hips", "head") and rig.parents.tolist() == [-1, 0]
    np.testing.assert_allclose(rig.joints, [[0, 1, 0], [0, 1.5, 0]], atol=1e-6)
    hat, body = rig.vertices[:4], rig.vertices[4:]
    np.testing.assert_allclose(body, [[-1, 1, 0], [1, 1, 0], [1, 2, 0], [-1, 2, 0]], atol=1e-6)
    np.testing.assert_allclose(hat, [[-0.5, 1.5, 0], [0.5, 1.5, 0], [0.5, 2, 0], [-0.5, 2, 0]], atol=1e-6)
    assert rig.faces.tolist() == [[0, 1, 2], [4, 5, 6], [4, 6, 7]]
    assert [rig.regions[k] for k in rig.region] == ["hat"] * 4 + ["body"] * 4
    np.testing.assert_allclose(rig.uv[4:], [[0, 0], [1, 0], [1, 1], [0, 1]], atol=1e-6)  # v goes up


def test_bones_and_morph_targets_move_it(tmp_path):
    rig = opened(tmp_path, head_glb())
    assert rig.shape_names == ("jawOpen", "eyeBlink_L") and set(rig.arkit) == {"jawOpen", "eyeBlinkLeft"}
    moved = rig.drive({"jawOpen": 2, "eyeBlinkLeft": 1}) - rig.vertices
    np.testing.assert_allclose(moved[4:], 0.125 + np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0.5], [0, 0, 0]]), atol=1e-6)
    np.testing.assert_array_equal(moved[:4], 0)
    turned = rig.pose(rotations={"head": [0, np.pi / 2, 0]})
    np.testing.assert_allclose(turned[4:], [[-1, 1, 0], [1, 1, 0], [0, 2, -1], [0, 2, 1]], atol=1e-6)
    np.testing.assert_allclose(turned[1], [0, 1.5, -0.5], atol=1e-6)  # the hat sits on the head


def test_a_mesh_without_bones_gets_a_root(tmp_path):
    glb = head_glb()
    del glb.json["skins"]
    del glb.json["nodes"][3]["skin"]
    rig = opened(tmp_path, glb)
    assert rig.joint_names == ("root",) and rig.joints.tolist() == [[0, 0, 0]]
    np.testing.assert_allclose(rig.vertices[4:, 1], [0, 0, 1, 1], atol=1e-6)


def test_the_text_form_with_its_buffer_beside_it_or_inside_is_the_same(tmp_path):
    glb = head_glb()
    expected = opened(tmp_path, glb)
    for uri in ("a%20b.bin", "data:application/octet-stream;base64," + base64.b64encode(glb.data).decode()):
        (tmp_path / "a b.bin").write_bytes(glb.data)
        glb.json["buffers"][0]["uri"] = uri
        (tmp_path / "head.gltf").write_text(json.dumps(glb.json))
        np.testing.assert_array_equal(
            read_rig(tmp_path / "head.gltf").pose({"jawOpen": 1}), expected.pose({"jawOpen": 1})
        )


def test_a_real_head_opens():
    rig = read_rig(shared("avatar_lam_statue") / "skin.glb")
    assert rig.vertices.shape == (20018, 3) and rig.faces.shape == (39904, 3) and len(rig.shape_names) == 51
    assert set(ARKIT_NAMES) - set(rig.arkit) == {"tongueOut"} and rig.head_joint == "head"
    np.testing.assert_allclose(rig.vertices.min(axis=0), [-0.105909, 1.492941, -0.110334], atol=1e-5)
    np.testing.assert_array_equal(rig.pose(), rig.vertices)
    frames = json.loads((shared("avatar_lam_statue") / "bsData.json").read_text())
    weights = np.array([frame["weights"] for frame in frames["frames"][:3]])
    posed = rig.drive(dict(zip(frames["names"], weights.T, strict=True)))
    assert posed.shape == (3, 20018, 3) and 0 < np.abs(posed - rig.vertices).max() < 0.03


def change(glb: Glb, place: str, value: Any) -> None:
    """Sets e.g. accessors.0.count, or removes it if the value is None."""
    *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    at: Any = glb.json
    for part in path:
        at = at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("asset.version", "1.0", "not glTF 2.0"),
        ("extensionsRequired", ["KHR_draco_mesh_compression"], "needs the extension KHR_draco_mesh_compression"),
        ("accessors.0.count", 10**9, "accessor 0: it has 1000000000 elements"),
        ("accessors.0.count", -1, "accessor 0"),
        ("accessors.0.count", 400, "accessor 0: it ends at byte"),
        ("accessors.0.type", "VEC2", "accessor 0: numbers of type"),
        ("accessors.0.bufferView", 99, "number 99 of"),
        ("accessors.0.byteOffset", -4, "place in the buffer is damaged"),
        ("accessors.4.sparse.count", 5, "5 of 4 elements"),
        ("bufferViews.0.byteStride", 4, "place in the buffer"),
        ("meshes.0.primitives.0.mode", 5, "strips or fans"),
        ("meshes.0.primitives.0.attributes.POSITION", "x", "names number"),
        ("meshes.0.primitives", None, "not as glTF wants it"),
        ("nodes.1.children", [0], "there twice"),
        ("nodes.1.children", [77], "node 77"),
        ("nodes.0.rotation", [0, 0, 1], "not as glTF wants it"),
        ("nodes.0.translation", [0, 1e300, 0], "not finite"),
        ("skins.0.joints", [0], "accessor|joints or weights"),
        ("skins.0.joints", [0, 40], "joint 40|not in the scene"),
        ("nodes", "many", "nodes is not a list"),
        ("scene", 5, "not as glTF wants it"),
        ("buffers", [{"uri": "../secret.bin"}], "does not lie beside the file"),
        ("buffers", [{"uri": "http://example.org/a.bin"}], "does not lie beside the file"),
        ("buffers", [{"uri": "data:;base64,***"}], "base64"),
    ],
)
def test_damaged_files_are_named_by_what_is_wrong(tmp_path, place, value, words):
    glb = head_glb()
    glb.bytes()
    change(glb, place, value)
    path = tmp_path / "head.gltf"
    description = dict(glb.json)
    if not place.startswith("buffers"):
        (tmp_path / "own.bin").write_bytes(glb.data)
        description["buffers"] = [{"uri": "own.bin", "byteLength": len(glb.data)}]
    path.write_text(json.dumps(description))
    with pytest.raises(InputError, match=words) as caught:
        read_rig(path)
    assert str(caught.value).startswith(f"cannot read '{path}")


@pytest.mark.parametrize(
    "data", [b"glTF", b"glTF\2\0\0\0\0\0\0\0", b"glTF" + struct.pack("<III4s", 2, 99, 10**9, b"JSON")]
)
def test_a_cut_glb_is_refused(tmp_path, data):
    (tmp_path / "head.glb").write_bytes(data)
    with pytest.raises(InputError):
        read_rig(tmp_path / "head.glb")


def test_a_mesh_that_stands_in_the_scene_too_often_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(rig_file, "MAX_VERTICES", 20)
    glb = head_glb()
    glb.json["nodes"] += [{"mesh": 1}] * 10
    glb.json["scenes"][0]["nodes"] += range(4, 14)
    with pytest.raises(InputError, match="it has 24 vertices, the limit is 20"):
        opened(tmp_path, glb)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), value=st.integers(0, 255), cut=st.booleans())
def test_any_damage_gives_one_sentence_or_a_rig(tmp_path, place, value, cut):
    data = bytearray(head_glb().bytes())
    at = int(place * (len(data) - 1))
    data[at] = value
    path = tmp_path / "head.glb"
    path.write_bytes(bytes(data[: at + 1] if cut else data))
    try:
        rig = read_rig(path)
    except InputError as error:
        assert str(error).startswith(f"cannot read '{path}")
    else:
        assert np.isfinite(rig.pose()).all()
