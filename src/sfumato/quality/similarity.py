"""Local statistics of two pictures under a Gaussian window, as SSIM and MS-SSIM compare them."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

# Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment", 2004, section III-B: 11 x 11 window of 1.5 samples
# standard deviation, K1 = 0.01, K2 = 0.03; the data range here is 1.
WINDOW = 11
SIGMA = 1.5
C1 = 0.01**2
C2 = 0.03**2

_ROWS_AT_A_TIME = 32  # keeps the temporaries in the cache; each block reads ten rows more than it yields

Planes = NDArray[np.float32]  # [H, C, W]: every row holds its C channels one after the other


def window_size(height: int, width: int) -> int:
    """The window's side for a picture: 11, or the largest odd number that fits into a smaller one."""
    return min(WINDOW, height - 1 + height % 2, width - 1 + width % 2)


def similarity(a: Planes, b: Planes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean SSIM and mean contrast-structure term of two pictures, each float64 [C].

    a, b: float32 [H, C, W] in 0..1. Means over the positions where the window lies inside the picture.
    """
    height, channels, width = a.shape
    size = window_size(height, width)
    rows = height - size + 1
    ssim = np.zeros(channels)
    contrast = np.zeros(channels)
    for top in range(0, rows, _ROWS_AT_A_TIME):
        bottom = min(top + _ROWS_AT_A_TIME, rows)
        x, y = a[top : bottom + size - 1], b[top : bottom + size - 1]
        # Variances do not change under a shift; around zero the squares lose least to float32 rounding.
        middle_x, middle_y = x.mean((0, 2), keepdims=True), y.mean((0, 2), keepdims=True)  # [1, C, 1]
        x, y = x - middle_x, y - middle_y
        stack = np.stack([x, y, x * x + y * y, x * y], axis=1)  # [rows, 4, C, W]
        mean_x, mean_y, squares, product = np.moveaxis(_filtered(stack, size), 1, 0)
        product -= mean_x * mean_y
        squares -= mean_x * mean_x + mean_y * mean_y
        structure = (2 * product + C2) / (squares + C2)
        mean_x += middle_x
        mean_y += middle_y
        luminance = (2 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1)
        contrast += structure.sum((0, 2), dtype=np.float64)
        structure *= luminance
        ssim += structure.sum((0, 2), dtype=np.float64)
    count = rows * (width - size + 1)
    return ssim / count, contrast / count


def halved(planes: Planes) -> Planes:
    """The picture [H, C, W] at half the size, rounded up: the mean of every 2 x 2 block, the last ones mirrored."""
    height, _, width = planes.shape
    rows = planes[0::2].copy()
    rows[: height // 2] += planes[1::2]
    rows[height // 2 :] *= 2
    columns = rows[..., 0::2].copy()
    columns[..., : width // 2] += rows[..., 1::2]
    columns[..., width // 2 :] *= 2
    columns *= np.float32(0.25)
    return columns


def _filtered(stack: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """[h, M, C, W] to [h - size + 1, M, C, W - size + 1]: the window's weighted mean where it lies inside.

    Element-wise sums in a fixed order, not matrix products: the result is the same on every machine, and does not
    depend on how many threads a linear algebra library finds free.
    """
    columns = stack.shape[-1] - size + 1
    rows = len(stack) - size + 1
    down = _weighted_sum([stack[i : i + rows] for i in range(size)])
    return _weighted_sum([down[..., i : i + columns] for i in range(size)])


def _weighted_sum(shifted: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The sum of the shifted copies by the window's weights; the window is symmetric, so pairs share a product."""
    size = len(shifted)
    weights = _window(size)
    total: NDArray[np.float32] = np.multiply(shifted[size // 2], weights[size // 2])
    pair = np.empty_like(total)
    for i in range(size // 2):
        np.add(shifted[i], shifted[size - 1 - i], out=pair)
        pair *= weights[i]
        total += pair
    return total


@functools.cache
def _window(size: int) -> NDArray[np.float32]:
    """The normalised Gaussian window, float32 [size]."""
    weights = np.exp(-0.5 * ((np.arange(size) - size // 2) / SIGMA) ** 2)
    normalised: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return normalised
