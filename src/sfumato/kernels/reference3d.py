"""The law: 3D splats in numpy float64, projected and blended front to back, written for clearness.

Everything the compiled kernels do is checked against this file. The conventions are those that 3DGS (arXiv 2308.04079)
and gsplat (arXiv 2409.06765) share; where the two differ, what is done here is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.camera import Camera
from sfumato.kernels.harmonics import basis
from sfumato.splats import Splats3D

Array = NDArray[np.float64]

CUTOFF = 1 / 255
"""A splat is skipped in pixels where its alpha is less."""

ALPHA_CAP = 0.99
"""No splat covers a pixel more than this (3DGS; gsplat had 0.999 up to version 1.5)."""

STOP = 1e-4
"""A splat that would bring a pixel's transmittance down to this is not blended, and the pixel takes no more splats."""

DILATION = 0.3
"""Added to both variances on the screen, in pixels^2: a splat covers at least about one pixel."""

VIEW_MARGIN = 0.3
"""The projection is linearised no further outside the picture than this share of half its size."""

MAX_SIGMA = 1e6
"""Pixels; a splat that is larger on the screen is absent: its arithmetic would overflow."""

RECT = tuple[slice, slice]


@dataclass(frozen=True)
class Projection:
    """What a camera sees of M of the splats, nearest first (equal depths: in the order given).

    Besides what is drawn it keeps the steps on the way, which the gradient goes back.
    """

    index: NDArray[np.intp]  # [M], which splats
    center: Array  # [M, 2], pixels
    covariance: Array  # [M, 2, 2], pixels^2, dilated
    opacity: Array  # [M], compensated if antialiased
    color: Array  # [M, 3]
    point: Array  # [M, 3], in camera axes; the last is the depth
    slant: Array  # [M, 2], x/z and y/z, limited to the surroundings of the picture
    limited: NDArray[np.bool_]  # [M, 2], where they were
    turn: Array  # [M, 3, 3], the splats' rotations
    axes: Array  # [M, 3, 3], columns: the splats' axes in camera axes, as long as the standard deviations
    on_screen: Array  # [M, 2, 3], the same projected
    sharp: Array  # [M, 2, 2], covariance before dilation


