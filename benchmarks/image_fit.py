"""How fast fits get how good: `python benchmarks/image_fit.py [--quick] [--only a,b,c,d] [--images FOLDER]`.

    a  seconds until a fit equals what GaussianImage's own recipe ends with after 50,000 steps (gaussian_image.py)
    b  50,000 splats in one level after 10 seconds
    c  PSNR over seconds with default settings, and of fits that are given less time
    d  ablations: the default fit with one thing switched off or changed, dB at the ends of the levels

All with the kernels of this package on this machine. It writes results/image_fit.md, .json and .png. Every finished fit
is kept in benchmarks/cache/: after an interruption run the same command again. Parts that are not asked for with --only
are taken from the cache where they are there, and left out where not.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import common
import gaussian_image
import image_fit_report
import numpy as np

from sfumato.files import save
from sfumato.kernels import splats2d
from sfumato.media.image import fit
from sfumato.media.image.model import Layers, default_splats, level_counts
from sfumato.media.image.settings import FitSettings, Progress
from sfumato.media.image.wishes import ITERATIONS
from sfumato.quality.metrics import psnr
from sfumato.splats import Float32Array, Splats2D

RECIPE_SPLATS = 10_000
RECIPE_IMAGES = ("kodim05", "kodim03")  # hard (kernel notes: 30.19 dB after 50k steps) and easy
LADDER = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0)  # seconds given to a fit
REPEATS = 1
MANY_SPLATS = 50_000
MANY_SECONDS = 10.0
BUDGETS = (2.0, 5.0, 10.0, 20.0)
ABLATION_ITERATIONS = 1000
RAW_STEP = 0.2  # pixels for positions and Cholesky factors: the best of the raw coordinates' steps


@dataclass(frozen=True)
class Run:
    """What one call does. images: their paths. quick: tiny fits. only: the parts to compute."""

    images: list[Path]
    quick: bool
    only: frozenset[str]

    def wants(self, part: str) -> bool:
        return part in self.only


def tell(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def fitted(pixels: Float32Array, settings: FitSettings) -> tuple[Layers, float, list[tuple[float, float]]]:
    """The fit, its seconds from start to end, and its (seconds, dB) on the way."""
    trace: list[tuple[float, float]] = []
    begun = time.monotonic()

    def report(progress: Progress) -> None:
        if progress.psnr_db is not None:
            trace.append((time.monotonic() - begun, progress.psnr_db))

    layers = fit.fit_image(pixels, settings, report=report)
    return layers, time.monotonic() - begun, trace


def shown_psnr(layers: Layers, count: int, pixels: Float32Array) -> float:
    """PSNR in dB of the first `count` splats as a screen shows them."""
    return psnr(np.clip(splats2d.render(layers.prefix(count), layers.width, layers.height), 0, 1), pixels)


def outcome(pixels: Float32Array, settings: FitSettings) -> dict[str, Any]:
    """A fit in numbers: seconds, PSNR of the whole, at every chunk end, and on the way."""
    layers, seconds, trace = fitted(pixels, settings)
    chunks = [shown_psnr(layers, count, pixels) for count in layers.plan.cuts]
    return {
        "seconds": seconds,
        "psnr": chunks[-1],
        "levels": [chunks[k] for k in layers.plan.level_ends],
        "worst_step": min((b - a for a, b in itertools.pairwise(chunks)), default=0.0),
        "trace": trace,
    }


def remembered_fit(path: Path, settings: FitSettings, *, variant: str = "", repeat: int = 0) -> dict[str, Any]:
    """`outcome`, done once for equal settings and sources."""
    pixels = common.read_pixels(path)
    step = raw_adam_step if variant == "raw" else splats2d.adam_step
    with mock.patch.object(fit, "adam_step", step):
        found: dict[str, Any] = common.remembered(
            "fit",
            lambda: outcome(pixels, settings),
            picture=common.picture_digest(pixels),
            **asdict(settings),
            variant=variant,
            repeat=repeat,
        )
    return found


def raw_adam_step(
    splats: Splats2D,
    gradient: Float32Array,
    first: Float32Array,
    second: Float32Array,
    step: Float32Array,
    *,
    betas: tuple[float, float],
    time: int,
    floor: float,
    ceiling: float,
) -> None:
    """`kernels.splats2d.adam_step` in pixels instead of each splat's own coordinates: the ablation of whitening."""
    raw = gaussian_image.raw_gradient(splats, gradient)
    first += np.float32(1 - betas[0]) * (raw - first)
    second += np.float32(1 - betas[1]) * (raw * raw - second)
    spread = np.sqrt(second / np.float32(1 - betas[1] ** time)) + np.float32(1e-12)
    steps = step.copy()
    steps[:5] *= np.float32(RAW_STEP / fit.POSITION_STEP)
    delta = -steps * first / np.float32(1 - betas[0] ** time) / spread
    splats.xy[:] += delta[:, :2]
    splats.chol[:] += delta[:, 2:5]
    splats.chol[:, [0, 2]] = np.clip(splats.chol[:, [0, 2]], floor, ceiling)
    splats.color[:] += delta[:, 5:]


