"""Rate-distortion curves drawn with matplotlib (the `plot` extra)."""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from typing import Any, Literal

from sfumato.errors import SettingsError
from sfumato.quality.curve import Metric, RateCurve

_PANELS: tuple[tuple[Metric, str], ...] = (("psnr", "PSNR, dB"), ("ssim", "SSIM"), ("ms_ssim", "MS-SSIM"))

# Okabe and Ito 2008: eight colours that stay apart for colour-blind readers (yellow left out: too light on white).
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

_STEPS = (1.0, 3.0)  # labelled ticks in every decade: 1 KB, 3 KB, 10 KB, 30 KB, ...
_INK, _MUTED, _GRID = "#24292f", "#57606a", "#d8dee4"


def plot_curves(curves: Sequence[RateCurve], title: str = "", file_format: Literal["png", "svg"] = "png") -> bytes:
    """A picture file with PSNR, SSIM and MS-SSIM of `curves` over their bytes.

    Bytes are on a logarithmic axis, every prefix is a point. Where all pictures have the same size, a second axis on
    top counts bits per pixel. Infinite values are left out.

    Raises SettingsError if matplotlib is not installed, and ValueError for no curves.
    """
    if not curves:
        raise ValueError("a plot needs at least one curve")
    try:
        figure_module = importlib.import_module("matplotlib.figure")
    except ImportError:
        raise SettingsError("plots need the package matplotlib; pip install 'sfumato[plot]'") from None
    figure = figure_module.Figure(figsize=(13, 4.4), dpi=120, facecolor="white", layout="constrained")
    for axes, (metric, label) in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        for number, curve in enumerate(curves):
            _draw_curve(axes, curve, metric, _COLORS[number % len(_COLORS)])
        _style(axes, label, curves)
    if title:
        figure.suptitle(title, color=_INK, fontsize=13, fontweight="bold", x=0.01, ha="left")
    if len(curves) > 1:
        figure.axes[0].legend(frameon=False, labelcolor=_INK, fontsize=9.5, loc="lower right")
    file = io.BytesIO()
    figure.savefig(file, format=file_format, metadata={"Date": None} if file_format == "svg" else None)
    return file.getvalue()


def _draw_curve(axes: Any, curve: RateCurve, metric: Metric, color: str) -> None:
    points = [(size, value) for size, value in curve.series(metric) if value != float("inf")]
    axes.plot(
        [size for size, _ in points],
        [value for _, value in points],
        color=color,
        label=curve.name,
        linewidth=2,
        marker="o",
        markersize=4.5 if len(points) <= 40 else 2,
        markeredgecolor="white",
        markeredgewidth=0.8 if len(points) <= 40 else 0,
        solid_capstyle="round",
    )


def _style(axes: Any, label: str, curves: Sequence[RateCurve]) -> None:
    ticker = importlib.import_module("matplotlib.ticker")
    axes.set_xscale("log")
    axes.set_title(label, loc="left", color=_INK, fontsize=11)
    axes.set_xlabel("bytes received", color=_MUTED, fontsize=9.5)
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=_STEPS, numticks=9))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: _size(value)))
    axes.grid(True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_GRID)
    axes.tick_params(colors=_MUTED, labelsize=9, length=0, which="both")
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    first = curves[0]
    if all((curve.width, curve.height) == (first.width, first.height) for curve in curves):
        scale = first.bits_per_pixel(1)
        top = axes.secondary_xaxis("top", functions=(lambda size: size * scale, lambda bits: bits / scale))
        top.set_xlabel("bits per pixel", color=_MUTED, fontsize=9.5)
        top.xaxis.set_major_locator(ticker.LogLocator(subs=_STEPS, numticks=9))
        top.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        top.xaxis.set_minor_formatter(ticker.NullFormatter())
        top.tick_params(colors=_MUTED, labelsize=9, length=0, which="both")
        top.spines["top"].set_visible(False)


def _size(value: float) -> str:
    """A number of bytes for people, in the decimal units of file sizes."""
    for unit, factor in (("MB", 1e6), ("KB", 1e3)):
        if value >= factor:
            return f"{value / factor:g} {unit}"
    return f"{value:g} B"
