"""GaussianImage's own recipe (arXiv 2403.08551, released code) with Sfumato's kernels: what our fits are compared with.

Random start: centres uniform, Cholesky factors U[0, 1] + (0.5, 0, 0.5) px, colours U[0, 1]. Adam with step 1e-3 on
colours and Cholesky factors and 0.3 px on centres (their tanh coordinates at 1e-3, seen in pixels of a 768 x 512
canvas), halved every 20,000 steps, 50,000 steps. Differences: Adam with (0.9, 0.999) instead of Adan; the clamp to 0..1
passes gradients. Splats are kept in Morton order, which changes nothing but speed.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sfumato.kernels.splats2d import planes, prefix_gradient, render
from sfumato.media.image.placement import morton
from sfumato.quality.metrics import psnr
from sfumato.splats import Float32Array, Splats2D

ITERATIONS = 50_000
HALVE_EVERY = 20_000
STEP = 1e-3
POSITION_STEP = 0.3  # pixels
BETAS = (0.9, 0.999)
SORT_EVERY = 500
SAVE_EVERY = 15.0  # seconds
LEAST = 1e-3  # pixels; keeps the factors that are rendered invertible


def raw_gradient(splats: Splats2D, whitened: Float32Array) -> Float32Array:
    """Gradients [N, 5 + C] for (xy, Cholesky factor, colour) from those in whitened coordinates (kernels.reference)."""
    l11, l21, l22 = splats.chol.T
    raw = whitened.copy()
    raw[:, 1] = whitened[:, 1] / l22
    raw[:, 0] = (whitened[:, 0] - l21 * raw[:, 1]) / l11
    raw[:, 3:5] = whitened[:, 3:5] / l22[:, None]
    raw[:, 2] = (whitened[:, 2] - l21 * raw[:, 3]) / l11
    return raw


def rendered(values: Float32Array) -> tuple[Splats2D, Float32Array]:
    """The splats of raw values [N, 8], and the signs [N, 8] that turned their factors' columns positive.

    The sign of a column of L does not change L L^T, but the kernels ask for positive diagonals.
    """
    signs = np.ones_like(values)
    signs[:, 2] = signs[:, 3] = np.where(values[:, 2] < 0, -1, 1)
    signs[:, 4] = np.where(values[:, 4] < 0, -1, 1)
    chol = values[:, 2:5] * signs[:, 2:5]
    chol[:, [0, 2]] = np.maximum(chol[:, [0, 2]], LEAST)
    return Splats2D(values[:, :2], chol, values[:, 5:]), signs


def recipe_psnr(
    pixels: Float32Array, count: int, iterations: int, checkpoint: Path, report: Callable[[int, float], None]
) -> dict[str, float]:
    """PSNR in dB at the end, and the seconds it took. An interrupted run goes on from `checkpoint`."""
    height, width, channels = pixels.shape
    rng = np.random.default_rng(0)
    start = rng.random((count, 5 + channels)).astype(np.float32)
    start[:, :2] *= np.array([width, height], np.float32)
    start[:, [2, 4]] += np.float32(0.5)
    values, first, second = start, np.zeros_like(start), np.zeros_like(start)
    done, earlier = 0, 0.0
    if checkpoint.exists():
        try:
            with np.load(checkpoint) as stored:
                values, first, second = (stored[name] for name in ("values", "first", "second"))
                done, earlier = int(stored["done"]), float(stored["seconds"])
        except (ValueError, KeyError, OSError, zipfile.BadZipFile):
            print("           the checkpoint is damaged; starting again", flush=True)
    target = [planes(pixels)]
    steps = np.array([POSITION_STEP] * 2 + [STEP] * (3 + channels), np.float32)
    segment = np.zeros(count, np.uint8)
    begun = saved = time.monotonic()
    while done < iterations:
        if done % SORT_EVERY == 0:
            cells = np.clip(values[:, :2], 0, max(width, height)).astype(np.int64)
            order = np.argsort(morton(cells), kind="stable")
            values, first, second = values[order], first[order], second[order]
        splats, signs = rendered(values)
        errors, whitened = prefix_gradient(splats, segment, target, np.ones(1))
        gradient = raw_gradient(splats, whitened) * signs
        done += 1
        first += np.float32(1 - BETAS[0]) * (gradient - first)
        second += np.float32(1 - BETAS[1]) * (gradient * gradient - second)
        spread = np.sqrt(second / np.float32(1 - BETAS[1] ** done)) + np.float32(1e-12)
        rate = np.float32(0.5 ** ((done - 1) // HALVE_EVERY) / (1 - BETAS[0] ** done))
        values -= steps * rate * first / spread
        now = time.monotonic()
        if now - saved > SAVE_EVERY:
            saved = now
            seconds = earlier + now - begun
            partial = checkpoint.with_suffix(".partial.npz")
            np.savez(partial, values=values, first=first, second=second, done=done, seconds=seconds)
            partial.replace(checkpoint)
            report(done, 10 * float(np.log10(pixels.size / errors[0])))
    seconds = earlier + time.monotonic() - begun
    shown = np.clip(render(rendered(values)[0], width, height), 0, 1)
    return {"psnr": psnr(shown, pixels), "seconds": seconds, "iterations": iterations}
