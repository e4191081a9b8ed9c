"""The primitives everything decodes to, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class Splats2D:
    """A set of additive 2D Gaussians on a canvas measured in pixels.

    The picture they make is `color(p) = sum_n color_n * exp(-1/2 d^T Sigma_n^-1 d)` with `d = p - xy_n` and
    `Sigma = L L^T` (GaussianImage, arXiv 2403.08551, section 3.1; P-GSVC, arXiv 2603.10551). The sum does not depend
    on the order of the splats. The centre of the top left pixel is (0.5, 0.5).

    xy: float32 [N, 2], centres in pixels, x to the right and y down.
    chol: float32 [N, 3], the lower triangle (l11, l21, l22) of L in pixels; l11 > 0 and l22 > 0.
    color: float32 [N, C], signed weights, C = 1 (grey), 3 (RGB) or 4 (RGB and alpha); 1.0 is full intensity.
    """

    xy: Float32Array
    chol: Float32Array
    color: Float32Array

    def __post_init__(self) -> None:
        n = len(self.xy)
        if self.xy.shape != (n, 2) or self.chol.shape != (n, 3) or self.color.ndim != 2 or len(self.color) != n:
            raise ValueError(
                f"splats need xy [N, 2], chol [N, 3] and color [N, C]; got {self.xy.shape}, {self.chol.shape} and "
                f"{self.color.shape}"
            )
        for name in ("xy", "chol", "color"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def channels(self) -> int:
        """Colour channels C of every splat."""
        return int(self.color.shape[1])

    @classmethod
    def empty(cls, channels: int = 3) -> Splats2D:
        """No splats at all, with `channels` colour channels."""
        return cls(*(np.zeros((0, k), np.float32) for k in (2, 3, channels)))

    def __getitem__(self, index: slice | NDArray[np.intp] | NDArray[np.bool_]) -> Splats2D:
        """The splats at `index` (slice, index array or mask), in that order."""
        return Splats2D(self.xy[index], self.chol[index], self.color[index])

    @classmethod
    def concatenate(cls, parts: list[Splats2D]) -> Splats2D:
        """All splats of `parts`, in order; at least one part."""
        return cls(
            np.concatenate([p.xy for p in parts]),
            np.concatenate([p.chol for p in parts]),
            np.concatenate([p.color for p in parts]),
        )
