"""FLAME is read as its authors mean it, gets teeth, and nothing in its pickle ever runs."""

from __future__ import annotations

import codecs
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig_files import chumpy_class, flame, python2_array, write_flame

from sfumato.errors import InputError
from sfumato.rig import check_mesh, rotation_matrices
from sfumato.sources.rig import read_rig
from sfumato.sources.rig_flame import read_flame
from sfumato.sources.unpickle import read_arrays


def test_flame_poses_as_its_authors_define_it(tmp_path):
    rig = read_flame(write_flame(tmp_path / "flame.pkl"), teeth=False)
    model = flame()
    random = np.random.default_rng(5)
    betas = random.normal(size=310)
    turns = {"root": [0.1, 0.3, 0], "neck": [0.2, 0, 0.1], "jaw": [0.3, 0, 0], "eye_left": [0, 0.2, 0]}
    shaped = model["v_template"] + model["shapedirs"] @ betas
    joints = model["J_regressor"] @ shaped
    local = [rotation_matrices(turns.get(name, [0, 0, 0])) for name in rig.joint_names]
    posed = shaped + model["posedirs"] @ np.concatenate([(r - np.eye(3)).ravel() for r in local[1:]])
    turn, move = [local[0]], [joints[0] - local[0] @ joints[0]]
    for j, parent in enumerate([0, 1, 1, 1], 1):
        turn.append(turn[parent] @ local[j])
        move.append(turn[parent] @ (joints[j] - local[j] @ joints[j]) + move[parent])
    expected = sum(w[:, None] * (posed @ r.T + t) for w, r, t in zip(model["weights"].T, turn, move, strict=True))
    np.testing.assert_allclose(rig.pose(betas, turns, [0, 0, 1]), expected + np.array([0, 0, 1]), atol=2e-5)
    assert rig.shape_names[0] == "shape0" and rig.shape_names[299:301] == ("shape299", "expr0")
    assert rig.faces.shape == model["f"].shape


def test_teeth_lie_in_the_mouth_and_go_with_head_and_jaw(tmp_path):
    rig = read_rig(write_flame(tmp_path / "flame.pkl"))
    plain = read_flame(tmp_path / "flame.pkl", teeth=False)
    count = len(plain.vertices)
    assert len(rig.vertices) == count + 120 and len(rig.faces) == len(plain.faces) + 168
    np.testing.assert_array_equal(rig.vertices[:count], plain.vertices)
    np.testing.assert_array_equal(rig.faces[: len(plain.faces)], plain.faces)
    assert not check_mesh(rig.vertices, rig.faces)
    upper, lower = rig.vertices[count : count + 60], rig.vertices[count + 60 :]
    assert upper[:, 1].mean() > lower[:, 1].mean() and np.abs(rig.vertices[count:, 0]).max() < 0.03
    assert rig.vertices[count:, 2].max() < 0.1  # behind the face
    assert (rig.regions[rig.region[-1]], rig.regions[rig.region[0]]) == ("teeth", "skin")
    opened = rig.drive({"jawOpen": 1}) - rig.vertices
    np.testing.assert_allclose(opened[count : count + 60], 0, atol=1e-7)
    assert (opened[count + 60 :, 1] < 0).all()  # the lower row goes down
    turned = rig.pose(rotations={"neck": [0, 0.5, 0]})[count:] - rig.joints[1]
    np.testing.assert_allclose(
        turned, (rig.vertices[count:] - rig.joints[1]) @ rotation_matrices([0, 0.5, 0]).T, atol=1e-6
    )


def test_teeth_grow_with_the_person_and_ignore_expressions(tmp_path):
    model = flame()
    model["shapedirs"][:, :, 0] = [0.01, 0, 0]  # everything to the left
    rig = read_rig(write_flame(tmp_path / "flame.pkl", shapedirs=model["shapedirs"]))
    moved = rig.pose({"shape0": 1}) - rig.vertices
    np.testing.assert_allclose(moved, np.tile([0.01, 0, 0], (len(moved), 1)), atol=1e-6)
    np.testing.assert_allclose((rig.pose({"expr3": 2}) - rig.vertices)[-120:], 0)


def test_a_mesh_without_a_mouth_is_read_without_teeth(tmp_path):
    weights = flame()["weights"]
    weights[:, 1] += weights[:, 2]
    weights[:, 2] = 0
    path = write_flame(tmp_path / "no_jaw.pkl", weights=weights)
    with pytest.raises(InputError, match=r"no hole behind the lips.*teeth=False"):
        read_rig(path)
    assert len(read_flame(path, teeth=False).vertices) == len(weights)


