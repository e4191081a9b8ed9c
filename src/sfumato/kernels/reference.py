"""The law: additive 2D splats in numpy float64, written for clearness.

Everything the compiled kernels do is checked against this file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.planes import Planes
from sfumato.splats import Float32Array, Splats2D

Array = NDArray[np.float64]

CUTOFF = 1 / 255
"""Weights below this are absent, as in GaussianImage's rasteriser (arXiv 2403.08551): a splat ends at 3.33 sigma."""

MAX_EXTENT = 1e6
"""Pixels; a splat that reaches further from its centre is absent: a damaged file must not cost hours."""


def present(splats: Splats2D) -> NDArray[np.bool_]:
    """Which splats [N] are shown at all.

    A splat is absent, and its gradients are zero, if one of its values is not finite, if l11 or l22 is not positive, or
    if it reaches `MAX_EXTENT` or further: what is wrong with one splat must not spoil the picture around it.
    """
    every = np.concatenate([splats.xy, splats.chol, splats.color], axis=1, dtype=np.float64)
    l11, l21, l22 = every[:, 2:5].T
    reach = np.sqrt(-2 * np.log(CUTOFF)) * np.maximum(np.abs(l11), np.hypot(l21, l22))
    shown: NDArray[np.bool_] = np.isfinite(every).all(axis=1) & (l11 > 0) & (l22 > 0) & (reach < MAX_EXTENT)
    return shown


