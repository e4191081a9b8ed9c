from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splat_sets3d import FIELDS, assert_same_picture, changed, make, uncertain, view

from sfumato.camera import Camera
from sfumato.kernels import splats3d
from sfumato.kernels.reference3d import rotation_matrices
from sfumato.splats import Splats3D

FEW = settings(max_examples=8)
seeds = st.integers(0, 2**32 - 1)
SMALL = view(45, 38)


def product(a, b):
    """Quaternions a [4] times b [N, 4]: first b's rotation, then a's."""
    w, x, y, z = a
    rows = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    return b @ rows.T


@FEW
@given(seeds)
def test_moving_scene_and_camera_together_changes_nothing(kernels, seed):
    rng = np.random.default_rng(seed)
    splats = make(15, seed=seed)  # degree 0: harmonics would have to be turned as well
    turn = rng.normal(size=4)
    turn /= np.linalg.norm(turn)
    matrix, shift = rotation_matrices(turn[None])[0], rng.normal(size=3)
    moved = changed(splats, mean=splats.mean @ matrix.T + shift, rotation=product(turn, splats.rotation))
    rotation = SMALL.rotation @ matrix.T
    camera = Camera(
        SMALL.width, SMALL.height, SMALL.fx, SMALL.fy, SMALL.cx, SMALL.cy, rotation,
        SMALL.translation - rotation @ shift,
    )  # fmt: skip
    here, there = splats3d.render(splats, SMALL), splats3d.render(moved, camera)
    flips = uncertain(splats, SMALL)
    assert_same_picture(there.color, here.color.astype(np.float64), flips, 3)
    assert_same_picture(there.depth, here.depth.astype(np.float64), flips, 10)


@FEW
@given(seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_splats_does_not_matter(kernels, seed, random):
    splats = make(15, degree=1, seed=seed)
    order = list(range(15))
    random.shuffle(order)
    here, there = (splats3d.render(s, SMALL, weights=True) for s in (splats, splats[np.array(order)]))
    assert np.array_equal(there.color, here.color)
    assert np.array_equal(there.depth, here.depth)
    assert np.array_equal(there.weight, here.weight[order])


@FEW
@given(seeds)
def test_a_splat_of_opacity_0_is_absent(kernels, seed):
    splats = make(15, seed=seed)
    gone = np.arange(15) % 3 == 0
    clear = changed(splats, opacity=np.where(gone, 0, splats.opacity))
    assert np.array_equal(splats3d.render(clear, SMALL).color, splats3d.render(splats[~gone], SMALL).color)


@FEW
@given(seeds, st.integers(-9, 40), st.integers(-9, 30), st.integers(1, 40), st.integers(1, 40))
def test_a_crop_is_that_part_of_the_whole_picture(kernels, seed, left, top, width, height):
    # Splats so small that it hardly matters where around a crop their projection is limited.
    splats = make(40, sigma=(0.01, 0.04), spread=0.5, seed=seed)
    frame = SMALL.cropped(-9, -9, 90, 80)
    whole = splats3d.render(splats, frame).color
    flips = uncertain(splats, frame)
    crop = splats3d.render(splats, SMALL.cropped(left, top, width, height)).color
    part = slice(top + 9, top + 9 + height), slice(left + 9, left + 9 + width)
    assert_same_picture(crop, whole[part].astype(np.float64), flips[part], 30)


@FEW
@given(seeds)
def test_transparent_over_a_colour_is_the_picture_on_that_colour(kernels, seed):
    splats, color = make(15, seed=seed), np.array([0.9, 0.1, 0.4])
    clear, on_color = splats3d.render(splats, SMALL), splats3d.render(splats, SMALL, background=color)
    assert np.allclose(on_color.color, clear.color + (1 - clear.alpha[..., None]) * color, atol=1e-6)
    assert np.array_equal(on_color.alpha, clear.alpha)


@FEW
@given(seeds)
def test_weights_add_up_to_alpha(kernels, seed):
    splats = make(15, seed=seed)
    made = splats3d.render(splats, SMALL, weights=True)
    assert made.weight.sum() == pytest.approx(made.alpha.sum(), rel=1e-4)


def test_importance_is_the_sum_over_cameras(kernels):
    splats = make(40, seed=2)
    cameras = [SMALL, view(30, 20, distance=4), view(20, 30, distance=1.5)]
    each = np.stack([splats3d.render(splats, camera, weights=True).weight for camera in cameras])
    found = splats3d.measure(splats, cameras)
    assert np.allclose(splats3d.importance(splats, cameras), each.sum(0), rtol=1e-5)
    assert np.allclose(found.view, each.max(0), rtol=1e-5)
    assert np.all(found.peak <= 0.99 + 1e-6)
    assert np.all((found.peak > 0) == (found.total > 0))
    assert np.all(found.peak <= found.view + 1e-6)


def test_without_cameras_nothing_is_important(kernels):
    assert not splats3d.importance(make(3), []).any()


def test_splats_without_part_in_the_picture_have_no_gradient(kernels):
    splats = Splats3D.concatenate([make(3), changed(make(3), mean=np.full((3, 3), -50.0))])
    found = splats3d.gradient(splats, SMALL, np.ones((38, 45, 3), np.float32))
    for name in (*FIELDS, "screen"):
        assert not getattr(found, name)[3:].any()
        assert getattr(found, name)[:3].any()


def test_a_quaternion_of_any_length_is_the_same_rotation(kernels):
    splats = make(15, seed=3)
    for length in (1e-18, 0.3, 1e18):
        longer = changed(splats, rotation=splats.rotation * np.float32(length))
        assert np.allclose(splats3d.render(longer, SMALL).color, splats3d.render(splats, SMALL).color, atol=1e-2)
        d_color = np.ones((38, 45, 3), np.float32)
        got = splats3d.gradient(longer, SMALL, d_color).rotation * length
        expected = splats3d.gradient(splats, SMALL, d_color).rotation
        assert np.linalg.norm(got - expected) <= 0.01 * np.linalg.norm(expected)


def test_no_splats_make_an_empty_picture(kernels):
    made = splats3d.render(Splats3D.empty(3), SMALL, background=(0, 0.5, 1), weights=True)
    assert np.allclose(made.color, [0, 0.5, 1])
    assert not made.alpha.any()
    assert made.weight.shape == (0,)
    assert splats3d.gradient(Splats3D.empty(3), SMALL, made.color).sh.shape == (0, 16, 3)


@pytest.mark.parametrize("background", [(1, 2), 0.5, (0, 0, np.nan)])
def test_a_background_that_is_no_colour_is_refused(background):
    with pytest.raises(ValueError, match="background is 3"):
        splats3d.render(make(1), SMALL, background=background)


@pytest.mark.parametrize("near", [0, -1, np.nan, np.inf])
def test_a_near_plane_behind_the_camera_is_refused(near):
    with pytest.raises(ValueError, match="near plane"):
        splats3d.render(make(1), SMALL, near=near)


def test_gradients_of_another_size_are_refused(kernels):
    with pytest.raises(ValueError, match="d_alpha and d_depth"):
        splats3d.gradient(make(1), SMALL, np.zeros((38, 45, 3)), np.zeros((45, 38)))
