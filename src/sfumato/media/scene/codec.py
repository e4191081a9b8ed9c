"""Splats of a scene to chunks and back.

The points of the whole scene lie in one tree of boxes (`coding.boxes`). Level 0 codes the tree down to boxes of a few
hundred points, level 1 goes on to boxes of about sixteen, and each of these boxes is shown as one merged splat, its
node. The two levels after that code the splats themselves, first the half of every box that shows most, then the rest.
So no part of a position is coded twice, and a node's colour is what its splats' colours are predicted from. Harmonics
beyond degree 0 follow band by band, for one half of a group's splats a chunk.

`Walk` is the one description of the order of symbols; encoder and decoder both run it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np

from sfumato.coding import Coder, SymbolDecoder, SymbolEncoder, uniform_table
from sfumato.coding.boxes import code_boxes, code_points_in, split_boxes
from sfumato.coding.contexts import MODEL_TABLES, ContextModel, magnitude
from sfumato.coding.halving import Boxes
from sfumato.errors import ChunkError
from sfumato.media.scene.quantise import (
    OCTAVE,
    Ints,
    QuantisedSplats,
    Quantiser,
    color_log,
    fine_bits,
    rotation_log,
)

NODES, LEAVES, BANDS = "NODE", "LEAF", "BAND"

MODELS = 10
"""Models of nodes and splats: three of scales, one of opacity, three of rotation, three of colour; bands have three."""

OFFSET_BITS = 4
"""Bits of a node's place within its box, per axis."""

SHARE_BITS = 3
"""Bits of the share of a node's opacity that is left when the first half of its splats is there."""

MAX_GROUPS = 1 << 16
"""Groups that a chunk's header can name."""

_FIXED = struct.Struct("<HbBH")
_MODEL = struct.Struct("<Bbh")
_LARGEST_SHIFT = 20 * OCTAVE

# 2^(k / 16) with 16 bits behind the point.
_ROOTS = np.array([round(2 ** (k / OCTAVE) * 65536) for k in range(OCTAVE)], np.int64)


@dataclass(frozen=True)
class Model:
    """How a column of signed values is coded: what is typical, and the tables for the distance to it."""

    context: ContextModel
    centre: int


@dataclass(frozen=True)
class Header:
    """What a chunk says before its coded stream.

    group: the run of level-0 boxes it belongs to, 0 for level 0. fineness, scale_step, opacity_levels: see `Quantiser`.
    """

    group: int
    fineness: int
    scale_step: int
    opacity_levels: int
    models: tuple[Model, ...]

    def to_bytes(self) -> bytes:
        """6 bytes and 4 for each model."""
        fixed = _FIXED.pack(self.group, self.fineness, self.scale_step, self.opacity_levels)
        return fixed + b"".join(_MODEL.pack(m.context.table, m.context.slope, m.centre) for m in self.models)

    @classmethod
    def from_bytes(cls, payload: bytes, models: int) -> tuple[Header, bytes]:
        """The header with so many models, and the coded stream behind it. Raises ChunkError if it breaks the format."""
        size = _FIXED.size + models * _MODEL.size
        if len(payload) < size:
            raise ChunkError(f"a chunk of a scene starts with {size} bytes; this one has {len(payload)}")
        group, fineness, scale_step, levels = _FIXED.unpack_from(payload)
        if not scale_step or not levels:
            raise ChunkError("a chunk of a scene has a step of scales or a number of opacities of 0")
        numbers = list(struct.iter_unpack("<Bbh", payload[_FIXED.size : size]))
        if any(table >= MODEL_TABLES for table, _, _ in numbers):
            raise ChunkError("a chunk of a scene names a probability table that does not exist")
        found = tuple(Model(ContextModel(table, slope), centre) for table, slope, centre in numbers)
        return cls(group, fineness, scale_step, levels, found), payload[size:]

    def quantiser(self, typical: int, exponent: int) -> Quantiser:
        """The chunk's quantiser in a scene of this typical size and grid."""
        return Quantiser(self.fineness, self.scale_step, self.opacity_levels, typical, exponent)


