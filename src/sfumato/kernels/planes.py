"""Pictures in the layout the fitting kernels read: one padded row per channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sfumato.splats import Float32Array


@dataclass(frozen=True)
class Planes:
    """A picture as [height, C, stride] float32 whose pixels begin at column `pad`; the padding is zero."""

    data: Float32Array
    width: int
    pad: int

    @classmethod
    def from_picture(cls, picture: Float32Array, stride: int, pad: int) -> Planes:
        """The picture [height, width, C] in this layout; `stride` floats per channel row."""
        height, width, channels = picture.shape
        data = np.zeros((height, channels, stride), np.float32)
        data[:, :, pad : pad + width] = picture.transpose(0, 2, 1)
        return cls(data, width, pad)

    @property
    def height(self) -> int:
        """Rows."""
        return len(self.data)

    def picture(self) -> Float32Array:
        """Back to [height, width, C]."""
        return np.ascontiguousarray(self.data[:, :, self.pad : self.pad + self.width].transpose(0, 2, 1))
