"""What a user wants of an encode, and the fit that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

from sfumato.errors import BudgetError, SettingsError
from sfumato.media.image.model import Plan, make_plan
from sfumato.media.image.regions import REGION_PIXELS
from sfumato.media.image.settings import FitSettings

ITERATIONS = 3000
LOSS_DB = 0.15
"""Decibels that rounding may cost where the number of splats is given."""
LEAST_BYTES = 600
MAX_SPLATS = 4_000_000


@dataclass(frozen=True)
class EncodeSettings:
    """What the user wants.

    splats: how many; by default one for every 40 pixels.
    levels: how many levels, or the cumulative splat counts at their ends.
    quality_db: PSNR in dB that the whole file reaches, with as few splats as a few fits can find.
    bytes: largest size of the file; the number of splats follows.
    seconds: time for all fits together; by default a fixed number of iterations, so that equal seeds give equal files.
    resolution_levels: so many of the lower levels are also fitted to downsampled pictures (P-GSVC's resolution
        scalability): the highest of them to one of half the size, each lower one to half of the next.
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
        if self.splats is not None and not 1 <= self.splats <= MAX_SPLATS:
            raise SettingsError(f"an image has 1 to {MAX_SPLATS:,} splats, not {self.splats:,}")
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


DEFAULTS = EncodeSettings()


def fit_settings(settings: EncodeSettings, plan: Plan, pixels: int) -> FitSettings:
    """How to fit a picture of so many pixels, levels ending where those of `plan` do."""
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
