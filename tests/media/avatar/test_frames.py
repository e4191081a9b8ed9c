from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from media.avatar.samples import OCTAHEDRON, OCTANTS, bent, rotation, slope, sphere
from sfumato.kernels.reference3d import rotation_matrices
from sfumato.media.avatar.frames import FLAT, frames, frames_gradient

ONE = np.array([[0, 1, 2]])
numbers = st.floats(-10, 10, allow_subnormal=False)
triangles = arrays(np.float64, (3, 3), elements=numbers)


def sliver(height, seed=0):
    """A triangle with a first edge of about 1 and this height above it, at random in space."""
    rng = np.random.default_rng(seed)
    plane = np.array([[0, 0, 0], [1, 0, 0], [rng.uniform(-0.5, 1.5), height, 0]])
    return plane @ rotation(seed).T + rng.normal(size=3)


def test_a_frame_is_first_edge_normal_centroid_and_mean_edge():
    made = frames(np.array([[1.0, 1, 0], [4, 1, 0], [1, 5, 0]]), ONE)
    assert np.allclose(made.rotation[0], np.eye(3))
    assert np.allclose(made.centroid[:, 0], [2, 7 / 3, 0])
    assert made.scale[0] == pytest.approx((3 + 4 + 5) / 3)


def test_the_normals_of_a_template_wound_outwards_point_outwards():
    vertices, faces = sphere(2)
    made = frames(vertices, faces)
    assert (np.einsum("cn,cn->n", made.axes[2], made.centroid) > 0.9).all()


@given(triangles, st.sampled_from([1.0, 1e-3, 1e-6, 1e-9, 0.0]))
def test_every_triangle_has_a_frame(corners, flatness):
    corners = corners * [1, flatness, 1] if flatness else np.repeat(corners[:1], 3, axis=0)
    for vertices in (corners, corners[[0, 0, 1]], corners[[0, 1, 0]]):
        made = frames(vertices, ONE)
        assert np.allclose(made.rotation[0].T @ made.rotation[0], np.eye(3), atol=1e-9)
        assert np.linalg.det(made.rotation[0]) > 0.99
        assert np.allclose(rotation_matrices(made.quaternion.T), made.rotation, atol=1e-9)
        slopes = frames_gradient(made, ONE, 3, np.ones((3, 1)), np.ones((3, 1)), np.ones(1))
        assert np.isfinite(slopes).all()


@given(st.integers(0, 10_000))
def test_frames_move_with_a_rigid_motion_and_scale_with_the_mesh(seed):
    mesh, turn = bent(OCTAHEDRON, seed), rotation(seed)
    here, there = frames(mesh, OCTANTS), frames(2.5 * mesh @ turn.T + [1, 2, 3], OCTANTS)
    assert np.allclose(there.rotation, turn @ here.rotation)
    assert np.allclose(there.centroid.T, 2.5 * here.centroid.T @ turn.T + [1, 2, 3])
    assert np.allclose(there.scale, 2.5 * here.scale)


@given(st.integers(0, 10_000))
def test_every_rotation_has_its_quaternion(seed):
    turn = rotation(seed)
    half_turns = [np.diag([1.0, -1, -1]), np.diag([-1.0, 1, -1]), np.diag([-1.0, -1, 1])]
    for matrix in (turn, *half_turns):
        made = frames(np.array([[0.0, 0, 0], [1, 0, 0], [0.3, 1, 0]]) @ matrix.T, ONE)
        assert np.allclose(rotation_matrices(made.quaternion.T)[0], matrix)


def assert_slopes(vertices, faces, step, rtol):
    rng = np.random.default_rng(0)
    count = len(faces)
    turn, place, size = rng.normal(size=(3, 3, count)), rng.normal(size=(3, count)), rng.normal(size=count)

    def loss(vertices):
        made = frames(vertices, faces)
        return np.sum(turn * made.axes) + np.sum(place * made.centroid) + np.sum(size * made.scale)

    made = frames(vertices, faces)
    torque = np.sum(np.cross(made.axes, turn, axis=1), axis=0)
    found = frames_gradient(made, faces, len(vertices), torque, place, size)
    numeric = slope(loss, vertices, step)
    assert np.abs(found - numeric).max() < rtol * np.abs(numeric).max()


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_the_gradients_are_derivatives(seed):
    assert_slopes(bent(OCTAHEDRON, seed), OCTANTS, 1e-6, 1e-5)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 1e-2, 1e-3, 1e-4]))
def test_the_gradients_of_slivers_are_derivatives(seed, height):
    assert_slopes(sliver(height, seed), ONE, 1e-4 * height, 1e-4)


def test_a_face_that_is_flat_moves_and_scales_but_no_longer_turns():
    flat = frames(sliver(0.1 * FLAT), ONE)
    assert flat.flat.all()
    turned = frames_gradient(flat, ONE, 3, np.ones((3, 1)), np.zeros((3, 1)), np.zeros(1))
    moved = frames_gradient(flat, ONE, 3, np.zeros((3, 1)), np.ones((3, 1)), np.zeros(1))
    assert (turned == 0).all()
    assert np.allclose(moved, 1 / 3)


def test_slivers_keep_their_frame_in_float32():
    for seed in range(20):
        corners = sliver(1e-2, seed)
        exact, short = frames(corners, ONE), frames(corners.astype(np.float32), ONE)
        assert short.rotation.dtype == np.float32
        assert np.abs(exact.rotation - short.rotation).max() < 1e-4