@dataclass(frozen=True)
class Nodes:
    """Merged splats and the boxes they stand for.

    boxes: [n]. parent: [n] the box of the level above that each came from. offset: [n, 3] place within the box in
    sixteenths of its sides. q: their integers; cells follow from boxes and offsets. quantiser: of the integers.
    """

    boxes: Boxes
    parent: Ints
    offset: Ints
    q: QuantisedSplats
    quantiser: Quantiser


@dataclass(frozen=True)
class Leaves:
    """Some of a group's splats.

    q: their integers, in canonical order. box: [n] the node of each. share: [nodes] eighths less one of the opacity
    that is left of each node; empty unless this is the first half. quantiser: of the integers.
    """

    q: QuantisedSplats
    box: Ints
    share: Ints
    quantiser: Quantiser


class Portion(Enum):
    """Which of a box's splats a chunk holds."""

    ALL = 0
    FIRST = 1
    SECOND = 2

    def counts(self, count: Ints) -> Ints:
        """How many of the `count` [n] splats of each box."""
        first = (count + 1) // 2
        found: Ints = count if self is Portion.ALL else first if self is Portion.FIRST else count - first
        return found


class Walk:
    """Codes the parts of a chunk with `coder`; without models it finds the best ones on the way."""

    def __init__(self, coder: Coder, models: tuple[Model, ...] | None = None) -> None:
        self.coder = coder
        self.planned: list[Model] = []
        self._models = None if models is None else iter(models)

    def nodes(
        self,
        quantiser: Quantiser,
        size: tuple[int, int, int],
        above: Nodes | int,
        leaf: int,
        points: Ints | None,
        given: tuple[Ints, QuantisedSplats] | None,
    ) -> Nodes:
        """Nodes of boxes of at most `leaf` points.

        above: the nodes whose boxes are split, or how many points the whole scene has. points: [n, 3] of these boxes,
        given: offsets and integers of the nodes; both None when decoding.
        """
        if isinstance(above, Nodes):
            boxes, parent = split_boxes(self.coder, points, above.boxes, size, leaf)
            predicted = (above, parent)
        else:
            boxes = code_boxes(self.coder, points, above, size, leaf)
            parent, predicted = np.zeros(len(boxes), np.int64), None
        known = None if given is None else given[0].T.ravel()
        offset = self.coder.bits(OFFSET_BITS, known, 3 * len(boxes)).astype(np.int64).reshape(3, -1).T
        empty = np.zeros((len(boxes), 3), np.int64)
        q = self._attributes(quantiser, len(boxes), predicted, empty, None if given is None else given[1])
        return Nodes(boxes, parent, offset, q, quantiser)

    def leaves(
        self,
        quantiser: Quantiser,
        size: tuple[int, int, int],
        nodes: Nodes,
        portion: Portion,
        given: tuple[Ints, QuantisedSplats] | None,
    ) -> Leaves:
        """Some or all splats in the boxes of `nodes`. given: shares and integers in canonical order."""
        counts = portion.counts(nodes.boxes.count)
        known = None if given is None else given[1].cell
        points, box = code_points_in(self.coder, known, nodes.boxes, counts, size)
        share = np.zeros(0, np.int64)
        if portion is Portion.FIRST:
            shares = None if given is None else given[0]
            share = self.coder.bits(SHARE_BITS, shares, len(nodes.boxes)).astype(np.int64)
        q = None if given is None else given[1]
        q = self._attributes(quantiser, len(points), (nodes, box), points.astype(np.int64), q)
        shade = color_log(q.scale, q.opacity, quantiser)
        bits = np.repeat(fine_bits(q.scale, shade, quantiser)[:, None], 3, axis=1)
        some = np.nonzero(bits.T)[::-1]
        fine = np.zeros(bits.shape, np.int64)
        known = None if given is None else given[1].fine[some]
        fine[some] = self.coder.code(bits[some] - 1 + uniform_table(1), known)
        return Leaves(QuantisedSplats(q.cell, q.scale, q.opacity, q.rotation, q.color, fine), box, share, quantiser)

    def band(self, leaves: Leaves, band: int, given: Ints | None) -> Ints:
        """The harmonics of degree `band` (1..3) of some splats, [n, 2 band + 1, 3] integers."""
        each = 2 * band + 1
        shade = color_log(leaves.q.scale, leaves.q.opacity, leaves.quantiser)
        context = np.repeat(np.clip(-shade >> 3, -20, 60), each)
        columns = [self._signed(context, None if given is None else given[:, :, k].ravel()) for k in range(3)]
        return np.stack(columns, axis=1).reshape(-1, each, 3)

    def _attributes(
        self,
        quantiser: Quantiser,
        n: int,
        predicted: tuple[Nodes, Ints] | None,
        cell: Ints,
        q: QuantisedSplats | None,
    ) -> QuantisedSplats:
        """Everything but positions."""
        none = np.zeros(n, np.int64)
        longest = self._signed(none, None if q is None else q.scale[:, 0])
        middle = longest - self._signed(none, None if q is None else q.scale[:, 0] - q.scale[:, 1])
        slimness = np.minimum(magnitude(longest - middle), 7)
        least = middle - self._signed(slimness, None if q is None else q.scale[:, 1] - q.scale[:, 2])
        scale = np.stack([longest, middle, least], axis=1)
        opacity = np.maximum(self._signed(none, None if q is None else q.opacity), 0)
        shade = color_log(scale, opacity, quantiser)
        turn = np.clip(-rotation_log(scale, shade, quantiser) >> 3, -20, 60)
        columns = [self._signed(turn, None if q is None else q.rotation[:, k]) for k in range(3)]
        rotation = np.stack(columns, axis=1)
        color = np.zeros((n, 3), np.int64)
        if predicted is not None:
            nodes, box = predicted
            above = color_log(nodes.q.scale, nodes.q.opacity, nodes.quantiser)
            color = _rescale(nodes.q.color[box], (above[box] - shade)[:, None])
        context = np.clip(-shade >> 3, -20, 60)
        for k in range(3):
            rest = self._signed(context, None if q is None else q.color[:, k] - color[:, k])
            color[:, k] += rest
            context = np.clip(-shade >> 3, -20, 60) + 4 * np.minimum(magnitude(rest), 6) if k == 0 else context
        return QuantisedSplats(cell, scale, opacity, rotation, color, 0 * cell)

    def _signed(self, context: Ints, values: Ints | None) -> Ints:
        if self._models is None:
            assert values is not None
            centre = int(np.clip(np.rint(np.median(values)), -(1 << 15), (1 << 15) - 1)) if len(values) else 0
            self.planned.append(Model(ContextModel.best(values - centre, context), centre))
            return values
        model = next(self._models)
        known = None if values is None else values - model.centre
        return model.centre + self.coder.signed(model.context.tables(context), known).astype(np.int64)


