"""PSNR, SSIM and MS-SSIM are the published ones, and agree with independent implementations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sfumato.quality.metrics import ms_ssim, ms_ssim_scales, psnr, ssim

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def pair(seed: int, height: int, width: int, channels: int = 3, noise: float = 12) -> Pair:
    """A picture with structure at many scales, and a noisy and slightly darker copy."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, channels))
    for scale in (1, 2, 4, 8, 16, 32):
        coarse = random.normal(0, 12, (height // scale + 1, width // scale + 1, channels))
        picture += coarse.repeat(scale, 0).repeat(scale, 1)[:height, :width]
    picture += 128
    copy = picture * 0.95 + random.normal(0, noise, picture.shape)
    return tuple(np.clip(np.rint(p), 0, 255).astype(np.uint8) for p in (picture, copy))  # type: ignore[return-value]


def ssim_by_definition(a: NDArray[Any], b: NDArray[Any], size: int = 11) -> float:
    """Wang et al. 2004, equations 13 to 16, one window after the other in float64."""
    offsets = np.arange(size) - size // 2
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))[..., None]
    window /= window.sum()
    x, y = a / 255, b / 255
    values = []
    for top in range(a.shape[0] - size + 1):
        for left in range(a.shape[1] - size + 1):
            p, q = (z[top : top + size, left : left + size] for z in (x, y))
            mean_p, mean_q = (window * p).sum((0, 1)), (window * q).sum((0, 1))
            var_p, var_q = (window * (p - mean_p) ** 2).sum((0, 1)), (window * (q - mean_q) ** 2).sum((0, 1))
            cov = (window * (p - mean_p) * (q - mean_q)).sum((0, 1))
            values.append(
                (2 * mean_p * mean_q + 0.0001)
                * (2 * cov + 0.0009)
                / ((mean_p**2 + mean_q**2 + 0.0001) * (var_p + var_q + 0.0009))
            )
    return float(np.mean(values))


