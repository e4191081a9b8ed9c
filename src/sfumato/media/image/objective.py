"""What a fit minimises: the errors of all prefixes, weighted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.splats2d import planes, prefix_gradient, render
from sfumato.media.image.model import Plan
from sfumato.media.image.settings import FitSettings
from sfumato.media.image.small import SmallPicture
from sfumato.splats import Float32Array, Splats2D

# Weights of a chunk's end inside a level, beside a level's end: enough for quality to rise steadily. Inside the base
# level more, for the very first picture.
INSIDE_LEVEL, INSIDE_BASE = 0.05, 0.15
MAX_SUPERVISED = 16  # prefixes in one pass; their residuals share the cache

SMALL_WEIGHT = 2.0
"""Weight of a low level's error at its own small size beside its error at full size: 1 brings the low levels half as
much closer to the small pictures and costs the whole about as much (benchmarks/image_resolution.py)."""


@dataclass(frozen=True)
class Background:
    """Splats that belong to neighbouring regions: shown, never changed. chunk: the chunk of each, [N]."""

    splats: Splats2D
    chunk: NDArray[np.int32]


class Objective:
    """The weighted errors of the prefixes of one picture, and of its lowest levels at their own smaller sizes.

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
        self.target = planes(picture)
        self.weights = self._weights(settings)
        self.energy_weight = settings.energy_weight
        base_end = self.plan.level_ends[0]
        self.restrained = base_end + 1 if base_end + 1 < len(plan.cuts) else 0  # the first chunk whose energy counts
        self.small = self._small(settings)

    def _small(self, settings: FitSettings) -> list[tuple[int, np.float32, SmallPicture]]:
        """Last chunk, weight and picture of every level that is also compared at its own smaller size."""
        lower = settings.resolution_levels
        weights = settings.prefix_weight * SMALL_WEIGHT * self._importance(settings)
        return [
            (end, np.float32(weights[end]), SmallPicture(self.picture, 2.0 ** (lower - level)))
            for level, end in enumerate(self.plan.level_ends[:lower])
        ]

    def _importance(self, settings: FitSettings) -> NDArray[np.float64]:
        """How much more than 1 the early prefixes weigh, [chunks - 1]."""
        share = np.array(self.plan.cuts[:-1]) / self.plan.splats
        importance: NDArray[np.float64] = 1 + (settings.base_weight - 1) * np.exp(-20 * share)
        return importance

    def _weights(self, settings: FitSettings) -> Float32Array:
        """Weight of every prefix but the last, [chunks - 1]; zero where it is not supervised."""
        weights = self._importance(settings)
        if settings.supervision == "full":
            weights[:] = 0
        inside = [k for k in range(len(weights)) if k not in self.plan.level_ends]
        share = [INSIDE_LEVEL if self.plan.levels[k] else INSIDE_BASE for k in inside]
        weights[inside] *= share if settings.granularity == "chunks" else 0
        used = np.flatnonzero(weights)
        if len(used) > MAX_SUPERVISED:
            kept = used[np.linspace(0, len(used) - 1, MAX_SUPERVISED).round().astype(int)]
            weights[np.setdiff1d(used, kept)] = 0
        return (weights * settings.prefix_weight).astype(np.float32)

    @property
    def chunk_weights(self) -> NDArray[np.float64]:
        """The weights of all prefixes that show a chunk's splats, added up, [chunks]."""
        weights = np.append(self.weights.astype(np.float64), 1)
        for end, weight, _ in self.small:
            weights[end] += weight
        total: NDArray[np.float64] = np.cumsum(weights[::-1])[::-1]
        return total

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
        errors, gradient = prefix_gradient(splats, segment, [self.target] * len(ends), np.append(weights, 1.0))
        for end, weight, small in self.small:
            if end <= last:
                mine = np.flatnonzero(chunk <= end)
                gradient[mine] += weight * small.gradient(splats[mine])
        error = max(float(errors[-1]), 1e-12) / self.picture.size
        gradient = gradient[:count]
        if last == len(self.plan.cuts) - 1 and self.energy_weight:
            self._restrain(splats[:count], chunk[:count], gradient, self.energy_weight * error**0.5)
        return -10 * float(np.log10(error)), gradient

    def _restrain(self, splats: Splats2D, chunk: NDArray[np.int32], gradient: Float32Array, weight: float) -> None:
        """Add the gradient of half of `weight` times the sum of `pi det(L) |color|^2`, the energy of each splat."""
        area = np.float32(weight * np.pi) * splats.chol[:, 0] * splats.chol[:, 2] * (chunk >= self.restrained)
        energy = area[:, None] * splats.color
        gradient[:, 5:] += energy
        gradient[:, [2, 4]] += 0.5 * np.sum(energy * splats.color, axis=1, keepdims=True)

    def missing(self, splats: Splats2D, chunk: int) -> Float32Array:
        """What the picture of `splats`, the prefix that ends with `chunk`, lacks, [H, W, C]."""
        if self.background is not None:
            splats = Splats2D.concatenate([splats, self.background.splats[self.background.chunk <= chunk]])
        if not len(splats):
            return self.picture
        return self.picture - np.clip(render(splats, self.width, self.height), 0, 1)
