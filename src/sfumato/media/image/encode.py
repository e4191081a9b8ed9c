"""A picture file becomes an image asset: read, fit, round, write."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sfumato.container import Prefix, save
from sfumato.errors import BudgetError, InputError, OutputError, SettingsError
from sfumato.media.image.assemble import assemble_image
from sfumato.media.image.asset import ImageAsset
from sfumato.media.image.checkpoint import Checkpoint
from sfumato.media.image.finish import Quantised
from sfumato.media.image.learn import Learner
from sfumato.media.image.model import Plan, default_splats, level_counts, make_plan
from sfumato.media.image.regions import REGION_PIXELS
from sfumato.media.image.settings import FitSettings, Progress, Report
from sfumato.sources.photo import read_photo
from sfumato.splats import Float32Array

__all__ = ["EncodeReport", "EncodeSettings", "Progress", "encode_image", "encode_pixels"]

ITERATIONS = 3000
BYTES_PER_SPLAT = 4.4
"""What a splat takes in files made for a byte budget (benchmarks/image_rd.py); decides how many splats to fit."""
LOSS_DB = 0.15
"""Decibels that rounding may cost where the number of splats is given."""
BUDGET_LOSS_DB = 0.6
"""The same for a byte budget, where more splats in coarser steps show more (benchmarks/image_rd.py)."""
LEAST_BYTES = 600


@dataclass(frozen=True)
class EncodeSettings:
    """What the user wants.

    splats: how many; by default one for every 40 pixels.
    levels: how many levels, or the cumulative splat counts at their ends.
    quality_db: PSNR in dB that the whole file shall reach; the number of splats follows.
    bytes: largest size of the file; the number of splats follows.
    seconds: time for the fit; by default a fixed number of iterations, so that equal seeds give equal files.
    resolution_levels: so many of the lower levels are fitted to downsampled pictures (P-GSVC's resolution scalability).
    iterations: steps of the fit. seed: of all random choices.

    Raises: SettingsError for values out of range and for settings that contradict one another.
    """

    splats: int | None = None
    levels: int | tuple[int, ...] = 6
    quality_db: float | None = None
    bytes: int | None = None
    seconds: float | None = None
    resolution_levels: int = 0
    iterations: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        wishes = [n for n in ("splats", "quality_db", "bytes") if getattr(self, n) is not None]
        if isinstance(self.levels, tuple):
            wishes.append("levels (as splat counts)")
            make_plan(self.levels)
        elif self.levels < 1:
            raise SettingsError(f"a file has at least 1 level, not {self.levels}")
        if len(wishes) > 1 and wishes != ["splats", "levels (as splat counts)"]:
            raise SettingsError(f"{' and '.join(wishes)} contradict each other: give one of them")
        if isinstance(self.levels, tuple) and self.splats not in (None, self.levels[-1]):
            raise SettingsError(f"the levels end at {self.levels[-1]:,} splats, but {self.splats:,} are wanted")
        if self.splats is not None and not 1 <= self.splats <= 4_000_000:
            raise SettingsError(f"an image has 1 to 4,000,000 splats, not {self.splats:,}")
        if self.quality_db is not None and not 5 <= self.quality_db <= 60:
            raise SettingsError(f"the quality is a PSNR of 5 to 60 dB, not {self.quality_db:g}")
        if self.bytes is not None and self.bytes < LEAST_BYTES:
            raise BudgetError(
                f"cannot fit an image into {self.bytes:,} bytes: headers and a base level take at least {LEAST_BYTES}"
            )
        if self.seconds is not None and not self.seconds > 0:
            raise SettingsError(f"the time budget is more than 0 seconds, not {self.seconds:g}")
        if self.seconds is not None and self.iterations is not None:
            raise SettingsError("seconds and iterations contradict each other: give one of them")
        if self.iterations is not None and self.iterations < 1:
            raise SettingsError(f"a fit takes at least 1 iteration, not {self.iterations}")
        if self.seed < 0:
            raise SettingsError(f"the seed is 0 or more, not {self.seed}")


@dataclass(frozen=True)
class EncodeReport:
    """What became of an encode.

    path: the file. bytes: its length. splats, chunks: in it (chunks of splats). psnr_db: of the whole file.
    seconds: from start to end. prefixes: every prefix that is a valid file, with its measured PSNR.
    """

    path: Path
    bytes: int
    splats: int
    chunks: int
    psnr_db: float
    seconds: float
    prefixes: tuple[Prefix, ...]


def encode_image(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    settings: EncodeSettings = EncodeSettings(),
    *,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> EncodeReport:
    """Fit splats to the picture at `source` and write them to `destination`.

    progress: called about ten times a second.
    checkpoint: the file that keeps the work while it runs; by default `destination` and ".checkpoint". It is removed at
        the end and stays after KeyboardInterrupt, so that `resume` can go on from it.
    Raises: InputError, OutputError, SettingsError, BudgetError, CheckpointError.
    """
    begun = time.monotonic()
    target = Path(destination)
    check_target(target, Path(source))
    pixels = read_photo(source).pixels
    keep = checkpoint or target.with_name(target.name + ".checkpoint")
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    identity = {**asdict(settings), "picture": digest}
    store = Checkpoint.load(keep, identity) if resume else Checkpoint.new(keep, identity)
    data = encode_pixels(pixels, settings, progress=progress, checkpoint=store)
    save(target, data)
    store.remove()
    asset = ImageAsset.open(data)
    last = asset.prefixes[-1]
    return EncodeReport(
        target,
        len(data),
        last.splats or 0,
        len(asset.parts()),
        last.quality_db or math.nan,
        time.monotonic() - begun,
        asset.prefixes,
    )


def check_target(target: Path, source: Path) -> None:
    """Refuse, before any work is done, an output that cannot be written. Raises OutputError."""
    folder = target.parent
    if target.is_dir():
        raise OutputError(f"cannot write '{target}': it is a folder; name a file in it")
    if not folder.is_dir():
        raise OutputError(f"cannot write '{target}': there is no folder '{folder}'")
    if not os.access(folder, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise OutputError(f"cannot write '{target}': no permission")
    if target.exists() and source.exists() and target.samefile(source):
        raise OutputError(f"cannot write '{target}': it is the picture to encode")


def encode_pixels(
    pixels: Float32Array,
    settings: EncodeSettings = EncodeSettings(),
    *,
    progress: Report | None = None,
    checkpoint: Checkpoint | None = None,
) -> bytes:
    """The bytes of the asset for `pixels` [H, W, C] (0..1, C = 1, 3 or 4)."""
    height, width, channels = pixels.shape
    if min(height, width) < 1 or channels not in (1, 3, 4):
        raise InputError(f"cannot encode pixels of shape {pixels.shape}: [H, W, C] with C = 1, 3 or 4 is needed")
    if settings.quality_db is not None:
        return _for_quality(pixels, settings, progress, checkpoint)
    plan = _plan(settings, width, height)
    learner = Learner(pixels, plan, _fit_settings(settings, plan, width * height), progress, checkpoint)
    if settings.bytes is not None:
        return _for_bytes(learner, settings.bytes)
    return assemble_image(pixels, plan, learner.learn(LOSS_DB))


def _plan(settings: EncodeSettings, width: int, height: int) -> Plan:
    if isinstance(settings.levels, tuple):
        return make_plan(settings.levels)
    splats = settings.splats or default_splats(width, height)
    if settings.bytes is not None:
        splats = max(1, round((settings.bytes - LEAST_BYTES * 0.9) / BYTES_PER_SPLAT))
    if settings.splats is None and settings.levels > splats:
        return make_plan(level_counts(splats, splats))
    return make_plan(level_counts(splats, settings.levels))


def _fit_settings(settings: EncodeSettings, plan: Plan, pixels: int) -> FitSettings:
    # A large picture has many regions, each with all iterations; two thirds of them cost it 0.1 dB.
    usual = ITERATIONS if pixels <= REGION_PIXELS else ITERATIONS * 2 // 3
    ends = tuple(plan.cuts[k] for k in plan.level_ends)
    return FitSettings(
        levels=ends,
        iterations=settings.iterations or usual,
        # The rest goes to rounding and writing.
        seconds=None if settings.seconds is None else 0.85 * settings.seconds,
        resolution_levels=settings.resolution_levels,
        seed=settings.seed,
    )


def _for_bytes(learner: Learner, limit: int) -> bytes:
    """A file of at most `limit` bytes."""
    quantised = learner.learn(BUDGET_LOSS_DB, limit)
    for chunks in range(len(quantised.grids), 0, -1):
        plan = Plan(learner.plan.cuts[:chunks], learner.plan.levels[:chunks])
        data = assemble_image(learner.pixels, plan, Quantised(quantised.chunks[:chunks], quantised.grids[:chunks]))
        if len(data) <= limit:
            return data
    raise BudgetError(f"cannot fit this image into {limit:,} bytes: its base level alone takes {len(data):,}")


def _for_quality(
    pixels: Float32Array, settings: EncodeSettings, progress: Report | None, checkpoint: Checkpoint | None
) -> bytes:
    """A file whose whole reaches the wanted PSNR with as few chunks as possible; the last of four fits if none does."""
    assert settings.quality_db is not None and isinstance(settings.levels, int)
    height, width, _ = pixels.shape
    # 6 dB take about four times the splats (Kodak, benchmarks/results/image_rd.md); a first short fit finds the start.
    splats = max(64, default_splats(width, height) // 4)
    data = b""
    for attempt, iterations in enumerate((300, None, None, None)):
        levels = min(settings.levels, splats)
        plan = make_plan(level_counts(splats, levels))
        tried = EncodeSettings(iterations=iterations or settings.iterations, seed=settings.seed)
        fit = _fit_settings(tried, plan, width * height)
        quantised = Learner(pixels, plan, fit, progress, checkpoint, f"attempt{attempt}").learn(LOSS_DB)
        data = assemble_image(pixels, plan, quantised)
        reached = ImageAsset.open(data).prefixes
        good = [k for k, prefix in enumerate(reached) if (prefix.quality_db or 0) >= settings.quality_db]
        if good and iterations is None:
            chunks = max(len(quantised.grids) - (len(reached) - 1 - good[0]), 1)
            cut = Plan(plan.cuts[:chunks], plan.levels[:chunks])
            return assemble_image(pixels, cut, Quantised(quantised.chunks[:chunks], quantised.grids[:chunks]))
        missing = settings.quality_db - (reached[-1].quality_db or 0)
        if iterations is not None:
            missing -= 0.7  # what the full number of iterations adds
        factor = float(np.clip(2 ** (missing / 3) * 1.1, 1 / 16, 16))
        splats = int(np.clip(splats * factor, 16, width * height // 3 + 16))
    return data