def _rescale(values: Ints, sixteenths: Ints) -> Ints:
    """`values` times 2^(sixteenths / 16), rounded, in integers."""
    shift = np.clip(sixteenths, -_LARGEST_SHIFT, _LARGEST_SHIFT)
    scaled = np.clip(values, -(1 << 20), 1 << 20) * _ROOTS[shift & OCTAVE - 1]
    whole = (shift >> 4) - 16
    right = np.maximum(-whole, 0)
    half = (np.int64(1) << right) >> 1
    result: Ints = ((scaled << np.maximum(whole, 0)) + half) >> right
    return result


def start(kind: str, payload: bytes) -> tuple[Header, SymbolDecoder, Walk]:
    """The header of a chunk of this kind, the decoder of its stream and the walk over it."""
    header, stream = Header.from_bytes(payload, 3 if kind == BANDS else MODELS)
    decoder = SymbolDecoder(stream)
    return header, decoder, Walk(decoder, header.models)


Made = TypeVar("Made")


def encode(group: int, quantiser: Quantiser, code: Callable[[Walk], Made]) -> tuple[bytes, Made]:
    """The payload of a chunk that `code` walks over, and what a decoder makes of it.

    The first of two walks finds the models, the second codes with them.
    """
    plan = Walk(SymbolEncoder())
    code(plan)
    encoder = SymbolEncoder()
    made = code(Walk(encoder, tuple(plan.planned)))
    header = Header(group, quantiser.fineness, quantiser.scale_step, quantiser.opacity_levels, tuple(plan.planned))
    return header.to_bytes() + encoder.finish(), made
