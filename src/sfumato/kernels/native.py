"""The compiled kernels, one typed function each, with the signatures of `reference.py`.

Arrays are passed by address: every function makes its inputs contiguous float32 first and allocates its own outputs.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.library import NativeLibrary, native, thread_count
from sfumato.kernels.planes import Planes
from sfumato.splats import Float32Array, Splats2D

_POINTER, _INT, _LONG, _FLOAT = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_float


@functools.cache
def _function(name: str, *argtypes: Any, restype: Any = None) -> Any:
    return library().function(name, *argtypes, restype=restype)


@functools.cache
def library() -> NativeLibrary:
    """The loaded library; RuntimeError where there is none (callers ask `sfumato.kernels.library.native` first)."""
    found = native()
    if found is None:
        raise RuntimeError("the compiled kernels are not loaded")
    return found


def address(array: NDArray[Any]) -> int:
    """Address of the first element; five times faster than `array.ctypes.data`, which counts in a training loop."""
    return int(array.__array_interface__["data"][0])


def render2d(splats: Splats2D, width: int, height: int) -> Float32Array:
    """The picture [height, width, C] of `splats`, unclipped."""
    out = np.empty((height, width, splats.channels), np.float32)
    call = _function(
        "sfu_render2d", _LONG, _POINTER, _POINTER, _POINTER, _INT, _INT, _INT, _POINTER, _INT, restype=ctypes.c_int
    )
    failed = call(
        len(splats),
        address(splats.xy),
        address(splats.chol),
        address(splats.color),
        splats.channels,
        width,
        height,
        address(out),
        thread_count(),
    )
    if failed:
        raise ValueError(f"splats have 1, 3 or 4 colour channels, not {splats.channels}")
    return out


def render2d_backward(splats: Splats2D, gradient: Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Gradients of a loss with respect to xy [N, 2], chol [N, 3] and color [N, C], given it in every pixel."""
    gradient = np.ascontiguousarray(gradient, np.float32)
    height, width, channels = gradient.shape
    count = len(splats)
    d_xy, d_chol, d_color = (np.empty((count, k), np.float32) for k in (2, 3, channels))
    call = _function(
        "sfu_render2d_backward", _LONG, *[_POINTER] * 3, *[_INT] * 3, *[_POINTER] * 4, _INT, restype=ctypes.c_int
    )
    failed = call(
        count,
        address(splats.xy),
        address(splats.chol),
        address(splats.color),
        channels,
        width,
        height,
        address(gradient),
        address(d_xy),
        address(d_chol),
        address(d_color),
        thread_count(),
    )
    if failed:
        raise ValueError(f"splats have 1, 3 or 4 colour channels, not {channels}")
    return d_xy, d_chol, d_color


def canvas_layout(width: int) -> tuple[int, int]:
    """(floats per channel row, column where pixels begin) of the kernels' own picture layout."""
    stride = _function("sfu_fit2d_stride", _INT, restype=_INT)
    pad = _function("sfu_fit2d_pad", restype=_INT)
    return int(stride(width)), int(pad())


def prefix_gradient(
    splats: Splats2D, segment: NDArray[np.uint8], targets: list[Planes], weights: Float32Array, clamp: bool
) -> tuple[NDArray[np.float64], Float32Array]:
    """See `reference.prefix_gradient`."""
    first = targets[0]
    if (first.data.shape[2], first.pad) != canvas_layout(first.width) or any(
        target.data.dtype != np.float32 or not target.data.flags.c_contiguous for target in targets
    ):
        raise ValueError("the targets are not in the layout of these kernels: make them with `splats2d.planes`")
    errors = np.empty(len(targets), np.float64)
    gradient = np.empty((len(splats), 5 + splats.channels), np.float32)
    pointers = (ctypes.c_void_p * len(targets))(*[address(t.data) for t in targets])
    call = _function(
        "sfu_fit2d_gradient",
        _LONG,
        *[_POINTER] * 4,
        _INT,
        *[_POINTER] * 2,
        *[_INT] * 4,
        *[_POINTER] * 2,
        _INT,
        restype=ctypes.c_int,
    )
    failed = call(
        len(splats),
        address(splats.xy),
        address(splats.chol),
        address(splats.color),
        address(segment),
        len(targets),
        pointers,
        address(weights),
        splats.channels,
        first.width,
        first.height,
        int(clamp),
        address(errors),
        address(gradient),
        thread_count(),
    )
    if failed:
        raise ValueError(f"splats have 1, 3 or 4 colour channels, not {splats.channels}")
    return errors, gradient


def adam_step(
    splats: Splats2D,
    gradient: Float32Array,
    first: Float32Array,
    second: Float32Array,
    step: Float32Array,
    betas: tuple[float, float],
    time: int,
    floor: float,
    ceiling: float,
) -> None:
    """See `reference.adam_step`; `splats`, `first` and `second` are changed in place."""
    call = _function(
        "sfu_fit2d_adam", _LONG, *[_POINTER] * 3, _INT, *[_POINTER] * 4, *[_FLOAT] * 6, _INT, restype=ctypes.c_int
    )
    failed = call(
        len(splats),
        address(splats.xy),
        address(splats.chol),
        address(splats.color),
        splats.channels,
        address(gradient),
        address(first),
        address(second),
        address(step),
        *betas,
        1 - betas[0] ** time,
        1 - betas[1] ** time,
        floor,
        ceiling,
        thread_count(),
    )
    if failed:
        raise ValueError(f"splats have 1, 3 or 4 colour channels, not {splats.channels}")
