"""One splat in the place of many: what a coarse level shows until the splats themselves are there.

Mean, covariance and colour are those of the mixture, weighted by opacity times area, so that the picture keeps its
opacity mass (leaving splats out instead would open holes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.reference3d import rotation_matrices
from sfumato.splats import Splats3D

Floats = NDArray[np.float64]

LARGEST_OPACITY = 0.99

_LEAST_OPACITY = 1e-9  # fainter splats count as much in a mean
_THINNEST = 2.0**-10  # of a merged splat's axes, beside its longest


def area(scale: Floats) -> Floats:
    """What a splat of these scales [n, 3] covers on average, up to a constant: half the surface of its box."""
    covered: Floats = scale[:, 0] * scale[:, 1] + scale[:, 1] * scale[:, 2] + scale[:, 2] * scale[:, 0]
    return covered


def mass(splats: Splats3D) -> Floats:
    """Opacity times area of every splat, [n]."""
    return splats.opacity * area(splats.scale.astype(np.float64))


def merge(splats: Splats3D, group: NDArray[np.int64], groups: int) -> Splats3D:
    """The splat that stands for each group, with colours of degree 0.

    group: of every splat, [n], 0..groups - 1; every group has a splat.
    """
    weight = np.maximum(splats.opacity.astype(np.float64), _LEAST_OPACITY) * area(splats.scale.astype(np.float64))
    total = np.bincount(group, weight, groups)

    def mean_of(values: Floats) -> Floats:
        columns = values.reshape(len(values), -1)
        sums = [np.bincount(group, weight * column, groups) for column in columns.T]
        averages: Floats = (np.stack(sums, axis=1) / total[:, None]).reshape(groups, *values.shape[1:])
        return averages

    centre = splats.mean.astype(np.float64)
    mean = mean_of(centre)
    away = centre - mean[group]
    covariance = mean_of(covariances(splats) + away[:, :, None] * away[:, None, :])
    values, axes = np.linalg.eigh(covariance)
    scale = np.sqrt(np.maximum(values, values[:, 2:] * _THINNEST**2))
    axes[:, :, 0] *= np.sign(np.linalg.det(axes))[:, None]
    opacity = np.minimum(total / area(scale), LARGEST_OPACITY)
    color = mean_of(splats.sh[:, 0].astype(np.float64))
    return Splats3D(
        mean.astype(np.float32),
        quaternions(axes).astype(np.float32),
        scale.astype(np.float32),
        opacity.astype(np.float32),
        color.astype(np.float32)[:, None],
    )


def covariances(splats: Splats3D) -> Floats:
    """Covariance matrices [n, 3, 3] in the world."""
    axes = rotation_matrices(splats.rotation.astype(np.float64)) * splats.scale.astype(np.float64)[:, None, :]
    found: Floats = axes @ axes.transpose(0, 2, 1)
    return found


def quaternions(matrix: Floats) -> Floats:
    """Unit quaternions [n, 4] of rotation matrices [n, 3, 3], from the largest of the four components."""
    trace = matrix[:, 0, 0] + matrix[:, 1, 1] + matrix[:, 2, 2]
    squares = np.stack([1 + trace, *(1 - trace + 2 * matrix[:, k, k] for k in range(3))], axis=1)
    mixed = np.empty((len(matrix), 4, 4))
    for k in range(4):
        mixed[:, k, k] = squares[:, k]
    for k, (i, j) in enumerate(((2, 1), (0, 2), (1, 0))):
        mixed[:, 0, k + 1] = mixed[:, k + 1, 0] = matrix[:, i, j] - matrix[:, j, i]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        mixed[:, i + 1, j + 1] = mixed[:, j + 1, i + 1] = matrix[:, i, j] + matrix[:, j, i]
    best = mixed[np.arange(len(matrix)), np.argmax(squares, axis=1)]
    unit: Floats = best / np.linalg.norm(best, axis=1, keepdims=True)
    return unit
