"""The splats of a chunk as bytes: a small header, then one entropy-coded stream.

Positions go first, as an unordered set (recursive occupancy counts); the order in which they come out is the order of
everything else. Then colours, whose energy sets the steps of what follows, then shape, tilt and the fine bits of the
positions. `walk` is the one description of that order; encoder and decoder both run it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.coding import (
    Coder,
    SymbolDecoder,
    SymbolEncoder,
    canonical_order,
    code_points,
    uniform_table,
)
from sfumato.coding.contexts import MODEL_TABLES, ContextModel, magnitude
from sfumato.errors import ChunkError
from sfumato.media.image.native_codec import native_codec
from sfumato.media.image.quantise import (
    FRACTION,
    Grid,
    Ints,
    QuantisedSplats,
    dequantise,
    energy_class,
    log_step,
    position_exponents,
    quantise,
    refinement,
)
from sfumato.splats import Splats2D

KIND = "SPLT"

MAX_CELLS = 1 << 16
"""Columns or rows of a position grid."""

_FIXED = struct.Struct("<HBbhhb")
_MEAN_BITS = 8  # the means of the log scales have 1/256 steps
_MAX_CLASS = 40  # beyond any energy class that an encoder makes; hostile colours are held to it


@dataclass(frozen=True)
class Header:
    """What a chunk says before its coded stream.

    count: splats, 0..65535. mean_l11, mean_l22: means of log2 in 1/256.
    share: how much of log l11's deviation log l22 is expected to follow, in sixteenths.
    models: of the colour channels, log l11, log l22 and tilt, [C + 3].
    """

    count: int
    grid: Grid
    mean_l11: int
    mean_l22: int
    share: int
    models: tuple[ContextModel, ...]

    def to_bytes(self) -> bytes:
        """The header's bytes: 9 fixed ones and 2 per model."""
        fixed = _FIXED.pack(
            self.count, self.grid.color_step, self.grid.exponent, self.mean_l11, self.mean_l22, self.share
        )
        return fixed + b"".join(struct.pack("<Bb", model.table, model.slope) for model in self.models)

    def numbers(self, cells: tuple[int, int]) -> tuple[int, ...]:
        """What `NativeCodec.decode` needs to know: the grid has `cells` columns and rows."""
        models = (number for model in self.models for number in (model.table, model.slope))
        return (*cells, self.grid.exponent, self.mean_l11, self.mean_l22, self.share, *models)

    @classmethod
    def from_bytes(cls, payload: bytes, channels: int) -> tuple[Header, bytes]:
        """The header and the coded stream behind it. Raises ChunkError if it breaks docs/format.md."""
        size = _FIXED.size + 2 * (channels + 3)
        if len(payload) < size:
            raise ChunkError(f"a chunk of splats starts with {size} bytes; this one has {len(payload)}")
        count, color_step, exponent, mean_l11, mean_l22, share = _FIXED.unpack_from(payload)
        if not -4 <= exponent <= 10:
            raise ChunkError(f"the position grid has steps of 2^{exponent} pixels; 2^-4 to 2^10 are allowed")
        models = tuple(ContextModel(*pair) for pair in struct.iter_unpack("<Bb", payload[_FIXED.size : size]))
        if any(model.table >= MODEL_TABLES for model in models):
            raise ChunkError("a chunk of splats names a probability table that does not exist")
        return cls(count, Grid(color_step, exponent), mean_l11, mean_l22, share, models), payload[size:]


def _color_context(color: Ints, channel: int) -> Ints:
    """What the channels before `channel` say about its spread."""
    if channel == 0:
        return np.zeros(len(color), np.int64)
    if channel == 2:
        return magnitude(np.abs(color[:, 0]) + 2 * np.abs(color[:, 1]))
    return magnitude(color[:, 0])


