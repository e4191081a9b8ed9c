"""Additive 2D splats to pixels: whole pictures, other sizes, crops. The compiled kernels, or numpy where they miss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels import native as compiled
from sfumato.kernels import reference
from sfumato.kernels.library import native
from sfumato.kernels.planes import Planes
from sfumato.splats import Float32Array, Splats2D

LOW_PASS = 1 / 10
"""Variance in output pixels^2 that a strongly reduced picture is blurred by. A box of one pixel has 1/12; a Gaussian a
little wider comes closest to the averaged full-size picture of fitted splats, and 1/6 is up to 6 dB further from it
(benchmarks/kernels2d.py)."""


def render(
    splats: Splats2D,
    width: int,
    height: int,
    *,
    size: tuple[int, int] | None = None,
    crop: tuple[int, int, int, int] | None = None,
) -> Float32Array:
    """The picture of `splats`, float32 [h, w, C], unclipped.

    width, height: the canvas the splats live on, in pixels.
    size: (w, h) to render the whole canvas at; default the canvas itself. Smaller sizes are low-pass filtered by
    widening the splats, so that they do not alias.
    crop: (left, top, w, h) in pixels of the output: exactly that part of the whole picture.
    """
    out_width, out_height = size or (width, height)
    if min(width, height, out_width, out_height) < 1:
        raise ValueError(f"a picture has at least one pixel, not {out_width} x {out_height} of {width} x {height}")
    if (out_width, out_height) != (width, height):
        splats = resize(splats, out_width / width, out_height / height)
    if crop is not None:
        left, top, out_width, out_height = crop
        if min(out_width, out_height) < 1:
            raise ValueError(f"a crop has at least one pixel, not {out_width} x {out_height}")
        splats = Splats2D(splats.xy - np.array([left, top], np.float32), splats.chol, splats.color)
    if native() is None:
        return reference.render2d(splats, out_width, out_height).astype(np.float32)
    return compiled.render2d(splats, out_width, out_height)


def resize(splats: Splats2D, scale_x: float, scale_y: float) -> Splats2D:
    """The same picture on a canvas scaled by the two factors.

    Where a factor is below 1 the splats are convolved with a Gaussian low-pass whose variance grows from 0 at factor 1
    to `LOW_PASS`; their weights shrink so that every splat keeps its integral.
    """
    splats = splats[reference.present(splats)]
    l11, l21, l22 = splats.chol.T.astype(np.float64)
    s11 = (scale_x * l11) ** 2
    s12 = scale_x * scale_y * l11 * l21
    s22 = scale_y**2 * (l21**2 + l22**2)
    before = scale_x * scale_y * l11 * l22  # square root of the determinant
    s11 = s11 + LOW_PASS * max(0.0, 1 - scale_x**2)
    s22 = s22 + LOW_PASS * max(0.0, 1 - scale_y**2)
    new11 = np.sqrt(s11)
    new21 = s12 / new11
    new22 = np.sqrt(np.maximum(s22 - new21**2, (before / new11) ** 2))  # never less sharp than unfiltered
    gain = before / (new11 * new22)
    return Splats2D(
        splats.xy * np.array([scale_x, scale_y], np.float32),
        np.stack([new11, new21, new22], axis=1).astype(np.float32),
        (splats.color * gain[:, None]).astype(np.float32),
    )


def render_backward(splats: Splats2D, gradient: Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Gradients with respect to xy [N, 2], chol [N, 3], color [N, C] of a loss in `render(splats, width, height)`.

    gradient: [height, width, C], the loss's gradient in every pixel.
    """
    if gradient.ndim != 3 or min(gradient.shape[:2]) < 1 or gradient.shape[2] != splats.channels:
        raise ValueError(f"the gradient is [height, width, {splats.channels}], not {list(gradient.shape)}")
    if native() is None:
        parts = reference.render2d_backward(splats, np.asarray(gradient, np.float64))
        return parts[0].astype(np.float32), parts[1].astype(np.float32), parts[2].astype(np.float32)
    return compiled.render2d_backward(splats, gradient)


def planes(picture: Float32Array) -> Planes:
    """`picture` [height, width, C] as the target of `prefix_gradient`."""
    width = picture.shape[1]
    stride, pad = (width, 0) if native() is None else compiled.canvas_layout(width)
    return Planes.from_picture(picture, stride, pad)


def prefix_gradient(
    splats: Splats2D,
    segment: NDArray[np.uint8],
    targets: list[Planes],
    weights: NDArray[np.floating],
    *,
    clamp: bool = True,
) -> tuple[NDArray[np.float64], Float32Array]:
    """Errors of all prefixes and the whitened gradient of their weighted sum: see `reference.prefix_gradient`."""
    weights = np.ascontiguousarray(weights, np.float32)
    segment = np.ascontiguousarray(segment, np.uint8)
    layouts = {(target.data.shape, target.width, target.pad) for target in targets}
    if len(layouts) != 1 or targets[0].data.shape[1] != splats.channels:
        raise ValueError(f"targets are pictures of one size with {splats.channels} channels, at least one")
    if weights.shape != (len(targets),) or segment.shape != (len(splats),):
        raise ValueError(
            f"{len(targets)} targets and {len(splats)} splats need as many weights and segments, not "
            f"{list(weights.shape)} and {list(segment.shape)}"
        )
    if len(segment) and segment.max() >= len(targets):
        raise ValueError(f"segment {segment.max()} has no target: there are {len(targets)}")
    if native() is None:
        errors, gradient = reference.prefix_gradient(splats, segment, targets, weights, clamp)
        return errors, gradient.astype(np.float32)
    return compiled.prefix_gradient(splats, segment, targets, weights, clamp)


def adam_step(
    splats: Splats2D,
    gradient: Float32Array,
    first: Float32Array,
    second: Float32Array,
    step: Float32Array,
    *,
    betas: tuple[float, float],
    time: int,
    floor: float,
    ceiling: float,
) -> None:
    """One step of Adam in each splat's own coordinates, in place: see `reference.adam_step`."""
    step = np.ascontiguousarray(step, np.float32)
    gradient = np.ascontiguousarray(gradient, np.float32)
    parameters = 5 + splats.channels
    if step.shape != (parameters,):
        raise ValueError(f"step has {parameters} sizes, not {list(step.shape)}")
    if gradient.shape != (len(splats), parameters):
        raise ValueError(f"the gradient is [{len(splats)}, {parameters}], not {list(gradient.shape)}")
    for array in (first, second):
        if array.shape != gradient.shape or array.dtype != np.float32 or not array.flags.c_contiguous:
            raise ValueError(f"moments are contiguous float32 {list(gradient.shape)} arrays that can be changed")
    if not all(a.flags.writeable for a in (first, second, splats.xy, splats.chol, splats.color)):
        raise ValueError("splats and moments change in place, but one of them is read-only")
    chosen = reference.adam_step if native() is None else compiled.adam_step
    chosen(splats, gradient, first, second, step, betas, time, floor, ceiling)
