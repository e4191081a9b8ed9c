"""Noise in space from whole-number hashes: the same values for the same seed, wherever they are asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
_UInt32Array = NDArray[np.uint32]


def value_noise(points: Float64Array, seed: int) -> Float64Array:
    """Smooth noise in -1..1 at points [N, 3]; its features are about one unit large."""
    cell = np.floor(points)
    inside = points - cell
    inside = inside * inside * (3 - 2 * inside)
    corner = cell.astype(np.int64).astype(np.uint32)
    x, y, z = inside.T
    slices = []
    for dz in (0, 1):
        rows = []
        for dy in (0, 1):
            a, b = (_hash(corner + np.array((dx, dy, dz), np.uint32), seed) for dx in (0, 1))
            rows.append(a + (b - a) * x)
        slices.append(rows[0] + (rows[1] - rows[0]) * y)
    value: Float64Array = slices[0] + (slices[1] - slices[0]) * z
    return value


def fractal_noise(points: Float64Array, seed: int, octaves: int = 3) -> Float64Array:
    """Noise with detail of ever smaller size: every octave half as large and half as strong. About -1..1."""
    total = np.zeros(len(points))
    for octave in range(octaves):
        total += value_noise(points * 2.03**octave, seed + 101 * octave) * 0.5**octave
    return total / (2 - 0.5 ** (octaves - 1))


def _hash(cell: _UInt32Array, seed: int) -> Float64Array:
    """White noise in -1..1 on whole numbers [N, 3]: large primes, then the last rounds of murmur3."""
    x, y, z = cell.T
    mixed = x * np.uint32(0x8DA6B343) ^ y * np.uint32(0xD8163841) ^ z * np.uint32(0xCB1AB31F)
    mixed ^= np.uint32((seed * 0x9E3779B1) & 0xFFFFFFFF)
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    value: Float64Array = mixed * (2.0 / 0xFFFFFFFF) - 1.0
    return value
