from __future__ import annotations

import numpy as np
import pytest
from splat_sets import make

from sfumato.kernels import library, reference, splats2d
from sfumato.kernels.planes import Planes
from sfumato.splats import Splats2D

WIDTH, HEIGHT = 70, 45
STEPS = np.array([0.06, 0.06, 0.04, 0.04, 0.04, 0.015, 0.015, 0.015], np.float32)


def pictures(count, channels):
    return np.random.default_rng(4).uniform(0, 1, (count, HEIGHT, WIDTH, channels)).astype(np.float32)


@pytest.mark.parametrize("clamp", [False, True])
@pytest.mark.parametrize(("channels", "segments"), [(1, 1), (3, 1), (3, 4), (4, 2)])
def test_errors_and_gradients_are_those_of_the_reference(isa, channels, segments, clamp):
    splats = make(80, WIDTH, HEIGHT, channels=channels, sigma=(0.5, 8))
    segment = np.random.default_rng(5).integers(0, segments, 80).astype(np.uint8)
    weights = np.linspace(0.5, 2, segments).astype(np.float32)
    wanted = pictures(segments, channels)
    errors, gradient = splats2d.prefix_gradient(
        splats, segment, [splats2d.planes(p) for p in wanted], weights, clamp=clamp
    )
    flat = [Planes.from_picture(p, WIDTH, 0) for p in wanted]
    expected_errors, expected = reference.prefix_gradient(splats, segment, flat, weights, clamp)
    assert np.allclose(errors, expected_errors, rtol=1e-4)
    scale = np.abs(expected).max(0)
    assert np.abs(gradient - expected).max() <= 2e-3 * scale.max()
    assert np.all(np.sqrt(np.mean((gradient - expected) ** 2, 0)) <= 2e-4 * scale)


def test_a_segment_without_splats_still_counts_its_error(kernels):
    wanted = [splats2d.planes(p) for p in pictures(3, 3)]
    splats = make(20, WIDTH, HEIGHT)
    errors, _ = splats2d.prefix_gradient(splats, np.full(20, 1, np.uint8), wanted, np.ones(3), clamp=False)
    assert errors[0] == pytest.approx(np.sum(pictures(3, 3)[0].astype(float) ** 2), rel=1e-5)
    shown = splats2d.render(splats, WIDTH, HEIGHT).astype(float)
    assert errors[1] == pytest.approx(np.sum((shown - pictures(3, 3)[1]) ** 2), rel=1e-4)