def _predict(mean: int, step: Ints) -> Ints:
    return ((mean << FRACTION - _MEAN_BITS) + step // 2) // step


def _predict_l22(header: Header, log_l11: Ints, step: Ints) -> Ints:
    deviation = log_l11 * step - (header.mean_l11 << FRACTION - _MEAN_BITS)
    expected = (header.mean_l22 << FRACTION - _MEAN_BITS) + (deviation * header.share >> 4)
    return (expected + step // 2) // step


def walk(
    coder: Coder, header: Header, channels: int, cells: tuple[int, int], q: QuantisedSplats | None
) -> QuantisedSplats:
    """Code the splats of a chunk: `q` with an encoder, None with a decoder. Both return them.

    cells: columns and rows of the position grid. `q` must be in canonical order.
    """
    n = header.count
    cell = code_points(coder, None if q is None else q.cell, n, *cells).astype(np.int64)
    color = np.zeros((n, channels), np.int64)
    for channel in range(channels):
        tables = header.models[channel].tables(_color_context(color, channel))
        color[:, channel] = coder.signed(tables, None if q is None else q.color[:, channel])
    energy = np.minimum(energy_class(color), _MAX_CLASS)
    step = log_step(energy)
    expected = _predict(header.mean_l11, step)
    log_l11 = expected + coder.signed(
        header.models[channels].tables(energy), None if q is None else q.log_l11 - expected
    )
    expected = _predict_l22(header, log_l11, step)
    log_l22 = expected + coder.signed(
        header.models[channels + 1].tables(energy), None if q is None else q.log_l22 - expected
    )
    tilt = coder.signed(header.models[channels + 2].tables(energy), None if q is None else q.tilt).astype(np.int64)
    bits = refinement(position_exponents(color, log_l11, log_l22, tilt), header.grid)
    fine = np.zeros((n, 2), np.int64)
    some = np.nonzero(bits.T)  # all of x, then all of y
    index = some[::-1]
    fine[index] = coder.code(bits[index] - 1 + uniform_table(1), None if q is None else q.fine[index])
    return QuantisedSplats(cell, color, log_l11, log_l22, tilt, fine)


def _mean(logs: NDArray[np.float64]) -> int:
    """What log2 of a length typically is, as `Header` keeps it."""
    middle = float(np.median(logs)) if len(logs) else 0.0
    return int(np.clip(np.rint(middle * (1 << _MEAN_BITS)), -(1 << 15), (1 << 15) - 1))


def _describe(q: QuantisedSplats, grid: Grid) -> Header:
    """The header that codes `q` in the fewest bits."""
    energy = energy_class(q.color)
    step = log_step(energy)
    l11, l22 = (values * step / (1 << FRACTION) for values in (q.log_l11, q.log_l22))
    mean_l11, mean_l22 = (_mean(x) for x in (l11, l22))
    spread = float(np.sum((l11 - l11.mean()) ** 2)) if len(q) else 0.0
    share = float(np.sum((l11 - l11.mean()) * (l22 - l22.mean()))) / spread if spread else 0.0
    header = Header(len(q), grid, mean_l11, mean_l22, int(np.clip(np.rint(share * 16), -128, 127)), ())
    channels = q.color.shape[1]
    models = [ContextModel.best(q.color[:, c], _color_context(q.color, c)) for c in range(channels)]
    models.append(ContextModel.best(q.log_l11 - _predict(mean_l11, step), energy))
    models.append(ContextModel.best(q.log_l22 - _predict_l22(header, q.log_l11, step), energy))
    models.append(ContextModel.best(q.tilt, energy))
    return Header(header.count, grid, mean_l11, mean_l22, header.share, tuple(models))


def encode_integers(q: QuantisedSplats, grid: Grid, width: int, height: int) -> bytes:
    """The payload of a chunk that holds the splats `q` (at most 65,535) of a canvas of this size."""
    cells = grid.cells(width, height)
    q = q[canonical_order(q.cell, *cells)]
    header = _describe(q, grid)
    encoder = SymbolEncoder()
    walk(encoder, header, q.color.shape[1], cells, q)
    return header.to_bytes() + encoder.finish()


def decode_integers(payload: bytes, channels: int, width: int, height: int) -> tuple[QuantisedSplats, Grid]:
    """The integers of a chunk. Raises ChunkError for bytes that no encoder wrote."""
    header, stream = Header.from_bytes(payload, channels)
    cells = header.grid.cells(width, height)
    if max(cells) > MAX_CELLS:
        raise ChunkError(f"the position grid has {cells[0]:,} x {cells[1]:,} cells; 65,536 a side are allowed")
    compiled = native_codec()
    if compiled is not None:
        found = compiled.decode(stream, channels, header.count, header.numbers(cells))
        if found is not None:
            return QuantisedSplats(*found), header.grid
    # What the compiled decoder refuses, `walk` refuses with the reason.
    decoder = SymbolDecoder(stream)
    q = walk(decoder, header, channels, cells, None)
    decoder.finish()
    return q, header.grid


def decode_splats(payload: bytes, channels: int, width: int, height: int) -> Splats2D:
    """The splats of a chunk, in the order in which they are coded."""
    return dequantise(*decode_integers(payload, channels, width, height))


def choose_exponent(splats: Splats2D, color_step: int, width: int, height: int) -> int:
    """The grid exponent for a chunk: so coarse that only one splat in ten would like it coarser still."""
    q = quantise(splats, Grid(color_step, 0), width, height)
    wanted = position_exponents(q.color, q.log_l11, q.log_l22, q.tilt)
    exponent = int(np.clip(np.quantile(wanted, 0.9), -4, 10)) if len(q) else 0
    while max(Grid(color_step, exponent).cells(width, height)) > MAX_CELLS:
        exponent += 1
    return exponent