def test_variables_of_chumpy_and_sparse_matrices_are_arrays(tmp_path, monkeypatch):
    sparse = pytest.importorskip("scipy.sparse")
    model = flame()
    variable = chumpy_class(monkeypatch)()
    variable.__dict__.update(x=model["shapedirs"], _dirty_vars=[], label=None)
    for matrix in (sparse.csc_matrix, sparse.csr_matrix):
        path = write_flame(tmp_path / "flame.pkl", shapedirs=variable, J_regressor=matrix(model["J_regressor"]))
        rig = read_flame(path, teeth=False)
        np.testing.assert_allclose(rig.joints, model["J"], atol=1e-6)
        np.testing.assert_allclose(rig.shapes, np.moveaxis(model["shapedirs"], 2, 0), atol=1e-7)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_every_protocol_are_read(protocol):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.asfortranarray(np.arange(6).reshape(2, 3)), "n": np.float64(3)}
    arrays["big"] = np.arange(3, dtype=">i4")
    found = read_arrays(Path("a.pkl"), pickle.dumps(arrays, protocol=protocol))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_pickles_of_python_2_are_read():
    values = np.random.default_rng(0).normal(size=5)
    np.testing.assert_array_equal(read_arrays(Path("a.pkl"), python2_array(values))["a"], values)


class _Runs:
    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, ...]:
        return self.call[0], self.call[1:]


def test_nothing_in_a_pickle_runs(tmp_path):
    mark = tmp_path / "mark"
    calls = [
        _Runs(os.system, f"touch {mark}"),
        _Runs(eval, f"open({str(mark)!r}, 'w')"),
        _Runs(os.mkdir, str(mark)),
        _Runs(getattr, [], "sort"),
        _Runs(np.fromfile, "/etc/hosts"),
        _Runs(codecs.encode, "a", "rot13"),
        _Runs(pickle.loads, pickle.dumps(1)),
    ]
    for call in calls:
        for protocol in (2, 4):
            path = tmp_path / "flame.pkl"
            path.write_bytes(pickle.dumps(flame(v_template=call), protocol=protocol))
            with pytest.raises(InputError, match=r"flame.pkl': it holds .*nothing of it was run"):
                read_rig(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x00.", "damaged"),
        (b"\x80\x04}r\xff\xff\xff\x7f.", "remembered under the number"),
        (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x00.", "damaged"),
        (b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93.", "numpy.ndarray.__class__"),
        (b"cposix\nsystem\n.", "posix.system"),
        (b"(iposix\nsystem\n.", "INST"),
        (b"Pa\n.", "PERSID"),
        (b"\x80\x04]\x94.", "a list instead of a dict"),
        (b"\x00hello", "damaged"),
        (b"\x80\x04", "damaged"),
    ],
)
def test_hostile_pickles_are_refused(data, words):
    with pytest.raises(InputError, match=words):
        read_arrays(Path("flame.pkl"), data)


def test_a_pickle_cannot_change_the_reader():
    # BUILD with (None, {...}) sets attributes of whatever is on the stack: here of the function that makes arrays.
    attack = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nN}X\x0c\x00\x00\x00__defaults__K\x01\x85s\x86b."
    with pytest.raises(InputError):
        read_arrays(Path("flame.pkl"), attack)
    test_pickles_of_every_protocol_are_read(2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"posedirs": None}, "no array posedirs"),
        ({"weights": np.zeros((5, 5))}, r"array weights is \[5, 5\] instead of"),
        ({"kintree_table": np.zeros((2, 24))}, "five joints"),
        ({"f": np.full((9, 3), 9999)}, "array f: faces use vertices"),
        ({"v_template": np.array([["a"] * 3])}, "array of type 'U1'"),
        ({"v_template": np.array([[None] * 3])}, "array of type 'O8'"),
        ({"v_template": np.full((365, 3), np.nan)}, "instead of|not finite"),
    ],
)
def test_a_damaged_model_is_named_by_array(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        read_flame(write_flame(tmp_path / "flame.pkl", **changes), teeth=False)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), value=st.integers(0, 255), cut=st.booleans())
def test_damaged_pickles_raise_one_sentence_or_still_hold_arrays(place, value, cut):
    data = bytearray(pickle.dumps({"a": np.arange(4.0), "b": [np.float64(1), "text"]}, protocol=2))
    at = int(place * (len(data) - 1))
    data[at] = value
    try:
        read_arrays(Path("a.pkl"), bytes(data[:at] if cut else data))
    except InputError as error:
        assert str(error).startswith("cannot read 'a.pkl': ")
