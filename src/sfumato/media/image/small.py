"""How close a prefix comes to a smaller version of the picture when it is rendered at that smaller size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.splats2d import planes, prefix_gradient, resize
from sfumato.splats import Float32Array, Splats2D


def shrink(picture: Float32Array, width: int, height: int) -> Float32Array:
    """`picture` [H, W, C] averaged over boxes to [height, width, C]; a pixel on a border is shared."""
    rows, columns = _shares(picture.shape[0], height), _shares(picture.shape[1], width)
    thin = np.einsum("ij,jwc->iwc", rows, picture, optimize=True)
    return np.ascontiguousarray(np.einsum("ij,hjc->hic", columns, thin, optimize=True), dtype=np.float32)


def _shares(before: int, after: int) -> Float32Array:
    """How much of each of the `after` boxes each pixel fills, [after, before]; rows add up to 1."""
    edges = np.arange(after + 1) * (before / after)
    left = np.maximum(edges[:-1, None], np.arange(before))
    right = np.minimum(edges[1:, None], np.arange(1, before + 1))
    shares: Float32Array = (np.maximum(right - left, 0) * (after / before)).astype(np.float32)
    return shares


class SmallPicture:
    """A picture at a reduced size, and the gradient of a prefix's error there.

    picture: [H, W, C]. factor: how many times smaller, 1 or more; sides are rounded to whole pixels.
    """

    def __init__(self, picture: Float32Array, factor: float) -> None:
        height, width, _ = picture.shape
        small = shrink(picture, max(1, round(width / factor)), max(1, round(height / factor)))
        self.scale = (small.shape[1] / width, small.shape[0] / height)
        self.target = planes(small)

    def gradient(self, splats: Splats2D) -> Float32Array:
        """The whitened gradient [N, 5 + C] of half the squared error; a small pixel counts as all it stands for.

        The coordinates are those of `kernels.reference.prefix_gradient`: `xy += L u` and `L <- L (I + E)`.
        """
        reduced = resize(splats, *self.scale)
        nothing: NDArray[np.uint8] = np.zeros(len(splats), np.uint8)
        weight = np.array([1 / (self.scale[0] * self.scale[1])], np.float32)
        _, small = prefix_gradient(reduced, nothing, [self.target], weight)
        # resize: S' = D S D + low-pass with D the scale, and colours times det(D L) / det(L'). A = L'^-1 D L leads from
        # the large splat's own coordinates to the small one's: u' = A u, E' + E'^T = A (E + E^T) A^T.
        l11, l21, l22 = splats.chol.T
        m11, m21, m22 = reduced.chol.T
        a = self.scale[0] * l11 / m11
        c = self.scale[1] * l22 / m22
        b = (self.scale[1] * l21 - m21 * a) / m22
        u1, u2, e11, e21, e22 = small[:, :5].T
        faded = np.sum(small[:, 5:] * reduced.color, axis=1)  # by the colours' dependence on the shape
        found = np.empty_like(small)
        found[:, 0] = a * u1 + b * u2
        found[:, 1] = c * u2
        found[:, 2] = a * a * e11 + 2 * a * b * e21 + b * b * e22 + faded * (1 - a * a - b * b)
        found[:, 3] = a * c * e21 + b * c * e22 - faded * b * c
        found[:, 4] = c * c * e22 + faded * (1 - c * c)
        found[:, 5:] = small[:, 5:] * (a * c)[:, None]
        return found
