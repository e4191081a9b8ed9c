"""A scene before it becomes chunks: its splats as integers in canonical order, and the nodes that stand for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.boxes import LARGEST_SIDE_3D, box_of, canonical_order_3d
from sfumato.coding.halving import Boxes
from sfumato.media.scene.codec import SHARE_BITS, Portion
from sfumato.media.scene.layout import Layout
from sfumato.media.scene.measure import sight
from sfumato.media.scene.merge import mass, merge
from sfumato.media.scene.packed import Packed, slices
from sfumato.media.scene.quantise import (
    COLOR_STEP,
    OCTAVE,
    Floats,
    Ints,
    QuantisedSplats,
    Quantiser,
    dequantise,
    dequantise_band,
    grid_exponent,
    levels,
    quantise,
    quantise_band,
    step_log,
)
from sfumato.splats import SH_C0, Float32Array, Splats3D

NODE_FINENESS = -13
"""Eighths of an octave by which the nodes' steps differ from the splats'."""

_MERGED_AT_ONCE = 1 << 17
"""Splats whose merging takes memory at the same time, about."""

WHOLE_SHARE = (1 << SHARE_BITS) - 1
"""The share that leaves a node all of its opacity."""


class Prepared:
    """The splats of a scene as floats and as integers.

    cell: int32 [n, 3], where in the grid they lie. order: [n], their canonical order. weight: float32 [n], what they
    add to the views. energy: [n], what equal steps change there.
    """

    def __init__(
        self, splats: Splats3D, quality: float = 1.0, *, single_level: bool = False, antialiased: bool = False
    ) -> None:
        fineness = round(8 * np.log2(quality))
        seen = sight(splats, antialiased=antialiased)
        self.weight, self.energy = seen.weight, seen.energy
        self._usual = float(np.exp(np.log(seen.energy).mean()))
        level = levels(seen.energy, self._usual)
        exponent = grid_exponent(splats, level, fineness)
        low, high = splats.mean.min(axis=0).astype(float), splats.mean.max(axis=0).astype(float)
        while np.any((high - low) * 2.0**-exponent >= LARGEST_SIDE_3D - 1):
            exponent += 1
        size = np.floor((high - low) * 2.0**-exponent).astype(np.int64) + 1
        self.layout = Layout(
            (float(low[0]), float(low[1]), float(low[2])), exponent, (int(size[0]), int(size[1]), int(size[2])),
            len(splats), portions=1 if single_level or len(splats) == 1 else 2,
            sh_degree=splats.sh_degree, antialiased=antialiased,
        )  # fmt: skip
        if single_level:
            self.layout = replace(self.layout, leaves=(len(splats), len(splats)), group=len(splats))
        self.quantiser = Quantiser(fineness, exponent)
        self.node_quantiser = Quantiser(fineness + NODE_FINENESS, exponent)
        self.splats = splats
        quantised = (quantise(splats[rows], level[rows], self.quantiser, low, size) for rows in slices(len(splats)))
        self.q = Packed.joined(quantised, len(splats))
        self.cell = np.concatenate([part.cell.astype(np.int32) for _, part in self.q.parts()])
        self.order = canonical_order_3d(self.cell, self.layout.size)

    def merged(self, boxes: Boxes, rows: Ints) -> Splats3D:
        """The nodes of `boxes`, which hold the splats `rows`, box after box."""
        nodes = [merge(self.splats[some], own, len(part)) for part, some, own in self._blocks(boxes, rows)]
        return Splats3D.concatenate(nodes)

    def integers(self, boxes: Boxes, rows: Ints, nodes: Splats3D) -> tuple[Ints, QuantisedSplats]:
        """Offsets and integers of the nodes of `boxes`, which hold the splats `rows`; cells are 0."""
        blocks = self._blocks(boxes, rows)
        energy = [np.bincount(own, self.energy[some], len(part)) / part.count for part, some, own in blocks]
        level = levels(np.concatenate(energy), self._usual)
        offset = self.layout.offsets(boxes, nodes.mean.astype(np.float64))
        q = quantise(nodes, level, self.node_quantiser, np.array(self.layout.origin), np.array(self.layout.size))
        return offset, replace(q, cell=np.zeros_like(q.cell), fine=np.zeros_like(q.fine))

    def rounded(self, boxes: Boxes, rows: Ints, nodes: Splats3D) -> Splats3D:
        """The nodes of `boxes` as a decoder sees them, with colours of degree 0."""
        offset, q = self.integers(boxes, rows, nodes)
        q = replace(q, cell=self.layout.node_cells(boxes, offset))
        return dequantise(q, self.node_quantiser, np.array(self.layout.origin), coarse=True)

    def decoded(self, rows: Ints | None = None) -> Splats3D:
        """Some or all splats as a decoder sees them, in the order of the source; some of them without harmonics."""
        if rows is not None:
            return dequantise(self.q.unpack(rows), self.quantiser, np.array(self.layout.origin))
        pieces = []
        for some, q in self.q.parts():
            part = dequantise(q, self.quantiser, np.array(self.layout.origin)).with_sh_degree(self.splats.sh_degree)
            for band in range(1, self.splats.sh_degree + 1):
                which = slice(band * band, (band + 1) ** 2)
                values = quantise_band(self.splats.sh[some, which].astype(np.float64), q.level, self.quantiser)
                part.sh[:, which] = dequantise_band(values, q.level, self.quantiser)
            pieces.append(part)
        return Splats3D.concatenate(pieces)

    @property
    def color_steps(self) -> Float32Array:
        """The steps in which the splats' harmonics of degree 0 are coded, [N, 1]."""
        shade = np.concatenate([step_log(q.level, self.quantiser.fineness) for _, q in self.q.parts()])
        steps: Float32Array = (COLOR_STEP / SH_C0 * np.exp2(shade / OCTAVE)).astype(np.float32)[:, None]
        return steps

    def recolor(self, color: Float32Array) -> None:
        """Give the splats other harmonics of degree 0, [N, 3]; all else stays."""
        sh = self.splats.sh.copy()
        sh[:, 0] = color
        self.splats = replace(self.splats, sh=sh)
        origin, size = np.array(self.layout.origin), np.array(self.layout.size)
        pieces = (quantise(self.splats[some], q.level, self.quantiser, origin, size) for some, q in self.q.parts())
        self.q = Packed.joined(pieces, len(self.splats))

    def _blocks(self, boxes: Boxes, rows: Ints) -> Iterator[tuple[Boxes, Ints, Ints]]:
        """Some boxes at a time, the splats in them, and the box of each, so that what is made of them takes little."""
        end = np.cumsum(boxes.count)
        blocks = np.flatnonzero(np.diff(end // _MERGED_AT_ONCE, append=-1)) + 1
        box = row = 0
        for next_box, next_row in zip(blocks.tolist(), end[blocks - 1].tolist(), strict=True):
            part, some = boxes.take(slice(box, next_box)), rows[row:next_row]
            yield part, some, box_of(self.cell[some], part, self.layout.size).astype(np.int64)
            box, row = next_box, next_row

    def first_half(self, boxes: Boxes, rows: Ints) -> tuple[NDArray[np.bool_], Ints]:
        """Which of the splats `rows` in `boxes` come first, [n], and the sevenths of each node that then stay."""
        own = box_of(self.cell[rows], boxes, self.layout.size).astype(np.int64)
        early = _most_important(own, self.weight[rows].astype(np.float64), boxes) | (self.layout.portions == 1)
        total = mass(self.splats[rows])
        left = np.bincount(own, total * ~early, len(boxes)) / np.maximum(np.bincount(own, total, len(boxes)), 1e-30)
        return early, np.rint(left * WHOLE_SHARE).astype(np.int64)


def _most_important(own: Ints, weight: Floats, boxes: Boxes) -> NDArray[np.bool_]:
    """Which splats belong to the more important half of their box."""
    order = np.lexsort((-weight, own))
    rank = np.empty(len(own), np.int64)
    rank[order] = np.arange(len(own)) - np.repeat(np.cumsum(boxes.count) - boxes.count, boxes.count)
    early: NDArray[np.bool_] = rank < Portion.FIRST.counts(boxes.count)[own]
    return early
