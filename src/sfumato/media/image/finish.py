"""Ends a fit on the grid it is coded on.

Rounding everything at once costs 0.3 dB and more. Instead the splats are rounded a share at a time, and after each
share the ones that are still free move to make up for the error (incremental quantisation). Measured on Kodak images
this keeps a third of the loss away; training through the rounding (straight-through) made it worse. At the end single
integers move by one where that helps (`polish`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.splats2d import adam_step, render
from sfumato.media.image.canvas import Canvas
from sfumato.media.image.codec import choose_exponent
from sfumato.media.image.fit import BETAS, cosine, hold, step_sizes
from sfumato.media.image.model import Layers
from sfumato.media.image.objective import Objective
from sfumato.media.image.placement import LEAST_SCALE
from sfumato.media.image.polish import polish
from sfumato.media.image.quantise import Grid, QuantisedSplats, dequantise, quantise
from sfumato.media.image.settings import Progress, Report
from sfumato.quality.metrics import psnr
from sfumato.splats import Float32Array, Splats2D

MAX_COLOR_STEP = 80
OCTAVE_STEPS = 8
BASE_COARSER = 24
"""Eighths of an octave by which the base level's steps are coarser. The base is rounded first and all other splats make
up for it: measured, the whole file loses 0.04 to 0.06 dB and the base level a third of its bytes."""
STEP = 0.3  # of the fit's step sizes


@dataclass(frozen=True)
class Effort:
    """How carefully to round.

    shares: of the splats that are rounded after each round; the last is 1. iterations: of the fit after each round.
    sweeps: of the polish at the end.
    """

    shares: tuple[float, ...] = (0.2, 0.4, 0.55, 0.7, 0.8, 0.88, 0.94, 0.98, 1.0)
    iterations: int = 100
    sweeps: int = 100


THOROUGH = Effort()
QUICK = Effort(shares=(0.3, 0.55, 0.75, 0.9, 1.0), iterations=60, sweeps=60)
QUICK_LOSS = 1.1
"""Rounding quickly costs so many times the decibels of rounding thoroughly (Kodak images: 1.08 to 1.15)."""
RAW_LOSS = 3.0
"""The same for rounding all splats at once (2 to 5): only a first guess."""


@dataclass(frozen=True)
class Quantised:
    """A fit on its grid: the integers of every chunk and its quantiser, [chunks] each."""

    chunks: tuple[QuantisedSplats, ...]
    grids: tuple[Grid, ...]

    def splats(self, chunk: int) -> Splats2D:
        """The splats of a chunk as a decoder sees them."""
        return dequantise(self.chunks[chunk], self.grids[chunk])

    def all_splats(self) -> Splats2D:
        """The splats of all chunks."""
        return Splats2D.concatenate([self.splats(chunk) for chunk in range(len(self.grids))])


def chunk_grids(layers: Layers, color_step: int, canvas: Canvas) -> tuple[Grid, ...]:
    """The quantiser of every chunk for one colour step; the base level's is coarser where other levels follow."""
    steps = [color_step] * len(layers.plan.cuts)
    if layers.plan.levels[-1] > 0:
        steps = [step - BASE_COARSER * (level == 0) for step, level in zip(steps, layers.plan.levels, strict=True)]
    return tuple(
        Grid(max(step, 0), choose_exponent(part, max(step, 0), canvas.width, canvas.height))
        for step, part in zip(steps, layers.parts(), strict=True)
    )


def round_all(layers: Layers, grids: tuple[Grid, ...], canvas: Canvas) -> Quantised:
    """All splats of a picture that fills its canvas, rounded at once."""
    pairs = zip(layers.parts(), grids, strict=True)
    return Quantised(tuple(quantise(part, grid, canvas.width, canvas.height) for part, grid in pairs), grids)


def choose_color_step(layers: Layers, objective: Objective, loss_db: float) -> int:
    """The coarsest colour step at which `finish` costs about `loss_db` decibels of PSNR.

    A first guess is rounded quickly; from what that costs the step follows, as an octave of steps costs a factor of 4
    in squared error, and about as much in decibels. Far from the guess that is tried, too: a fit that was not at its
    end yet gains by the steps between the roundings, which hides what rounding costs.
    """
    allowed = QUICK_LOSS * loss_db
    guess = guess_color_step(layers, objective.picture, RAW_LOSS * loss_db)
    loss = _quick_loss(layers, objective, guess)
    if not loss > 0:  # none, or of a picture that was exact
        return guess
    step = guess + int(np.clip(round(4 * math.log2(loss / allowed) + 0.2), -OCTAVE_STEPS, OCTAVE_STEPS))
    while step <= guess - OCTAVE_STEPS // 2 and _quick_loss(layers, objective, step) > 1.25 * allowed:
        step += 2
    return int(np.clip(step, 0, MAX_COLOR_STEP))


