"""PSNR, SSIM and MS-SSIM of a picture against its original.

All three compare what a screen shows: both pictures are first rounded to 8 bits (`pixels.to_uint8`), then the data
range counts as 1. Pictures are [H, W, C], floating point in 0..1 or uint8, C = 1 grey, 3 RGB, 4 RGB and straight
alpha. With alpha, colours are multiplied by it before they are compared, and alpha is compared as a fourth channel: the
colour of a pixel that nobody sees costs nothing, and equal scores mean equal looks on any background.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.pixels import to_uint8
from sfumato.quality.similarity import WINDOW, Planes, halved, similarity

# Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment", 2003, section 3.2.
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

_ROWS_AT_A_TIME = 64  # keeps the temporaries of psnr() in the cache


def psnr(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio in dB over all channels; infinite for pictures that are equal in 8 bits."""
    return psnr_of(squared_error(a, b), a.size)


def psnr_of(error: float, samples: int) -> float:
    """PSNR in dB of a sum of squared errors over so many samples: what `squared_error` gives, summed over any parts."""
    return 10 * math.log10(255**2 * samples / error) if error else math.inf


def squared_error(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Sum of the squared differences over all channels, in squares of 8-bit steps."""
    x, y = _rounded(a, b)
    total = 0.0
    for top in range(0, len(x), _ROWS_AT_A_TIME):
        rows = slice(top, top + _ROWS_AT_A_TIME)
        error = _seen(x[rows]) - _seen(y[rows])
        total += float(np.square(error, out=error).sum(dtype=np.float64))
    return total


def ssim(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Structural similarity, at most 1 (equal): the mean over the channels of Wang et al. 2004.

    Gaussian window of 11 x 11 pixels with sigma 1.5, K1 = 0.01, K2 = 0.03, only where the window lies inside the
    picture. A picture with a side below 11 pixels is compared through the largest odd window that fits.
    """
    per_channel, _ = similarity(*_planes(a, b))
    return float(per_channel.mean())


def ms_ssim(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Multi-scale structural similarity in 0..1 (1: equal): the mean over the channels of Wang et al. 2003.

    Five scales, each the 2 x 2 block means of the one before, with the published weights; the window is that of
    `ssim`. Pictures with a side below 161 pixels do not have five scales: the first `ms_ssim_scales` are used and
    their weights scaled to the sum of all five, so such scores compare with pictures of the same size only. A negative
    mean (inverted structure) counts as 0.
    """
    x, y = _planes(a, b)
    count = ms_ssim_scales(*a.shape[:2])
    weights = np.array(_SCALE_WEIGHTS[:count]) * (sum(_SCALE_WEIGHTS) / sum(_SCALE_WEIGHTS[:count]))
    score = np.ones(x.shape[1])
    for scale in range(count):
        if scale:
            x, y = halved(x), halved(y)
        whole, contrast = similarity(x, y)
        score *= np.maximum(whole if scale == count - 1 else contrast, 0) ** weights[scale]
    return float(score.mean())


def ms_ssim_scales(height: int, width: int) -> int:
    """How many of the five scales `ms_ssim` uses for a picture: those at which the window still fits, at least one."""
    side = min(height, width)
    return max(1, sum(side > (WINDOW - 1) << scale for scale in range(len(_SCALE_WEIGHTS))))


def _rounded(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] not in (1, 3, 4) or not a.size:
        raise ValueError(
            f"two pictures [H, W, C] of one shape with C = 1, 3 or 4 are needed, not {a.shape} and {b.shape}"
        )
    return to_uint8(a), to_uint8(b)


def _seen(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 in 0..255 with the colour multiplied by alpha, if there is one."""
    seen = pixels.astype(np.float32)
    if pixels.shape[2] == 4:
        seen[..., :3] *= seen[..., 3:] / np.float32(255)
    return seen


def _planes(a: NDArray[Any], b: NDArray[Any]) -> tuple[Planes, Planes]:
    def planes(pixels: NDArray[np.uint8]) -> Planes:
        return np.divide(_seen(pixels).transpose(0, 2, 1), np.float32(255), order="C")

    x, y = _rounded(a, b)
    return planes(x), planes(y)
