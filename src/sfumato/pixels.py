"""Pictures as arrays: the one rule that turns floats in 0..1 into 8-bit values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_uint8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """The 8-bit values that a screen shows for `pixels`.

    pixels: floating point of any shape, 1.0 is full intensity; values outside 0..1 are clipped and the rest is rounded
    half up (`floor(255 v + 1/2)`). An array that is uint8 already comes back as it is, not copied.

    Raises ValueError for other integer types, whose white is not known, and for NaN.
    """
    if pixels.dtype == np.uint8:
        return pixels
    if not np.issubdtype(pixels.dtype, np.floating):
        raise ValueError(f"pixels must be floating point in 0..1 or uint8, not {pixels.dtype}")
    scaled = np.clip(pixels, 0, 1)
    scaled *= 255
    scaled += 0.5
    if np.isnan(scaled.min(initial=0)):
        raise ValueError("pixels hold NaN")
    eight: NDArray[np.uint8] = scaled.astype(np.uint8)
    return eight
