"""The pictures of a capture as a fit needs them: small enough, in memory, one after the other in random order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.camera import Camera
from sfumato.sources.capture import Capture
from sfumato.splats import Float32Array

KEPT_BYTES = 1 << 30
"""Of pictures that are kept in memory; beyond it they are read again each time."""


@dataclass(frozen=True)
class View:
    """A picture, [H, W, 3] in 0..1 over the capture's background, and what it shows."""

    frame: int
    camera: Camera
    picture: Float32Array


class Pictures:
    """Pictures of (frame, camera) pairs, their sides scaled by `scale`.

    Raises, here or later: InputError that names the file of a picture that cannot be read or has another size.
    """

    def __init__(self, capture: Capture, pairs: Sequence[tuple[int, int]], scale: float) -> None:
        self.pairs = tuple(pairs)
        self._capture, self._kept, self._room = capture, dict[int, NDArray[np.uint8]](), KEPT_BYTES
        self._cameras = [scaled(item.camera, scale) for item in capture.cameras]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, number: int) -> View:
        frame, which = self.pairs[number]
        camera = self._cameras[which]
        pixels = self._kept.get(number)
        if pixels is None:
            pixels = np.rint(255 * self._cut_out(frame, which)).astype(np.uint8)
            if pixels.shape[:2] != (camera.height, camera.width):
                small = Image.fromarray(pixels).resize((camera.width, camera.height), Image.Resampling.BOX)
                pixels = np.asarray(small)
            if pixels.nbytes <= self._room:
                self._kept[number] = pixels
                self._room -= pixels.nbytes
        return View(frame, camera, pixels * np.float32(1 / 255))

    def _cut_out(self, frame: int, which: int) -> Float32Array:
        """A picture that shows nothing but background where its mask says that the head is not."""
        pixels, mask = self._capture.image(frame, which), self._capture.mask(frame, which)
        if mask is None:
            return pixels
        background = np.array(self._capture.background, np.float32)
        return np.where(mask[:, :, None] > 0, pixels, background)

    def some(self, count: int) -> list[int]:
        """The numbers of `count` pictures, or all, spread evenly over the pairs."""
        return [int(number) for number in np.unique(np.linspace(0, len(self) - 1, min(count, len(self))).round())]


def scaled(camera: Camera, scale: float) -> Camera:
    """The camera of pictures whose sides are scaled, rounded to whole pixels."""
    return camera.resized(max(1, round(camera.width * scale)), max(1, round(camera.height * scale)))