def _support(center: Array, factor: Array, width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of the canvas in which the splat's weight can reach the cut-off."""
    reach = np.sqrt(-2 * np.log(CUTOFF))
    half = reach * np.sqrt(np.diag(factor @ factor.T))  # [2] half width, half height in pixels
    low = np.clip(np.floor(center - half), 0, [width, height]).astype(int)
    high = np.clip(np.ceil(center + half), 0, [width, height]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _whitened(center: Array, factor: Array, rows: slice, columns: slice) -> tuple[Array, Array]:
    """Whitened offsets `z = L^-1 d` [h, w, 2] and weights [h, w] of a splat at the centres of the given pixels."""
    y, x = np.mgrid[rows, columns] + 0.5
    offsets = np.stack([x - center[0], y - center[1]], axis=-1)
    z = offsets @ np.linalg.inv(factor).T
    weight = np.exp(-0.5 * np.sum(z * z, axis=-1))
    return z, np.where(weight >= CUTOFF, weight, 0.0)


def _factors(splats: Splats2D) -> Array:
    factors = np.zeros((len(splats), 2, 2))
    factors[:, 0, 0], factors[:, 1, 0], factors[:, 1, 1] = splats.chol.astype(np.float64).T
    return factors


def render2d(splats: Splats2D, width: int, height: int) -> Array:
    """The picture [height, width, C] of `splats` on a canvas of the given size (unclipped, background 0)."""
    picture = np.zeros((height, width, splats.channels))
    splats = splats[present(splats)]
    for center, factor, color in zip(splats.xy.astype(np.float64), _factors(splats), splats.color, strict=True):
        rows, columns = _support(center, factor, width, height)
        _, weight = _whitened(center, factor, rows, columns)
        picture[rows, columns] += weight[..., None] * color
    return picture


def render2d_backward(splats: Splats2D, gradient: Array) -> tuple[Array, Array, Array]:
    """Gradients of a loss with respect to xy [N, 2], chol [N, 3] and color [N, C].

    gradient: [height, width, C], the loss's gradient in every pixel of `render2d(splats, width, height)`.
    With `g = w (gradient . color)` and `z = L^-1 d`: dxy = L^-T sum g z, dL = lower(L^-T sum g z z^T), dcolor = sum w
    gradient.
    """
    height, width, _ = gradient.shape
    d_xy, d_chol = np.zeros((len(splats), 2)), np.zeros((len(splats), 3))
    d_color = np.zeros((len(splats), splats.channels))
    shown = np.flatnonzero(present(splats))
    splats = splats[shown]
    for n, center, factor, color in zip(
        shown, splats.xy.astype(np.float64), _factors(splats), splats.color, strict=True
    ):
        rows, columns = _support(center, factor, width, height)
        z, weight = _whitened(center, factor, rows, columns)
        local = gradient[rows, columns]
        g = weight * (local @ color)
        back = np.linalg.inv(factor).T
        d_xy[n] = back @ np.einsum("hw,hwi->i", g, z)
        d_factor = back @ np.einsum("hw,hwi,hwj->ij", g, z, z)
        d_chol[n] = d_factor[0, 0], d_factor[1, 0], d_factor[1, 1]
        d_color[n] = np.einsum("hw,hwc->c", weight, local)
    return d_xy, d_chol, d_color


def prefix_gradient(
    splats: Splats2D, segment: NDArray[np.uint8], targets: list[Planes], weights: Float32Array, clamp: bool
) -> tuple[Array, Array]:
    """Errors of all prefixes and the whitened gradient of their weighted sum.

    The loss is `sum_k weights[k] * 1/2 sum_pixels (shown_k - targets[k])^2`, where prefix k shows the splats whose
    `segment` [N] is at most k, clamped to 0..1 if `clamp` (the clamp passes gradients). By linearity the gradient image
    of a segment is the sum over the prefixes that contain it.

    Returns the sums of squared errors [K] and the gradient [N, 5 + C] for steps in each splat's own coordinates:
    `xy += L u` and `L <- L (I + E)` with columns u1, u2, E11, E21, E22, then colour.
    """
    height, width, segments = targets[0].height, targets[0].width, len(targets)
    shown = np.zeros((height, width, splats.channels))
    errors, residuals = np.zeros(segments), []
    for k, (target, weight) in enumerate(zip(targets, weights, strict=True)):
        shown = shown + render2d(splats[segment == k], width, height)
        residual = (np.clip(shown, 0, 1) if clamp else shown) - target.picture()
        errors[k] = np.sum(residual**2)
        residuals.append(weight * residual)
    whitened = np.zeros((len(splats), 5 + splats.channels))
    image = np.zeros_like(shown)
    for k in reversed(range(segments)):
        image = image + residuals[k]
        mine = np.flatnonzero((segment == k) & present(splats))
        whitened[mine] = whiten(splats[mine], *render2d_backward(splats[mine], image))
    return errors, whitened


def whiten(splats: Splats2D, d_xy: Array, d_chol: Array, d_color: Array) -> Array:
    """Gradients for (u, E, colour): `g_u = L^T g_xy`, `g_E = lower(L^T g_L)`."""
    factors = _factors(splats)
    d_factor = np.zeros_like(factors)
    d_factor[:, 0, 0], d_factor[:, 1, 0], d_factor[:, 1, 1] = d_chol.T
    g_u = np.einsum("nji,nj->ni", factors, d_xy)
    g_e = np.einsum("nji,njk->nik", factors, d_factor)
    return np.concatenate([g_u, g_e[:, [0, 1, 1], [0, 0, 1]], d_color], axis=1)


def adam_step(
    splats: Splats2D,
    gradient: Float32Array,
    first: Float32Array,
    second: Float32Array,
    step: Float32Array,
    betas: tuple[float, float],
    time: int,
    floor: float,
    ceiling: float,
) -> None:
    """One step of Adam (Kingma & Ba 2015) in whitened coordinates; `splats`, `first` and `second` change in place.

    step: [5 + C] step sizes, as fractions of the splat's own size for position and shape, as colour for colour.
    time: steps done including this one (bias correction). floor, ceiling: bounds of L11 and L22 in pixels.
    """
    first += (1 - betas[0]) * (gradient - first)
    second += (1 - betas[1]) * (gradient**2 - second)
    mean, spread = first / (1 - betas[0] ** time), second / (1 - betas[1] ** time)
    delta = -step * mean / (np.sqrt(spread) + 1e-12)
    l11, l21, l22 = splats.chol.T.copy()
    splats.xy[:, 0] += l11 * delta[:, 0]
    splats.xy[:, 1] += l21 * delta[:, 0] + l22 * delta[:, 1]
    splats.chol[:, 0] = np.clip(l11 * (1 + delta[:, 2]), floor, ceiling)
    splats.chol[:, 1] = np.clip(l21 * (1 + delta[:, 2]) + l22 * delta[:, 3], -ceiling, ceiling)
    splats.chol[:, 2] = np.clip(l22 * (1 + delta[:, 4]), floor, ceiling)
    splats.color[:] += delta[:, 5:]
