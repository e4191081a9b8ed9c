"""Polishing a rounded picture: closer to the target, on the same grids, by steps that are rightly valued."""

from __future__ import annotations

import numpy as np
import pytest

from media.image.samples import picture
from sfumato.kernels.splats2d import render
from sfumato.media.image.canvas import Canvas
from sfumato.media.image.codec import decode_integers, encode_integers
from sfumato.media.image.finish import (
    QUICK,
    Quantised,
    choose_color_step,
    chunk_grids,
    finish,
    round_all,
)
from sfumato.media.image.fit import fit_image
from sfumato.media.image.model import Layers
from sfumato.media.image.objective import Objective
from sfumato.media.image.polish import _derivatives, polish
from sfumato.media.image.settings import FitSettings
from sfumato.quality.metrics import psnr
from sfumato.splats import Float32Array, Splats2D

WIDTH, HEIGHT = 48, 32
CANVAS = Canvas(WIDTH, HEIGHT)
SETTINGS = FitSettings(levels=(80, 160, 300), iterations=200, energy_weight=0)


def fitted(channels: int) -> tuple[Layers, Objective]:
    wanted = picture(channels=channels)
    layers = fit_image(wanted, SETTINGS)
    return layers, Objective(wanted, layers.plan, SETTINGS)


@pytest.fixture(scope="module")
def rgb() -> tuple[Layers, Objective]:
    return fitted(3)


def quality(splats: Splats2D, wanted: Float32Array) -> float:
    return psnr(np.clip(render(splats, WIDTH, HEIGHT), 0, 1), wanted)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_polishing_comes_closer_and_stays_on_the_grids(channels):
    layers, objective = fitted(channels)
    rounded = round_all(layers, chunk_grids(layers, 24, CANVAS), CANVAS)
    rng = np.random.default_rng(0)
    polished = Quantised(polish(rounded.chunks, rounded.grids, objective, CANVAS, 60, rng), rounded.grids)
    before, after = (quality(q.all_splats(), objective.picture) for q in (rounded, polished))
    assert after > before + 0.2
    for q, grid in zip(polished.chunks, polished.grids, strict=True):
        found, same = decode_integers(encode_integers(q, grid, WIDTH, HEIGHT), channels, WIDTH, HEIGHT)
        assert same == grid
        assert sorted(map(tuple, found.cell)) == sorted(map(tuple, q.cell))


def test_slopes_and_energies_are_those_of_the_picture(rgb):
    layers, objective = rgb
    single = Objective(objective.picture, layers.plan, FitSettings(levels=SETTINGS.levels, supervision="full"))
    single.energy_weight = 0
    splats, chunk = layers.splats, layers.plan.chunk_of_splat
    # Well inside, wide enough for sums over pixels to equal integrals.
    reach = 3.5 * np.stack([splats.chol[:, 0], np.hypot(splats.chol[:, 1], splats.chol[:, 2])], axis=1)
    inside = np.all((splats.xy > reach) & (splats.xy < np.array([WIDTH, HEIGHT]) - reach), axis=1)
    row = int(np.flatnonzero(inside & (splats.chol[:, 0] > 1) & (splats.chol[:, 2] > 1))[0])
    _, gradient = single.gradient(splats, chunk, int(chunk.max()), 0)
    slope, energy = (values[row] for values in _derivatives(splats, gradient.astype(np.float64)))
    target = objective.picture.astype(np.float64)
    base = render(splats, WIDTH, HEIGHT).astype(np.float64)
    shown = (base >= 0) & (base <= 1)  # what a screen clips has no slope

    def changed(which: int, by: float) -> np.ndarray:
        l11, l21, l22 = splats.chol[row].astype(np.float64)
        xy, tilt, color = splats.xy[row].astype(np.float64), l21 / l22, splats.color[row].astype(np.float64)
        if which < 2:
            xy[which] += by
        new11, new22 = l11 * 2 ** (by * (which == 2)), l22 * 2 ** (by * (which == 3))
        color *= np.sqrt(l11 * l22 / (new11 * new22))
        tilt += by * (which == 4)
        one = Splats2D(xy[None], np.array([[new11, tilt * new22, new22]]), color[None])
        return render(one, WIDTH, HEIGHT).astype(np.float64)

    for which in range(5):
        step = 0.02 if which < 2 else 0.01
        derivative = (changed(which, step) - changed(which, -step)) / (2 * step)
        np.testing.assert_allclose((derivative**2).sum(), energy[which], rtol=0.06)
        expected = ((base - target) * derivative * shown).sum()
        np.testing.assert_allclose(slope[which], expected, atol=0.03 * np.sqrt(energy[which]))


def test_careful_rounding_beats_quick_beats_all_at_once(rgb):
    layers, objective = rgb
    grids = chunk_grids(layers, 24, CANVAS)
    ways = [
        round_all(layers, grids, CANVAS),
        finish(layers, objective, grids, CANVAS, 0, effort=QUICK),
        finish(layers, objective, grids, CANVAS, 0),
    ]
    worst, middle, best = (quality(way.all_splats(), objective.picture) for way in ways)
    assert worst < middle - 0.3 < best - 0.3


def test_the_chosen_steps_cost_about_what_is_allowed():
    settings = FitSettings(levels=(20, 40, 80), iterations=2000)
    layers = fit_image(picture(), settings)  # to the end: rounding an unfinished fit is a gain
    objective = Objective(picture(), layers.plan, settings)
    whole = quality(layers.splats, objective.picture)
    for allowed in (0.15, 0.6):
        grids = chunk_grids(layers, choose_color_step(layers, objective, allowed), CANVAS)
        found = finish(layers, objective, grids, CANVAS, 0)
        assert 0.4 * allowed < whole - quality(found.all_splats(), objective.picture) < 1.5 * allowed
