"""Splats of an avatar come back within their steps, and look the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.avatar.samples import OCTAHEDRON, OCTANTS, dressed, grown
from sfumato.kernels.reference3d import rotation_matrices
from sfumato.media.avatar.forest import Forest, barycentric
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.quantise import (
    SCALE,
    SPLIT_LIMITS,
    dequantise,
    face_columns,
    face_levels,
    face_limits,
    face_steps,
    quantise_faces,
    quantise_splits,
    split_steps,
)
from sfumato.media.scene.quantise import step_log


def through(avatar, level, fineness=0):
    """An avatar's parameters as integers in units and back."""
    faces = quantise_faces(avatar.parameters, level, fineness)
    shade = step_log(faces[:, 0], fineness)
    none = np.zeros((len(faces), 3), np.int64)
    scale = faces[:, SCALE] * face_steps(shade, none, faces.shape[1]).steps[:, SCALE]
    steps = face_steps(shade, scale, faces.shape[1]).steps
    at_split = shade[avatar.forest.is_split]
    splits = quantise_splits(avatar.parameters, at_split)
    return dequantise(faces * steps, splits * split_steps(at_split))


def covariances(parameters):
    axes = rotation_matrices(parameters.rotation.astype(np.float64)) * np.exp(parameters.log_scale)[:, None, :]
    return axes @ np.swapaxes(axes, 1, 2)


def sample(sh_degree, seed=0):
    return dressed(grown(Forest(OCTANTS, len(OCTAHEDRON)), 3), sh_degree, seed)


@pytest.mark.parametrize("sh_degree", [0, 1, 3])
def test_fine_steps_bring_back_what_was_there(sh_degree):
    avatar = sample(sh_degree)
    given, found = avatar.parameters, through(avatar, np.full(len(avatar), 4), 16)
    for name in ("offset", "log_scale", "opacity", "sh", "patch_opacity", "patch_log_scale", "patch_color"):
        np.testing.assert_allclose(getattr(found, name), getattr(given, name), atol=0.02)
    np.testing.assert_allclose(barycentric(found.point), barycentric(given.point), atol=0.003)
    np.testing.assert_allclose(covariances(found), covariances(given), rtol=0.05, atol=1e-3)


def test_an_octave_of_level_or_fineness_halves_the_errors():
    avatar = sample(1)
    zero = np.zeros(len(avatar), np.int64)

    def error(parameters):
        return np.abs(parameters.sh - avatar.parameters.sh).mean()

    assert error(through(avatar, zero + 2)) < 0.35 * error(through(avatar, zero))
    assert error(through(avatar, zero, 16)) == error(through(avatar, zero + 2))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_any_rotation_draws_the_same_splat(seed):
    avatar = sample(0)
    turned = np.random.default_rng(seed).normal(size=avatar.parameters.rotation.shape)
    avatar = Avatar(avatar.forest, replace(avatar.parameters, rotation=turned))
    found = through(avatar, np.full(len(avatar), 6), 32)
    assert (found.rotation[:, 0] > 0.45).all()
    np.testing.assert_allclose(covariances(found), covariances(avatar.parameters), rtol=0.02, atol=1e-3)


def test_patches_that_are_zero_stay_zero():
    avatar = Avatar.start(grown(Forest(OCTANTS, len(OCTAHEDRON)), 2))
    found = through(avatar, np.zeros(len(avatar), np.int64))
    for name in ("point", "patch_opacity", "patch_log_scale", "patch_color"):
        assert not getattr(found, name).any()


def test_what_is_seen_more_has_finer_steps():
    level = face_levels(np.array([1e-9, 1.0, 1.0, 1.0, 100.0]))
    assert level[0] < level[1] < level[4]
    assert face_levels(np.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("end", [-1, 1])
def test_the_largest_integers_stand_for_finite_splats(end):
    columns = face_columns(1)
    splits = np.stack([end * SPLIT_LIMITS] * 3)
    found = dequantise(np.stack([end * face_limits(columns)] * 8), splits)
    avatar = Avatar(Forest(OCTANTS, len(OCTAHEDRON)).split(np.arange(3)).forest, _longer(found, 17))
    posed = avatar.posed(OCTAHEDRON)
    for values in (posed.mean, posed.rotation, posed.scale, posed.opacity, posed.sh):
        assert np.isfinite(values).all()


def _longer(parameters, n):
    """The same parameters with the first face again and again."""
    names = ("offset", "rotation", "log_scale", "opacity", "sh")
    return replace(
        parameters,
        **{name: np.resize(getattr(parameters, name)[:1], (n, *getattr(parameters, name).shape[1:])) for name in names},
    )
