from __future__ import annotations

import numpy as np
import pytest
from splat_sets3d import BACKGROUND, FIELDS, changed, make, view

from sfumato.camera import Camera
from sfumato.kernels import harmonics, reference3d, reference3d_gradient
from sfumato.splats import Splats3D

STEP = 2.0**-10


def render(splats, camera, *, background=None, antialias=False, near=0.01):
    return reference3d.render(splats, camera, background=background, antialias=antialias, near=near)


def one(mean=(0, 0, 2), scale=(0.1, 0.1, 0.1), opacity=0.5, color=(0.8, 0.4, 0.2), rotation=(1, 0, 0, 0)):
    sh = (np.array(color) - 0.5) / harmonics.C0
    return Splats3D(*(np.array([v], np.float32) for v in (mean, rotation, scale, opacity, [sh])))


def straight(width=40, height=30, focal=50.0):
    return Camera(width, height, focal, focal, width / 2, height / 2, np.eye(3), np.zeros(3))


def test_a_splat_is_its_formula():
    splats = one(mean=(0.11, -0.07, 2), scale=(0.12, 0.05, 0.08))
    color, alpha, depth, total, peak = render(splats, straight(), background=BACKGROUND)
    center = np.array([20 + 50 * 0.11 / 2, 15 - 50 * 0.07 / 2])
    # The axes are those of the camera, so that the Jacobian leaves them apart but for the slant of the view.
    jacobian = np.array([[25, 0, -25 * 0.11 / 2], [0, 25, 25 * 0.07 / 2]])
    covariance = jacobian @ np.diag([0.12, 0.05, 0.08]) ** 2 @ jacobian.T + 0.3 * np.eye(2)
    offset = np.array([24.5, 12.5]) - center
    expected = 0.5 * np.exp(-0.5 * offset @ np.linalg.inv(covariance) @ offset)
    assert expected > 1 / 255
    assert alpha[12, 24] == pytest.approx(expected, rel=1e-6)
    assert depth[12, 24] == pytest.approx(2 * expected, rel=1e-6)
    assert color[12, 24] == pytest.approx(expected * np.array([0.8, 0.4, 0.2]) + (1 - expected) * BACKGROUND, rel=1e-5)
    assert total[0] == pytest.approx(alpha.sum())
    assert peak[0] == pytest.approx(alpha.max())


def test_splats_end_at_the_cut_off():
    _, alpha, _, _, _ = render(one(scale=(0.2, 0.2, 0.2)), straight())
    assert 1 / 255 <= alpha[alpha > 0].min() < 1.2 / 255
    assert (alpha == 0).any()


def test_no_splat_covers_more_than_the_cap():
    _, alpha, _, _, _ = render(one(opacity=1.0, scale=(1, 1, 1)), straight())
    assert alpha.max() == pytest.approx(0.99)


def test_a_pixel_ends_before_the_splat_that_would_hide_all_behind_it():
    layers = zip((2, 3, 4, 5), (1.0, 0.98, 0.9, 0.3), strict=True)
    splats = Splats3D.concatenate([one(mean=(0, 0, z), opacity=opacity, scale=(9, 9, 9)) for z, opacity in layers])
    _, alpha, _, total, _ = render(splats, straight(2, 2))
    assert 1 - alpha == pytest.approx(2e-4, rel=0.05)  # the third would make it 2e-5
    assert (total > 0).tolist() == [True, True, False, False]


def test_a_nearer_splat_hides_a_farther_one():
    near, far = one(mean=(0, 0, 2), color=(1, 0, 0), opacity=0.9), one(mean=(0, 0, 3), color=(0, 1, 0), opacity=0.9)
    for order in ([near, far], [far, near]):
        color = render(Splats3D.concatenate(order), straight())[0]
        assert color[15, 20, 0] > 5 * color[15, 20, 1]


def test_splats_of_one_depth_are_blended_in_the_order_given():
    red, green = one(color=(1, 0, 0), opacity=0.9), one(color=(0, 1, 0), opacity=0.9)
    for first, second, channel in ((red, green, 0), (green, red, 1)):
        color = render(Splats3D.concatenate([first, second]), straight())[0]
        assert color[15, 20].argmax() == channel


@pytest.mark.parametrize(("z", "shown"), [(0.009, False), (0.0101, True), (-2, False)])
def test_splats_before_the_near_plane_are_absent(z, shown):
    assert (render(one(mean=(0, 0, z), scale=(0.001,) * 3), straight())[1].max() > 0) == shown


def test_antialiasing_keeps_the_light_of_a_small_splat():
    small = one(scale=(0.001,) * 3, opacity=1.0)
    covered = 2 * np.pi * (0.001 * 25) ** 2  # its integral on the screen, in pixels
    assert render(small, straight())[1].sum() > 1
    big_enough = one(scale=(0.01,) * 3, opacity=1.0)
    assert render(big_enough, straight(), antialias=True)[1].sum() == pytest.approx(2 * np.pi * 0.25**2, rel=0.1)
    assert render(small, straight(), antialias=True)[1].sum() <= covered


