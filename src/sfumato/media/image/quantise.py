"""Splats as integers and back.

Every coordinate of a splat gets the step at which its error costs the same squared error in the picture. For that a
colour is coded as `gamma = color sqrt(pi det L)`, so that |gamma|^2 is the energy of the splat in the picture and one
step suits all sizes; and the steps of shape and position are inversely proportional to |gamma|: a strong splat is
placed finely, a faint one coarsely. A decoder knows |gamma| from the colour's integers before it reads the rest.

Dividing the energy's derivatives by the energy (Gaussian integrals over z = L^-1 d) gives 1/2 for a whitened step of
position, 1/2 for the logarithm of l11 or l22 at constant energy and 1/4 for the tilt, hence the three constants below.

From bytes to integers, and in every choice of a step, there is integer arithmetic alone; the floats at the end are
computed from the final integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.media.image.model import MARGIN
from sfumato.media.image.native_codec import native_codec
from sfumato.splats import OPPONENT, Splats2D

Ints = NDArray[np.int64]

FRACTION = 24
"""Bits after the binary point of steps and logarithms."""

# Steps at energy class 0 as fixed-point integers, for even and odd classes (a class is a factor sqrt 2 in |gamma|).
_LOG_STEPS = (28780118, 20350616)  # log2 l11, log2 l22: 2.04 * 2^(-1/4) * 2^(-class / 2)
_TILT_STEPS = (28215802, 19951585)  # l21 / l22: 2.0 * 2^(-1/4) * 2^(-class / 2)
_POSITION_LOG = 4122081  # log2 of the whitened position step at class 0: log2(1.41 * 2^(-1/4))

MAX_REFINEMENT = 8
"""Bits by which a coordinate can be finer than the chunk's grid."""

_POWERS = np.left_shift(np.int64(1), np.arange(63, dtype=np.int64))


@dataclass(frozen=True)
class Grid:
    """The quantiser of a chunk.

    color_step: index k of the colour step 2^(-k / 8) in units of gamma, 0..255.
    exponent: positions lie on a grid of 2^exponent pixels (-4..10) before they are refined.
    """

    color_step: int
    exponent: int

    @property
    def gamma_step(self) -> float:
        """The colour step."""
        return float(2.0 ** (-self.color_step / 8))

    def cells(self, width: int, height: int) -> tuple[int, int]:
        """Columns and rows of the grid that covers a canvas of this size and its margin."""
        return _cells(width, self.exponent), _cells(height, self.exponent)


def _cells(length: int, exponent: int) -> int:
    extent = length + 2 * MARGIN
    return extent << -exponent if exponent <= 0 else -(-extent >> exponent)


