"""Splats to integers and back: every error stays within the step that the decoder knows."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.scene.samples import SEEDS, scene, with_fields
from sfumato.kernels.reference3d import rotation_matrices
from sfumato.media.scene.merge import covariances, quaternions
from sfumato.media.scene.quantise import (
    COLOR_STEP,
    LARGEST_COLOR,
    LENGTH,
    LEVEL_LIMIT,
    OCTAVE,
    Floats,
    Ints,
    Quantiser,
    dequantise,
    dequantise_band,
    fine_bits,
    grid_exponent,
    length_step,
    lengths,
    levels,
    opacity_step,
    quantise,
    quantise_band,
    rotation_logs,
    scale_steps,
    step_log,
)
from sfumato.splats import SH_C0, Splats3D

ORIGIN, SIZE = np.full(3, -2.0), np.full(3, 1 << 10)


EXPONENT = -8


def usual(splats: Splats3D) -> Ints:
    return np.zeros(len(splats), np.int64)


def colors(splats: Splats3D) -> Floats:
    return splats.sh[:, 0].astype(np.float64) * SH_C0 + 0.5


@given(SEEDS, st.integers(-32, 48))
@settings(max_examples=25)
def test_errors_stay_within_half_a_step(seed: int, fineness: int) -> None:
    splats = scene(50, seed=seed, sigma=(1e-3, 1.0))
    level = np.random.default_rng(seed).integers(-4, 5, 50)
    quantiser = Quantiser(fineness, EXPONENT)
    q = quantise(splats, level, quantiser, ORIGIN, SIZE)
    found = dequantise(q, quantiser, ORIGIN)
    shade = step_log(level, quantiser.fineness)

    step = 2.0 ** (EXPONENT - fine_bits(q.scale, shade, quantiser))[:, None]
    assert (np.abs(found.mean - splats.mean) <= step / 2 + 1e-6).all()
    darker = np.abs(np.log2(found.opacity / splats.opacity)) * LENGTH
    assert (darker <= opacity_step(shade) / 2 + 1e-3).all()
    longest_first = -np.sort(-splats.scale.astype(np.float64), axis=1)
    assert (np.diff(found.scale, axis=1) <= 1e-6 * found.scale[:, 1:]).all()
    longest = np.abs(np.log2(found.scale[:, 0] / longest_first[:, 0])) * LENGTH
    assert (longest <= scale_steps(shade)[0] / 2 + 1e-3).all()

    finer = Quantiser(fineness + 32, EXPONENT)
    again = dequantise(quantise(splats, level, finer, ORIGIN, SIZE), finer, ORIGIN)
    error, less = (np.abs(colors(s) - colors(splats)).mean() for s in (found, again))
    assert less < error / 4


@given(SEEDS)
@settings(max_examples=20)
def test_fine_steps_draw_the_same_covariance(seed: int) -> None:
    splats = scene(40, seed=seed, sigma=(1e-2, 1.0))
    quantiser = Quantiser(100, EXPONENT)
    found = covariances(dequantise(quantise(splats, usual(splats), quantiser, ORIGIN, SIZE), quantiser, ORIGIN))
    expected = covariances(splats)
    size = np.linalg.norm(expected, axis=(1, 2))
    assert (np.linalg.norm(found - expected, axis=(1, 2)) < 0.02 * size).all()


def test_an_octave_of_level_halves_the_steps() -> None:
    splats = scene(2000, seed=8)
    errors = []
    for level in (0, 1):
        q = quantise(splats, np.full(2000, level), Quantiser(0, EXPONENT), ORIGIN, SIZE)
        errors.append(np.abs(colors(dequantise(q, Quantiser(0, EXPONENT), ORIGIN)) - colors(splats)).mean())
    assert 1.9 < errors[0] / errors[1] < 2.1


def test_what_is_seen_more_has_a_higher_level() -> None:
    found = levels(np.array([1e-300, 1.0, 32.0, 1e300]), 1.0)
    assert found.tolist() == [-LEVEL_LIMIT, 0, 2, LEVEL_LIMIT]


def test_a_thin_axis_has_longer_steps_than_a_thick_one() -> None:
    """In octaves; as shares of the longest axis they are shorter still."""
    shade = np.zeros(40, np.int64)
    _, second, _ = lengths(np.stack([shade, np.arange(40), shade], axis=1), shade)
    assert (np.diff(second, n=2)[:8] > 0).all() and second[0] == 0 and second[-1] == 10 * LENGTH


@pytest.mark.parametrize(("axes", "sign"), list(itertools.product(itertools.permutations(range(3)), (1, -1))))
def test_one_shape_has_one_rotation_whatever_its_axes_are_called(axes: tuple[int, ...], sign: int) -> None:
    splats = scene(30, seed=3, sigma=(1e-3, 1.0))
    turned = rotation_matrices(splats.rotation.astype(np.float64))[:, :, axes]
    turned[:, :, 0] *= np.linalg.det(turned)[:, None]
    renamed = with_fields(splats, rotation=sign * quaternions(turned), scale=splats.scale[:, axes])
    quantiser = Quantiser(0, EXPONENT)
    q, again = (quantise(s, usual(splats), quantiser, ORIGIN, SIZE) for s in (splats, renamed))
    assert (q.scale == again.scale).all()
    # A component exactly between two integers may fall either way after the detour through float32.
    assert (np.abs(q.rotation - again.rotation) <= 1).all() and (q.rotation != again.rotation).mean() < 0.01


def test_the_longest_axis_leads_into_one_half_of_space() -> None:
    splats = scene(200, seed=5)
    quantiser = Quantiser(32, EXPONENT)
    found = dequantise(quantise(splats, usual(splats), quantiser, ORIGIN, SIZE), quantiser, ORIGIN)
    assert rotation_matrices(found.rotation.astype(np.float64))[:, 0, 0].min() > -0.05
    np.testing.assert_allclose(np.linalg.norm(found.rotation, axis=1), 1, atol=1e-6)


def test_needles_are_turned_more_finely_than_balls() -> None:
    splats = scene(400, seed=6)
    long, round_ = (with_fields(splats, scale=np.tile([0.2, b, b], (400, 1))) for b in (0.005, 0.18))
    quantiser = Quantiser(0, EXPONENT)
    degrees = []
    for one in (long, round_):
        found = dequantise(quantise(one, usual(one), quantiser, ORIGIN, SIZE), quantiser, ORIGIN)
        axes = [rotation_matrices(s.rotation.astype(np.float64))[:, :, 0] for s in (found, one)]
        cosine = np.abs((axes[0] * axes[1]).sum(axis=1))
        degrees.append(float(np.degrees(np.arccos(np.clip(cosine, 0, 1))).mean()))
    assert degrees[0] < degrees[1] / 2


@given(SEEDS, st.sampled_from([1, 2, 3]))
@settings(max_examples=15)
def test_harmonics_come_back_within_their_step(seed: int, band: int) -> None:
    rng = np.random.default_rng(seed)
    level, quantiser = rng.integers(-4, 5, 30), Quantiser(0, EXPONENT)
    sh = rng.normal(0, 0.5, (30, 2 * band + 1, 3))
    integers = quantise_band(sh, level, quantiser)
    found = dequantise_band(integers, level, quantiser)
    assert (quantise_band(found, level, quantiser) == integers).all()
    step = 1.25 * COLOR_STEP * 2.0 ** (step_log(level, quantiser.fineness) / OCTAVE)[:, None, None]
    assert (np.abs(found - sh) * SH_C0 <= step * 3**0.5 / 2 + 1e-9).all()


def test_colours_beyond_any_display_are_cut_off() -> None:
    splats = with_fields(scene(3), sh=np.array([[[1e9] * 3], [[-1e9] * 3], [[0] * 3]]))
    quantiser = Quantiser(48, EXPONENT)
    found = colors(dequantise(quantise(splats, usual(splats), quantiser, ORIGIN, SIZE), quantiser, ORIGIN))
    np.testing.assert_allclose(found, [[LARGEST_COLOR] * 3, [-LARGEST_COLOR] * 3, [0.5] * 3], atol=0.05)


def test_splats_outside_the_grid_move_to_its_edge() -> None:
    splats = with_fields(scene(2), mean=[[-9, 0, 0], [9, 9, 9]])
    quantiser = Quantiser(0, EXPONENT)
    found = dequantise(quantise(splats, usual(splats), quantiser, ORIGIN, SIZE), quantiser, ORIGIN)
    np.testing.assert_allclose(found.mean, [[-2, 0, 0], [2, 2, 2]], atol=2.0**-8)


def test_small_splats_get_a_finer_grid() -> None:
    splats = scene(100, seed=7)
    small = with_fields(splats, scale=splats.scale / 16)
    exponents = [grid_exponent(s, usual(s), 0) for s in (splats, small)]
    assert exponents[0] - exponents[1] == 4
    assert grid_exponent(Splats3D.empty(), usual(Splats3D.empty()), 0) == 0


def test_opacity_is_never_above_1_and_none_at_all_is_far_below_what_shows() -> None:
    splats = with_fields(scene(2), opacity=[0.0, 1.0])
    quantiser = Quantiser(0, EXPONENT)
    found = dequantise(quantise(splats, usual(splats), quantiser, ORIGIN, SIZE), quantiser, ORIGIN)
    assert found.opacity[0] < 1 / 2048 and found.opacity[1] == 1


def test_numbers_that_only_strangers_write_draw_something_finite() -> None:
    splats = scene(4)
    quantiser = Quantiser(-128, 60)
    q = quantise(splats, usual(splats), quantiser, ORIGIN, SIZE)
    large = 1 << 22
    scale = np.array([[-large, large, large], [0, -large, large], [large, 0, -large], [0, 0, 0]])
    level = np.array([-large, large, 0, 0])
    hostile = dataclasses.replace(
        q, level=level, scale=scale, color=q.color + large, rotation=q.rotation - large, opacity=-q.opacity - large
    )
    found = dequantise(hostile, quantiser, ORIGIN)
    assert all(np.isfinite(getattr(found, name)).all() for name in ("mean", "rotation", "scale", "opacity", "sh"))
    np.testing.assert_allclose(np.linalg.norm(found.rotation, axis=1), 1, atol=1e-6)


@given(st.lists(st.integers(-2000, 2000), min_size=3, max_size=3), st.integers(-30, 30), st.integers(-128, 127),
       st.integers(-60, 60))  # fmt: skip
def test_what_the_integers_decide_is_what_the_format_says(scales: list[int], g: int, f: int, e: int) -> None:
    """docs/format.md, "What the integers decide", written down a second time."""
    roots = [65536, 68438, 71468, 74632, 77936, 81386, 84990, 88752,
             92682, 96785, 101070, 105545, 110218, 115098, 120194, 125515]  # fmt: skip

    def clip(x: int, low: int, high: int) -> int:
        return min(max(x, low), high)

    def step(log: int, limit: int) -> int:
        log = clip(log, 0, limit)
        return roots[log % 16] << (log >> 4) >> 16

    def grown(x: int) -> int:
        x = clip(x, 0, 4096)
        return min(x + (x * x >> 8), 2560)

    shade = -2 * f - 16 * clip(g, -12, 12)
    longest = clip(scales[0] * step(shade + 82, 128), -15360, 15360)
    second = grown(scales[1] * step(shade + 79, 112))
    third = grown(scales[2] * step(shade + 123, 112))
    direction = min(shade + 9 - min((11 * second + 5 * third) >> 8, 96), 20)
    roll = min(shade + 17 + clip((12 * (second - third)) >> 8, -48, 64), 28)
    bits = clip(e - ((((longest - (second >> 1)) >> 4) - 54 + shade + 8) >> 4), 0, 16)

    quantiser, scale = Quantiser(f, e), np.array([scales])
    found = step_log(np.array([g]), quantiser.fineness)
    assert found[0] == shade
    assert opacity_step(found)[0] == step(shade + 95, 128)
    assert length_step(found, 128)[0] == step(shade, 128)
    sizes = lengths(scale, found)
    assert [size[0] for size in sizes] == [longest, second, third]
    assert [log[0] for log in rotation_logs(found, sizes[1], sizes[2])] == [direction, roll]
    assert fine_bits(scale, found, quantiser)[0] == bits
