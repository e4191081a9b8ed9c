"""Fits layered 2D splats to a picture, all prefixes at once.

P-GSVC (arXiv 2603.10551) optimises two prefixes a step, the whole set and one other in turn. The render is additive,
so that here *every* prefix is supervised for the price of one forward and one backward pass
(`kernels.splats2d.prefix_gradient`). Chunks are born one after another where the picture so far is wrong, and all stay
trainable to the end.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.splats2d import adam_step
from sfumato.media.checkpoint import Checkpoint
from sfumato.media.image.model import MARGIN, Layers, Plan, make_plan
from sfumato.media.image.objective import Background, Objective
from sfumato.media.image.placement import LEAST_SCALE, added_splats, first_splats, morton
from sfumato.media.image.settings import FitSettings, Progress, Report
from sfumato.media.interruption import Interruption
from sfumato.splats import Float32Array, Splats2D

# Tuned together on Kodak images (benchmarks/image_fit.py). Steps are fractions of a splat's own size, and intensity.
POSITION_STEP = 0.1
SHAPE_STEP = 0.1
COLOR_STEP = 0.01
BETAS = (0.9, 0.95)
LAST_STEP = 0.02  # the cosine decay ends at this share of the steps
BIRTHS_END = 0.5  # all chunks are born by this share of the fit; then the steps decay
LARGEST_SHARE = 0.25  # of the longer side: the largest standard deviation of a splat
SORT_EVERY = 200  # iterations between sorting the splats along the Morton curve, which keeps their pixels in cache
SAVE_EVERY = 15.0  # seconds between checkpoints


@dataclass
class State:
    """Everything a fit needs to go on: splats with their chunks and Adam moments, how far it is, random state."""

    splats: Splats2D
    chunk: NDArray[np.int32]  # [N]
    first: Float32Array  # [N, 5 + C]
    second: Float32Array  # [N, 5 + C]
    rng: np.random.Generator
    iteration: int = 0
    born: int = 0  # chunks
    elapsed: float = 0.0  # seconds

    @classmethod
    def start(cls, channels: int, seed: int) -> State:
        """No splats yet."""
        none = np.zeros((0, 5 + channels), np.float32)
        return cls(Splats2D.empty(channels), np.zeros(0, np.int32), none, none, np.random.default_rng(seed))

    @classmethod
    def load(cls, checkpoint: Checkpoint | None) -> State | None:
        """The state in a checkpoint, if it holds one."""
        stored = checkpoint.load_state() if checkpoint else None
        if stored is None:
            return None
        arrays, rest = stored
        rng = np.random.default_rng()
        rng.bit_generator.state = rest["rng"]
        splats = Splats2D(arrays["xy"], arrays["chol"], arrays["color"])
        moments = arrays["chunk"], arrays["first"], arrays["second"]
        return cls(splats, *moments, rng, rest["iteration"], rest["born"], rest["elapsed"])

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep the state in a checkpoint."""
        shown = self.splats
        arrays: dict[str, NDArray[Any]] = {"xy": shown.xy, "chol": shown.chol, "color": shown.color}
        arrays |= {"chunk": self.chunk, "first": self.first, "second": self.second}
        rest = {"iteration": self.iteration, "born": self.born, "elapsed": self.elapsed}
        checkpoint.save_state(arrays, {**rest, "rng": self.rng.bit_generator.state})

    def reorder(self, order: NDArray[np.intp]) -> None:
        """Put the splats into another order."""
        self.splats, self.chunk = self.splats[order], self.chunk[order]
        self.first, self.second = self.first[order], self.second[order]

    def add(self, splats: Splats2D, chunk: NDArray[np.int32]) -> None:
        """New splats, whose second moments start at what is typical."""
        moments = np.zeros((len(splats), 5 + splats.channels), np.float32)
        typical = self.second.mean(axis=0, dtype=np.float32) if len(self.second) else moments[:1]
        self.splats = Splats2D.concatenate([self.splats, splats])
        self.chunk = np.concatenate([self.chunk, chunk])
        self.first = np.concatenate([self.first, moments])
        self.second = np.concatenate([self.second, moments + typical])


def fit_image(
    picture: Float32Array,
    settings: FitSettings,
    *,
    report: Report | None = None,
    checkpoint: Checkpoint | None = None,
    plan: Plan | None = None,
    background: Background | None = None,
) -> Layers:
    """Fit `picture` [H, W, C] (0..1, C = 1, 3 or 4) as nested levels of splats.

    report: called about ten times a second.
    checkpoint: where the state is saved every 15 seconds and on KeyboardInterrupt, and from where it goes on if it
        holds one; the result is then the same as without the interruption.
    plan: where the prefixes end; by default `settings.levels` split into chunks.
    background: splats of neighbouring regions, with positions on this picture's canvas.
    """
    fit = _Fit(Objective(picture, plan or make_plan(settings.levels), settings, background), settings)
    state = State.load(checkpoint) or State.start(fit.objective.channels, settings.seed)
    begun = time.monotonic() - state.elapsed
    told = saved = time.monotonic()
    with Interruption() as interruption:
        try:
            while (done := fit.share_done(state)) < 1:
                psnr = fit.step(state, done)
                now = time.monotonic()
                state.elapsed = now - begun
                if report and now - told > 0.1:
                    report(Progress("fit", done, psnr, (1 - done) / done * state.elapsed if done > 0.02 else None))
                    told = now
                if checkpoint and now - saved > SAVE_EVERY:
                    state.save(checkpoint)
                    saved = now
                interruption.check()
        except KeyboardInterrupt:
            if checkpoint and not interruption.at_once:
                state.save(checkpoint)
            raise
    while state.born < len(fit.birthdays):  # the time was over before the last births
        fit.give_birth(state)
    state.reorder(np.argsort(state.chunk, kind="stable"))
    return Layers(state.splats, fit.objective.plan, fit.objective.width, fit.objective.height)


