"""Real spherical harmonics up to degree 3, in the order and with the signs of 3DGS (arXiv 2308.04079)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Factors of the polynomials below: sqrt(1/4pi); sqrt(3/4pi); sqrt(15/4pi), sqrt(5/16pi), sqrt(15/16pi); sqrt(35/32pi),
# sqrt(105/4pi), sqrt(21/32pi), sqrt(7/16pi), sqrt(105/16pi).
C0 = np.sqrt(1 / (4 * np.pi))
C1 = np.sqrt(3 / (4 * np.pi))
C2 = np.sqrt(np.array([15, 5 / 4, 15 / 4]) / (4 * np.pi))
C3 = np.sqrt(np.array([35 / 8, 105, 21 / 8, 7 / 4, 105 / 4]) / (4 * np.pi))


def basis(direction: Array, degree: int) -> Array:
    """[N, K] values for unit directions [N, 3]; K = 1, 4, 9, 16 for degree 0..3."""
    x, y, z = direction.T
    rows = [np.full(len(direction), C0)]
    if degree > 0:
        rows += [-C1 * y, C1 * z, -C1 * x]
    if degree > 1:
        rows += [C2[0] * x * y, -C2[0] * y * z, C2[1] * (2 * z * z - x * x - y * y), -C2[0] * x * z]
        rows += [C2[2] * (x * x - y * y)]
    if degree > 2:
        rows += [-C3[0] * y * (3 * x * x - y * y), C3[1] * x * y * z, -C3[2] * y * (4 * z * z - x * x - y * y)]
        rows += [C3[3] * z * (2 * z * z - 3 * x * x - 3 * y * y), -C3[2] * x * (4 * z * z - x * x - y * y)]
        rows += [C3[4] * z * (x * x - y * y), -C3[0] * x * (x * x - 3 * y * y)]
    return np.stack(rows, axis=1)


def basis_gradient(direction: Array, degree: int) -> Array:
    """[N, K, 3]: derivatives of the polynomials of `basis` with respect to x, y and z."""
    x, y, z = direction.T
    o = np.zeros(len(direction))
    rows = [(o, o, o)]
    if degree > 0:
        rows += [(o, o - C1, o), (o, o, o + C1), (o - C1, o, o)]
    if degree > 1:
        rows += [(C2[0] * y, C2[0] * x, o), (o, -C2[0] * z, -C2[0] * y)]
        rows += [(-2 * C2[1] * x, -2 * C2[1] * y, 4 * C2[1] * z), (-C2[0] * z, o, -C2[0] * x)]
        rows += [(2 * C2[2] * x, -2 * C2[2] * y, o)]
    if degree > 2:
        rows += [(-6 * C3[0] * x * y, -3 * C3[0] * (x * x - y * y), o)]
        rows += [(C3[1] * y * z, C3[1] * x * z, C3[1] * x * y)]
        rows += [(2 * C3[2] * x * y, -C3[2] * (4 * z * z - x * x - 3 * y * y), -8 * C3[2] * y * z)]
        rows += [(-6 * C3[3] * x * z, -6 * C3[3] * y * z, 3 * C3[3] * (2 * z * z - x * x - y * y))]
        rows += [(-C3[2] * (4 * z * z - 3 * x * x - y * y), 2 * C3[2] * x * y, -8 * C3[2] * x * z)]
        rows += [(2 * C3[4] * x * z, -2 * C3[4] * y * z, C3[4] * (x * x - y * y))]
        rows += [(-3 * C3[0] * (x * x - y * y), 6 * C3[0] * x * y, o)]
    return np.stack([np.stack(row, axis=1) for row in rows], axis=1)
