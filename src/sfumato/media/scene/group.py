"""A group of a scene as a decoder keeps it: integers in little memory, and the splats they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.media.scene.codec import SHARE_BITS, Leaves, Nodes
from sfumato.media.scene.layout import Layout
from sfumato.media.scene.packed import Packed, slices
from sfumato.media.scene.quantise import QuantisedSplats, Quantiser, dequantise, dequantise_band
from sfumato.splats import Splats3D


class Group:
    """A part of the scene and what is there of it. What later chunks replace is not kept.

    coarse: its nodes of level 0. portions: chunks that its splats are dealt into.
    packed_leaves: the portions of its splats so far, with their quantisers.
    bands: for each portion of the splats so far the integers of the harmonics of degree 1, 2, ... so far.
    """

    def __init__(self, coarse: Packed[Nodes], portions: int) -> None:
        self.packed_leaves: list[tuple[Packed[QuantisedSplats], Quantiser]] = []
        self.bands: list[list[NDArray[np.signedinteger[Any]]]] = []
        self._portions = portions
        self._nodes: Packed[Nodes] | None = coarse
        self._refined = False  # whether the nodes are those of level 1, or were
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
        none, share = np.zeros(0, np.int64), self._share.astype(np.int64)
        return [Leaves(packed.unpack(), none, share, quantiser) for packed, quantiser in self.packed_leaves]

    def refine(self, nodes: Packed[Nodes]) -> None:
        """Put the nodes of level 1 in the place of those of level 0."""
        self._nodes, self._refined = nodes, True

    def add(self, splats: Packed[QuantisedSplats], share: NDArray[np.signedinteger[Any]], quantiser: Quantiser) -> None:
        """Take the next portion of the splats. share: see `Leaves`."""
        self.packed_leaves.append((splats, quantiser))
        self.bands.append([])
        self._share = share
        if len(self.packed_leaves) == self._portions:
            self._nodes = None

    def __len__(self) -> int:
        """Splats that are to be drawn."""
        leaves = sum(len(q) for q, _ in self.packed_leaves)
        if self._nodes is None:
            return leaves
        return leaves + (int(np.count_nonzero(self._share)) if self.packed_leaves else len(self._nodes))

    def splats(self, layout: Layout) -> Iterator[Splats3D]:
        """What is to be drawn, in pieces of some ten thousand splats."""
        for (packed, quantiser), bands in zip(self.packed_leaves, self.bands, strict=True):
            for rows in slices(len(packed)):
                q = packed.take(rows).small
                splats = dequantise(q, quantiser, np.array(layout.origin))
                if layout.sh_degree:
                    splats = splats.with_sh_degree(layout.sh_degree)
                for band, values in enumerate(bands, start=1):
                    splats.sh[:, band * band : (band + 1) ** 2] = dequantise_band(values[rows], q.level, quantiser)
                yield splats
        if self._nodes is None:
            return
        for rows, nodes in self._nodes.parts():
            splats = node_splats(nodes, layout)
            if self.packed_leaves:
                left = (self._share[rows] / ((1 << SHARE_BITS) - 1)).astype(np.float32)
                splats = replace(splats, opacity=splats.opacity * left)[left > 0]
            yield splats


def node_splats(nodes: Nodes, layout: Layout) -> Splats3D:
    """The merged splats of nodes."""
    q = replace(nodes.q, cell=layout.node_cells(nodes.boxes, nodes.offset))
    splats = dequantise(q, nodes.quantiser, np.array(layout.origin), coarse=True)
    return splats.with_sh_degree(layout.sh_degree)
