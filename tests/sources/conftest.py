"""Pictures that several test modules share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from picture_files import ADOBE_RGB, icc_profile


@pytest.fixture
def wide_gamut() -> bytes:
    return icc_profile(2.19921875, ADOBE_RGB, "Wide gamut")


@pytest.fixture
def colors() -> NDArray[np.uint8]:
    """uint8 [23, 31, 3]: smooth ramps with some noise, no symmetry that could hide a mirrored or turned picture."""
    y, x = np.mgrid[0:23, 0:31]
    ramps = np.stack([x * 8, y * 11, (x + 2 * y) * 3], -1)
    noise = np.random.default_rng(1).integers(0, 9, ramps.shape)
    return np.minimum(ramps + noise, 255).astype(np.uint8)


@pytest.fixture
def real_photos() -> Path:
    folder = Path(__file__).parents[3] / "shared" / "data" / "kodak_dev"
    if not folder.is_dir():
        pytest.skip("the photos of ../shared/data are not here")
    return folder
