"""A group of a scene as a decoder keeps it: integers in little memory, and the splats they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.media.scene.codec import SHARE_BITS, Leaves, Nodes
from sfumato.media.scene.layout import Layout
from sfumato.media.scene.packed import Packed, narrow
from sfumato.media.scene.quantise import Ints, QuantisedSplats, Quantiser, dequantise, dequantise_band
from sfumato.splats import Splats3D


class Group:
    """A part of the scene and what is there of it. What later chunks replace is not kept.

    coarse: its nodes of level 0. portions: chunks that its splats are dealt into.
    bands: for each portion of the splats so far the integers of the harmonics of degree 1, 2, ... so far.
    """

    def __init__(self, coarse: Packed[Nodes], portions: int) -> None:
        self.bands: list[list[NDArray[np.signedinteger[Any]]]] = []
        self._portions = portions
        self._nodes: Packed[Nodes] | None = coarse
        self._refined = False  # whether the nodes are those of level 1, or were
        self._leaves: list[tuple[Packed[QuantisedSplats], Quantiser]] = []
        self._share: NDArray[np.signedinteger[Any]] = np.zeros(0, np.int8)

    @property
    def nodes(self) -> Nodes | None:
        """The merged splats that are there: of level 0, then of level 1, then none if all splats are there."""
        return None if self._nodes is None else self._nodes.unpack()

    @property
    def refined(self) -> bool:
        """Whether the nodes of level 1 have come."""
        return self._refined

    @property
    def leaves(self) -> list[Leaves]:
        """The portions of the splats so far, in order; without the boxes they came from."""
        return [self.leaves_of(number) for number in range(len(self._leaves))]

    def leaves_of(self, number: int) -> Leaves:
        """One portion of the splats."""
        packed, quantiser = self._leaves[number]
        return Leaves(packed.unpack(), np.zeros(0, np.int64), self._share.astype(np.int64), quantiser)

    def refine(self, nodes: Nodes) -> None:
        """Put the nodes of level 1 in the place of those of level 0."""
        self._nodes, self._refined = Packed.of(nodes, len(nodes.boxes)), True

    def add(self, leaves: Leaves) -> None:
        """Take the next portion of the splats."""
        self._leaves.append((Packed.of(leaves.q, len(leaves.q)), leaves.quantiser))
        self.bands.append([])
        self._share = narrow(leaves.share)
        if len(self._leaves) == self._portions:
            self._nodes = None

    def add_band(self, number: int, values: Ints) -> None:
        """Take the next band of harmonics of one portion."""
        self.bands[number].append(narrow(values))

    def __len__(self) -> int:
        """Splats that are to be drawn."""
        leaves = sum(len(q) for q, _ in self._leaves)
        if self._nodes is None:
            return leaves
        return leaves + (int(np.count_nonzero(self._share)) if self._leaves else len(self._nodes))

    def splats(self, layout: Layout) -> Iterator[Splats3D]:
        """What is to be drawn, in pieces of some ten thousand splats."""
        for (packed, quantiser), bands in zip(self._leaves, self.bands, strict=True):
            for rows, q in packed.parts():
                splats = dequantise(q, quantiser, np.array(layout.origin)).with_sh_degree(layout.sh_degree)
                for band, values in enumerate(bands, start=1):
                    sh = dequantise_band(values[rows].astype(np.int64), q.level, quantiser)
                    splats.sh[:, band * band : (band + 1) ** 2] = sh
                yield splats
        if self._nodes is None:
            return
        for rows, nodes in self._nodes.parts():
            splats = node_splats(nodes, layout)
            if self._leaves:
                left = (self._share[rows] / ((1 << SHARE_BITS) - 1)).astype(np.float32)
                splats = replace(splats, opacity=splats.opacity * left)[left > 0]
            yield splats


def node_splats(nodes: Nodes, layout: Layout) -> Splats3D:
    """The merged splats of nodes."""
    q = replace(nodes.q, cell=layout.node_cells(nodes.boxes, nodes.offset))
    splats = dequantise(q, nodes.quantiser, np.array(layout.origin), coarse=True)
    return splats.with_sh_degree(layout.sh_degree)