def step_sizes(channels: int) -> Float32Array:
    """Adam's steps for (u, E, colour), [5 + C]."""
    return np.array([POSITION_STEP] * 2 + [SHAPE_STEP] * 3 + [COLOR_STEP] * channels, np.float32)


def cosine(done: float) -> float:
    """The share of the steps that is left when `done` (0..1) of a decay is over."""
    return float(LAST_STEP + (1 - LAST_STEP) * 0.5 * (1 + np.cos(np.pi * done)))


def hold(splats: Splats2D, size: Float32Array) -> None:
    """Keep splats where they can be coded and of use, in place: near the canvas of `size` [2], no larger than it.

    A splat that outgrows the canvas shrinks as a whole: cutting its factors one by one would turn it.
    """
    np.clip(splats.xy, -MARGIN, size + MARGIN, out=splats.xy)
    chol = splats.chol
    extent = np.maximum(chol[:, 0], np.hypot(chol[:, 1], chol[:, 2]))
    largest = LARGEST_SHARE * float(size.max())
    if extent.max(initial=0.0) > largest:
        big = np.flatnonzero(extent > largest)
        chol[big] *= (largest / extent[big])[:, None]
        chol[:, [0, 2]] = np.maximum(chol[:, [0, 2]], LEAST_SCALE)


class _Fit:
    def __init__(self, objective: Objective, settings: FitSettings) -> None:
        self.objective = objective
        self.settings = settings
        counts = np.array(objective.plan.cuts)
        grown = settings.births != "at_once" and len(counts) > 1
        self.birthdays = BIRTHS_END * (counts - counts[0]) / (counts[-1] - counts[0]) if grown else 0.0 * counts
        self.steps = step_sizes(objective.channels)
        self.size = np.array([objective.width, objective.height], np.float32)

    def share_done(self, state: State) -> float:
        if self.settings.seconds is not None:
            return state.elapsed / self.settings.seconds
        return state.iteration / self.settings.iterations

    def step(self, state: State, done: float) -> float:
        """One step; returns the PSNR in dB before it."""
        born = state.born
        while state.born < len(self.birthdays) and done >= self.birthdays[state.born]:
            self.give_birth(state)
        if state.born > born or state.iteration % SORT_EVERY == SORT_EVERY - 1:
            state.reorder(self._morton_order(state.splats))
        psnr, gradient = self.objective.gradient(state.splats, state.chunk, state.born - 1, state.iteration)
        state.iteration += 1
        rate = cosine(max(0.0, done - BIRTHS_END) / (1 - BIRTHS_END))
        adam_step(
            state.splats,
            gradient,
            state.first,
            state.second,
            self.steps * np.float32(rate),
            betas=BETAS,
            time=state.iteration,
            floor=LEAST_SCALE,
            ceiling=float(self.size.max()),
        )
        hold(state.splats, self.size)
        return psnr

    def give_birth(self, state: State) -> None:
        """Add the next chunk's splats where the picture so far is wrong."""
        settings, plan, chunk = self.settings, self.objective.plan, state.born
        elongate = settings.shapes == "tensor"
        missing = self.objective.missing(state.splats, chunk)
        if settings.births == "at_once":
            structure = settings.placement == "structure"
            new = first_splats(missing, plan.splats, state.rng, structure=structure, elongate=elongate)
            state.add(new, state.rng.permutation(plan.chunk_of_splat))
            state.born = len(plan.cuts)
            return
        total = plan.cuts[chunk]
        count = total - (plan.cuts[chunk - 1] if chunk else 0)
        if chunk == 0:
            structure = settings.placement == "structure"
            new = first_splats(missing, count, state.rng, structure=structure, elongate=elongate)
        else:
            structure = settings.births == "error"
            new = added_splats(missing, count, total, state.rng, structure=structure, elongate=elongate)
        state.add(new, np.full(count, chunk, np.int32))
        state.born += 1

    def _morton_order(self, splats: Splats2D) -> NDArray[np.intp]:
        scale = 65535 / float(self.size.max())
        return np.argsort(morton(np.clip(splats.xy * scale, 0, 65535).astype(np.int64)), kind="stable")
