"""An orbit around a scene shows all of it, as large as it can be, whatever floats far away."""

from __future__ import annotations

import numpy as np
import pytest

from sfumato.camera import Camera, Float64Array
from sfumato.media.framing import orbit_around
from sfumato.splats import Splats3D, robust_bounds


def seen(camera: Camera, point: Float64Array) -> Float64Array:
    """Where `point` [3] is on the picture, in pixels, and its depth."""
    x, y, z = camera.rotation @ point + camera.translation
    return np.array([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy, z])


def cloud(points: Float64Array, opacity: float = 0.9, scale: float = 1e-3) -> Splats3D:
    n = len(points)
    return Splats3D(points, np.tile([1.0, 0, 0, 0], (n, 1)), np.full((n, 3), scale), np.full(n, opacity),
                    np.zeros((n, 1, 3)))  # fmt: skip


@pytest.mark.parametrize(("width", "height"), [(160, 90), (90, 160), (100, 100)])
@pytest.mark.parametrize("shape", [(1, 1, 1), (0.2, 3, 0.2), (3, 0.1, 3)])
def test_an_orbit_around_a_scene_fills_the_picture_and_cuts_nothing_off(
    width: int, height: int, shape: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(-1, 1, (3000, 3)) * shape + (5, -7, 11)
    size = np.array([width, height])
    fill = 0.0
    for camera in orbit_around(cloud(points), 12, width=width, height=height):
        at = np.array([seen(camera, point) for point in points])
        assert (at[:, 2] > 0).all()
        assert ((at[:, :2] > 0) & (at[:, :2] < size)).all(axis=1).mean() > 0.99
        fill = max(fill, float((np.abs(at[:, :2] / size - 0.5).max(axis=0) * 2).max()))
    assert 0.85 < fill < 1.1


def test_far_floaters_neither_move_nor_widen_the_bounds() -> None:
    rng = np.random.default_rng(2)
    ball = rng.normal(size=(2000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    floaters = rng.normal(size=(60, 3)) * 500
    centre, radius = robust_bounds(Splats3D.concatenate([cloud(ball), cloud(floaters, opacity=0.3)]))
    assert np.linalg.norm(centre) < 0.1 and radius == pytest.approx(1, abs=0.1)


def test_bounds_of_few_or_invisible_splats_are_their_extent() -> None:
    centre, radius = robust_bounds(cloud(np.array([[1.0, 2, 3]]), opacity=0, scale=0.5))
    assert centre == pytest.approx([1, 2, 3]) and radius == pytest.approx(0.5)
    (camera,) = orbit_around(cloud(np.array([[1.0, 2, 3]]), scale=0.5), 1, width=8, height=8)
    assert np.linalg.norm(camera.position - centre) > 0.04
    with pytest.raises(ValueError, match="no splats"):
        robust_bounds(Splats3D.empty())
