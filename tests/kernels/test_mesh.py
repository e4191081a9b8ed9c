from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.camera import Camera
from sfumato.kernels import mesh, reference_mesh
from sfumato.kernels.mesh import render_mesh

TRIANGLE = np.array([[-1.0, -1, 4], [1.5, -0.5, 4.5], [0.2, 1.2, 5]])
FACE = np.array([[0, 1, 2]])


def camera(width=40, height=30, **changes):
    values = dict(fx=30.0, fy=32.0, cx=width / 2, cy=height / 2, rotation=np.eye(3), translation=np.zeros(3))
    return Camera(width, height, **(values | changes))


def turn(axis, angle):
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j], matrix[j, i] = -np.sin(angle), np.sin(angle)
    return matrix


def ball(seed, count=60):
    """A closed convex mesh: the hull of points on a sphere around (0, 0, 5)."""
    hull = pytest.importorskip("scipy.spatial").ConvexHull
    points = np.random.default_rng(seed).normal(size=(count, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points + np.array([0, 0, 5.0]), hull(points).simplices.astype(np.int32)


def rays(view):
    y, x = np.mgrid[: view.height, : view.width] + 0.5
    return np.stack([(x - view.cx) / view.fx, (y - view.cy) / view.fy, np.ones_like(x)], axis=-1)


def test_every_covered_pixel_lies_on_its_ray(kernels):
    vertices, faces = ball(1)
    view = camera()
    seen = render_mesh(vertices, faces, view)
    hit = seen.face >= 0
    corners = vertices[faces[seen.face[hit]]]
    points = (seen.barycentric[hit][..., None] * corners).sum(axis=1)
    np.testing.assert_allclose(points, rays(view)[hit] * seen.depth[hit][:, None], atol=1e-5)
    np.testing.assert_allclose(seen.barycentric[hit].sum(axis=1), 1, atol=1e-6)
    assert (seen.barycentric[hit] >= 0).all()
    assert not seen.barycentric[~hit].any() and np.isinf(seen.depth[~hit]).all()


@settings(max_examples=8)
@given(st.integers(0, 1000), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_a_closed_mesh_has_no_holes(seed, x, y):
    vertices, faces = ball(seed)
    view = camera(cx=20 + x, cy=15 + y)
    seen = render_mesh(vertices, faces, view)
    normals = np.cross(*(vertices[faces[:, k]] - vertices[faces[:, 0]] for k in (1, 2)))
    outside = np.einsum("fk,fk->f", normals, vertices[faces].mean(axis=1) - [0, 0, 5]) > 0
    normals[~outside] *= -1
    towards, distance = normals @ rays(view).reshape(-1, 3).T, np.einsum("fk,fk->f", normals, vertices[faces[:, 0]])
    with np.errstate(divide="ignore"):
        reach = distance[:, None] / towards
    enter = np.where(towards < 0, reach, -np.inf).max(axis=0)  # a ray is inside a convex body behind all front planes
    leave = np.where(towards > 0, reach, np.inf).min(axis=0)
    inside = (enter < leave - 1e-9).reshape(30, 40)
    clear = (abs(enter - leave) > 1e-9).reshape(30, 40)
    assert ((seen.face >= 0) == inside)[clear].all()
    np.testing.assert_allclose(seen.depth[inside], enter.reshape(30, 40)[inside], rtol=1e-5)


def test_a_pixel_on_a_shared_edge_belongs_to_one_face_only(kernels):
    # Two squares of two triangles each; all edges, the diagonals too, run through pixels' centres.
    x, y = np.meshgrid([2.5, 6.5, 10.5], [3.5, 7.5])
    vertices = np.stack([x.ravel(), y.ravel(), np.full(6, 1.0)], axis=1)
    faces = np.array([[0, 1, 3], [1, 4, 3], [1, 2, 5], [1, 5, 4]])
    view = camera(16, 12, fx=1.0, fy=1.0, cx=0.0, cy=0.0)
    count = np.zeros((12, 16), int)
    for face in faces:
        count += render_mesh(vertices, face[None], view).face >= 0
    expected = np.zeros((12, 16), int)
    expected[3:7, 2:10] = 1  # left and top edges belong to the squares, right and bottom ones do not
    assert (count == expected).all()


@given(st.tuples(*[st.floats(-3, 3)] * 3), st.tuples(*[st.floats(-2, 2)] * 3))
@settings(max_examples=15)
def test_moving_mesh_and_camera_together_changes_nothing(angles, shift):
    motion = turn(0, angles[0]) @ turn(1, angles[1]) @ turn(2, angles[2])
    view = camera()
    moved = camera(rotation=view.rotation @ motion.T, translation=-view.rotation @ motion.T @ np.array(shift))
    before, after = render_mesh(TRIANGLE, FACE, view), render_mesh(TRIANGLE @ motion.T + shift, FACE, moved)
    both = (before.face >= 0) & (after.face >= 0)
    assert ((before.face >= 0) != (after.face >= 0)).sum() <= 2  # centres that lie on an edge up to rounding
    np.testing.assert_allclose(before.barycentric[both], after.barycentric[both], atol=1e-5)
    np.testing.assert_allclose(before.depth[both], after.depth[both], rtol=1e-6)


def test_a_crop_is_a_slice(kernels):
    vertices, faces = ball(2)
    view = camera()
    whole, part = render_mesh(vertices, faces, view), render_mesh(vertices, faces, view.cropped(7, 5, 20, 16))
    assert (whole.face[5:21, 7:27] == part.face).all()
    np.testing.assert_allclose(whole.barycentric[5:21, 7:27], part.barycentric, atol=1e-6)


def test_the_nearest_face_is_seen_and_the_first_of_equals():
    vertices = np.concatenate([TRIANGLE, TRIANGLE * 0.5, TRIANGLE])
    seen = render_mesh(vertices, [[0, 1, 2], [3, 4, 5], [6, 7, 8]], camera())
    assert set(np.unique(seen.face)) == {-1, 1}
    seen = render_mesh(vertices, [[6, 7, 8], [0, 1, 2]], camera())
    assert set(np.unique(seen.face)) == {-1, 0}


def test_faces_are_cut_where_they_pass_the_camera(kernels):
    floor = np.array([[-50.0, 1, -50], [50, 1, -50], [0, 1, 500]])
    seen = render_mesh(floor, FACE, camera(), near=0.5)
    hit = seen.face >= 0
    assert hit[-1].all() and not hit[:15].any()  # below the horizon, which lies at the middle
    np.testing.assert_allclose(seen.depth[hit], 1 / rays(camera())[hit][:, 1], rtol=1e-5)
    assert (render_mesh(floor - [0, 0, 600], FACE, camera()).face == -1).all()


def test_the_compiled_kernel_gives_the_reference_bit_for_bit(isa):
    vertices, faces = ball(3)
    vertices[:4, 2] -= 5.2  # some triangles pass the camera's plane
    view = camera(61, 47, rotation=turn(1, 0.1), translation=np.array([0.1, -0.2, 0.3]))
    fast = render_mesh(vertices, faces, view)
    seen = reference_mesh.to_camera(vertices, view)
    face, barycentric, depth = reference_mesh.render_mesh(seen, faces.astype(np.int64), view, mesh.NEAR)
    assert (fast.face == face).all() and (fast.barycentric == barycentric).all() and (fast.depth == depth).all()


@pytest.mark.parametrize(
    ("vertices", "faces", "words"),
    [
        (np.zeros((3, 2)), FACE, r"\[V, 3\]"),
        (TRIANGLE * np.nan, FACE, "finite"),
        (TRIANGLE, [[0, 1, 3]], "names vertex 3"),
        (TRIANGLE, [[0, 1, -1]], "whole numbers"),
        (TRIANGLE, [[0.0, 1, 2]], "whole numbers"),
    ],
)
def test_what_is_no_mesh_is_refused(vertices, faces, words):
    with pytest.raises(ValueError, match=words):
        render_mesh(vertices, faces, camera())


def test_an_empty_mesh_shows_nothing(kernels):
    assert (render_mesh(np.zeros((0, 3)), np.zeros((0, 3), int), camera()).face == -1).all()
