from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from media.avatar.samples import OCTAHEDRON, OCTANTS, bent, dressed, grown, rotation, slope
from sfumato.kernels.reference3d import rotation_matrices
from sfumato.kernels.splats3d import Gradient3D
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.model import FACE_FIELDS, SPLIT_FIELDS, Avatar, Parameters, Pose

FOREST = grown(Forest(OCTANTS, 6), 3, 0.2)


def covariance(splats):
    axes = rotation_matrices(splats.rotation.astype(np.float64)) * splats.scale[:, None, :]
    return axes @ axes.transpose(0, 2, 1)


def test_an_avatar_starts_with_one_flat_splat_in_the_middle_of_each_face():
    splats = Avatar.start(Forest(OCTANTS, 6)).posed(OCTAHEDRON)
    assert np.allclose(splats.mean, OCTAHEDRON[OCTANTS].mean(axis=1))
    assert np.allclose(splats.scale / np.sqrt(2), [0.35, 0.35, 0.1])
    assert np.allclose(splats.opacity, 0.5)
    # Thin along the normals, which on an octahedron are the directions of the centroids.
    along = splats.mean / np.linalg.norm(splats.mean, axis=1, keepdims=True)
    thickness = np.einsum("ni,nij,nj->n", along, covariance(splats), along)
    assert np.allclose(thickness, splats.scale[:, 2] ** 2, rtol=1e-5)


def test_colours_that_are_known_are_the_ones_seen():
    color = np.random.default_rng(0).uniform(size=(8, 3))
    splats = Avatar.start(Forest(OCTANTS, 6), 2, color).posed(OCTAHEDRON)
    assert np.allclose(0.5 + 0.28209479177387814 * splats.sh[:, 0], color)
    assert (splats.sh[:, 1:] == 0).all()


def test_a_rigid_motion_of_the_mesh_moves_all_splats_rigidly():
    avatar, mesh, turn = dressed(FOREST), bent(OCTAHEDRON), rotation()
    here, there = avatar.posed(mesh), avatar.posed(mesh @ turn.T + [1, 2, 3])
    assert np.allclose(there.mean, here.mean @ turn.T + [1, 2, 3], atol=1e-5)
    assert np.allclose(covariance(there), turn @ covariance(here) @ turn.T, atol=1e-5)
    assert np.allclose(there.scale, here.scale, rtol=1e-5)
    assert (there.opacity == here.opacity).all()


def test_scaling_the_mesh_scales_all_splats():
    avatar, mesh = dressed(FOREST), bent(OCTAHEDRON)
    here, there = avatar.posed(mesh), avatar.posed(3 * mesh)
    assert np.allclose(there.mean, 3 * here.mean, atol=1e-5)
    assert np.allclose(there.scale, 3 * here.scale, rtol=1e-5)
    assert np.allclose(abs(np.sum(there.rotation * here.rotation, axis=1)), 1, atol=1e-5)


def test_moving_one_vertex_moves_only_the_splats_of_the_trees_around_it():
    avatar = dressed(FOREST)
    moved = OCTAHEDRON.copy()
    moved[4] += 0.1
    still = (avatar.posed(OCTAHEDRON).mean == avatar.posed(moved).mean).all(axis=1)
    roots = np.arange(8)
    tree = np.concatenate([roots, np.zeros(len(FOREST) - 8, int)])
    for split, parent in enumerate(FOREST.is_split):
        tree[8 + 3 * split : 11 + 3 * split] = tree[parent]
    assert (still == ~(OCTANTS == 4).any(axis=1)[tree]).all()


def test_a_level_shows_its_faces_and_all_above():
    avatar = dressed(FOREST)
    whole = avatar.posed(OCTAHEDRON)
    for level in (1, 2, 3):
        part = avatar.posed(OCTAHEDRON, FOREST.up_to(level))
        assert len(part) == FOREST.ends[level - 1]
        assert np.allclose(part.mean, whole.mean[: len(part)], atol=1e-6)
    assert (avatar.posed(OCTAHEDRON, np.ones(len(FOREST), bool)).opacity == whole.opacity).all()


