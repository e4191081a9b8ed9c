"""Boxes around splats as INDX holds them, in steps of a frame around the scene's grid, and in world units.

The frame is a cube of 65,535 steps. Its steps are the power of two that makes the grid's longest side 2^14 to 2^15 of
them, and the grid's lowest corner lies 2^14 steps inside: the frame goes on for half that side or more all around.
"""

from __future__ import annotations

import math

import numpy as np

from sfumato.container import Region
from sfumato.kernels.reference3d import rotation_matrices
from sfumato.media.scene.layout import Layout
from sfumato.splats import Splats3D

Bounds = tuple[tuple[float, float, float], tuple[float, float, float]]
"""The lowest and the highest corner of a box in world units; -inf or inf where it has no end."""

REACH = 10 / 3
"""Standard deviations that count as part of a splat: farther out even an opaque one has less than 1/255 of alpha."""

_LAST = 65535
_MARGIN = 1 << 14  # steps from the frame's corner to the grid's
_SIDE_BITS = 15


def region_of(group: int, splats: Splats3D, layout: Layout) -> Region:
    """The smallest box of the frame that holds `splats` (at least one) as far as they reach."""
    axes = rotation_matrices(splats.rotation.astype(np.float64)) * splats.scale.astype(np.float64)[:, None, :]
    reach = REACH * np.sqrt(np.sum(axes * axes, axis=2))
    centre = splats.mean.astype(np.float64) - np.array(layout.origin)
    step = _step(layout)
    low = np.floor((centre - reach).min(axis=0) / step) + _MARGIN
    high = np.ceil((centre + reach).max(axis=0) / step) + _MARGIN
    x, y, z, right, bottom, far = (int(at) for at in np.clip(np.concatenate([low, high]), 0, _LAST))
    return Region(group, (x, y, z), (right, bottom, far))


def bounds_of(region: Region, layout: Layout) -> Bounds:
    """The box of a region in world units."""
    step = _step(layout)
    x, y, z = (
        start + (at - _MARGIN) * step if at > 0 else -math.inf
        for start, at in zip(layout.origin, region.low, strict=True)
    )
    right, bottom, far = (
        start + (at - _MARGIN) * step if at < _LAST else math.inf
        for start, at in zip(layout.origin, region.high, strict=True)
    )
    return (x, y, z), (right, bottom, far)


def _step(layout: Layout) -> float:
    """World units of one step of the frame."""
    return 2.0 ** (layout.exponent + (max(layout.size) - 1).bit_length() - _SIDE_BITS)