@dataclass(frozen=True)
class QuantisedSplats:
    """The integers of a chunk's splats, int64.

    cell: [n, 2] column and row in the chunk's grid. color: [n, C]. log_l11, log_l22, tilt: [n].
    fine: [n, 2] the refined bits of x and y; how many there are follows from the others.
    """

    cell: Ints
    color: Ints
    log_l11: Ints
    log_l22: Ints
    tilt: Ints
    fine: Ints

    def __len__(self) -> int:
        return len(self.cell)

    def __getitem__(self, index: NDArray[np.intp]) -> QuantisedSplats:
        return QuantisedSplats(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def floor_log2(values: Ints) -> Ints:
    """Floor of log2 of positive integers."""
    return np.searchsorted(_POWERS, values, side="right").astype(np.int64) - 1


def energy_class(color: Ints) -> Ints:
    """floor(log2(sum of squares)) of colour integers [n, C]; 0 for black."""
    return floor_log2(np.maximum(np.sum(color * color, axis=1), 1))


def _step(constants: tuple[int, int], energy: Ints) -> Ints:
    return np.where(energy % 2 == 0, constants[0], constants[1]) >> energy // 2


def log_step(energy: Ints) -> Ints:
    """Fixed-point step of log2 l11 and log2 l22 for energy classes [n]."""
    return np.maximum(_step(_LOG_STEPS, energy), 1)


def tilt_step(energy: Ints) -> Ints:
    """Fixed-point step of l21 / l22 for energy classes [n]."""
    return np.maximum(_step(_TILT_STEPS, energy), 1)


def position_exponents(color: Ints, log_l11: Ints, log_l22: Ints, tilt: Ints) -> Ints:
    """log2 [n, 2] of the steps in pixels that suit x and y of every splat."""
    energy = energy_class(color)
    scale = np.stack([log_l11, log_l22], axis=1) * log_step(energy)[:, None]
    # A shift in x also moves the splat along its tilt: its whitened length is sqrt(1 + tilt^2) / l11.
    slant = np.clip(tilt * tilt_step(energy), -(1 << 30), 1 << 30) >> (FRACTION - 12)
    scale[:, 0] -= floor_log2((1 << 24) + slant * slant) - 24 << FRACTION - 1
    wanted = scale + _POSITION_LOG - (energy << FRACTION - 1)[:, None]  # log2 of the steps in pixels
    return wanted + (1 << FRACTION - 1) >> FRACTION


def refinement(exponents: Ints, grid: Grid) -> Ints:
    """Bits [n, 2] by which positions are finer than the chunk's grid."""
    return np.clip(grid.exponent - exponents, 0, MAX_REFINEMENT)


def _gamma(splats: Splats2D) -> NDArray[np.float64]:
    """Colours [N, C] in units of energy, opponent where there are three or four channels."""
    area = np.sqrt(math.pi * splats.chol[:, 0].astype(np.float64) * splats.chol[:, 2])
    gamma = splats.color.astype(np.float64) * area[:, None]
    if splats.channels >= 3:
        gamma[:, :3] = gamma[:, :3] @ OPPONENT.T
    return gamma


def quantise(splats: Splats2D, grid: Grid, width: int, height: int) -> QuantisedSplats:
    """The nearest integers for `splats`; centres outside the margin move to its edge."""
    color = np.rint(_gamma(splats) / grid.gamma_step).astype(np.int64)
    energy = energy_class(color)
    log_steps, tilt_steps = log_step(energy) / (1 << FRACTION), tilt_step(energy) / (1 << FRACTION)
    l11, l21, l22 = splats.chol.T.astype(np.float64)
    log_l11 = np.rint(np.log2(l11) / log_steps).astype(np.int64)
    log_l22 = np.rint(np.log2(l22) / log_steps).astype(np.int64)
    # Rounding l11 moves l21 along with it: then only the tilt's own step is left as its error.
    slope = l21 / l11 * 2 ** ((log_l11 - log_l22) * log_steps)
    tilt = np.rint(slope / tilt_steps).astype(np.int64)
    bits = refinement(position_exponents(color, log_l11, log_l22, tilt), grid)
    limits = np.array(grid.cells(width, height)) << bits
    fine_cell = np.floor((splats.xy.astype(np.float64) + MARGIN) * 2.0 ** (bits - grid.exponent)).astype(np.int64)
    fine_cell = np.clip(fine_cell, 0, limits - 1)
    cell = fine_cell >> bits
    return QuantisedSplats(cell, color, log_l11, log_l22, tilt, fine_cell - (cell << bits))


def dequantise(q: QuantisedSplats, grid: Grid) -> Splats2D:
    """The splats that the integers stand for, by the compiled kernels or `dequantise_reference`."""
    compiled = native_codec()
    if compiled is None:
        return dequantise_reference(q, grid)
    return compiled.dequantise(grid.color_step, grid.exponent, q.cell, q.color, q.log_l11, q.log_l22, q.tilt, q.fine)


def dequantise_reference(q: QuantisedSplats, grid: Grid) -> Splats2D:
    """`dequantise` in numpy: the law, and the fallback."""
    energy = energy_class(q.color)
    steps = log_step(energy) / (1 << FRACTION)
    l11, l22 = np.exp2(np.clip(q.log_l11 * steps, -40, 40)), np.exp2(np.clip(q.log_l22 * steps, -40, 40))
    l21 = np.clip(q.tilt * (tilt_step(energy) / (1 << FRACTION)), -1e6, 1e6) * l22
    bits = refinement(position_exponents(q.color, q.log_l11, q.log_l22, q.tilt), grid)
    xy = ((q.cell << bits) + q.fine + 0.5) * 2.0 ** (grid.exponent - bits) - MARGIN
    gamma = q.color * grid.gamma_step
    if gamma.shape[1] >= 3:
        gamma[:, :3] = gamma[:, :3] @ OPPONENT
    color = gamma / np.sqrt(math.pi * l11 * l22)[:, None]
    return Splats2D(
        xy.astype(np.float32), np.stack([l11, l21, l22], axis=1).astype(np.float32), color.astype(np.float32)
    )
