"""Levels at their own small size: the small picture is a box average, and its gradient is the derivative."""

from __future__ import annotations

import numpy as np
import pytest

from media.image.samples import picture
from sfumato.kernels.splats2d import render
from sfumato.media.image.small import SmallPicture, shrink
from sfumato.splats import Float32Array, Splats2D


def test_shrinking_averages_boxes() -> None:
    wanted = picture()
    np.testing.assert_allclose(shrink(wanted, 24, 16), wanted.reshape(16, 2, 24, 2, 3).mean(axis=(1, 3)), atol=1e-6)
    np.testing.assert_allclose(shrink(wanted, 48, 32), wanted, atol=1e-6)
    uneven = shrink(wanted, 7, 5)
    assert uneven.shape == (5, 7, 3)
    np.testing.assert_allclose(uneven.mean(axis=(0, 1)), wanted.mean(axis=(0, 1)), atol=1e-5)


def _moved(splats: Splats2D, step: Float32Array) -> Splats2D:
    factor, change = np.zeros((2, len(splats), 2, 2))
    factor[:, 0, 0], factor[:, 1, 0], factor[:, 1, 1] = splats.chol.T
    change[:, 0, 0], change[:, 1, 0], change[:, 1, 1] = step[:, 2:5].T
    xy = splats.xy + np.einsum("nij,nj->ni", factor, step[:, :2])
    new = factor @ (np.eye(2) + change)
    chol = np.stack([new[:, 0, 0], new[:, 1, 0], new[:, 1, 1]], axis=1)
    return Splats2D(xy.astype(np.float32), chol.astype(np.float32), (splats.color + step[:, 5:]).astype(np.float32))


@pytest.mark.parametrize("factor", [1.0, 2.0, 3.0])
def test_the_gradient_is_the_derivative_of_the_small_error(factor: float) -> None:
    rng, count = np.random.default_rng(0), 4
    chol = np.stack([rng.uniform(2, 6, count), rng.normal(0, 2, count), rng.uniform(2, 6, count)], axis=1)
    splats = Splats2D(
        rng.uniform(12, 24, (count, 2)).astype(np.float32),
        chol.astype(np.float32),
        rng.uniform(0.05, 0.15, (count, 3)).astype(np.float32),
    )
    small = SmallPicture(np.full((36, 51, 3), 0.3, np.float32), factor)
    target = small.target.picture().astype(np.float64)
    size = (target.shape[1], target.shape[0])

    def error(moved: Splats2D) -> float:
        residual = render(moved, 51, 36, size=size).astype(np.float64) - target
        return float(np.sum(residual**2)) / 2 / (small.scale[0] * small.scale[1])

    found = small.gradient(splats)
    for parameter in range(8):
        step = np.zeros((count, 8), np.float32)
        step[1, parameter] = 1e-2
        numeric = (error(_moved(splats, step)) - error(_moved(splats, -step))) / 2e-2
        assert found[1, parameter] == pytest.approx(numeric, abs=0.02 * float(np.abs(found).max()))
