"""The loss of the field's trainers between two pictures, with its gradient, in one compiled pass."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.library import native, thread_count
from sfumato.kernels.native import _function, address
from sfumato.splats import Float32Array

Array = NDArray[np.float64]

SSIM_WEIGHT = 0.2
"""Share of SSIM in the loss (3DGS, arXiv 2308.04079, section 5)."""

RADIUS, SIGMA = 5, 1.5
"""SSIM's window: 11 x 11 pixels, Gaussian (Wang et al. 2004)."""

C1, C2 = 0.01**2, 0.03**2

_POINTER, _INT = ctypes.c_void_p, ctypes.c_int32


@dataclass(frozen=True)
class Loss:
    """What `l1_ssim` finds.

    value: `(1 - weight) * l1 + weight * (1 - ssim)`. l1: mean absolute difference. ssim: mean structural similarity,
    -1..1. gradient: float32 [H, W, C], of `value` with respect to the image.
    """

    value: float
    l1: float
    ssim: float
    gradient: Float32Array


def l1_ssim(image: Float32Array, target: Float32Array, *, weight: float = SSIM_WEIGHT) -> Loss:
    """How far `image` [H, W, C] is from `target` [H, W, C], both about 0..1.

    weight: share of SSIM, 0..1. SSIM's window hangs over the edge, where both pictures are 0, as in 3DGS.
    """
    image, target = np.ascontiguousarray(image, np.float32), np.ascontiguousarray(target, np.float32)
    if image.ndim != 3 or image.shape != target.shape or min(image.shape) < 1:
        raise ValueError(f"a loss compares two pictures [H, W, C], not {list(image.shape)} and {list(target.shape)}")
    if not 0 <= weight <= 1:
        raise ValueError(f"the weight of SSIM is in 0..1, not {weight!r}")
    if native() is None:
        l1, ssim, exact = reference(image.astype(np.float64), target.astype(np.float64), weight)
        return Loss((1 - weight) * l1 + weight * (1 - ssim), l1, ssim, exact.astype(np.float32))
    gradient, means = np.empty_like(image), np.empty(2, np.float64)
    height, width, channels = image.shape
    call = _function("sfu_l1_ssim", *[_POINTER] * 2, *[_INT] * 3, ctypes.c_float, *[_POINTER] * 2, _INT, restype=_INT)
    arrays = address(means), address(gradient)
    if call(address(image), address(target), width, height, channels, weight, *arrays, thread_count()):
        raise MemoryError(f"no memory to compare pictures of {width} x {height} pixels")
    l1, ssim = float(means[0]), float(means[1])
    return Loss((1 - weight) * l1 + weight * (1 - ssim), l1, ssim, gradient)


def _window(values: Array) -> Array:
    """SSIM's window over [H, W, C], zeros beyond the edge."""
    taps = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        wide = np.pad(values, [(RADIUS, RADIUS) if a == axis else (0, 0) for a in range(3)])
        count = values.shape[axis]
        values = sum(tap * np.take(wide, range(k, k + count), axis) for k, tap in enumerate(taps))
    return values


def reference(x: Array, y: Array, weight: float) -> tuple[float, float, Array]:
    """The law: mean |x - y|, mean SSIM, and the gradient of the loss by x, in float64."""
    mx, my, xx, yy, xy = (_window(values) for values in (x, y, x * x, y * y, x * y))
    a1, a2 = 2 * mx * my + C1, 2 * (xy - mx * my) + C2
    b1, b2 = mx**2 + my**2 + C1, (xx - mx**2) + (yy - my**2) + C2
    ssim = a1 * a2 / (b1 * b2)
    by_mean = 2 * my * (a2 - a1) / (b1 * b2) + 2 * mx * ssim * (1 / b2 - 1 / b1)
    by_square, by_product = -ssim / b2, 2 * a1 / (b1 * b2)
    slope = _window(by_mean) + 2 * x * _window(by_square) + y * _window(by_product)
    gradient = ((1 - weight) * np.sign(x - y) - weight * slope) / x.size
    return float(np.mean(np.abs(x - y))), float(np.mean(ssim)), gradient
