"""A rig comes back from its chunks as it was, to a tenth of a millimetre, the largest motions first."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.errors import ChunkError, InputError, LimitError
from sfumato.media.avatar import rig_codec
from sfumato.media.avatar.rig_codec import decode_mesh, decode_shapes, encode_rig, reference_of, with_rig
from sfumato.media.avatar.synth import procedural_rig
from sfumato.media.avatar.synth_script import script
from sfumato.rig import Rig

from .rigs import ball, flame_like, scattered

HEAD = procedural_rig(10_000)
HEAD_MESH, HEAD_SHAPES = encode_rig(HEAD)


def decoded(rig: Rig) -> Rig:
    mesh, shapes = encode_rig(rig)
    found = decode_mesh(mesh)
    for payload in shapes:
        found = decode_shapes(payload, found)
    return found


def furthest(one, other) -> float:
    return float(np.linalg.norm(one - other, axis=-1).max())


def test_a_head_of_10_000_faces_is_small_and_true_to_a_tenth_of_a_millimetre():
    mesh, shapes = HEAD_MESH, HEAD_SHAPES
    assert len(mesh) <= 21_000 and sum(map(len, shapes)) <= 19_000
    assert all(len(payload) <= 6_000 for payload in shapes)
    found = decode_mesh(mesh)
    for payload in shapes:
        found = decode_shapes(payload, found)
    for moment in script(16):
        turns = {"neck": moment.head}
        assert furthest(found.drive(moment.arkit, turns), HEAD.drive(moment.arkit, turns)) < 1e-4
    assert furthest(found.vertices, HEAD.vertices) < 5e-5


def test_faces_names_joints_and_what_arkit_does_come_back_exactly():
    rig = flame_like()
    found = decoded(rig)
    for name in ("faces", "shape_names", "joint_names", "parents", "joints"):
        np.testing.assert_array_equal(getattr(found, name), getattr(rig, name), err_msg=name)
    assert dict(found.arkit) == {
        name: replace(response, turns=tuple((j, tuple(np.float32(turn).tolist())) for j, turn in response.turns))
        for name, response in rig.arkit.items()
    }
    assert found.uv is None and found.region is None


def test_weights_sum_to_exactly_1_and_a_mesh_at_rest_is_its_neutral():
    found = decode_mesh(HEAD_MESH)
    assert (found.skin.sum(axis=1) == 1).all() and (found.skin >= 0).all()
    np.testing.assert_allclose(found.skin, HEAD.skin, atol=1 / 1024)
    np.testing.assert_array_equal(found.pose(), found.vertices)


def test_joints_that_follow_shapes_and_shapes_that_follow_joints_do_so_after_decoding():
    rig, weights, turns = flame_like(), {"whole": 1.0, "half": -0.5}, {"jaw": [0.5, 0.2, 0], "eye": [0, 0.4, 0]}
    found = decoded(rig)
    assert furthest(found.pose(weights, turns), rig.pose(weights, turns)) < 1e-4
    plain = replace(rig, joint_regressor=None, correctives=None)
    assert furthest(plain.pose(weights, turns), rig.pose(weights, turns)) > 5e-4


def test_what_moves_most_arrives_first_and_what_moves_nothing_needs_no_bytes(monkeypatch):
    monkeypatch.setattr(rig_codec, "_SHAPES_BYTES", 0)
    mesh, shapes = encode_rig(ball())
    found = decode_mesh(mesh)
    assert found.shape_names == ("small", "half", "whole", "nothing") and not found.shapes.any()
    order = []
    for payload in shapes:
        after = decode_shapes(payload, found)
        order += [after.shape_names[k] for k in np.flatnonzero((after.shapes != found.shapes).any(axis=(1, 2)))]
        found = after
    assert order == ["whole", "half", "small"]


def test_shapes_may_arrive_in_any_order_and_again(monkeypatch):
    monkeypatch.setattr(rig_codec, "_SHAPES_BYTES", 0)
    mesh, shapes = encode_rig(flame_like())
    found = decode_mesh(mesh)
    for payload in [*shapes[::-1], shapes[0]]:
        found = decode_shapes(payload, found)
    wanted = decoded(flame_like())
    assert (found.shapes == wanted.shapes).all() and (found.correctives == wanted.correctives).all()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    faces=st.integers(1, 60),
    vertices=st.integers(3, 40),
    shapes=st.integers(0, 4),
    joints=st.integers(1, 4),
)
def test_any_triangles_come_back_in_their_order(seed, faces, vertices, shapes, joints):
    rig = scattered(seed, faces, vertices, shapes, joints)
    found = decoded(rig)
    used = np.unique(rig.faces)
    step = max(np.ptp(rig.vertices, axis=0).max(), 1e-6) / 8192
    assert (found.faces == rig.faces).all() and found.shape_names == rig.shape_names
    assert (found.parents == rig.parents).all() and (found.joints == rig.joints).all()
    for name in ("vertices", "shapes"):
        one, other = (getattr(it, name)[..., used, :] for it in (rig, found))
        np.testing.assert_allclose(other, one, rtol=1e-6, atol=0.51 * step)
    np.testing.assert_allclose(found.skin[used], rig.skin[used], atol=1.001 / 1024)


def test_vertices_without_faces_lie_in_the_middle_and_move_with_the_head():
    rig = ball()
    stray = replace(
        rig,
        vertices=np.concatenate([rig.vertices, rig.vertices[:3]]),
        shapes=np.concatenate([rig.shapes, rig.shapes[:, :3]], axis=1),
        skin=np.concatenate([rig.skin, rig.skin[:3]]),
    )
    found = decoded(stray)
    np.testing.assert_allclose(found.vertices[-3:], 0, atol=1e-6)
    assert not found.shapes[:, -3:].any()
    assert (found.skin[-3:, found.joint_names.index(rig.head_joint)] == 1).all()
    assert len(encode_rig(stray)[0]) < len(encode_rig(rig)[0]) + 8


def test_a_rig_by_reference_shows_its_mesh_and_needs_the_rig_to_move():
    person = flame_like().reshaped({"small": 1.5})
    generic = flame_like()
    mesh, shapes = encode_rig(person, by_reference=True, name="flame2023.pkl")
    bare, reference = decode_mesh(mesh), reference_of(mesh)
    assert not shapes and bare.shape_names == () and reference is not None and reference.name == "flame2023.pkl"
    assert reference_of(encode_rig(person)[0]) is None
    assert furthest(bare.vertices, person.vertices) < 1e-5 and (bare.faces == person.faces).all()
    whole, pose = with_rig(bare, reference, generic), ({"whole": 0.7}, {"jaw": [0.4, 0, 0]})
    assert furthest(whole.pose(*pose), person.pose(*pose)) < 2e-5


def test_another_rig_than_the_one_referred_to_is_refused_by_name():
    mesh, _ = encode_rig(flame_like(), by_reference=True, name="flame2023.pkl")
    bare, reference = decode_mesh(mesh), reference_of(mesh)
    for stranger in (ball(), replace(flame_like(), shapes=flame_like().shapes * 1.01), ball(1)):
        with pytest.raises(InputError, match=r"'flame2023\.pkl' with fingerprint"):
            with_rig(bare, reference, stranger)


def test_a_rig_that_no_chunk_can_hold_is_refused_before_anything_is_written():
    rig = ball()
    for broken, reason in (
        (replace(rig, shapes=rig.shapes * 1e9), "steps of"),
        (replace(rig, shape_names=("x" * 300, "a", "b", "c"), arkit={}), "255 bytes"),
        (replace(rig, vertices=rig.vertices * 1e12), "units"),
        (replace(rig, joints=rig.joints + 1e12), "units"),
        (Rig.rigid(np.zeros((1 << 18, 3)), [[0, 1, 2]]), "vertices; the cap is"),
    ):
        with pytest.raises(InputError, match=reason):
            encode_rig(broken)


MESH, SHAPES = encode_rig(flame_like())
OTHER_MESH, _ = encode_rig(ball(1), by_reference=True, name="it")


@settings(max_examples=100, deadline=None)
@given(
    payload=st.sampled_from([MESH, OTHER_MESH, *SHAPES]),
    changes=st.lists(st.tuples(st.integers(0, 2**20), st.integers(1, 255)), max_size=4),
    length=st.floats(0.2, 1.2),
)
def test_damaged_payloads_raise_format_errors_and_nothing_else(payload, changes, length):
    data = bytearray(payload[: int(length * len(payload))].ljust(1, b"\0"))
    for place, flip in changes:
        data[place % min(len(data), 300 if place & 1 else len(data))] ^= flip
    rig = decode_mesh(MESH)
    for attempt in (decode_mesh, reference_of, lambda it: decode_shapes(it, rig)):
        with contextlib.suppress(ChunkError, LimitError):
            attempt(bytes(data))


def test_announced_sizes_beyond_the_caps_are_refused_before_memory_is_taken():
    fixed = bytearray(MESH)
    for place, count in ((1, 1 << 20), (5, 1 << 20), (9, 0xFFF), (11, 0x1FF)):
        data = bytearray(fixed)
        size = 4 if place < 9 else 2
        data[place : place + size] = count.to_bytes(size, "little")
        with pytest.raises((LimitError, ChunkError)):
            decode_mesh(bytes(data))
    rig = decode_mesh(MESH)
    many = Rig.rigid(
        np.zeros((100_000, 3)), [[0, 1, 2]], shape_names=tuple(map(str, range(20))), shapes=np.zeros((20, 100_000, 3))
    )
    with pytest.raises(LimitError, match="at once"):
        decode_shapes(b"\x14\x00" + SHAPES[0][2:], many)
    with pytest.raises(ChunkError, match="unknown numbers"):
        decode_shapes(b"\x00\x00" + SHAPES[0][2:], rig)
