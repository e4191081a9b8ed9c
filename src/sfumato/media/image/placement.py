"""Where new splats go and what shape they start with: read off the picture, or off what is still missing in it."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from sfumato.splats import Float32Array, Splats2D

# Measured on Kodak images (benchmarks/image_fit.py): smaller splats than a gapless tiling (0.45 instead of 0.56 of the
# spacing) and weaker colours than the picture's converge best, because neighbours overlap and add up.
SIZE = 0.45
COLOR = 0.5
RESIDUAL_SIZE = 0.7
RESIDUAL_COLOR = 0.7
LEAST_SCALE = 0.3  # pixels; a thinner splat slips between the pixel centres and has no gradient


def blur(picture: Float32Array, sigma: float) -> Float32Array:
    """Gaussian blur of [H, W, ...] with replicated borders; sigma in pixels."""
    radius = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padding = [(radius, radius) if i == axis else (0, 0) for i in range(picture.ndim)]
        padded = np.pad(picture, padding, "edge")
        length = picture.shape[axis]
        result = np.zeros_like(picture)
        for offset, weight in enumerate(kernel):
            window = [slice(None)] * picture.ndim
            window[axis] = slice(offset, offset + length)
            result += weight * padded[tuple(window)]
        picture = result
    return picture


def morton(points: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Morton code of whole points [n, 2] from 0 to 2^16 - 1."""
    code = np.zeros(len(points), np.uint64)
    for axis in (0, 1):
        x = points[:, axis].astype(np.uint64)
        for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
            x = (x | (x << np.uint64(shift))) & np.uint64(mask)
        code |= x << np.uint64(axis)
    return code


@functools.lru_cache(maxsize=2)
def _morton_pixels(width: int, height: int) -> NDArray[np.intp]:
    """Pixel numbers (y * width + x) along the Morton curve."""
    y, x = np.divmod(np.arange(width * height), width)
    return np.argsort(morton(np.stack([x, y], axis=1)), kind="stable")


def sample(density: Float32Array, count: int, rng: np.random.Generator) -> tuple[NDArray[np.intp], Float32Array]:
    """`count` stratified samples of a density [H, W] along the Morton curve.

    Returns the pixels (flat indexes) and positions [count, 2] within them.
    """
    height, width = density.shape
    order = _morton_pixels(width, height)
    cumulative = np.cumsum(density.ravel()[order], dtype=np.float64)
    strata = (np.arange(count) + rng.uniform(size=count)) / count * cumulative[-1]
    pixels = order[np.minimum(np.searchsorted(cumulative, strata), len(order) - 1)]
    corner = np.stack([pixels % width, pixels // width], axis=1)
    return pixels, (corner + rng.uniform(size=(count, 2))).astype(np.float32)


def detail_density(picture: Float32Array) -> Float32Array:
    """Where a picture [H, W, C] needs splats: mostly where its blurred gradient is large, a little everywhere."""
    grey = picture.mean(axis=2)
    gradient = blur(np.hypot(*_gradients(grey)), 2.0)
    return (0.85 * gradient / max(float(gradient.mean()), 1e-6) + 0.15).astype(np.float32)


def missing_density(residual: Float32Array) -> Float32Array:
    """Where a residual [H, W, C] needs splats: in proportion to the blurred squared error."""
    error = blur(np.sum(residual**2, axis=2), 1.5)
    return (error / max(float(error.mean()), 1e-12) + 0.02).astype(np.float32)


def _gradients(grey: Float32Array) -> tuple[Float32Array, Float32Array]:
    """d/dx and d/dy of [H, W], zero along an axis of one pixel."""
    d_x = np.gradient(grey, axis=1) if grey.shape[1] > 1 else np.zeros_like(grey)
    d_y = np.gradient(grey, axis=0) if grey.shape[0] > 1 else np.zeros_like(grey)
    return d_x.astype(np.float32), d_y.astype(np.float32)


def shapes(picture: Float32Array, pixels: NDArray[np.intp], sigma: Float32Array, elongate: bool = True) -> Float32Array:
    """Cholesky factors [n, 3] of splats of mean size `sigma` [n] pixels, stretched along the edges of the picture.

    The structure tensor (blur 2.5 px) gives the direction across the edge and, by its coherence k in 0..1, an aspect
    ratio of 2^k.
    """
    if not elongate:
        sigma = np.maximum(sigma, LEAST_SCALE)
        return np.stack([sigma, np.zeros_like(sigma), sigma], axis=1).astype(np.float32)
    d_x, d_y = _gradients(picture.mean(axis=2))
    tensor = blur(np.stack([d_x * d_x, d_x * d_y, d_y * d_y], axis=-1), 2.5).reshape(-1, 3)[pixels]
    difference, twice = tensor[:, 0] - tensor[:, 2], 2 * tensor[:, 1]
    coherence = np.hypot(difference, twice) / (tensor[:, 0] + tensor[:, 2] + 1e-8)
    angle = 0.5 * np.arctan2(twice, difference)
    across, along = sigma * 2 ** (-coherence / 2), sigma * 2 ** (coherence / 2)
    cos, sin = np.cos(angle), np.sin(angle)
    s11 = (cos * across) ** 2 + (sin * along) ** 2
    s12 = cos * sin * (across**2 - along**2)
    s22 = (sin * across) ** 2 + (cos * along) ** 2
    l11 = np.sqrt(s11)
    l21 = s12 / l11
    l22 = np.sqrt(np.maximum(s22 - l21**2, 0))
    return np.stack([np.maximum(l11, LEAST_SCALE), l21, np.maximum(l22, LEAST_SCALE)], axis=1).astype(np.float32)


def first_splats(
    picture: Float32Array, count: int, rng: np.random.Generator, *, structure: bool, elongate: bool
) -> Splats2D:
    """Splats that begin a fit of `picture` [H, W, C].

    structure: place them by detail; else uniformly. elongate: shape them along the edges; else round.
    """
    height, width, channels = picture.shape
    density = detail_density(picture) if structure else np.ones((height, width), np.float32)
    pixels, xy = sample(density, count, rng)
    local = density.ravel()[pixels] / density.mean() * count / (width * height)
    chol = shapes(picture, pixels, (SIZE / np.sqrt(local)).astype(np.float32), elongate)
    return Splats2D(xy, chol, COLOR * picture.reshape(-1, channels)[pixels])


def added_splats(
    residual: Float32Array, count: int, total: int, rng: np.random.Generator, *, structure: bool, elongate: bool
) -> Splats2D:
    """Splats that reduce `residual` [H, W, C] (what a prefix still lacks).

    total: splats of the prefix with the new ones, which sets their size.
    """
    height, width, channels = residual.shape
    smooth = blur(residual, 1.5)
    density = missing_density(residual) if structure else np.ones((height, width), np.float32)
    pixels, xy = sample(density, count, rng)
    local = density.ravel()[pixels] / density.mean() * total / (width * height)
    chol = shapes(smooth, pixels, (RESIDUAL_SIZE * SIZE / np.sqrt(local)).astype(np.float32), elongate)
    return Splats2D(xy, chol, RESIDUAL_COLOR * smooth.reshape(-1, channels)[pixels])
