"""A file that reaches a wanted quality: fits with several splat counts, the smallest good one kept."""

from __future__ import annotations

import math
from dataclasses import replace

from sfumato.errors import SettingsError
from sfumato.media.checkpoint import Checkpoint
from sfumato.media.image.assemble import assemble_image
from sfumato.media.image.finish import Quantised
from sfumato.media.image.learn import Learner
from sfumato.media.image.measure import prefix_qualities
from sfumato.media.image.model import Plan, default_splats, level_counts, make_plan
from sfumato.media.image.search import DB_PER_DOUBLING, Trial, count_for, search, slope
from sfumato.media.image.settings import Report
from sfumato.media.image.wishes import LOSS_DB, MAX_SPLATS, EncodeSettings, fit_settings
from sfumato.splats import Float32Array

WITHIN_DB = 0.4  # above the wanted PSNR that is good enough
INDEX_ROUNDING_DB = 0.005  # INDX keeps hundredths; what it says shall reach the wanted PSNR too
SHORT_ITERATIONS = 600
SHORT_FIT_DB = 0.55  # what the usual number of iterations adds: 0.1 to 0.8 on Kodak, more for denser splats
HOPELESS_DB = 6.0  # so much a full fit never adds to a short one
FULL_FITS = 7
TIMED_FITS = 3  # where the user gives a time, which all fits share
SHORT_SHARE = 0.05  # of that time for each of the short fits
LEAST_MOST = 4096  # splats that even a tiny picture may have; a larger one has one for every 3 pixels at most


class QualitySearch:
    """Fits with several splat counts to find the smallest file that reaches the wanted PSNR."""

    def __init__(
        self, pixels: Float32Array, settings: EncodeSettings, progress: Report | None, checkpoint: Checkpoint | None
    ) -> None:
        assert settings.quality_db is not None and isinstance(settings.levels, int)
        self.pixels = pixels
        self.settings = settings
        self.levels = settings.levels
        self.wanted = settings.quality_db
        self.needed = self.wanted + INDEX_ROUNDING_DB
        self.progress = progress
        self.checkpoint = checkpoint
        self.best: tuple[Plan, Quantised] | None = None
        height, width, _ = pixels.shape
        self.most = min(MAX_SPLATS, max(LEAST_MOST, width * height // 3))

    def run(self) -> bytes:
        """The file. Raises: SettingsError if the quality is out of reach."""
        height, width, _ = self.pixels.shape
        first, rise = default_splats(width, height) // 2, DB_PER_DOUBLING
        if self.settings.iterations is None or self.settings.iterations >= 2 * SHORT_ITERATIONS:
            # Short fits tell the count roughly: half a decibel around what the full one has to reach.
            aim = self.needed + WITHIN_DB / 2 - SHORT_FIT_DB
            short = search(self._short, first, (aim - 0.5, aim + 0.5), least=1, most=self.most, tries=3)
            if short[-1].splats == self.most and short[-1].psnr < aim - HOPELESS_DB:
                raise self._out_of_reach(short[-1], "in a first, short fit")
            rise = slope(short, aim)
            first = count_for(short, aim, rise)
        full = search(
            self._full,
            first,
            (self.needed, self.needed + WITHIN_DB),
            least=1,
            most=self.most,
            tries=TIMED_FITS if self.settings.seconds else FULL_FITS,
            per_doubling=rise,
        )
        if self.best is None:
            raise self._out_of_reach(max(full, key=lambda trial: trial.psnr), f"in {len(full)} fits")
        return assemble_image(self.pixels, *self.best)

    def _short(self, splats: int) -> float:
        if self.settings.seconds is not None:
            settings = replace(self.settings, seconds=self.settings.seconds * SHORT_SHARE)
        else:
            settings = replace(self.settings, iterations=SHORT_ITERATIONS)
        return self._fit(splats, settings, f"short{splats}")[2][-1]

    def _full(self, splats: int) -> float:
        seconds = self.settings.seconds
        share = (1 - 3 * SHORT_SHARE) / TIMED_FITS
        settings = replace(self.settings, seconds=seconds and seconds * share)
        plan, quantised, qualities = self._fit(splats, settings, f"full{splats}")
        enough = [k + 1 for k, quality in enumerate(qualities) if quality >= self.needed]
        # A file has at least its base level.
        chunks = max(enough[0], plan.levels.count(0)) if enough else 0
        if chunks and (self.best is None or plan.cuts[chunks - 1] < self.best[0].splats):
            kept = Plan(plan.cuts[:chunks], plan.levels[:chunks])
            self.best = kept, Quantised(quantised.chunks[:chunks], quantised.grids[:chunks])
        return qualities[-1]

    def _fit(self, splats: int, settings: EncodeSettings, name: str) -> tuple[Plan, Quantised, list[float]]:
        """A fit with so many splats and the PSNR of each of its prefixes."""
        height, width, _ = self.pixels.shape
        plan = make_plan(level_counts(splats, min(self.levels, splats)))
        settings = replace(settings, resolution_levels=min(settings.resolution_levels, plan.levels[-1]))
        fit = fit_settings(settings, plan, width * height)
        quantised = Learner(self.pixels, plan, fit, self.progress, self.checkpoint, name).learn(LOSS_DB)
        parts = [quantised.splats(k) for k in range(len(quantised.grids))]
        return plan, quantised, prefix_qualities(self.pixels, parts)

    def _out_of_reach(self, nearest: Trial, when: str) -> SettingsError:
        most = " (as many as a picture of this size may have)" if nearest.splats == self.most else ""
        lower = math.floor(nearest.psnr * 10) / 10
        return SettingsError(
            f"cannot reach {self.wanted:g} dB: {nearest.splats:,} splats{most} reach {nearest.psnr:.2f} dB {when}; "
            f"ask for {lower:g} dB or less, or for more iterations"
        )
