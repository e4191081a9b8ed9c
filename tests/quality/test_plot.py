"""Plots and strips show every curve and every picture."""

from __future__ import annotations

import io
import math
import sys

import numpy as np
import pytest
from PIL import Image

from sfumato.errors import SettingsError
from sfumato.quality.curve import RateCurve, RatePoint
from sfumato.quality.plot import plot_curves
from sfumato.quality.strip import contact_strip


def curve(name: str, width: int = 768) -> RateCurve:
    points = [RatePoint(1000 * 2**k, k, 20.0 + k if k < 5 else math.inf, 0.5 + k / 12, 0.6 + k / 13) for k in range(6)]
    return RateCurve(name, width, 512, tuple(points))


def test_a_plot_is_a_png_or_an_svg_that_names_every_curve() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    picture = Image.open(io.BytesIO(plot_curves([curve("ours"), curve("theirs")], "A title")))
    assert picture.format == "PNG" and picture.width > 1000
    drawn = plot_curves([curve("ours"), curve("theirs", width=100)], file_format="svg")
    assert drawn.startswith(b"<?xml") and all(word in drawn for word in (b"ours", b"theirs", b"MS-SSIM"))
    assert b"bits per pixel" not in drawn and b"bits per pixel" in plot_curves([curve("one")], file_format="svg")


def test_a_plot_without_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SettingsError, match=r"pip install 'sfumato\[plot\]'"):
        plot_curves([curve("ours")])
    with pytest.raises(ValueError, match="at least one curve"):
        plot_curves([])


def test_a_strip_shows_the_pictures_side_by_side_as_they_are() -> None:
    red, blue = np.zeros((2, 100, 60, 3), np.float32)
    red[..., 0] = blue[..., 2] = 1
    strip = contact_strip([red, blue], ["5 % · 2.4 KB · 23.1 dB", "100 %"], height=100)
    assert strip.dtype == np.float32 and strip.shape[2] == 3 and strip.min() >= 0 and strip.max() <= 1
    for color in ((1, 0, 0), (0, 0, 1)):
        assert (strip == color).all(2).sum() == 100 * 60
    columns = np.nonzero((strip == (1, 0, 0)).all(2))[1].max(), np.nonzero((strip == (0, 0, 1)).all(2))[1].min()
    assert columns[0] < columns[1]


def test_captions_stay_inside_the_strip_and_under_their_pictures() -> None:
    black = np.zeros((120, 30, 1), np.float32)
    strip = contact_strip([black] * 3, ["100 % · 48.1 KB · 33.0 dB"] * 3, height=120)
    ink = strip[130:].max(2) > 0.4
    assert ink.any() and not ink[-2:].any() and not ink[:, :2].any() and not ink[:, -2:].any()


def test_a_strip_takes_grey_transparent_and_small_pictures() -> None:
    clear = np.zeros((64, 64, 4), np.uint8)
    strip = contact_strip([clear, np.ones((8, 8, 1)), np.ones((640, 640, 3))], ["a", "b", "c"], height=64)
    board = strip[8:72, 8:72]
    assert len(np.unique(board)) == 2
    assert (strip == 1).all(2).sum() == 2 * 64 * 64


@pytest.mark.parametrize("count", [0, 2])
def test_a_strip_needs_a_label_for_each_picture(count: int) -> None:
    with pytest.raises(ValueError, match="a label for each picture"):
        contact_strip([np.zeros((4, 4, 3))] * (count // 2), ["label"] * count)
