"""Sets of 3D splats, cameras, and how far a right answer may be from the reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.camera import Camera
from sfumato.kernels import reference3d
from sfumato.splats import Splats3D

FIELDS = ("mean", "rotation", "scale", "opacity", "sh")
BACKGROUND = np.array([0.2, 0.5, 0.9])

BAND = 2e-3
"""Alphas this close to the cut-off, and transmittances this close to the end, relatively, may fall on either side in
float32."""


def make(
    count: int,
    *,
    degree: int = 0,
    sigma: tuple[float, float] = (0.01, 0.3),
    opacity: tuple[float, float] = (0.02, 1.0),
    spread: float = 1.0,
    seed: int = 0,
) -> Splats3D:
    """Splats of all shapes and directions in a cube of twice `spread` about the origin."""
    rng = np.random.default_rng(seed)
    rotation = rng.normal(size=(count, 4))
    sh = rng.normal(0, 0.3, (count, (degree + 1) ** 2, 3))
    sh[:, 0] += 1
    return Splats3D(
        rng.uniform(-spread, spread, (count, 3)),
        rotation / np.linalg.norm(rotation, axis=1, keepdims=True),
        np.exp(rng.uniform(*np.log(sigma), (count, 3))),
        rng.uniform(*opacity, count),
        sh,
    )


def view(width: int = 131, height: int = 77, *, distance: float = 2.5, fov_degrees: float = 50.0) -> Camera:
    """A camera that looks at the origin from no axis in particular."""
    direction = np.array([0.25, -0.3, -1.0])
    position = distance * direction / np.linalg.norm(direction)
    return Camera.look_at(position, np.zeros(3), width=width, height=height, fov_degrees=fov_degrees)


def changed(splats: Splats3D, **fields: NDArray[np.floating]) -> Splats3D:
    """`splats` with some fields replaced."""
    return Splats3D(*(fields.get(name, getattr(splats, name)) for name in FIELDS))


def uncertain(
    splats: Splats3D, camera: Camera, *, antialias: bool = False, gradients: bool = False
) -> NDArray[np.float64]:
    """How much [H, W] a pixel's transmittances may change where a splat flips at its cut-off or ends the pixel.

    gradients: count also where alpha is about to be capped, which flips gradients alone.
    """
    seen = reference3d.project(splats, camera, near=0.01, antialias=antialias)
    left = np.ones((camera.height, camera.width))
    alive = np.ones(left.shape, bool)
    flips = np.zeros(left.shape)
    whole = (slice(0, camera.height), slice(0, camera.width))
    y, x = np.mgrid[whole] + 0.5
    for n in range(len(seen.index)):
        offset = np.stack([x, y], axis=-1) - seen.center[n]
        q = np.einsum("hwi,ij,hwj->hw", offset, np.linalg.inv(seen.covariance[n]), offset)
        alpha = seen.opacity[n] * np.exp(-0.5 * q)
        # An exponent is off by what float32 leaves of the offset (1e-7 of the picture's size) along its steepest way.
        narrow = np.sqrt(np.linalg.eigvalsh(seen.covariance[n])[0])
        error = BAND + 1e-7 * (max(camera.width, camera.height) + np.abs(seen.center[n]).max()) * 10 / narrow
        at_rim = np.abs(alpha / reference3d.CUTOFF - 1) < error
        if gradients:
            at_rim |= np.abs(alpha / reference3d.ALPHA_CAP - 1) < error
        flips += np.where(at_rim & alive, left * alpha, 0)
        shown = np.where(alpha >= reference3d.CUTOFF, np.minimum(alpha, reference3d.ALPHA_CAP), 0)
        after = left * (1 - shown)
        ends = np.abs(after / reference3d.STOP - 1) < 20 * BAND
        flips += np.where(ends & alive, left, 0)
        reference3d._blend(left, alive, shown)
    return flips


def assert_same_picture(
    got: NDArray[np.float32], expected: NDArray[np.float64], flips: NDArray[np.float64], scale: float
) -> None:
    """Equal up to float32 arithmetic where nothing can flip, and up to what the flips weigh where something can."""
    assert got.shape == expected.shape
    error = np.abs(got - expected)
    allowed = scale * (1e-4 + 3 * flips)
    if error.ndim == 3:
        allowed = allowed[..., None]
    excess = error - allowed
    assert excess.max() <= 0, f"{excess.max()} too much at {np.unravel_index(excess.argmax(), excess.shape)}"
