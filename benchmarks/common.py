"""What the picture benchmarks share: images, a cache of finished work, result files."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import sfumato
from sfumato.errors import SettingsError
from sfumato.files import save
from sfumato.kernels import library, native
from sfumato.sources.photo import read_photo
from sfumato.splats import Float32Array

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results"
CACHE = HERE / "cache"
KODAK = ROOT / ".." / "shared" / "data" / "kodak_dev"

# What decides the outcome of an encode; other rooms may change without making finished work stale.
_SOURCES = ("src/sfumato/media", "src/sfumato/coding", "src/sfumato/container", "src/sfumato/kernels", "native")
_ENDINGS = {".py", ".cpp", ".h", ".npy"}


def picture_paths(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted by name; SystemExit with one sentence if there are none."""
    found = sorted(
        path for path in folder.glob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".tif")
    )
    if not found:
        raise SystemExit(f"there are no pictures in '{folder}'; name a folder with --images")
    return found


def read_pixels(path: Path) -> Float32Array:
    """float32 [H, W, 3] in 0..1."""
    pixels = read_photo(path).pixels
    if pixels.shape[2] != 3:
        raise SystemExit(f"'{path}' has {pixels.shape[2]} channels; the benchmarks compare RGB pictures")
    return pixels


@functools.cache
def code_digest() -> str:
    """A digest of the package's version and of the sources that decide the outcome of an encode."""
    digest = hashlib.sha256(sfumato.__version__.encode())
    for folder in _SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in _ENDINGS and "__pycache__" not in path.parts:
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def cache_path(kind: str, ending: str, *, code: bool = True, **key: Any) -> Path:
    """Where the outcome of a piece of work is kept: one name for equal `key`s and, if `code`, equal sources."""
    text = json.dumps({"kind": kind, "code": code_digest() if code else "", **key}, sort_keys=True, default=str)
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:20]}{ending}"


def picture_digest(pixels: Float32Array) -> str:
    """A digest of a picture."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()[:16]


def remembered(kind: str, work: Callable[[], Any], *, code: bool = True, **key: Any) -> Any:
    """The JSON value of `work`, done once for equal `key`s and kept in benchmarks/cache/."""
    path = cache_path(kind, ".json", code=code, **key)
    if path.exists():
        return json.loads(path.read_text())
    value = work()
    save(path, json.dumps(value).encode())
    return value


def write_results(name: str, markdown: str, data: Any, plot: bytes | None, *, quick: bool) -> None:
    """Write NAME.md, .json and .png to benchmarks/results/; those of a quick run to benchmarks/cache/quick/."""
    folder = CACHE / "quick" if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / f"{name}.md", markdown.encode())
    save(folder / f"{name}.json", (json.dumps(data, indent=1) + "\n").encode())
    if plot is not None:
        save(folder / f"{name}.png", plot)
    print(f"\n{markdown}\nwritten: {os.path.relpath(folder)}/{name}.md, .json" + (", .png" if plot else ""), flush=True)


def machine() -> str:
    """What timings depend on, in a few words."""
    compiled = library.native()
    return f"{library.thread_count()} threads, {f'kernels for {compiled.isa}' if compiled else 'numpy reference'}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def figure(panels: list[dict[str, Any]], title: str) -> bytes:
    """A PNG with one set of axes per panel; the x axis is logarithmic.

    A panel has `title`, `x` and `y` (labels) and `lines`: (name, xs, ys, style) each, where style is "line", "dashed"
    or "points".
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    # Okabe and Ito 2008 (colours that stay apart for colour-blind readers), and four more for the published points.
    colors = (
        "#0072B2",
        "#D55E00",
        "#009E73",
        "#CC79A7",
        "#E69F00",
        "#56B4E9",
        "#000000",
        "#8c6d31",
        "#7f7f7f",
        "#882255",
        "#44aa99",
    )
    canvas = Figure(figsize=(6.6 * len(panels), 5.0), dpi=120, layout="constrained")
    known: dict[str, str] = {}
    for axes, panel in zip(np.atleast_1d(canvas.subplots(1, len(panels))), panels, strict=True):
        for name, xs, ys, style in panel["lines"]:
            color = known.setdefault(name.removesuffix(", prefixes of one file"), colors[len(known) % len(colors)])
            axes.plot(
                xs,
                ys,
                label=name,
                color=color,
                linestyle={"line": "-", "dashed": "--", "points": ""}[style],
                marker="D" if style == "points" else "o" if len(xs) < 40 else "",
                markersize=6 if style == "points" else 3.5,
                linewidth=2.4 if name.startswith("Sfumato") else 1.5,
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(title=panel["title"], xlabel=panel["x"], ylabel=panel["y"])
        axes.grid(True, which="major", color="#d8dee4", linewidth=0.7)
        axes.legend(frameon=False, fontsize=8)
    canvas.suptitle(title)
    file = io.BytesIO()
    canvas.savefig(file, format="png")
    return file.getvalue()


def use(isa: str) -> bool:
    """Selects an instruction set for the kernels, "" for the best; False if this machine lacks it."""
    os.environ["SFUMATO_ISA"] = isa
    for cached in (library.native, native.library, native._function):
        cached.cache_clear()
    try:
        return library.native() is not None
    except SettingsError:
        return False


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