def recipe_contenders(count: int) -> dict[str, FitSettings]:
    """The fits that race GaussianImage's recipe."""
    one = FitSettings(levels=(count,), granularity="levels")
    return {
        "layered, 6 levels": FitSettings(levels=level_counts(count, 6)),
        "one level": replace(one, births="at_once"),
        "one level, births at errors": one,
    }


def part_a(run: Run) -> dict[str, Any]:
    """Seconds to GaussianImage's quality."""
    count, iterations = (1000, 300) if run.quick else (RECIPE_SPLATS, gaussian_image.ITERATIONS)
    ladder = (0.5, 1.0) if run.quick else LADDER
    found = []
    for path in chosen(run.images, RECIPE_IMAGES)[: 1 if run.quick else None]:
        recipe = recipe_outcome(path, count, iterations)
        tell(f"a: {path.stem}: the recipe ends at {recipe['psnr']:.2f} dB after {recipe['seconds']:.0f} s")
        races = {name: race(path, s, recipe["psnr"], ladder) for name, s in recipe_contenders(count).items()}
        found.append({"name": path.stem, "splats": count, "recipe": recipe, "races": races})
    return {"images": found}


def recipe_outcome(path: Path, count: int, iterations: int) -> dict[str, float]:
    """What GaussianImage's recipe ends with; kept in the cache whatever happens to Sfumato's own fit."""
    pixels = common.read_pixels(path)
    key = {"picture": common.picture_digest(pixels), "count": count, "iterations": iterations}
    key["recipe"] = Path(gaussian_image.__file__).read_text()
    checkpoint = common.cache_path("recipe", ".npz", code=False, **key)
    found: dict[str, float] = common.remembered(
        "recipe",
        lambda: gaussian_image.recipe_psnr(
            pixels,
            count,
            iterations,
            checkpoint,
            lambda done, db: tell(f"a: {path.stem}: recipe, step {done:,} of {iterations:,}, {db:.2f} dB"),
        ),
        code=False,
        **key,
    )
    return found


def race(path: Path, settings: FitSettings, goal: float, ladder: tuple[float, ...]) -> dict[str, Any]:
    """The shortest time in `ladder` with which the median of `REPEATS` fits reaches `goal`; None if none does."""
    tried = []
    for seconds in ladder:
        runs = [remembered_fit(path, replace(settings, seconds=seconds, seed=k), repeat=k) for k in range(REPEATS)]
        middle = statistics.median(r["psnr"] for r in runs)
        took = statistics.median(r["seconds"] for r in runs)
        tried.append({"given": seconds, "seconds": took, "psnr": middle})
        tell(f"a: {path.stem}: {len(settings.levels)} levels, {settings.births}: {took:.1f} s, {middle:.2f} dB")
        if middle >= goal:
            return {"seconds": took, "psnr": middle, "tried": tried}
    return {"seconds": None, "psnr": tried[-1]["psnr"], "tried": tried}


def part_b(run: Run) -> dict[str, Any]:
    """Many splats in little time."""
    count, seconds = (2000, 1.0) if run.quick else (MANY_SPLATS, MANY_SECONDS)
    one = FitSettings(levels=(count,), seconds=seconds, granularity="levels")
    found: dict[str, Any] = {"splats": count, "seconds": seconds, "names": [p.stem for p in run.images], "variants": {}}
    for name, settings in {"all at once": replace(one, births="at_once"), "births at errors": one}.items():
        runs = []
        for path in run.images:
            runs.append(remembered_fit(path, settings))
            tell(f"b: {path.stem}: {name}: {runs[-1]['psnr']:.2f} dB after {runs[-1]['seconds']:.1f} s")
        found["variants"][name] = {
            "psnr": [r["psnr"] for r in runs],
            "seconds": statistics.fmean(r["seconds"] for r in runs),
        }
    return found


