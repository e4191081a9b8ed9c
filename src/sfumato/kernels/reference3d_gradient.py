"""The law of the gradients of 3D splats: `reference3d.render` walked back, in numpy float64."""

from __future__ import annotations

import numpy as np

from sfumato.camera import Camera
from sfumato.kernels import harmonics, reference3d
from sfumato.kernels.reference3d import Array, Projection
from sfumato.splats import Splats3D


def gradient(
    splats: Splats3D,
    camera: Camera,
    d_color: Array,
    d_alpha: Array,
    d_depth: Array,
    *,
    background: Array | None,
    antialias: bool,
    near: float,
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Gradients of a loss for mean, rotation, scale, opacity and sh, and the norms [N] on the screen.

    d_color: [H, W, 3], d_alpha and d_depth: [H, W], the loss's gradients in the pixels of `reference3d.render`. The
    gradients are those of the splats inside their cut-off: that the cut-off and the end of a pixel move with a splat is
    left out, as in every splatting fit. Where alpha is capped, or a colour clamped at 0, nothing passes.
    """
    seen = reference3d.project(splats, camera, near=near, antialias=antialias)
    through = np.zeros(3) if background is None else background
    d_center, d_covariance, d_log, d_shade, d_z = _pixels(seen, camera, d_color, d_alpha, d_depth, through)
    outs = [np.zeros(getattr(splats, name).shape) for name in ("mean", "rotation", "scale", "opacity", "sh")]
    screen = np.zeros(len(splats))
    shown = splats[seen.index]
    if antialias:
        sharp, wide = np.linalg.inv(seen.sharp), np.linalg.inv(seen.covariance)
        d_covariance = d_covariance + 0.5 * d_log[:, None, None] * (sharp - wide)
    d_point, d_turn, d_scale = _shape(seen, shown, camera, d_covariance)
    depth, focal = seen.point[:, 2], np.array([camera.fx, camera.fy])
    pull = d_center * focal / depth[:, None]
    d_point[:, :2] += pull
    d_point[:, 2] += d_z - np.sum(pull * seen.point[:, :2], axis=1) / depth
    d_way, d_sh = _harmonics(seen, shown, camera, d_shade)
    for out, part in zip(
        outs,
        (d_point @ camera.rotation + d_way, _quaternion(shown, d_turn), d_scale, d_log / shown.opacity, d_sh),
        strict=True,
    ):
        out[seen.index] = part
    screen[seen.index] = np.linalg.norm(d_center * [camera.width / 2, camera.height / 2], axis=1)
    return outs[0], outs[1], outs[2], outs[3], outs[4], screen


def _pixels(
    seen: Projection, camera: Camera, d_color: Array, d_alpha: Array, d_depth: Array, background: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Gradients for centre [M, 2], covariance [M, 2, 2], logarithm of the opacity [M], colour [M, 3] and depth [M].

    With v the gradient along a splat's colour and depth, and `behind` the same of all that is blended after it,
    dL/dalpha = transmittance in front * v - behind / (1 - alpha).
    """
    count = len(seen.index)
    left, alive = np.ones(d_alpha.shape), np.ones(d_alpha.shape, bool)
    steps = []
    for n in range(count):
        rect, offset, alpha = reference3d._alpha(seen, n, camera)
        steps.append((rect, offset, alpha, *reference3d._blend(left[rect], alive[rect], alpha)))
    behind = left * (d_color @ background - d_alpha)
    d_center, d_covariance = np.zeros((count, 2)), np.zeros((count, 2, 2))
    d_log, d_shade, d_z = np.zeros(count), np.zeros((count, 3)), np.zeros(count)
    for n in reversed(range(count)):
        rect, offset, uncapped, alpha, weight = steps[n]
        v = d_color[rect] @ seen.color[n] + d_depth[rect] * seen.point[n, 2]
        g = weight * v - alpha * behind[rect] / (1 - alpha)  # alpha * dL/dalpha
        g = np.where(uncapped <= reference3d.ALPHA_CAP, g, 0)
        behind[rect] += weight * v
        pulled = offset @ np.linalg.inv(seen.covariance[n])
        d_center[n] = np.einsum("hw,hwi->i", g, pulled)
        d_covariance[n] = 0.5 * np.einsum("hw,hwi,hwj->ij", g, pulled, pulled)
        d_log[n] = g.sum()
        d_shade[n] = np.einsum("hw,hwc->c", weight, d_color[rect])
        d_z[n] = np.sum(weight * d_depth[rect])
    return d_center, d_covariance, d_log, d_shade, d_z


def _shape(seen: Projection, splats: Splats3D, camera: Camera, d_covariance: Array) -> tuple[Array, Array, Array]:
    """From the covariance on the screen to the point in camera axes [M, 3], the rotation [M, 3, 3] and scale [M, 3]."""
    depth, focal = seen.point[:, 2], np.array([camera.fx, camera.fy])
    d_screen = 2 * d_covariance @ seen.on_screen
    zoom = focal / depth[:, None]  # on_screen = zoom (axes_xy - slant axes_z)
    d_axes = np.zeros_like(seen.axes)
    d_axes[:, :2] = zoom[:, :, None] * d_screen
    d_axes[:, 2] = -np.einsum("ni,nij->nj", zoom * seen.slant, d_screen)
    d_slant = -zoom * np.einsum("nij,nj->ni", d_screen, seen.axes[:, 2])
    d_slant[seen.limited] = 0
    d_point = np.zeros_like(seen.point)
    d_point[:, :2] = d_slant / depth[:, None]
    d_point[:, 2] = -(np.sum(d_slant * seen.slant, axis=1) + np.sum(d_screen * seen.on_screen, axis=(1, 2))) / depth
    d_local = camera.rotation.T @ d_axes
    return d_point, d_local * splats.scale[:, None, :], np.sum(d_local * seen.turn, axis=1)


def _quaternion(splats: Splats3D, d_turn: Array) -> Array:
    """From the rotation matrices to the quaternions as they are stored, whose length changes no rotation."""
    length = np.linalg.norm(splats.rotation.astype(np.float64), axis=1, keepdims=True)
    unit = splats.rotation / length
    w, x, y, z = unit.T
    d = np.moveaxis(d_turn, 0, 2)
    raw = 2 * np.stack(
        [
            x * (d[2, 1] - d[1, 2]) + y * (d[0, 2] - d[2, 0]) + z * (d[1, 0] - d[0, 1]),
            w * (d[2, 1] - d[1, 2]) + y * (d[0, 1] + d[1, 0]) + z * (d[0, 2] + d[2, 0]) - 2 * x * (d[1, 1] + d[2, 2]),
            w * (d[0, 2] - d[2, 0]) + x * (d[0, 1] + d[1, 0]) + z * (d[1, 2] + d[2, 1]) - 2 * y * (d[0, 0] + d[2, 2]),
            w * (d[1, 0] - d[0, 1]) + x * (d[0, 2] + d[2, 0]) + y * (d[1, 2] + d[2, 1]) - 2 * z * (d[0, 0] + d[1, 1]),
        ],
        axis=1,
    )
    across: Array = (raw - unit * np.sum(raw * unit, axis=1, keepdims=True)) / length
    return across


def _harmonics(seen: Projection, splats: Splats3D, camera: Camera, d_shade: Array) -> tuple[Array, Array]:
    """From colours to centres [M, 3] (the direction they are seen from) and to sh [M, K, 3]."""
    way, distance = reference3d.directions(splats, camera)
    d_shade = np.where(seen.color > 0, d_shade, 0)
    d_sh = harmonics.basis(way, splats.sh_degree)[:, :, None] * d_shade[:, None, :]
    slopes = harmonics.basis_gradient(way, splats.sh_degree)
    d_way = np.einsum("nki,nkc,nc->ni", slopes, splats.sh, d_shade)
    return (d_way - way * np.sum(d_way * way, axis=1, keepdims=True)) / np.maximum(distance, 1e-12), d_sh
