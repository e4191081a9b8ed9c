"""Splats to integers and back: every error stays within the step that the decoder knows."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.scene.samples import SEEDS, scene, with_fields
from sfumato.media.scene.merge import covariances, matrices, quaternions
from sfumato.media.scene.quantise import (
    LARGEST_COLOR,
    OCTAVE,
    Floats,
    Quantiser,
    color_log,
    dequantise,
    dequantise_band,
    fine_bits,
    grid_exponent,
    log2_of_opacity,
    mass_class,
    quantise,
    quantise_band,
    rotation_log,
    typical_size,
)
from sfumato.splats import SH_C0, Splats3D

ORIGIN, SIZE = np.full(3, -2.0), np.full(3, 1 << 10)


def quantiser_of(fineness: int, splats: Splats3D) -> Quantiser:
    return Quantiser.of(fineness, typical_size(splats), -8)


def colors(splats: Splats3D) -> Floats:
    return splats.sh[:, 0].astype(np.float64) * SH_C0 + 0.5


@given(SEEDS, st.integers(-32, 48))
@settings(max_examples=25)
def test_errors_stay_within_half_a_step(seed: int, fineness: int) -> None:
    splats = scene(50, seed=seed, sigma=(1e-3, 1.0))
    quantiser = quantiser_of(fineness, splats)
    q = quantise(splats, quantiser, ORIGIN, SIZE)
    found = dequantise(q, quantiser, ORIGIN)
    shade = color_log(q.scale, q.opacity, quantiser)

    step = 2.0 ** (quantiser.exponent - fine_bits(q.scale, shade, quantiser))[:, None]
    assert (np.abs(found.mean - splats.mean) <= step / 2 + 1e-6).all()
    assert (np.abs(found.opacity - splats.opacity) <= 0.5 / quantiser.opacity_levels + 1e-6).all()
    longest_first = -np.sort(-splats.scale.astype(np.float64), axis=1)
    assert (np.diff(found.scale, axis=1) <= 1e-6 * found.scale[:, 1:]).all()
    octaves = np.abs(np.log2(found.scale / longest_first))
    assert (octaves <= quantiser.scale_step / OCTAVE / 2 + 1e-5).all()

    finer = dequantise(quantise(splats, quantiser_of(fineness + 32, splats), ORIGIN, SIZE),
                       quantiser_of(fineness + 32, splats), ORIGIN)  # fmt: skip
    error, less = (np.abs(colors(s) - colors(splats)).mean() for s in (found, finer))
    assert less < error / 4


@given(SEEDS)
@settings(max_examples=20)
def test_fine_steps_draw_the_same_covariance(seed: int) -> None:
    splats = scene(40, seed=seed, sigma=(1e-2, 1.0))
    quantiser = Quantiser(100, 1, 4000, typical_size(splats), -8)
    found = covariances(dequantise(quantise(splats, quantiser, ORIGIN, SIZE), quantiser, ORIGIN))
    expected = covariances(splats)
    size = np.linalg.norm(expected, axis=(1, 2))
    assert (np.linalg.norm(found - expected, axis=(1, 2)) < 0.06 * size).all()


@pytest.mark.parametrize(("axes", "sign"), list(itertools.product(itertools.permutations(range(3)), (1, -1))))
def test_one_shape_has_one_rotation_whatever_its_axes_are_called(axes: tuple[int, ...], sign: int) -> None:
    splats = scene(30, seed=3, sigma=(1e-3, 1.0))
    turned = matrices(splats.rotation.astype(np.float64))[:, :, axes]
    turned[:, :, 0] *= np.linalg.det(turned)[:, None]
    renamed = with_fields(splats, rotation=sign * quaternions(turned), scale=splats.scale[:, axes])
    quantiser = quantiser_of(0, splats)
    q, again = (quantise(s, quantiser, ORIGIN, SIZE) for s in (splats, renamed))
    assert (q.scale == again.scale).all()
    # A component exactly between two integers may fall either way after the detour through float32.
    assert (np.abs(q.rotation - again.rotation) <= 1).all() and (q.rotation != again.rotation).mean() < 0.01


def test_the_rotation_that_is_kept_is_a_short_one() -> None:
    splats = scene(200, seed=5)
    quantiser = quantiser_of(32, splats)
    found = dequantise(quantise(splats, quantiser, ORIGIN, SIZE), quantiser, ORIGIN)
    assert found.rotation[:, 0].min() > 0.45
    np.testing.assert_allclose(np.linalg.norm(found.rotation, axis=1), 1, atol=1e-6)


def test_needles_are_turned_more_finely_than_balls() -> None:
    splats = scene(400, seed=6)
    long, round_ = (with_fields(splats, scale=np.tile([0.2, b, b], (400, 1))) for b in (0.005, 0.18))
    quantiser = quantiser_of(0, splats)
    degrees = []
    for one in (long, round_):
        found = dequantise(quantise(one, quantiser, ORIGIN, SIZE), quantiser, ORIGIN)
        axes = [matrices(s.rotation.astype(np.float64))[:, :, 0] for s in (found, one)]
        cosine = np.abs((axes[0] * axes[1]).sum(axis=1))
        degrees.append(float(np.degrees(np.arccos(np.clip(cosine, 0, 1))).mean()))
    assert degrees[0] < degrees[1] / 2


@given(SEEDS, st.sampled_from([1, 2, 3]))
@settings(max_examples=15)
def test_harmonics_come_back_within_their_step(seed: int, band: int) -> None:
    splats = scene(30, seed=seed)
    quantiser = quantiser_of(0, splats)
    q = quantise(splats, quantiser, ORIGIN, SIZE)
    sh = np.random.default_rng(seed).normal(0, 0.5, (30, 2 * band + 1, 3))
    found = dequantise_band(quantise_band(sh, q, quantiser), q, quantiser)
    again = quantise_band(found, q, quantiser)
    assert (again == quantise_band(sh, q, quantiser)).all()
    shade = 2.0 ** (color_log(q.scale, q.opacity, quantiser) / OCTAVE)[:, None, None]
    assert (np.abs(found - sh) * SH_C0 <= 1.5 / 30 * shade * 3**0.5 / 2 + 1e-9).all()


def test_colours_beyond_any_display_are_cut_off() -> None:
    splats = with_fields(scene(3), sh=np.array([[[1e9] * 3], [[-1e9] * 3], [[0] * 3]]))
    quantiser = quantiser_of(48, splats)
    found = colors(dequantise(quantise(splats, quantiser, ORIGIN, SIZE), quantiser, ORIGIN))
    np.testing.assert_allclose(found, [[LARGEST_COLOR] * 3, [-LARGEST_COLOR] * 3, [0.5] * 3], atol=0.05)


def test_splats_outside_the_grid_move_to_its_edge() -> None:
    splats = with_fields(scene(2), mean=[[-9, 0, 0], [9, 9, 9]])
    quantiser = quantiser_of(0, splats)
    found = dequantise(quantise(splats, quantiser, ORIGIN, SIZE), quantiser, ORIGIN)
    np.testing.assert_allclose(found.mean, [[-2, 0, 0], [2, 2, 2]], atol=2.0**-8)


def test_the_logarithm_of_an_opacity_is_right_within_a_sixteenth_of_an_octave() -> None:
    for levels in (1, 48, 3072, 65535):
        opacity = np.unique(np.linspace(1, levels, 500).astype(np.int64))
        exact = OCTAVE * np.log2(opacity / levels)
        found = log2_of_opacity(opacity, levels)
        assert (np.abs(found - exact) < 3).all() and (np.diff(found) >= 0).all() and found[-1] == 0
    assert log2_of_opacity(np.array([0]), 48)[0] < log2_of_opacity(np.array([1]), 48)[0]


def test_small_splats_get_a_finer_grid() -> None:
    splats = scene(100, seed=7)
    small = with_fields(splats, scale=splats.scale / 16)
    exponents = [grid_exponent(s, 0, typical_size(s)) for s in (splats, small)]
    assert exponents[0] - exponents[1] == 4
    assert typical_size(Splats3D.empty()) == grid_exponent(Splats3D.empty(), 0, 0) == 0


def test_axes_in_the_wrong_order_draw_something_finite() -> None:
    """Only strangers' bytes give a third axis that is longer than the first."""
    splats = scene(4)
    quantiser = Quantiser(-128, 255, 1, -1000, 60)
    q = quantise(splats, quantiser, ORIGIN, SIZE)
    scale = np.array([[-(1 << 21), 1 << 21, 1 << 21], [0, 0, 1 << 21], [1 << 21, 0, -(1 << 21)], [0, 0, 0]])
    hostile = dataclasses.replace(q, scale=scale, color=q.color + (1 << 21), rotation=q.rotation - (1 << 21))
    found = dequantise(hostile, quantiser, ORIGIN)
    assert all(np.isfinite(getattr(found, name)).all() for name in ("mean", "rotation", "scale", "opacity", "sh"))


