"""Adam (arXiv 1412.6980) on the fields of splats with colours of degree 0."""

from __future__ import annotations

import numpy as np

from sfumato.kernels.splats3d import Gradient3D
from sfumato.media.scene.merge import LARGEST_OPACITY
from sfumato.media.scene.quantise import Floats
from sfumato.splats import Float32Array, Splats3D

# On a trained scene half and twice these steps are no better after some hundred of them.
STEPS = {
    "mean": 0.03,  # of the splat's size
    "scale": 0.02,  # of its logarithm
    "rotation": 0.02,
    "opacity": 0.05,  # of its logit
    "color": 0.02,  # of the harmonic of degree 0
}
BETAS = (0.9, 0.99)
LEAST_OPACITY = 0.005
LAST_RATE = 0.02


class Adam:
    """Mean and power of the slopes of one array, and what a step changes."""

    def __init__(self, values: Float32Array) -> None:
        self._mean, self._power, self._time = np.zeros_like(values), np.zeros_like(values), 0

    def change(self, slope: Float32Array) -> Float32Array:
        """By how many steps to go down, about -1..1; slopes that are not finite count as 0."""
        self._time += 1
        slope = np.nan_to_num(slope, nan=0.0, posinf=0.0, neginf=0.0)
        self._mean += np.float32(1 - BETAS[0]) * (slope - self._mean)
        self._power += np.float32(1 - BETAS[1]) * (slope * slope - self._power)
        mean = self._mean / np.float32(1 - BETAS[0] ** self._time)
        power = self._power / np.float32(1 - BETAS[1] ** self._time)
        found: Float32Array = mean / (np.sqrt(power) + np.float32(1e-12))
        return found


def cosine(done: float) -> float:
    """The share of the steps' size that is left when `done` (0..1) of a descent is over."""
    return float(LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + np.cos(np.pi * done)))


class Descent:
    """Splats that move downhill.

    low, high: [n, 3] the bounds of each splat's mean.
    """

    def __init__(self, splats: Splats3D, low: Floats, high: Floats) -> None:
        self._low, self._high = low.astype(np.float32), high.astype(np.float32)
        self.put(splats)

    def put(self, splats: Splats3D, frozen: tuple[str, ...] = ()) -> None:
        """Go on from other values without a memory of earlier steps; what is `frozen` stays from now on."""
        self._exact = splats
        self._free = [name for name in STEPS if name not in frozen]
        opacity = np.clip(splats.opacity, LEAST_OPACITY, LARGEST_OPACITY)
        self._fields = {
            "mean": splats.mean.copy(),
            "scale": np.log(splats.scale),
            "rotation": splats.rotation.copy(),
            "opacity": np.log(opacity / (1 - opacity)),
            "color": splats.sh[:, 0].copy(),
        }
        self._size: Float32Array = np.exp(self._fields["scale"].mean(axis=1, keepdims=True))
        self._adam = {name: Adam(self._fields[name]) for name in self._free}

    @property
    def splats(self) -> Splats3D:
        """The splats as they are."""
        fields, exact = self._fields, self._exact
        opacity = 1 / (1 + np.exp(-fields["opacity"])) if "opacity" in self._free else exact.opacity
        scale = np.exp(fields["scale"]) if "scale" in self._free else exact.scale
        return Splats3D(fields["mean"], fields["rotation"], scale, opacity, fields["color"][:, None])

    def step(self, gradient: Gradient3D, splats: Splats3D, rate: float) -> None:
        """One step down the gradient at `splats`. rate: factor on all steps."""
        slopes = {
            "mean": gradient.mean * self._size,
            "scale": gradient.scale * splats.scale,
            "rotation": gradient.rotation,
            "opacity": gradient.opacity * splats.opacity * (1 - splats.opacity),
            "color": gradient.sh[:, 0],
        }
        for name in self._free:
            change = self._adam[name].change(slopes[name]) * np.float32(rate * STEPS[name])
            self._fields[name] -= change * self._size if name == "mean" else change
        mean, rotation = self._fields["mean"], self._fields["rotation"]
        if "mean" in self._free:
            np.clip(mean, self._low, self._high, out=mean)
        rotation /= np.linalg.norm(rotation, axis=1, keepdims=True)
