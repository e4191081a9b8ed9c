"""Quaternions from the three components that compact formats keep of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])


def from_smallest_three(largest: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float32]:
    """Unit quaternions, float32 [N, 4], whose largest component is left out and taken as positive.

    largest: integers 0..3 [N], where it stands. others: [N, 3], the remaining components in their order.
    """
    quaternions = np.empty((len(largest), 4), np.float32)
    index = largest.astype(np.intp)
    np.put_along_axis(quaternions, _OTHERS[index], others.astype(np.float32), 1)
    left = np.sqrt(np.maximum(0, 1 - np.square(others, dtype=np.float64).sum(axis=1)))
    quaternions[np.arange(len(largest)), index] = left
    return quaternions
