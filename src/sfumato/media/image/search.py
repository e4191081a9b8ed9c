"""How many splats a wanted quality takes: a secant search over fits, of which each is expensive."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

DB_PER_DOUBLING = 3.0
"""What twice the splats gain where nothing is known yet (Kodak, benchmarks/results/image_rd.md)."""
SLOPES = (0.7, 8.0)
"""The gains per doubling that are believed."""
LEAST_DOUBLINGS = 0.1
"""Between two trials that tell a gain; the chance in a fit is too large beside the gain of fewer."""
LARGEST_STEP = 16.0  # times the splats of the nearest fit
NEAR = 1.02
"""Counts whose ratio is below differ by less than the chance in a fit."""
EXACT_DB = 70.0  # stands for an infinite PSNR; 8-bit pictures have nothing between this and equality worth a search


@dataclass(frozen=True)
class Trial:
    """A fit and what it reached. splats: how many it was given. psnr: in dB, of the whole."""

    splats: int
    psnr: float


def slope(trials: Sequence[Trial], aim: float) -> float:
    """Decibels that twice the splats gain around `aim`, from the nearest two trials that are far enough apart."""
    first, *others = _nearest(trials, aim)
    for other in others:
        doublings = math.log2(other.splats / first.splats)
        if abs(doublings) >= LEAST_DOUBLINGS:
            gain = (min(other.psnr, EXACT_DB) - min(first.psnr, EXACT_DB)) / doublings
            return min(max(gain, SLOPES[0]), SLOPES[1])
    return DB_PER_DOUBLING


def count_for(trials: Sequence[Trial], aim: float, per_doubling: float) -> int:
    """The splats that are likely to reach `aim` dB, seen from the nearest trial."""
    nearest = _nearest(trials, aim)[0]
    factor = 2 ** ((aim - min(nearest.psnr, EXACT_DB)) / per_doubling)
    return round(nearest.splats * min(max(factor, 1 / LARGEST_STEP), LARGEST_STEP))


def search(
    fit: Callable[[int], float],
    first: int,
    band: tuple[float, float],
    *,
    least: int,
    most: int,
    tries: int,
    per_doubling: float = DB_PER_DOUBLING,
) -> list[Trial]:
    """Fit with several counts until one lands inside `band`; all trials, in their order.

    fit: the PSNR in dB that so many splats reach. first: where to begin. band: lowest and highest PSNR that will do.
    least, most: of the splats. tries: the most fits.
    Ends earlier where no other count between those that were tried can be told apart from them. Every step follows from
    the results alone, so that a search with the same results takes the same way.
    """
    aim = sum(band) / 2
    trials: list[Trial] = []
    count = min(max(first, least), most)
    while len(trials) < tries:
        trials.append(Trial(count, fit(count)))
        if band[0] <= trials[-1].psnr <= band[1]:
            break
        below = max((t.splats for t in trials if t.psnr < band[0]), default=None)
        above = min((t.splats for t in trials if t.psnr > band[1]), default=None)
        count = count_for(trials, aim, slope(trials, aim) if len(trials) > 1 else per_doubling)
        if below is not None and above is not None:
            if above <= max(below + 1, below * NEAR):
                break
            if not below < count < above:
                count = round(math.sqrt(below * above))
            count = min(max(count, below + 1), above - 1)
        elif below is not None:
            # The last two tries make sure that one lands above.
            count = max(count, below + 1, 2 * below if tries - len(trials) <= 2 else 0)
        elif above is not None:
            count = min(count, above - 1)
        count = min(max(count, least), most)
        if any(count == t.splats for t in trials):
            break
    return trials


def _nearest(trials: Sequence[Trial], aim: float) -> list[Trial]:
    return sorted(trials, key=lambda t: abs(min(t.psnr, EXACT_DB) - aim))