def part_c(run: Run) -> dict[str, Any]:
    """PSNR over seconds."""
    found = []
    for path in chosen(run.images, RECIPE_IMAGES):
        height, width, _ = common.read_pixels(path).shape
        settings = FitSettings(
            levels=level_counts(default_splats(width, height), 6), iterations=60 if run.quick else ITERATIONS
        )
        default = remembered_fit(path, settings)
        tell(f"c: {path.stem}: default {default['psnr']:.2f} dB after {default['seconds']:.1f} s")
        shorter = []
        for seconds in BUDGETS[: 1 if run.quick else None]:
            done = remembered_fit(path, replace(settings, seconds=seconds))
            shorter.append({"seconds": done["seconds"], "psnr": done["psnr"]})
            tell(f"c: {path.stem}: given {seconds:g} s: {done['psnr']:.2f} dB")
        found.append({"name": path.stem, "splats": settings.levels[-1], "default": default, "shorter": shorter})
    return {"images": found}


def ablations(settings: FitSettings) -> dict[str, tuple[FitSettings, str]]:
    """The default fit and every change to it: settings, and a variant that settings cannot name."""
    return {
        "default": (settings, ""),
        "supervision: whole set and one prefix in turn (P-GSVC)": (replace(settings, supervision="cycled"), ""),
        "supervision: whole set only": (replace(settings, supervision="full"), ""),
        "prefixes supervised at level ends only": (replace(settings, granularity="levels"), ""),
        "first splats placed at random": (replace(settings, placement="random"), ""),
        "first shapes round": (replace(settings, shapes="round"), ""),
        "births at random places": (replace(settings, births="random"), ""),
        "all splats from the start": (replace(settings, births="at_once"), ""),
        "all splats from the start, placed at random": (
            replace(settings, births="at_once", placement="random"),
            "",
        ),
        "steps in pixels instead of whitened": (settings, "raw"),
        "base not weighted more": (replace(settings, base_weight=1.0), ""),
        "energy of the splats not held down": (replace(settings, energy_weight=0.0), ""),
    }


def part_d(run: Run) -> dict[str, Any]:
    """Ablations."""
    count, iterations = (1000, 40) if run.quick else (9000, ABLATION_ITERATIONS)
    settings = FitSettings(levels=level_counts(count, 6), iterations=iterations)
    paths = run.images[:: max(1, len(run.images) // 3)][:3]
    found: dict[str, Any] = {"levels": settings.levels, "iterations": iterations, "names": [p.stem for p in paths]}
    found["rows"] = {}
    for name, (changed, variant) in ablations(settings).items():
        runs = [remembered_fit(path, changed, variant=variant) for path in paths]
        found["rows"][name] = {
            "levels": [statistics.fmean(values) for values in zip(*(r["levels"] for r in runs), strict=True)],
            "worst_step": min(r["worst_step"] for r in runs),
            "seconds": statistics.fmean(r["seconds"] for r in runs),
        }
        tell(f"d: {name}: {' / '.join(f'{value:.2f}' for value in found['rows'][name]['levels'])} dB")
    return found


def chosen(images: list[Path], names: tuple[str, ...]) -> list[Path]:
    """The images of these names; the first ones where the folder has others."""
    return [path for path in images if path.stem in names] or images[: len(names)]


PARTS: dict[str, Callable[[Run], dict[str, Any]]] = {"a": part_a, "b": part_b, "c": part_c, "d": part_d}


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and quality of fits, and what each part of them is worth.")
    parser.add_argument("--images", type=Path, default=common.KODAK, help="folder of pictures (Kodak)")
    parser.add_argument("--limit", type=int, help="only the first so many pictures; results go to the cache")
    parser.add_argument("--only", default="a,b,c,d", help="parts to compute, such as b,d")
    parser.add_argument("--quick", action="store_true", help="two pictures, tiny fits; results go to the cache")
    options = parser.parse_args()
    only = frozenset(options.only.split(","))
    if not only <= PARTS.keys():
        raise SystemExit(f"--only takes some of a, b, c and d, not '{options.only}'")
    run = Run(common.picture_paths(options.images)[: 2 if options.quick else options.limit], options.quick, only)
    found: dict[str, Any] = {"machine": common.machine()}
    for name, part in PARTS.items():
        stored = common.cache_path("part", ".json", part=name, quick=run.quick, images=[p.name for p in run.images])
        if run.wants(name):
            found[name] = part(run)
            save(stored, json.dumps(found[name]).encode())
        elif stored.exists():
            found[name] = json.loads(stored.read_text())
    markdown = image_fit_report.markdown(found)
    common.write_results(
        "image_fit", markdown, found, image_fit_report.plot(found), quick=run.quick or options.limit is not None
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; the same command goes on from here")
