"""The primitives everything decodes to, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float64)
OPPONENT /= np.linalg.norm(OPPONENT, axis=1, keepdims=True)
"""Opponent colours of RGB, float64 [3, 3], rows: brightness, red against blue, green against both. Orthonormal, so that
one step of a quantiser suits all three."""


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


SH_COEFFICIENTS = (1, 4, 9, 16)
"""Spherical harmonic coefficients of degree 0, 1, 2 and 3."""

SH_C0 = 0.28209479177387814
"""The constant harmonic Y_0 = 1 / (2 sqrt(pi))."""


@dataclass(frozen=True)
class Splats3D:
    """A set of 3D Gaussians with view-dependent colour (3D Gaussian Splatting, arXiv 2308.04079).

    World axes are those of the field's trainers (COLMAP): x right, y down, z forward for the first camera; readers of
    formats with other axes convert. Order matters only where two splats have the same depth.

    mean: float32 [N, 3], centres in world units.
    rotation: float32 [N, 4], unit quaternions (w, x, y, z) that turn the splat's own axes into the world's.
    scale: float32 [N, 3], standard deviations along the splat's own axes in world units, > 0.
    opacity: float32 [N], 0..1.
    sh: float32 [N, K, 3], spherical harmonics of the colour with K = 1, 4, 9 or 16, in the order and with the signs of
        3DGS; the colour seen from a direction is `max(0, 1/2 + sum_k sh_k Y_k(direction))` in sRGB, 1.0 is full.
    """

    mean: Float32Array
    rotation: Float32Array
    scale: Float32Array
    opacity: Float32Array
    sh: Float32Array

    def __post_init__(self) -> None:
        n = len(self.mean)
        shapes = {"mean": (n, 3), "rotation": (n, 4), "scale": (n, 3), "opacity": (n,)}
        wrong = [name for name, shape in shapes.items() if getattr(self, name).shape != shape]
        if self.sh.ndim != 3 or len(self.sh) != n or self.sh.shape[1] not in SH_COEFFICIENTS or self.sh.shape[2] != 3:
            wrong.append("sh")
        if wrong:
            found = ", ".join(f"{name} {getattr(self, name).shape}" for name in wrong)
            raise ValueError(
                "splats need mean [N, 3], rotation [N, 4], scale [N, 3], opacity [N] and sh [N, 1|4|9|16, 3]; "
                f"got {found}"
            )
        for name in (*shapes, "sh"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def sh_degree(self) -> int:
        """Degree of the spherical harmonics, 0..3."""
        return SH_COEFFICIENTS.index(self.sh.shape[1])

    @classmethod
    def empty(cls, sh_degree: int = 0) -> Splats3D:
        """No splats at all, with spherical harmonics of a degree 0..3."""
        none = [np.zeros((0, *rest), np.float32) for rest in ((3,), (4,), (3,), (), (SH_COEFFICIENTS[sh_degree], 3))]
        return cls(*none)

    def __getitem__(self, index: slice | NDArray[np.intp] | NDArray[np.bool_]) -> Splats3D:
        """The splats at `index` (slice, index array or mask), in that order."""
        return Splats3D(self.mean[index], self.rotation[index], self.scale[index], self.opacity[index], self.sh[index])

    @classmethod
    def concatenate(cls, parts: list[Splats3D]) -> Splats3D:
        """All splats of `parts` (at least one, of one degree), in order."""
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("mean", "rotation", "scale", "opacity", "sh")
            )
        )

    def with_sh_degree(self, degree: int) -> Splats3D:
        """The same splats with spherical harmonics of another degree: higher bands are cut off, or zero."""
        count = SH_COEFFICIENTS[degree]
        sh = np.zeros((len(self), count, 3), np.float32)
        kept = min(count, self.sh.shape[1])
        sh[:, :kept] = self.sh[:, :kept]
        return Splats3D(self.mean, self.rotation, self.scale, self.opacity, sh)

    def with_axes_flipped(self, x: int, y: int, z: int) -> Splats3D:
        """The same scene on world axes of which some point the other way: the signs are 1 (keep) or -1 (flip).

        (1, -1, -1) leads from right, down, forward to right, up, back (OpenGL, glTF, SPZ), and from there to here.
        """
        mean = self.mean * np.array([x, y, z], np.float32)
        # With S = diag(x, y, z) the covariance S R D R^T S is that of the rotation S R S, also if S mirrors.
        rotation = self.rotation * np.array([1, y * z, x * z, x * y], np.float32)
        # Each harmonic of 3DGS is odd or even in each axis: y z x | xy yz . xz . | y xyz y z x z x.
        odd = [1, y, z, x, x * y, y * z, 1, x * z, 1, y, x * y * z, y, z, x, z, x]
        sh = self.sh * np.array(odd[: self.sh.shape[1]], np.float32)[:, None]
        return Splats3D(mean, rotation, self.scale, self.opacity, sh)


def robust_bounds(splats: Splats3D) -> tuple[NDArray[np.float64], float]:
    """Centre [3] and radius, in world units, of the sphere around `splats` (at least one) that leaves far floaters out.

    Splats count by their opacity. Those more than three times as far from the median as the nearest three quarters are
    floaters; the sphere holds 99.5 % of the others, each with one standard deviation around its centre.
    """
    if not len(splats):
        raise ValueError("no splats have no bounds")
    mean, reach = splats.mean.astype(np.float64), splats.scale.max(axis=1).astype(np.float64)
    weight = splats.opacity.astype(np.float64)
    middle = np.array([weighted_quantile(mean[:, axis], weight, 0.5) for axis in range(3)])
    distance = np.linalg.norm(mean - middle, axis=1)
    near = distance <= 3 * weighted_quantile(distance, weight, 0.75)
    mean, reach, weight = mean[near], reach[near], weight[near]
    ends = [[weighted_quantile(mean[:, axis], weight, share) for axis in range(3)] for share in (0.005, 0.995)]
    centre = np.mean(ends, axis=0)
    return centre, weighted_quantile(np.linalg.norm(mean - centre, axis=1) + reach, weight, 0.995)


def weighted_quantile(values: NDArray[Any], weight: NDArray[Any], share: float) -> float:
    """The smallest of `values` [N] up to which the values hold `share` (0..1) of all of `weight` [N], none negative.

    If all weights are 0 they count alike.
    """
    order = np.argsort(values)
    sums = np.cumsum(weight[order] if weight.any() else np.ones(len(values)), dtype=np.float64)
    return float(values[order[min(np.searchsorted(sums, share * sums[-1]), len(values) - 1)]])
