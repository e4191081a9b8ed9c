"""Where positions are coded, and where the picture that is fitted lies there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Canvas:
    """The canvas positions are coded on, in pixels, and where on it the picture that is fitted has its corner."""

    width: int
    height: int
    left: int = 0
    top: int = 0

    @property
    def corner(self) -> NDArray[np.float32]:
        """(left, top)."""
        return np.array([self.left, self.top], np.float32)
