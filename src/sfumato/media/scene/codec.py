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
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sfumato.coding import Coder, SymbolDecoder, SymbolEncoder
from sfumato.coding.boxes import code_boxes, code_points_in, split_boxes
from sfumato.coding.columns import MODEL_BYTES, Model, best_expectation, models_from_bytes, models_to_bytes
from sfumato.coding.contexts import WideModel, magnitude
from sfumato.coding.halving import Boxes, code_raw
from sfumato.errors import ChunkError
from sfumato.media.scene.quantise import (
    OCTAVE,
    ROOTS,
    Ints,
    QuantisedSplats,
    Quantiser,
    fine_bits,
    lengths,
    opacity_step,
    rotation_logs,
    scale_steps,
    step_context,
    step_log,
)

NODES, LEAVES, BANDS = "NODE", "LEAF", "BAND"

MODELS, BAND_MODELS = 11, 3
"""Models of nodes and splats: three of scales, one of opacity, three of rotation, three of colour; bands have three."""

OFFSET_BITS = 4
"""Bits of a node's place within its box, per axis."""

SHARE_BITS = 3
"""Bits of the share of a node's opacity that is left when the first half of its splats is there."""

MAX_GROUPS = 1 << 16
"""Groups that a chunk's header can name."""

_GROUP = struct.Struct("<H")
_FINENESS = struct.Struct("<b")
_LARGEST_SHIFT = 20 * OCTAVE
_COLOR_UNIT = -4 * OCTAVE  # the shade in whose steps centres of colours are given
_WEIGHTS = range(9)