def test_the_harmonics_are_orthonormal():
    # Gauss-Legendre in z and equal steps about it integrate polynomials of degree 6 over the sphere exactly.
    z, weight = np.polynomial.legendre.leggauss(6)
    angle = 2 * np.pi * np.arange(8) / 8
    ring = np.sqrt(1 - z**2)[:, None]
    points = np.stack([ring * np.cos(angle), ring * np.sin(angle), np.broadcast_to(z[:, None], (6, 8))], -1)
    values = harmonics.basis(points.reshape(-1, 3), 3)
    weights = np.repeat(weight, 8) * 2 * np.pi / 8
    assert np.allclose(values.T @ (values * weights[:, None]), np.eye(16), atol=1e-12)


def test_the_harmonics_have_the_signs_of_the_field():
    x, y, z = harmonics.basis(np.eye(3), 1)
    assert np.allclose([x[3], y[1], z[2]], np.array([-1, -1, 1]) * 0.4886025119029199)
    second = harmonics.basis(np.array([[0.6, 0.8, 0]]), 2)[0]
    assert second[4] == pytest.approx(1.0925484305920792 * 0.48)


def test_the_harmonics_derivatives_are_finite_differences():
    points = np.random.default_rng(0).normal(size=(5, 3))
    found = harmonics.basis_gradient(points, 3)
    for axis in range(3):
        step = 1e-5 * np.eye(3)[axis]
        numeric = (harmonics.basis(points + step, 3) - harmonics.basis(points - step, 3)) / 2e-5
        assert np.allclose(found[:, :, axis], numeric, atol=1e-8)


def moved(splats, name, index, step):
    values = getattr(splats, name).copy()
    values[index] += np.float32(step)
    return changed(splats, **{name: values})


@pytest.mark.parametrize("degree", [0, 3])
@pytest.mark.parametrize("antialias", [False, True])
def test_the_gradients_are_the_derivatives_of_the_picture(degree, antialias):
    # Splats wider than the picture: no cut-off in sight, so that it is smooth. Values are multiples of the step.
    splats = make(5, degree=degree, sigma=(0.5, 1.5), opacity=(0.2, 0.6), spread=0.3, seed=2)
    splats = Splats3D(*(np.round(getattr(splats, name) * 256) / 256 for name in FIELDS))
    camera = view(7, 6, fov_degrees=20)
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=shape) for shape in ((6, 7, 3), (6, 7), (6, 7))]

    def loss(changed):
        picture = render(changed, camera, background=BACKGROUND, antialias=antialias)
        return sum(np.sum(w * part) for w, part in zip(weights, picture, strict=False))

    found = reference3d_gradient.gradient(
        splats, camera, *weights, background=BACKGROUND, antialias=antialias, near=0.01
    )
    for name, analytic in zip(FIELDS, found, strict=False):
        numeric = np.zeros(analytic.shape)
        for index in np.ndindex(numeric.shape):
            up, down = moved(splats, name, index, STEP), moved(splats, name, index, -STEP)
            numeric[index] = (loss(up) - loss(down)) / (2 * STEP)
        assert np.abs(numeric).max() > 0.01
        assert np.allclose(analytic, numeric, rtol=1e-3, atol=1e-3 * np.abs(numeric).max()), name


def test_beside_the_picture_the_projection_is_linearised_no_further_out():
    # Far to the side and long in depth; without the limit its streak would reach across the picture.
    splats = one(mean=(6, 0, 1), scale=(0.01, 0.3, 1.5), opacity=1.0)
    seen = reference3d.project(splats, straight(), near=0.01, antialias=False)
    assert len(seen.index) == 0 or seen.limited[0, 0]
    wide = straight(1200, 30)
    assert not reference3d.project(splats, wide, near=0.01, antialias=False).limited.any()


def test_where_the_projection_is_limited_the_gradients_are_derivatives_too():
    splats = one(mean=(1.5, 0.125, 2), scale=(0.5, 0.25, 0.25), opacity=0.75)
    camera = straight(16, 12)
    weight = np.random.default_rng(3).normal(size=(12, 16)), np.zeros((12, 16))

    def loss(splats):
        return np.sum(weight[0] * render(splats, camera)[1])

    assert reference3d.project(splats, camera, near=0.01, antialias=False).limited[0].tolist() == [True, False]
    found = reference3d_gradient.gradient(
        splats, camera, np.zeros((12, 16, 3)), *weight, background=None, antialias=False, near=0.01
    )
    for name, analytic in zip(FIELDS[:4], found, strict=False):
        for index in np.ndindex(analytic.shape):
            up, down = moved(splats, name, index, STEP / 8), moved(splats, name, index, -STEP / 8)
            assert analytic[index] == pytest.approx((loss(up) - loss(down)) * 4 / STEP, abs=2e-3), (name, index)


def test_the_norm_on_the_screen_is_in_halves_of_the_picture():
    splats, camera = one(scale=(0.3, 0.3, 0.3)), straight()
    slope = np.tile(np.arange(40.0) - 20, (30, 1))
    *_, screen = reference3d_gradient.gradient(
        splats, camera, np.zeros((30, 40, 3)), slope, 0 * slope, background=None, antialias=False, near=0.01
    )
    # A shift by one pixel moves the splat's light along the slope by one each: the derivative is its alpha's sum.
    total = render(splats, camera)[1].sum()
    assert screen[0] == pytest.approx(total * 20, rel=0.1)  # less what lies at the rim