def test_a_patch_changes_the_parent_once_its_children_are_shown():
    start = Avatar.start(Forest(OCTANTS, 6).split(np.array([2, 5])).forest).parameters
    start.patch_opacity[1], start.patch_color[1], start.patch_log_scale[1] = -1, 0.5, [0.1, 0.2, 0.3]
    avatar = Avatar(Forest(OCTANTS, 6).split(np.array([2, 5])).forest, start)
    base = np.arange(14) < 8
    alone, first, both = (avatar.posed(OCTAHEDRON, base | (np.arange(14) < end)) for end in (8, 11, 14))
    for name in ("opacity", "scale", "sh", "mean"):
        before = getattr(alone, name)
        assert (before == getattr(first, name)[:8]).all()
        changed = (before != getattr(both, name)[:8]).reshape(8, -1).any(axis=1)
        assert np.flatnonzero(changed).tolist() == ([] if name == "mean" else [5])
    assert both.opacity[5] == pytest.approx(1 / (1 + np.e))
    assert np.allclose(both.scale[5] / alone.scale[5], np.exp([0.1, 0.2, 0.3]))
    assert np.allclose(both.sh[5, 0] - alone.sh[5, 0], 0.5)


def test_a_patch_can_retire_a_parent():
    forest = Forest(OCTANTS, 6).split(np.array([0])).forest
    start = Avatar.start(forest).parameters
    start.patch_opacity[:] = -1e4
    assert Avatar(forest, start).posed(OCTAHEDRON).opacity[0] == 0


@pytest.mark.parametrize(
    ("shown", "what"), [([*range(8), 8, 9], "three children"), ([0, 1, 8, 9, 10], "with their parent"), (None, "mask")]
)
def test_what_no_prefix_can_show_is_refused(shown, what):
    avatar = Avatar.start(Forest(OCTANTS, 6).split(np.array([2])).forest)
    mask = np.zeros(11 if shown else 7, bool)
    mask[shown] = True
    with pytest.raises(ValueError, match=what):
        avatar.posed(OCTAHEDRON, mask)


def test_parameters_of_another_forest_are_refused():
    with pytest.raises(ValueError, match=r"offset is \[11, 3\], not \[8, 3\]"):
        Avatar(Forest(OCTANTS, 6).split(np.array([2])).forest, Avatar.start(Forest(OCTANTS, 6)).parameters)


def weights(count, coefficients, seed):
    rng = np.random.default_rng(seed)
    shapes = [(count, 3), (count, 4), (count, 3), (count,), (count, coefficients, 3), (count,)]
    return Gradient3D(*(rng.normal(size=shape) for shape in shapes))


def loss_of(part, weight):
    fields = (
        (part.mean.T, weight.mean),
        (part.quaternion.T, weight.rotation),
        (part.scale.T, weight.scale),
        (part.opacity, weight.opacity),
        (part.sh, weight.sh),
    )
    return sum(np.sum(a * b) for a, b in fields)


@pytest.mark.parametrize("degree", [0, 1])
def test_gradients_of_nested_prefixes_add_up_to_the_derivatives(degree):
    avatar, mesh = dressed(FOREST, degree), bent(OCTAHEDRON)
    shown = [FOREST.up_to(1), FOREST.up_to(2), None]
    coefficients = (degree + 1) ** 2
    weight = [weights(len(FOREST) if s is None else s.sum(), coefficients, k) for k, s in enumerate(shown)]

    def loss(avatar, mesh):
        pose = Pose(avatar, mesh)
        return sum(loss_of(pose.part(s), w) for s, w in zip(shown, weight, strict=True))

    pose = Pose(avatar, mesh)
    found, d_mesh = pose.gradient([(pose.part(s), w) for s, w in zip(shown, weight, strict=True)])
    for name in (*FACE_FIELDS, *SPLIT_FIELDS):
        given = avatar.parameters
        numeric = slope(lambda v: loss(Avatar(FOREST, replace(given, **{name: v})), mesh), getattr(given, name))  # noqa: B023
        assert np.abs(numeric).max() > 0.01
        assert np.allclose(getattr(found, name), numeric, rtol=1e-5, atol=1e-6 * np.abs(numeric).max()), name
    numeric = slope(lambda v: loss(avatar, v), mesh)
    assert np.allclose(d_mesh, numeric, rtol=1e-5, atol=1e-6 * np.abs(numeric).max())


def test_float32_parameters_stay_float32():
    avatar = Avatar.start(FOREST)
    pose = Pose(avatar, OCTAHEDRON.astype(np.float32))
    found, d_mesh = pose.gradient([(pose.part(), weights(len(FOREST), 1, 0))])
    assert {getattr(found, name).dtype for name in (*FACE_FIELDS, *SPLIT_FIELDS)} == {np.dtype(np.float32)}
    assert d_mesh.dtype == np.float32
    assert isinstance(found, Parameters)