@given(st.lists(st.integers(-2000, 2000), min_size=3, max_size=3), st.integers(0, 500), st.integers(-128, 127),
       st.integers(1, 255), st.integers(1, 65535), st.integers(-1000, 1000), st.integers(-60, 60))  # fmt: skip
def test_what_the_integers_decide_is_what_the_format_says(
    scales: list[int], a: int, f: int, s: int, levels: int, t: int, e: int
) -> None:
    """docs/format.md, "What the integers decide", written down a second time."""

    def log(x: int) -> int:
        return 16 * (x.bit_length() - 1) + ((16 * x) >> (x.bit_length() - 1)) - 16

    def clip(x: int, low: int, high: int) -> int:
        return min(max(x, low), high)

    s0, s1, s2 = scales
    mass = clip(((s0 + s1) * s >> 1) - t + min(log(max(2 * a, 1)) - log(2 * levels), 0), -64, 64)
    shade = -2 * f - (mass * 8 >> 4)
    turn = shade - (clip((s0 - s2) * s, 0, 96) >> 1)
    bits = clip(e - ((s1 * s - 38 + shade + 8) >> 4), 0, 8)
    quantiser, scale, opacity = Quantiser(f, s, levels, t, e), np.array([scales]), np.array([a])
    assert mass_class(scale, opacity, quantiser)[0] == mass
    found = color_log(scale, opacity, quantiser)
    assert found[0] == shade and rotation_log(scale, found, quantiser)[0] == turn
    assert fine_bits(scale, found, quantiser)[0] == bits
