"""Splats to integers and back: what rounding keeps, and how its error follows the step."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.image.samples import CANVASES, CHANNELS, SEEDS, integers_of, rows, splats_of
from sfumato.kernels.splats2d import render
from sfumato.media.image.codec import choose_exponent
from sfumato.media.image.quantise import (
    MAX_REFINEMENT,
    Grid,
    dequantise,
    energy_class,
    floor_log2,
    log_step,
    position_exponents,
    quantise,
    refinement,
    tilt_step,
)
from sfumato.quality.metrics import psnr
from sfumato.splats import Splats2D

GRIDS = st.builds(Grid, st.integers(0, 80), st.integers(-4, 10))


@given(seed=SEEDS, channels=CHANNELS, canvas=CANVASES, grid=GRIDS)
def test_energy_of_a_splat_is_the_squared_length_of_its_colour_integers(seed, channels, canvas, grid):
    q = quantise(splats_of(seed, 20, channels, *canvas), grid, *canvas)
    splats = dequantise(q, grid)
    l11, _, l22 = splats.chol.T.astype(np.float64)
    energy = math.pi * l11 * l22 * np.sum(splats.color.astype(np.float64) ** 2, axis=1)
    np.testing.assert_allclose(energy, np.sum((q.color * grid.gamma_step) ** 2, axis=1), rtol=1e-4, atol=1e-12)


def test_energy_is_the_integral_of_the_squared_picture():
    splats = Splats2D(np.array([[64, 64]]), np.array([[6.0, 3.0, 8.0]]), np.array([[0.7, -0.2, 0.4]]))
    q = quantise(splats, Grid(80, -4), 128, 128)
    on_grid = dequantise(q, Grid(80, -4))
    seen = float(np.sum(render(on_grid, 128, 128).astype(np.float64) ** 2))
    assert seen == pytest.approx(float(np.sum((q.color * Grid(80, -4).gamma_step) ** 2)), rel=1e-3)


@given(seed=SEEDS, channels=CHANNELS, canvas=CANVASES, grid=GRIDS)
def test_rounding_twice_changes_nothing_visible(seed, channels, canvas, grid):
    once = quantise(splats_of(seed, 20, channels, *canvas), grid, *canvas)
    splats = dequantise(once, grid)
    inside = np.all((splats.xy > -16) & (splats.xy < np.array(canvas) + 16), axis=1)
    again = dequantise(quantise(splats, grid, *canvas), grid)
    np.testing.assert_allclose(again.xy[inside], splats.xy[inside], atol=1e-2)
    np.testing.assert_allclose(again.chol, splats.chol, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(again.color, splats.color, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_finer_step_shows_the_splats_more_exactly(channels):
    splats = splats_of(7, 60, channels, 64, 48)
    whole = render(splats, 64, 48)
    quality = []
    for step in (0, 16, 32):
        grid = Grid(step, choose_exponent(splats, step, 64, 48))
        quality.append(psnr(render(dequantise(quantise(splats, grid, 64, 48), grid), 64, 48), whole))
    # A step four times as fine has a sixteenth of the squared error, 12 dB; leave room for chance.
    assert all(better - worse > 8 for worse, better in pairwise(quality)), quality


@given(seed=SEEDS, channels=CHANNELS, canvas=CANVASES, grid=GRIDS)
def test_integers_stay_in_the_ranges_the_file_has_for_them(seed, channels, canvas, grid):
    far = splats_of(seed, 20, channels, *canvas)
    q = quantise(Splats2D(far.xy * 1000, far.chol, far.color), grid, *canvas)
    bits = refinement(position_exponents(q.color, q.log_l11, q.log_l22, q.tilt), grid)
    assert ((q.cell >= 0) & (q.cell < grid.cells(*canvas))).all()
    assert ((bits >= 0) & (bits <= MAX_REFINEMENT)).all()
    assert ((q.fine >= 0) & (q.fine < 1 << bits)).all()


@given(seed=SEEDS, channels=CHANNELS, canvas=CANVASES, grid=GRIDS)
def test_integers_of_any_size_become_finite_splats(seed, channels, canvas, grid):
    splats = dequantise(integers_of(3 * seed, 20, channels, grid, *canvas), grid)
    assert all(np.isfinite(getattr(splats, name)).all() for name in ("xy", "chol", "color"))
    assert (splats.chol[:, [0, 2]] > 0).all()


@given(canvas=CANVASES, exponent=st.integers(-4, 10))
def test_the_grid_covers_the_canvas_and_its_margin_and_no_cell_more(canvas, exponent):
    for length, cells in zip(canvas, Grid(0, exponent).cells(*canvas), strict=True):
        assert cells == math.ceil((length + 32) / 2**exponent)


@given(values=st.lists(st.integers(1, 2**62 - 1), min_size=1))
def test_floor_log2_is_exact(values):
    assert floor_log2(np.array(values)).tolist() == [value.bit_length() - 1 for value in values]


def test_steps_are_the_fixed_point_numbers_of_the_format():
    classes = np.array([0, 1, 2, 9, 40, 60])
    assert log_step(classes).tolist() == [28780118, 20350616, 14390059, 1271913, 27, 1]
    assert tilt_step(classes).tolist() == [28215802, 19951585, 14107901, 1246974, 26, 1]
    assert energy_class(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 1], [-3, 4, 0]])).tolist() == [0, 0, 1, 4]


def test_no_splats_are_no_integers():
    q = quantise(Splats2D.empty(4), Grid(20, 0), 10, 10)
    assert rows(q) == [] and len(dequantise(q, Grid(20, 0))) == 0