def rotation_matrices(rotation: Array) -> Array:
    """[N, 3, 3] of quaternions (w, x, y, z) [N, 4] of any length but 0."""
    w, x, y, z = (rotation / np.linalg.norm(rotation, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def _limits(camera: Camera) -> Array:
    """Least and greatest x/z and y/z [2, 2] at which the projection is linearised (as gsplat has them)."""
    focal, center = np.array([camera.fx, camera.fy]), np.array([camera.cx, camera.cy])
    size = np.array([camera.width, camera.height])
    margin = VIEW_MARGIN * 0.5 * size / focal
    return np.stack([-center / focal - margin, (size - center) / focal + margin])


def directions(splats: Splats3D, camera: Camera) -> tuple[Array, Array]:
    """Unit vectors [N, 3] from the camera to the splats' centres, and the distances [N, 1]."""
    offset = splats.mean.astype(np.float64) - camera.position
    distance = np.linalg.norm(offset, axis=1, keepdims=True)
    return offset / np.maximum(distance, 1e-12), distance


def project(splats: Splats3D, camera: Camera, *, near: float, antialias: bool) -> Projection:
    """The splats that can show in some pixel.

    Absent are splats nearer than `near`, with an opacity below the cut-off (after compensation), larger than
    `MAX_SIGMA`, beside the picture, or with a value that is not finite or a quaternion of length 0.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        point = splats.mean @ camera.rotation.T + camera.translation
    shown = np.isfinite(point).all(1) & (point[:, 2] > near) & np.isfinite(splats.sh).all((1, 2))
    for values in (splats.rotation, splats.scale, splats.opacity[:, None]):
        shown &= np.isfinite(values).all(1)
    shown &= (np.abs(splats.rotation) > 0).any(1)
    index = np.flatnonzero(shown)
    index = index[np.argsort(point[index, 2].astype(np.float32), kind="stable")]
    splats, point = splats[index], point[index]

    depth = point[:, 2:]
    focal = np.array([camera.fx, camera.fy])
    slant = np.clip(point[:, :2] / depth, *_limits(camera))
    turn = rotation_matrices(splats.rotation.astype(np.float64))
    axes = camera.rotation @ turn * splats.scale[:, None, :]
    on_screen = (axes[:, :2] - slant[:, :, None] * axes[:, 2:]) * (focal / depth)[:, :, None]
    sharp = on_screen @ on_screen.transpose(0, 2, 1)
    covariance = sharp + DILATION * np.eye(2)
    opacity = splats.opacity.astype(np.float64)
    if antialias:
        opacity = opacity * np.sqrt(np.maximum(np.linalg.det(sharp), 0) / np.linalg.det(covariance))
    center = point[:, :2] / depth * focal + [camera.cx, camera.cy]
    way, _ = directions(splats, camera)
    color = np.maximum(0, 0.5 + np.einsum("nk,nkc->nc", basis(way, splats.sh_degree), splats.sh))

    half = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    reach = half * np.sqrt(2 * np.log(np.maximum(opacity / CUTOFF, 1)))[:, None]
    size = [camera.width, camera.height]
    seen = (
        (half < MAX_SIGMA).all(1) & (opacity >= CUTOFF) & (center + reach > 0).all(1) & (center - reach < size).all(1)
    )
    parts = (index, center, covariance, opacity, color, point, slant, slant != point[:, :2] / depth, turn, axes)
    return Projection(*(part[seen] for part in (*parts, on_screen, sharp)))


def _alpha(seen: Projection, n: int, camera: Camera) -> tuple[RECT, Array, Array]:
    """Where splat n may show, and there: offsets from its centre [h, w, 2] and uncapped alpha [h, w], 0 below the
    cut-off."""
    reach = np.sqrt(2 * np.log(seen.opacity[n] / CUTOFF) * np.diag(seen.covariance[n]))
    low = np.clip(np.floor(seen.center[n] - reach), 0, [camera.width, camera.height]).astype(int)
    high = np.clip(np.ceil(seen.center[n] + reach), 0, [camera.width, camera.height]).astype(int)
    rect = slice(low[1], high[1]), slice(low[0], high[0])
    y, x = np.mgrid[rect] + 0.5
    offset = np.stack([x, y], axis=-1) - seen.center[n]
    q = np.einsum("hwi,ij,hwj->hw", offset, np.linalg.inv(seen.covariance[n]), offset)
    alpha = seen.opacity[n] * np.exp(-0.5 * q)
    return rect, offset, np.where(alpha >= CUTOFF, alpha, 0.0)


def _blend(left: Array, alive: NDArray[np.bool_], alpha: Array) -> tuple[Array, Array]:
    """One splat over pixels [h, w]: changes the transmittance `left` and `alive` in place; its alpha and weight."""
    alpha = np.where(alive, np.minimum(alpha, ALPHA_CAP), 0)
    alive &= left * (1 - alpha) > STOP
    alpha = np.where(alive, alpha, 0)
    weight = alpha * left
    left *= 1 - alpha
    return alpha, weight


def render(
    splats: Splats3D, camera: Camera, *, background: Array | None, antialias: bool, near: float
) -> tuple[Array, Array, Array, Array, Array]:
    """Colour [H, W, 3], alpha [H, W], depth [H, W], and per splat [N] the sum and the largest of its weights.

    A splat's weight in a pixel is its alpha times the transmittance in front of it. Colour and depth are sums of
    weights times the splats' colours and depths: neither is divided by alpha. `background` [3] shows through what is
    left; None is transparent, the same as black.
    """
    seen = project(splats, camera, near=near, antialias=antialias)
    shape = camera.height, camera.width
    color, depth = np.zeros((*shape, 3)), np.zeros(shape)
    left, alive = np.ones(shape), np.ones(shape, bool)
    total, peak = np.zeros(len(splats)), np.zeros(len(splats))
    for n, index in enumerate(seen.index):
        rect, _, alpha = _alpha(seen, n, camera)
        _, weight = _blend(left[rect], alive[rect], alpha)
        color[rect] += weight[..., None] * seen.color[n]
        depth[rect] += weight * seen.point[n, 2]
        total[index], peak[index] = weight.sum(), weight.max(initial=0)
    if background is not None:
        color += left[..., None] * background
    return color, 1 - left, depth, total, peak
