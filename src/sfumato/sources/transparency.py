"""Colours for pixels that nobody sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fill_transparent(pixels: NDArray[np.float32]) -> None:
    """Replaces, in place, the colour of fully transparent pixels by a smooth continuation of the visible ones.

    pixels: float32 [H, W, 4], straight (not premultiplied) RGB and alpha. Where alpha is 0 files carry anything, often
    black or leftovers with hard edges; a fit would spend splats on them and they bleed into the border when a picture
    is resized. Visible pixels and alpha do not change. A picture with no visible pixel becomes black.

    Pull-push (Gortler et al., The Lumigraph, 1996, section 3.4): average the known pixels at ever coarser scales, then
    fill the holes of each scale from the next coarser one.
    """
    known = pixels[..., 3] > 0
    if known.all():
        return
    if not known.any():
        pixels[..., :3] = 0
        return
    for channel in range(3):
        _fill_holes(pixels[..., channel], known)


def _fill_holes(plane: NDArray[np.float32], known: NDArray[np.bool_]) -> None:
    """Fills `plane` [H, W] in place where `known` [H, W] is False; at least one pixel is known."""
    if known.all():
        return
    height, width = plane.shape
    pad = ((0, height % 2), (0, width % 2))
    weights = np.pad(known, pad).astype(np.float32)
    sums = _block_sums(np.pad(plane, pad) * weights)
    counts = _block_sums(weights)
    coarse: NDArray[np.float32] = np.divide(sums, np.maximum(counts, 1, dtype=np.float32))
    _fill_holes(coarse, counts > 0)
    holes = ~known
    plane[holes] = _doubled(_doubled(coarse).T).T[:height, :width][holes]


def _block_sums(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """[2H, 2W] to [H, W]: the sum of every 2 x 2 block."""
    rows = plane[0::2] + plane[1::2]
    blocks: NDArray[np.float32] = np.add(rows[:, 0::2], rows[:, 1::2])
    return blocks


def _doubled(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """[H, W] to [2H, W], linear between row centres, constant beyond the outer ones."""
    padded = np.pad(plane, ((1, 1), (0, 0)), mode="edge")
    out = np.empty((2 * len(plane), plane.shape[1]), np.float32)
    out[0::2] = 0.25 * padded[:-2] + 0.75 * plane
    out[1::2] = 0.75 * plane + 0.25 * padded[2:]
    return out
