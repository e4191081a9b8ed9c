"""One splat for many keeps what they show together."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from media.scene.samples import SEEDS, scene, with_fields
from sfumato.kernels.reference3d import rotation_matrices
from sfumato.media.scene.merge import LARGEST_OPACITY, covariances, mass, merge, quaternions


@given(SEEDS, st.integers(1, 6))
@settings(max_examples=25)
def test_mass_mean_covariance_and_colour_of_the_mixture_stay(seed: int, groups: int) -> None:
    splats = scene(40, seed=seed, opacity=(0.001, 0.02))
    group = np.arange(40) % groups
    merged = merge(splats, group, groups)
    weight = mass(splats)
    for number in range(groups):
        mine = group == number
        share = weight[mine] / weight[mine].sum()
        centres = splats.mean[mine].astype(np.float64)
        mean = share @ centres
        away = centres - mean
        covariance = np.einsum("n,nij->ij", share, covariances(splats[mine]) + away[:, :, None] * away[:, None, :])
        np.testing.assert_allclose(merged.mean[number], mean, atol=1e-5)
        np.testing.assert_allclose(covariances(merged)[number], covariance, atol=1e-5)
        np.testing.assert_allclose(merged.sh[number, 0], share @ splats.sh[mine, 0], atol=1e-5)
        np.testing.assert_allclose(mass(merged)[number], weight[mine].sum(), rtol=1e-4)


def test_a_splat_alone_stays_what_it_is() -> None:
    splats = scene(20, seed=1, opacity=(0.05, 0.9))
    merged = merge(splats, np.arange(20), 20)
    np.testing.assert_allclose(covariances(merged), covariances(splats), atol=1e-6)
    np.testing.assert_allclose(merged.opacity, splats.opacity, rtol=1e-4)
    np.testing.assert_allclose(merged.mean, splats.mean, atol=1e-6)


def test_many_opaque_splats_in_one_place_are_opaque_and_invisible_ones_are_harmless() -> None:
    one = scene(1, opacity=(1, 1))
    assert merge(one[np.zeros(50, np.int64)], np.zeros(50, np.int64), 1).opacity[0] == np.float32(LARGEST_OPACITY)
    nothing = merge(with_fields(scene(5), opacity=np.zeros(5)), np.zeros(5, np.int64), 1)
    assert all(np.isfinite(getattr(nothing, name)).all() for name in ("mean", "rotation", "scale", "opacity", "sh"))
    assert nothing.opacity[0] < 1e-6 and (nothing.scale > 0).all()


@given(SEEDS)
def test_rotations_go_to_matrices_and_back(seed: int) -> None:
    rotation = np.random.default_rng(seed).normal(size=(10, 4))
    rotation[0] = np.eye(4)[seed % 4]
    rotation /= np.linalg.norm(rotation, axis=1, keepdims=True)
    matrix = rotation_matrices(rotation)
    np.testing.assert_allclose(np.linalg.det(matrix), 1, atol=1e-12)
    found = quaternions(matrix)
    np.testing.assert_allclose(np.abs((found * rotation).sum(axis=1)), 1, atol=1e-9)


def test_what_is_merged_does_not_depend_on_the_unit_of_length() -> None:
    splats = scene(30, seed=4)
    group = np.arange(30) % 3
    small = with_fields(splats, mean=splats.mean * 2.0**-40, scale=splats.scale * 2.0**-40)
    found, expected = merge(small, group, 3), merge(splats, group, 3)
    np.testing.assert_allclose(found.scale * 2.0**40, expected.scale, rtol=1e-5)
    np.testing.assert_allclose(found.opacity, expected.opacity, rtol=1e-5)


def test_equal_discs_in_one_plane_merge_to_a_disc_that_still_has_some_depth() -> None:
    flat = with_fields(scene(8, seed=5), rotation=np.tile([1, 0, 0, 0], (8, 1)), scale=np.tile([1, 1, 1e-9], (8, 1)))
    merged = merge(with_fields(flat, mean=flat.mean * [1, 1, 0]), np.zeros(8, np.int64), 1)
    np.testing.assert_allclose(merged.scale.min(), merged.scale.max() / 1024, rtol=1e-4)