def test_a_fit_comes_close_to_a_smooth_picture_at_every_prefix(isa):
    y, x = np.mgrid[:HEIGHT, :WIDTH] / 20
    picture = np.stack([0.5 + 0.4 * np.sin(x + y), 0.5 + 0.4 * np.cos(x * y / 3), 0.5 + 0 * x], -1).astype(np.float32)
    rng = np.random.default_rng(0)
    count = 150
    splats = Splats2D(
        rng.uniform(0, (WIDTH, HEIGHT), (count, 2)), np.tile([3.0, 0, 3.0], (count, 1)), np.full((count, 3), 0.2)
    )
    segment = (np.arange(count) >= count // 3).astype(np.uint8)
    target = splats2d.planes(picture)
    first, second = np.zeros((count, 8), np.float32), np.zeros((count, 8), np.float32)
    history = []
    for time in range(1, 251):
        errors, gradient = splats2d.prefix_gradient(splats, segment, [target, target], np.ones(2))
        history.append(-10 * np.log10(errors / picture.size))
        splats2d.adam_step(
            splats, gradient, first, second, STEPS, betas=(0.9, 0.99), time=time, floor=0.3, ceiling=100.0
        )
    assert history[-1][0] > 24
    assert history[-1][1] > 30
    assert np.all(history[-1] > history[0] + 10)


def moments(count, channels):
    rng = np.random.default_rng(6)
    shape = count, 5 + channels
    return (
        rng.normal(0, 1, shape).astype(np.float32),
        rng.normal(0, 0.1, shape).astype(np.float32),
        rng.uniform(0, 0.1, shape).astype(np.float32),
    )


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_step_of_adam_is_that_of_the_reference(isa, channels):
    ours, law = make(200, WIDTH, HEIGHT, channels=channels), make(200, WIDTH, HEIGHT, channels=channels)
    gradient, first, second = moments(200, channels)
    kept = first.copy(), second.copy()
    step = np.linspace(0.01, 0.2, 5 + channels).astype(np.float32)
    options = {"betas": (0.9, 0.99), "floor": 0.4, "ceiling": 12.0}
    for time in (1, 2, 3):
        splats2d.adam_step(ours, gradient, first, second, step, time=time, **options)
        reference.adam_step(law, gradient, *kept, step, time=time, **options)
    for name in ("xy", "chol", "color"):
        assert np.allclose(getattr(ours, name), getattr(law, name), rtol=1e-4, atol=1e-4), name
    assert np.allclose(first, kept[0], rtol=1e-4, atol=1e-6)
    assert np.allclose(second, kept[1], rtol=1e-3, atol=1e-6)


def test_no_step_makes_a_splat_smaller_than_the_floor_or_larger_than_the_ceiling(kernels):
    splats = make(300, WIDTH, HEIGHT, sigma=(0.1, 400))
    gradient, first, second = moments(300, 3)
    splats2d.adam_step(splats, gradient, first, second, STEPS * 30, betas=(0.9, 0.99), time=1, floor=0.4, ceiling=12.0)
    l11, l21, l22 = splats.chol.T
    assert np.float32(0.4) <= min(l11.min(), l22.min())
    assert max(l11.max(), np.abs(l21).max(), l22.max()) <= 12


def test_a_splat_without_gradient_stays_as_it_is(kernels):
    splats, kept = make(5, WIDTH, HEIGHT), make(5, WIDTH, HEIGHT)
    zeros = [np.zeros((5, 8), np.float32) for _ in range(3)]
    splats2d.adam_step(splats, *zeros, STEPS, betas=(0.9, 0.99), time=1, floor=0.001, ceiling=1000.0)
    for name in ("xy", "chol", "color"):
        assert np.array_equal(getattr(splats, name), getattr(kept, name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segment": np.full(4, 2, np.uint8)}, "segment 2 has no target"),
        ({"segment": np.zeros(3, np.uint8)}, "as many weights and segments"),
        ({"weights": np.ones(3)}, "as many weights and segments"),
        ({"targets": []}, "one size with 3 channels"),
        ({"splats": make(4, 8, 8, channels=1)}, "one size with 1 channels"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(kernels, change, message):
    picture = splats2d.planes(np.zeros((8, 8, 3), np.float32))
    given = {"splats": make(4, 8, 8), "segment": np.zeros(4, np.uint8), "targets": [picture] * 2, "weights": np.ones(2)}
    with pytest.raises(ValueError, match=message):
        splats2d.prefix_gradient(*(given | change).values())


def test_targets_of_two_sizes_are_refused(kernels):
    targets = [splats2d.planes(np.zeros((height, 8, 3), np.float32)) for height in (8, 9)]
    with pytest.raises(ValueError, match="one size"):
        splats2d.prefix_gradient(make(4, 8, 8), np.zeros(4, np.uint8), targets, np.ones(2))


def test_targets_in_a_foreign_layout_are_refused(isa):
    foreign = Planes.from_picture(np.zeros((8, 8, 3), np.float32), 8, 0)
    with pytest.raises(ValueError, match="layout of these kernels"):
        splats2d.prefix_gradient(make(4, 8, 8), np.zeros(4, np.uint8), [foreign], np.ones(1))


@pytest.mark.parametrize("broken", ["gradient", "first", "second", "step"])
def test_a_step_with_arrays_of_another_shape_is_refused(kernels, broken):
    arrays = {name: np.zeros((4, 8), np.float32) for name in ("gradient", "first", "second")} | {"step": STEPS}
    arrays[broken] = arrays[broken][..., :7]
    with pytest.raises(ValueError, match=r"step has 8|gradient is|moments are"):
        splats2d.adam_step(make(4, 8, 8), **arrays, betas=(0.9, 0.99), time=1, floor=0.3, ceiling=9.0)


def test_splats_that_cannot_be_changed_are_not_changed(kernels):
    splats = make(4, 8, 8)
    splats.xy.flags.writeable = False
    zeros = [np.zeros((4, 8), np.float32) for _ in range(3)]
    with pytest.raises(ValueError, match="read-only"):
        splats2d.adam_step(splats, *zeros, STEPS, betas=(0.9, 0.99), time=1, floor=0.3, ceiling=9.0)


@pytest.mark.parametrize("width", [1, 8, 13])
def test_a_picture_survives_the_layout_of_the_kernels(kernels, width):
    picture = np.random.default_rng(0).uniform(size=(5, width, 3)).astype(np.float32)
    planes = splats2d.planes(picture)
    assert (planes.width, planes.height) == (width, 5)
    assert np.array_equal(planes.picture(), picture)
    assert planes.data.sum() == pytest.approx(picture.sum())
    assert (library.native() is None) == (planes.pad == 0)
