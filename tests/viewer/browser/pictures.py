"""What is compared with what a viewer shows."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from sfumato.camera import Camera

WIDTH, HEIGHT = 320, 240
BEHIND = (0.2, 0.4, 0.6)  # "#336699"


def psnr(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """In dB, of values in 0..1."""
    return float(-10 * np.log10(max(np.mean((one - other) ** 2), 1e-12)))


def camera_text(camera: Camera) -> str:
    """A camera as the viewer takes it."""
    fields = ("width", "height", "fx", "fy", "cx", "cy")
    rows = {"rotation": camera.rotation.tolist(), "translation": camera.translation.tolist()}
    return json.dumps({name: getattr(camera, name) for name in fields} | rows)
