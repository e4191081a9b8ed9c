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

from sfumato.container import Prefix
from sfumato.errors import BudgetError, InputError, SettingsError
from sfumato.files import check_target, save
from sfumato.media.checkpoint import Checkpoint
from sfumato.media.image.assemble import assemble_image
from sfumato.media.image.asset import ImageAsset
from sfumato.media.image.finish import Quantised
from sfumato.media.image.learn import Learner
from sfumato.media.image.model import Plan, default_splats, level_counts, make_plan
from sfumato.media.image.reach import QualitySearch
from sfumato.media.image.settings import Progress, Report
from sfumato.media.image.wishes import DEFAULTS, LEAST_BYTES, LOSS_DB, EncodeSettings, fit_settings
from sfumato.sources.photo import read_photo
from sfumato.splats import Float32Array

__all__ = ["EncodeReport", "EncodeSettings", "Progress", "encode_image", "encode_pixels"]

BYTES_PER_SPLAT = 4.4
"""What a splat takes in files made for a byte budget (benchmarks/image_rd.py); decides how many splats to fit."""
BUDGET_LOSS_DB = 0.6
"""Decibels that rounding may cost for a byte budget: more, coarser splats show more (benchmarks/image_rd.py)."""


@dataclass(frozen=True)
class EncodeReport:
    """What became of an encode.

    path: the file. bytes: its length. splats, chunks: in it (HEAD and INDX are chunks too). psnr_db: of the whole file,
    infinite if it is exact.
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
    settings: EncodeSettings = DEFAULTS,
    *,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> EncodeReport:
    """Fit splats to the picture at `source` and write them to `destination`.

    progress: called about ten times a second.
    checkpoint: the file that keeps the work while it runs; by default `destination` and ".checkpoint". It is removed at
        the end and stays after KeyboardInterrupt, so that `resume` can go on from it.
    Raises: InputError, OutputError, BudgetError, CheckpointError, SettingsError (also for a quality out of reach).
    """
    begun = time.monotonic()
    target = Path(destination)
    check_target(target, Path(source))
    pixels = read_photo(source).pixels
    keep = checkpoint or target.with_name(target.name + ".checkpoint")
    digest = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
    identity = {**asdict(settings), "picture": digest}
    store = Checkpoint.load(keep, identity) if resume else Checkpoint.new(keep, identity)
    try:
        data = encode_pixels(pixels, settings, progress=progress, checkpoint=store)
    except (SettingsError, BudgetError):
        store.remove()  # to go on from it would end here again
        raise
    save(target, data)
    store.remove()
    asset = ImageAsset.open(data)
    last = asset.prefixes[-1]
    return EncodeReport(
        target,
        len(data),
        last.splats or 0,
        last.chunks,
        math.inf if last.quality_db is None else last.quality_db,
        time.monotonic() - begun,
        asset.prefixes,
    )


def encode_pixels(
    pixels: Float32Array,
    settings: EncodeSettings = DEFAULTS,
    *,
    progress: Report | None = None,
    checkpoint: Checkpoint | None = None,
) -> bytes:
    """The bytes of the asset for `pixels` [H, W, C] (0..1, C = 1, 3 or 4)."""
    height, width, channels = pixels.shape
    if min(height, width) < 1 or channels not in (1, 3, 4):
        raise InputError(f"cannot encode pixels of shape {pixels.shape}: [H, W, C] with C = 1, 3 or 4 is needed")
    if settings.quality_db is not None:
        return QualitySearch(pixels, settings, progress, checkpoint).run()
    plan = _plan(settings, width, height)
    learner = Learner(pixels, plan, fit_settings(settings, plan, width * height), progress, checkpoint)
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


def _for_bytes(learner: Learner, limit: int) -> bytes:
    """A file of at most `limit` bytes."""
    quantised = learner.learn(BUDGET_LOSS_DB, limit)
    for chunks in range(len(quantised.grids), 0, -1):
        plan = Plan(learner.plan.cuts[:chunks], learner.plan.levels[:chunks])
        data = assemble_image(learner.pixels, plan, Quantised(quantised.chunks[:chunks], quantised.grids[:chunks]))
        if len(data) <= limit:
            return data
    raise BudgetError(f"cannot fit this image into {limit:,} bytes: its base level alone takes {len(data):,}")
