"""The compiled 3D splat kernels: a frame is projected and sorted once, then drawn, weighed and differentiated."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

import numpy as np

from sfumato.camera import Camera
from sfumato.kernels.library import thread_count
from sfumato.kernels.native import _function, address
from sfumato.kernels.reference3d import _limits
from sfumato.splats import Float32Array, Splats3D

_POINTER, _INT, _LONG = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64

MAX_SIDE = 2**20 - 16
"""Pixels; the kernels count tiles of 16 pixels in 16 bits."""

Picture = tuple[Float32Array, Float32Array, Float32Array]
"""Colour [H, W, 3], alpha [H, W] and depth [H, W]."""


class Frame:
    """`splats` as `camera` sees them: projected, sorted by depth and put into tiles."""

    def __init__(self, splats: Splats3D, camera: Camera, *, near: float, antialias: bool) -> None:
        if len(splats) >= 2**31:
            raise ValueError(f"a frame holds fewer than 2^31 splats, not {len(splats)}")
        if max(camera.width, camera.height) > MAX_SIDE:
            raise ValueError(
                f"a picture is at most {MAX_SIDE:,} pixels wide or high, not {camera.width}, {camera.height}"
            )
        self.splats, self.camera = splats, camera  # the kernel reads the splats' arrays as long as the frame lives
        new = _function("sfu_frame3d_new", _LONG, *[_POINTER] * 5, _INT, _POINTER, *[_INT] * 4, restype=_POINTER)
        view = _view(camera, near)
        self._handle = new(
            len(splats),
            *(address(getattr(splats, name)) for name in ("mean", "rotation", "scale", "opacity", "sh")),
            splats.sh.shape[1],
            address(view),
            camera.width,
            camera.height,
            int(antialias),
            thread_count(),
        )
        if not self._handle:
            raise MemoryError(
                f"no memory for a frame of {len(splats):,} splats, or more than 2^28 pairs of splat and tile"
            )
        free = _function("sfu_frame3d_free", _POINTER)
        weakref.finalize(self, free, self._handle)

    def draw(self, background: Float32Array) -> Picture:
        """The picture over `background` [3]."""
        picture = self._empty()
        draw = _function("sfu_frame3d_draw", *[_POINTER] * 5, _INT, restype=_INT)
        draw(self._handle, address(background), *map(address, picture), thread_count())
        return picture

    def draw_weights(self, background: Float32Array) -> tuple[Picture, Float32Array, Float32Array]:
        """The picture, and per splat [N] the sum and the largest of its weights."""
        picture = self._empty()
        return picture, *self._weights(address(background), *map(address, picture))

    def weights(self) -> tuple[Float32Array, Float32Array]:
        """Per splat [N] the sum and the largest of its weights, without a picture: faster."""
        return self._weights(None, None, None, None)

    def gradient(self, picture: Picture, d_picture: Picture) -> list[Float32Array]:
        """Gradients for mean, rotation, scale, opacity and sh, and the norms on the screen [N].

        picture: what `draw` returned. d_picture: the loss's gradients in it.
        """
        names = ("mean", "rotation", "scale", "opacity", "sh")
        outs = [np.empty_like(getattr(self.splats, name)) for name in names]
        outs.append(np.empty(len(self.splats), np.float32))
        call = _function("sfu_frame3d_gradient", *[_POINTER] * 13, _INT, restype=_INT)
        inputs = (address(array) for array in (*picture, *d_picture))
        if call(self._handle, *inputs, *map(address, outs), thread_count()):
            raise MemoryError("no memory for the gradients")
        return outs

    def _empty(self) -> Picture:
        shape = self.camera.height, self.camera.width
        return np.empty((*shape, 3), np.float32), np.empty(shape, np.float32), np.empty(shape, np.float32)

    def _weights(self, *picture: Any) -> tuple[Float32Array, Float32Array]:
        total, peak = np.empty(len(self.splats), np.float32), np.empty(len(self.splats), np.float32)
        call = _function("sfu_frame3d_weights", *[_POINTER] * 7, _INT, restype=_INT)
        if call(self._handle, *picture, address(total), address(peak), thread_count()):
            raise MemoryError("no memory for the splats' weights")
        return total, peak


def _view(camera: Camera, near: float) -> Float32Array:
    """The camera as the kernel wants it: its position rounded to float32, the rest of it beside it."""
    position = camera.position.astype(np.float32)
    offset = camera.rotation @ position.astype(np.float64) + camera.translation
    low, high = _limits(camera)
    return np.concatenate(
        [
            camera.rotation.ravel(),
            position,
            offset,
            [camera.fx, camera.fy, camera.cx, camera.cy, near],
            [low[0], high[0], low[1], high[1]],
        ]
    ).astype(np.float32)
