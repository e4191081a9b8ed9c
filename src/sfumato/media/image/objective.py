"""What a fit minimises: the errors of all prefixes, weighted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.planes import Planes
from sfumato.kernels.splats2d import planes, prefix_gradient, render
from sfumato.media.image.model import Plan
from sfumato.media.image.placement import blur
from sfumato.media.image.settings import FitSettings
from sfumato.splats import Float32Array, Splats2D

INSIDE_LEVEL = 0.2  # weight of a chunk's end inside a level, beside a level's end: enough for quality to rise steadily
MAX_SUPERVISED = 16  # prefixes in one pass; their residuals share the cache


@dataclass(frozen=True)
class Background:
    """Splats that belong to neighbouring regions: shown, never changed. chunk: the chunk of each, [N]."""

    splats: Splats2D
    chunk: NDArray[np.int32]


class Objective:
    """The weighted errors of the prefixes of one picture.

    picture: [H, W, C], 0..1. plan: where its prefixes end. background: splats of neighbouring regions, if any.
    """

    def __init__(
        self, picture: Float32Array, plan: Plan, settings: FitSettings, background: Background | None = None
    ) -> None:
        self.picture = picture
        self.plan = plan
        self.cycled = settings.supervision == "cycled"
        self.background = background if background is not None and len(background.splats) else None
        self.height, self.width, self.channels = picture.shape
        self.targets = self._targets(settings.resolution_levels)
        self.weights = self._weights(settings)

    def _targets(self, lower: int) -> list[Planes]:
        """The target of every chunk's prefix: smoother for the `lower` first levels."""
        full = planes(self.picture)
        by_level = [full] * (max(self.plan.levels) + 1)
        for level in range(lower):
            factor = 2.0 ** (lower - level)
            # A box of `factor` pixels has the variance (factor^2 - 1) / 12 beyond the pixel's own.
            by_level[level] = planes(blur(self.picture, float(np.sqrt((factor**2 - 1) / 12))))
        return [by_level[level] for level in self.plan.levels]

    def _weights(self, settings: FitSettings) -> Float32Array:
        """Weight of every prefix but the last, [chunks - 1]; zero where it is not supervised."""
        share = np.array(self.plan.cuts[:-1]) / self.plan.splats
        weights = 1 + (settings.base_weight - 1) * np.exp(-20 * share)
        if settings.supervision == "full":
            weights[:] = 0
        inside = [k for k in range(len(weights)) if k not in self.plan.level_ends]
        weights[inside] *= INSIDE_LEVEL if settings.granularity == "chunks" else 0
        used = np.flatnonzero(weights)
        if len(used) > MAX_SUPERVISED:
            kept = used[np.linspace(0, len(used) - 1, MAX_SUPERVISED).round().astype(int)]
            weights[np.setdiff1d(used, kept)] = 0
        return (weights * settings.prefix_weight).astype(np.float32)

    def gradient(
        self, splats: Splats2D, chunk: NDArray[np.int32], last: int, iteration: int
    ) -> tuple[float, Float32Array]:
        """PSNR in dB of the prefix that ends with chunk `last`, and the whitened gradient [N, 5 + C] of the objective.

        chunk: of every splat, [N], none beyond `last`. iteration: which prefix is in turn where they are cycled.
        """
        chosen = np.flatnonzero(self.weights[:last])
        weights = self.weights[chosen]
        if self.cycled and len(chosen):
            turn = iteration % len(chosen)
            chosen, weights = chosen[[turn]], weights[[turn]] * len(chosen)
        ends = np.append(chosen, last)
        count = len(splats)
        if self.background is not None:
            shown = self.background.chunk <= last
            splats = Splats2D.concatenate([splats, self.background.splats[shown]])
            chunk = np.concatenate([chunk, self.background.chunk[shown]])
        segment = np.searchsorted(ends, chunk).astype(np.uint8)
        errors, gradient = prefix_gradient(splats, segment, [self.targets[k] for k in ends], np.append(weights, 1.0))
        return float(10 * np.log10(self.picture.size / max(errors[-1], 1e-12))), gradient[:count]

    def missing(self, splats: Splats2D, chunk: int) -> Float32Array:
        """What the picture of `splats` lacks to the target of `chunk`, [H, W, C]."""
        if self.background is not None:
            splats = Splats2D.concatenate([splats, self.background.splats[self.background.chunk <= chunk]])
        target = self.targets[chunk].picture()
        if not len(splats):
            return target
        return target - np.clip(render(splats, self.width, self.height), 0, 1)
