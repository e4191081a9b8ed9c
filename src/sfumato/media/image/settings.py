"""How to fit a picture, and how a long fit tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sfumato.errors import SettingsError
from sfumato.media.image.model import make_plan


@dataclass(frozen=True)
class FitSettings:
    """How to fit.

    levels: cumulative splat counts at the level ends, increasing.
    iterations: steps of the fit; ignored where `seconds` is given.
    seconds: time for the fit instead; the schedule follows the clock then, so that two runs differ.
    resolution_levels: so many of the lower levels are also compared with smaller pictures, at the size at which a small
        screen shows them: the highest of these levels at half the size, each lower one at half of the next.
    seed: makes a run of `iterations` steps reproducible on one machine and thread count.
    prefix_weight: weight of the error at a level's end beside the whole set's (1).
    base_weight: how many times more the first prefixes weigh; fades over the first twentieth of the splats.
    energy_weight: weight of the splats' energy in the picture, relative to the root of the mean squared error. It keeps
        neighbours from cancelling one another, and fainter splats take fewer bits; the base level is free of it.
    supervision: "all" prefixes in every step, "cycled" (the whole set and one prefix in turn, as in P-GSVC) or "full".
    granularity: prefixes end at "chunks" or only at "levels".
    births: new splats where the "error" is, "random", or "at_once" (all splats from the first step on).
    placement: first splats by image "structure" or "random". shapes: by structure "tensor" or "round".
    """

    levels: tuple[int, ...]
    iterations: int = 3000
    seconds: float | None = None
    resolution_levels: int = 0
    seed: int = 0
    prefix_weight: float = 0.075
    base_weight: float = 8.0
    energy_weight: float = 1.0
    supervision: Literal["all", "cycled", "full"] = "all"
    granularity: Literal["chunks", "levels"] = "chunks"
    births: Literal["error", "random", "at_once"] = "error"
    placement: Literal["structure", "random"] = "structure"
    shapes: Literal["tensor", "round"] = "tensor"

    def __post_init__(self) -> None:
        make_plan(self.levels)
        if self.iterations < 1:
            raise SettingsError(f"a fit takes at least 1 iteration, not {self.iterations}")
        if self.seconds is not None and not self.seconds > 0:
            raise SettingsError(f"a fit takes more than 0 seconds, not {self.seconds}")
        if not 0 <= self.resolution_levels < len(self.levels):
            raise SettingsError(
                f"of {len(self.levels)} levels, 0 to {len(self.levels) - 1} can have a lower resolution, "
                f"not {self.resolution_levels}"
            )


@dataclass(frozen=True)
class Progress:
    """How far a long piece of work has come.

    fraction: 0..1. psnr_db: of the whole set so far, None where unknown. seconds_left: an estimate, None where unknown.
    """

    stage: str
    fraction: float
    psnr_db: float | None = None
    seconds_left: float | None = None


Report = Callable[[Progress], None]
