"""Quantised splats to the bytes of a file, with the measured quality of every prefix."""

from __future__ import annotations

import numpy as np

from sfumato.container import Chunk, Part, assemble
from sfumato.media.image.codec import KIND, encode_integers
from sfumato.media.image.finish import Quantised
from sfumato.media.image.measure import prefix_qualities
from sfumato.media.image.model import Plan
from sfumato.splats import Float32Array


def assemble_image(pixels: Float32Array, plan: Plan, quantised: Quantised) -> bytes:
    """The file that shows `quantised`; INDX says how close each prefix comes to `pixels` [H, W, C]."""
    height, width, channels = pixels.shape
    qualities = prefix_qualities(pixels, [quantised.splats(k) for k in range(len(quantised.grids))])
    parts = []
    for level, q, grid, quality in zip(plan.levels, quantised.chunks, quantised.grids, qualities, strict=True):
        payload = encode_integers(q, grid, width, height)
        known = quality if np.isfinite(quality) else None
        parts.append(Part(Chunk(KIND, level, payload=payload), splats=len(q), quality_db=known))
    return assemble("image", {"width": width, "height": height, "channels": channels}, parts)
