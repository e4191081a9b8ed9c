"""Adam (arXiv 1412.6980) on the parameters of an avatar whose forest grows."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.media.avatar.forest import Forest, Split
from sfumato.media.avatar.model import FACE_FIELDS, Parameters

# Steps of one update. Half and twice these gain nothing at 1,500 steps on a synthetic head.
RATES = {
    "offset": 0.01,  # of the face's scale
    "rotation": 0.01,
    "log_scale": 0.015,
    "opacity": 0.05,
    "sh": 0.02,
    "point": 0.02,
    "patch_opacity": 0.05,
    "patch_log_scale": 0.015,
    "patch_color": 0.02,
}
BAND_RATE = 0.25
"""Of harmonics of degree 1 and above, beside the constant one (3DGS has 1/20, for scenes of few views)."""

BETAS = (0.9, 0.99)

_NAMES = tuple(field.name for field in fields(Parameters))


class Learner:
    """Mean and power of the slopes of all parameters, and what a step changes. frozen: names of those that stay."""

    def __init__(self, forest: Forest, sh_degree: int, frozen: Container[str] = ()) -> None:
        self._free = [name for name in _NAMES if name not in frozen]
        shapes = Parameters.shapes(len(forest), forest.splits, (sh_degree + 1) ** 2)
        self.mean: dict[str, NDArray[Any]] = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        self.power: dict[str, NDArray[Any]] = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        self.steps = 0

    def grow(self, split: Split) -> None:
        """Go on in a forest with more splits; what is new has no memory."""
        for moments in (self.mean, self.power):
            for name in _NAMES:
                moved = split.of_faces if name in FACE_FIELDS else split.of_splits
                moments[name] = moved(moments[name])

    def step(self, parameters: Parameters, slopes: Parameters, rate: float) -> None:
        """Changes the parameters in place. rate: factor on all steps."""
        self.steps += 1
        for name in self._free:
            values, slope, mean, power = (
                getattr(parameters, name), getattr(slopes, name), self.mean[name], self.power[name]
            )  # fmt: skip
            mean += np.float32(1 - BETAS[0]) * (slope - mean)
            power += np.float32(1 - BETAS[1]) * (slope * slope - power)
            size = np.sqrt(power * np.float32(1 / (1 - BETAS[1] ** self.steps))) + np.float32(1e-15)
            change = mean / size
            change *= np.float32(rate * RATES[name] / (1 - BETAS[0] ** self.steps))
            if name == "sh":
                change[:, 1:] *= np.float32(BAND_RATE)
            values -= change