@dataclass(frozen=True)
class Header:
    """What a chunk says before its coded stream.

    group: the run of level-0 boxes it belongs to, 0 for level 0. fineness: see `Quantiser`; 0 in bands, whose steps are
    those of their splats.
    """

    group: int
    fineness: int
    models: tuple[Model, ...]

    def to_bytes(self) -> bytes:
        """2 bytes, or 3 before the models of nodes and splats, and 5 for each model."""
        fixed = _GROUP.pack(self.group)
        if len(self.models) == MODELS:
            fixed += _FINENESS.pack(self.fineness)
        return fixed + models_to_bytes(self.models)

    @classmethod
    def from_bytes(cls, payload: bytes, models: int) -> tuple[Header, bytes]:
        """The header with so many models, and the coded stream behind it. Raises ChunkError if it breaks the format."""
        fixed = _GROUP.size + (_FINENESS.size if models == MODELS else 0)
        size = fixed + models * MODEL_BYTES
        if len(payload) < size:
            raise ChunkError(f"a chunk of a scene starts with {size} bytes; this one has {len(payload)}")
        (group,) = _GROUP.unpack_from(payload)
        (fineness,) = _FINENESS.unpack_from(payload, _GROUP.size) if models == MODELS else (0,)
        found = models_from_bytes(payload[fixed:size], "a chunk of a scene")
        return cls(group, fineness, found), payload[size:]

    def quantiser(self, exponent: int) -> Quantiser:
        """The chunk's quantiser in a scene of this grid."""
        return Quantiser(self.fineness, exponent)


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
        bits = fine_bits(q.scale, step_log(q.level, quantiser.fineness), quantiser)
        known = None if given is None else given[1].fine
        fine = [code_raw(self.coder, None if known is None else known[:, axis], bits) for axis in range(3)]
        return Leaves(replace(q, fine=np.stack(fine, axis=1)), box, share, quantiser)

    def band(self, leaves: Leaves, band: int, given: Ints | None) -> Ints:
        """The harmonics of degree `band` (1..3) of some splats, [n, 2 band + 1, 3] integers."""
        each = 2 * band + 1
        context = np.repeat(step_context(step_log(leaves.q.level, leaves.quantiser.fineness)), each)
        columns = [self._even(context, None if given is None else given[:, :, k].ravel()) for k in range(3)]
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
        zero = np.zeros(n, np.int64)
        level_above, longest_above, color_above, shade_above = zero, zero, np.zeros((n, 3), np.int64), zero
        if predicted is not None:
            nodes, box = predicted
            node_shade = step_log(nodes.q.level, nodes.quantiser.fineness)
            level_above, color_above, shade_above = nodes.q.level[box], nodes.q.color[box], node_shade[box]
            longest_above = lengths(nodes.q.scale, node_shade)[0][box]
        level = self._even(zero, None if q is None else q.level, level_above)
        shade = step_log(level, quantiser.fineness)
        context = step_context(shade)
        first, second, third = scale_steps(shade)
        scale = np.zeros((n, 3), np.int64)
        scale[:, 0] = self._logs(context, None if q is None else q.scale[:, 0], first, longest_above)
        scale[:, 1] = self._logs(context, None if q is None else q.scale[:, 1], second)
        _, thinner, _ = lengths(scale, shade)
        scale[:, 2] = self._logs(context + 2 * np.minimum(thinner >> 8, 6), None if q is None else q.scale[:, 2], third)
        opacity = self._logs(context, None if q is None else q.opacity, opacity_step(shade))
        rotation = np.zeros((n, 3), np.int64)
        _, thinner, flatter = lengths(scale, shade)
        turns = rotation_logs(shade, thinner, flatter)
        for k in range(3):
            rotation[:, k] = self._even(step_context(turns[k == 2]), None if q is None else q.rotation[:, k])
        color = np.zeros((n, 3), np.int64)
        above = _rescale(color_above, (shade_above - _COLOR_UNIT)[:, None])
        for k in range(3):
            color[:, k], rest = self._colors(context, None if q is None else q.color[:, k], shade, above[:, k])
            context = context + 4 * np.minimum(magnitude(rest), 6) if k == 0 else context
        return QuantisedSplats(cell, level, scale, opacity, rotation, color, 0 * cell)

    def _even(self, context: Ints, values: Ints | None, above: Ints | None = None) -> Ints:
        """A column whose steps are equal: centre in steps."""
        one = np.ones(len(context), np.int64)
        return self._column(context, values, one, np.zeros_like(one) if above is None else above, lambda unit: unit)[0]

    def _logs(self, context: Ints, values: Ints | None, step: Ints, above: Ints | None = None) -> Ints:
        """A column of logarithms with steps [n]: centre in parts of an octave."""
        above = np.zeros_like(step) if above is None else above
        return self._column(context, values, step, above, lambda unit: (unit + (step >> 1)) // step)[0]

    def _colors(self, context: Ints, values: Ints | None, shade: Ints, above: Ints) -> tuple[Ints, Ints]:
        size = np.exp2((shade - _COLOR_UNIT) / OCTAVE)
        return self._column(context, values, size, above, lambda unit: _rescale(unit, _COLOR_UNIT - shade))

    def _column(
        self,
        context: Ints,
        values: Ints | None,
        size: NDArray[np.int64] | NDArray[np.float64],
        above: Ints,
        steps_of: Callable[[Ints], Ints],
    ) -> tuple[Ints, Ints]:
        """Values [n] and their distances to what was expected.

        size: units of a centre per step, for planning alone. above: the node's values in units. steps_of: units to
        steps.
        """
        if self._models is None:
            assert values is not None
            centre, weight = best_expectation(values, size, above, _WEIGHTS)
            rest = values - steps_of((weight * above >> 3) + centre)
            self.planned.append(Model(WideModel.best(rest, context), centre, weight))
            return values, rest
        model = next(self._models)
        expected = steps_of(model.expected(above))
        rest = model.context.code(self.coder, context, None if values is None else values - expected)
        return expected + rest, rest


def _rescale(values: Ints, sixteenths: Ints) -> Ints:
    """`values` times 2^(sixteenths / 16), rounded, in integers."""
    shift = np.clip(sixteenths, -_LARGEST_SHIFT, _LARGEST_SHIFT)
    scaled = np.clip(values, -(1 << 20), 1 << 20) * ROOTS[shift & OCTAVE - 1]
    whole = (shift >> 4) - 16
    right = np.maximum(-whole, 0)
    half = (np.int64(1) << right) >> 1
    result: Ints = ((scaled << np.maximum(whole, 0)) + half) >> right
    return result


def start(kind: str, payload: bytes) -> tuple[Header, SymbolDecoder, Walk]:
    """The header of a chunk of this kind, the decoder of its stream and the walk over it."""
    header, stream = Header.from_bytes(payload, BAND_MODELS if kind == BANDS else MODELS)
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
    header = Header(group, quantiser.fineness, tuple(plan.planned))
    return header.to_bytes() + encoder.finish(), made
