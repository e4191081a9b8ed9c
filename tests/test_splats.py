"""What holds for splats wherever they come from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.harmonics import basis
from sfumato.splats import Splats3D


def scene(count: int) -> Splats3D:
    rng = np.random.default_rng(1)
    rotation = rng.normal(size=(count, 4))
    rotation /= np.linalg.norm(rotation, axis=1, keepdims=True)
    scale = np.exp(rng.uniform(-2, 1, (count, 3)))
    return Splats3D(rng.normal(size=(count, 3)), rotation, scale, np.ones(count), rng.normal(size=(count, 16, 3)))


def test_splats_on_other_axes_look_the_same_from_there() -> None:
    splats = scene(50)
    turned = splats.with_axes_flipped(1, -1, -1)
    back = turned.with_axes_flipped(1, -1, -1)
    for name in ("mean", "rotation", "scale", "opacity", "sh"):
        np.testing.assert_array_equal(getattr(back, name), getattr(splats, name))
    signs = np.array([1, -1, -1])
    np.testing.assert_allclose(_covariance(turned), _covariance(splats) * signs[:, None] * signs, atol=1e-4)
    mirror = splats.with_axes_flipped(-1, 1, 1)
    signs = np.array([-1, 1, 1])
    np.testing.assert_allclose(_covariance(mirror), _covariance(splats) * signs[:, None] * signs, atol=1e-4)


def test_splats_on_other_axes_have_the_same_colour_from_every_side() -> None:
    splats = scene(50)
    rng = np.random.default_rng(3)
    directions = rng.normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for signs in ((1, -1, -1), (-1, 1, 1), (-1, -1, -1)):
        turned = splats.with_axes_flipped(*signs)
        here, there = (
            np.einsum("nk,nkc->nc", basis(d, 3), s.sh) for d, s in ((directions, splats), (directions * signs, turned))
        )
        np.testing.assert_allclose(here, there, atol=1e-5)


def _covariance(splats: Splats3D) -> NDArray[np.float64]:
    w, x, y, z = splats.rotation.T.astype(np.float64)
    rotation = np.stack(
        [
            *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        ],
        axis=1,
    ).reshape(-1, 3, 3)
    half = rotation * splats.scale[:, None].astype(np.float64)
    return half @ half.transpose(0, 2, 1)