def ms_ssim_by_convolution(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[float, float]:
    """SSIM and MS-SSIM in torch's float64 convolutions and pooling, for sizes that divide by 16."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    functional = torch.nn.functional
    line = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    kernel = (line[:, None] * line / line.sum() ** 2)[None, None]
    x, y = (torch.tensor(z / 255).permute(2, 0, 1)[:, None] for z in (a, b))
    score, first = torch.ones(len(x), dtype=torch.float64), 0.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        mean_x, mean_y, xx, yy, xy = (functional.conv2d(z, kernel) for z in (x, y, x * x, y * y, x * y))
        contrast = (2 * (xy - mean_x * mean_y) + 0.0009) / (xx - mean_x**2 + yy - mean_y**2 + 0.0009)
        whole = contrast * (2 * mean_x * mean_y + 0.0001) / (mean_x**2 + mean_y**2 + 0.0001)
        score = score * (whole if scale == 4 else contrast).mean((1, 2, 3)) ** weight
        first = float(whole.mean()) if scale == 0 else first
        x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
    return first, float(score.mean())


def test_psnr_is_that_of_the_mean_squared_error() -> None:
    a = np.zeros((10, 10, 3), np.uint8)
    assert psnr(a, a + np.uint8(1)) == pytest.approx(20 * math.log10(255))
    assert psnr(a, a + np.uint8(255)) == pytest.approx(0)
    one = a.copy()
    one[0, 0, 0] = 10
    assert psnr(a, one) == pytest.approx(10 * math.log10(255**2 * 300 / 100))
    a, b = pair(0, 200, 150)
    error = np.mean((a.astype(float) - b) ** 2)
    assert psnr(a, b) == pytest.approx(10 * math.log10(255**2 / error), rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    channels=st.sampled_from([1, 3, 4]),
)
def test_the_metrics_are_symmetric_bounded_and_perfect_for_equal_pictures(
    seed: int, height: int, width: int, channels: int
) -> None:
    a, b = np.random.default_rng(seed).integers(0, 256, (2, height, width, channels)).astype(np.uint8)
    for metric in (psnr, ssim, ms_ssim):
        assert metric(a, b) == pytest.approx(metric(b, a), rel=1e-5, abs=1e-6)
    assert psnr(a, a) == math.inf and psnr(a, b) >= 0
    assert ssim(a, a) == pytest.approx(1, abs=1e-6) and -1 <= ssim(a, b) <= 1 + 1e-6
    assert ms_ssim(a, a) == pytest.approx(1, abs=1e-6) and 0 <= ms_ssim(a, b) <= 1 + 1e-6


@pytest.mark.parametrize(("height", "width", "channels"), [(11, 11, 1), (12, 40, 3), (50, 29, 1), (45, 45, 3)])
def test_ssim_is_its_definition(height: int, width: int, channels: int) -> None:
    a, b = pair(4, height, width, channels)
    assert ssim(a, b) == pytest.approx(ssim_by_definition(a, b), abs=2e-6)


def test_a_picture_smaller_than_the_window_uses_a_smaller_one() -> None:
    a, b = pair(5, 8, 30)
    assert ssim(a, b) == pytest.approx(ssim_by_definition(a, b, size=7), abs=2e-6)


@pytest.mark.parametrize("level", [0, 3, 128, 252])
def test_ssim_is_exact_on_flat_pictures_from_black_to_white(level: int) -> None:
    a = np.full((40, 40, 1), level, np.uint8)
    b = a + np.uint8(3)
    p, q = level / 255, (level + 3) / 255
    assert ssim(a, b) == pytest.approx((2 * p * q + 1e-4) / (p * p + q * q + 1e-4), abs=1e-6)


@pytest.mark.parametrize(("height", "width"), [(176, 208), (256, 192)])
def test_ssim_and_ms_ssim_agree_with_convolutions_in_double_precision(height: int, width: int) -> None:
    a, b = pair(6, height, width)
    single, multi = ms_ssim_by_convolution(a, b)
    assert ssim(a, b) == pytest.approx(single, abs=2e-6)
    assert ms_ssim(a, b) == pytest.approx(multi, abs=2e-6)


def test_small_pictures_use_the_scales_that_they_have() -> None:
    sides = [(1, 1), (11, 1), (20, 1), (21, 2), (40, 2), (41, 3), (81, 4), (160, 4), (161, 5), (4000, 5)]
    assert [(side, ms_ssim_scales(side, 5000)) for side, _ in sides] == sides
    a, b = pair(7, 20, 33)
    assert ms_ssim(a, b) == pytest.approx(ssim(a, b), abs=1e-4)
    for side in (21, 41, 81, 161, 163):
        assert 0 < ms_ssim(*pair(8, side, side)) < 1


def test_pictures_are_compared_as_a_screen_shows_them() -> None:
    a, b = pair(9, 32, 32)
    floats = a / 255 + np.random.default_rng(1).uniform(-0.4, 0.4, a.shape) / 255
    outside = np.where(a == 255, 7.5, np.where(a == 0, -3.0, a / 255))
    for metric in (psnr, ssim, ms_ssim):
        assert metric(floats.astype(np.float32), b) == metric(outside, b) == metric(a, b)


def test_colours_that_nobody_sees_cost_nothing() -> None:
    a, b = pair(10, 40, 40, channels=4)
    a[:20, :, 3] = b[:20, :, 3] = 0
    other = b.copy()
    other[:20, :, :3] = 255 - other[:20, :, :3]
    for metric in (psnr, ssim, ms_ssim):
        assert metric(a, b) == metric(a, other)
    seen_less = b.copy()
    seen_less[20:, :, 3] //= 2
    assert psnr(a, seen_less) < psnr(a, b)


def test_more_noise_scores_lower() -> None:
    for metric in (psnr, ssim, ms_ssim):
        scores = [metric(*pair(11, 100, 100, noise=noise)) for noise in (2, 6, 18, 54)]
        assert scores == sorted(scores, reverse=True) and scores[0] > scores[-1]


@pytest.mark.parametrize("shapes", [((3, 4, 3), (4, 3, 3)), ((3, 4), (3, 4)), ((3, 4, 2), (3, 4, 2)), ((0, 4, 3),) * 2])
def test_pictures_that_cannot_be_compared_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    for metric in (psnr, ssim, ms_ssim):
        with pytest.raises(ValueError, match="one shape"):
            metric(np.zeros(shapes[0], np.uint8), np.zeros(shapes[1], np.uint8))