def _quick_loss(layers: Layers, objective: Objective, color_step: int) -> float:
    """Decibels of PSNR that rounding quickly costs."""
    canvas = Canvas(layers.width, layers.height)
    grids = chunk_grids(layers, color_step, canvas)
    return _loss(layers, finish(layers, objective, grids, canvas, 0, effort=QUICK), objective.picture)


def guess_color_step(layers: Layers, picture: Float32Array, loss_db: float) -> int:
    """The coarsest colour step at which rounding all splats at once costs `loss_db` decibels of PSNR."""
    canvas = Canvas(layers.width, layers.height)
    low, high = 0, MAX_COLOR_STEP
    while low < high:
        middle = (low + high) // 2
        if _loss(layers, round_all(layers, chunk_grids(layers, middle, canvas), canvas), picture) <= loss_db:
            high = middle
        else:
            low = middle + 1
    return low


def _loss(layers: Layers, rounded: Quantised, picture: Float32Array) -> float:
    """Decibels of PSNR that rounding costs; positions are those in `picture`."""
    shown = (np.clip(render(s, layers.width, layers.height), 0, 1) for s in (layers.splats, rounded.all_splats()))
    before, after = (psnr(image, picture) for image in shown)
    return before - after


def finish(
    layers: Layers,
    objective: Objective,
    grids: tuple[Grid, ...],
    canvas: Canvas,
    seed: int,
    report: Report | None = None,
    effort: Effort = THOROUGH,
) -> Quantised:
    """Round the splats of `layers` a share at a time, fitting the rest to `objective` in between."""
    rng = np.random.default_rng(seed)
    count, channels = len(layers.splats), layers.splats.channels
    splats = Splats2D(layers.splats.xy.copy(), layers.splats.chol.copy(), layers.splats.color.copy())
    chunk = layers.plan.chunk_of_splat
    turn = rng.permutation(count)
    if layers.plan.levels[-1] > 0:
        turn[: layers.plan.cuts[layers.plan.level_ends[0]]] = -1
    integers = [np.zeros((count, k) if k else count, np.int64) for k in (2, channels, 0, 0, 0, 2)]
    rounded = np.zeros(count, np.bool_)
    steps = step_sizes(channels) * np.float32(STEP)
    last = len(grids) - 1
    size = np.array([layers.width, layers.height], np.float32)
    for number, share in enumerate(effort.shares):
        now = (turn < share * count) & ~rounded
        _round(splats, now, chunk, grids, canvas, integers)
        rounded |= now
        if share == 1:
            break
        free = np.flatnonzero(~rounded)
        moving = splats[free]
        first, second = (np.zeros((len(free), 5 + channels), np.float32) for _ in range(2))
        for iteration in range(effort.iterations):
            psnr, gradient = objective.gradient(splats, chunk, last, iteration)
            adam_step(
                moving,
                gradient[free],
                first,
                second,
                steps * np.float32(cosine(iteration / effort.iterations)),
                betas=BETAS,
                time=iteration + 1,
                floor=LEAST_SCALE,
                ceiling=float(size.max()),
            )
            hold(moving, size)
            splats.xy[free], splats.chol[free], splats.color[free] = moving.xy, moving.chol, moving.color
            if report and iteration % 10 == 0:
                done = (number + iteration / effort.iterations) / (len(effort.shares) - 1)
                report(Progress("quantise", done, psnr))
    whole = QuantisedSplats(*integers)
    chunks = tuple(whole[np.flatnonzero(chunk == k)] for k in range(len(grids)))
    return Quantised(polish(chunks, grids, objective, canvas, effort.sweeps, rng), grids)


def _round(
    splats: Splats2D,
    chosen: NDArray[np.bool_],
    chunk: NDArray[np.int32],
    grids: tuple[Grid, ...],
    canvas: Canvas,
    integers: list[NDArray[np.int64]],
) -> None:
    """Put the chosen splats on their chunks' grids, in place, and note their integers."""
    for k, grid in enumerate(grids):
        mine = np.flatnonzero(chosen & (chunk == k))
        placed = Splats2D(splats.xy[mine] + canvas.corner, splats.chol[mine], splats.color[mine])
        q = quantise(placed, grid, canvas.width, canvas.height)
        on_grid = dequantise(q, grid)
        splats.xy[mine] = on_grid.xy - canvas.corner
        splats.chol[mine], splats.color[mine] = on_grid.chol, on_grid.color
        for store, field in zip(integers, fields(q), strict=True):
            store[mine] = getattr(q, field.name)
