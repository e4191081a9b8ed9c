"""Makes the integer probability tables that `sfumato.coding.tables` loads: `python tools/make_tables.py`.

Floating point happens here, once. The committed integers are the law, a test freezes them, and this script shows where
they come from; running it again on another machine may move a frequency by one, so its output replaces the committed
file only together with a new format version.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.coding import tables

OUTPUT = Path(__file__).parents[1] / "src" / "sfumato" / "coding" / "tables.npy"

SHAPE_EXPONENTS = (0.7, 1.0, 2.0)  # generalised Gaussian exponents: heavy tail, Laplace, Gaussian
SMALLEST_STD, LARGEST_STD = 0.15, 24.0  # at the ends a zero costs < 0.025 bit, about a fifth escapes


def integers(probabilities: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Frequencies >= 1 of sum 2^15 nearest to `probabilities` by largest remainders."""
    spare = tables.TOTAL - len(probabilities)
    exact = probabilities / probabilities.sum() * spare
    frequencies = np.floor(exact).astype(np.int64)
    short = spare - int(frequencies.sum())
    frequencies[np.argsort(frequencies - exact, kind="stable")[:short]] += 1
    result: NDArray[np.uint16] = (frequencies + 1).astype(np.uint16)
    return result


def signed(exponent: float, std: float) -> NDArray[np.uint16]:
    """Values -31..31 under a generalised Gaussian integrated over unit bins, then the mass beyond as the escape."""
    scale = std * math.sqrt(math.gamma(1 / exponent) / math.gamma(3 / exponent))
    steps = 2048
    x = np.abs((np.arange(-(tables.LARGEST_VALUE * 8) * steps, tables.LARGEST_VALUE * 8 * steps) + 0.5) / steps)
    density = np.exp(-((x / scale) ** exponent))
    value = np.floor(x + 0.5).astype(np.int64)
    mass = np.bincount(value, density)
    inner = mass[1 : tables.LARGEST_VALUE + 1] / 2
    outer = mass[tables.LARGEST_VALUE + 1 :].sum()
    return integers(np.concatenate([inner[::-1], mass[:1], inner, [outer]]))


def splits(n: int) -> list[NDArray[np.uint16]]:
    """How many of n points fall into the first of two equal halves, one table per class."""
    k = np.arange(n + 1)
    binomial = np.array([math.comb(n, i) / 2.0**n for i in k])

    def beta_binomial(alpha: float) -> NDArray[np.float64]:
        log_beta = [math.lgamma(i + alpha) + math.lgamma(n - i + alpha) for i in k]
        return binomial * np.exp(np.array(log_beta) - max(log_beta))

    return [integers(binomial ** float(power)) for power in tables.BINOMIAL_POWERS] + [
        integers(beta_binomial(alpha)) for alpha in tables.BETA_ALPHAS
    ]


def all_tables() -> list[NDArray[np.uint16]]:
    """Every table in the order of their indexes."""
    stds = np.geomspace(SMALLEST_STD, LARGEST_STD, tables.SIGNED_SCALES)
    by_count = [splits(n) for n in range(2, tables.LARGEST_SPLIT + 1)]
    return [
        *(np.full(1 << width, tables.TOTAL >> width, np.uint16) for width in range(1, tables.WIDEST_UNIFORM + 1)),
        np.array([1 << (14 - i) for i in range(15)] + [1], np.uint16),
        *(signed(exponent, float(std)) for exponent in SHAPE_EXPONENTS for std in stds),
        *(split_tables[split_class] for split_class in range(tables.SPLIT_CLASSES) for split_tables in by_count),
    ]


if __name__ == "__main__":
    frequencies = np.concatenate(all_tables())
    np.save(OUTPUT, frequencies, allow_pickle=False)
    print(f"{OUTPUT.name}: {len(all_tables())} tables, {len(frequencies)} frequencies")
