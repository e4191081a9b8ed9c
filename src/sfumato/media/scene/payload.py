"""The payload of a chunk to integers in little memory: compiled where possible, else by the walk.

What the compiled decoder refuses, the walk refuses with the reason.
"""

from __future__ import annotations

import numpy as np

from sfumato.coding.halving import Boxes
from sfumato.media.scene.codec import BANDS, LEAVES, NODES, Header, Leaves, Nodes, Portion, start
from sfumato.media.scene.layout import Layout
from sfumato.media.scene.native_codec import Integers, Parents, native_codec
from sfumato.media.scene.packed import Packed, narrow
from sfumato.media.scene.quantise import QuantisedSplats, Quantiser

_NONE = np.zeros(0, np.int64)


def decode_nodes(payload: bytes, header: Header, layout: Layout, above: Nodes | None) -> Packed[Nodes]:
    """The nodes of a NODE that divides the boxes of `above`, or the box of the whole scene.

    Raises ChunkError for bytes that no encoder wrote.
    """
    leaf, compiled = layout.leaves[above is not None], native_codec()
    if compiled is not None:
        found = compiled.nodes(payload, layout.size, layout.exponent, _parents(above, layout.splats), leaf)
        if found is not None:
            corner, depth, count, parent, offset, level, scale, opacity, rotation, color = found
            empty: Integers = np.zeros((len(count), 3), np.int8)
            q = QuantisedSplats(empty, level, scale, opacity, rotation, color, empty)
            nodes = Nodes(Boxes(corner, depth, count), parent, offset, q, header.quantiser(layout.exponent))
            return Packed(nodes, len(count))
    _, coder, walk = start(NODES, payload)
    points = layout.splats if above is None else above
    nodes = walk.nodes(header.quantiser(layout.exponent), layout.size, points, leaf, None, None)
    coder.finish()
    return Packed.of(nodes, len(nodes.boxes))


def decode_leaves(
    payload: bytes, header: Header, layout: Layout, nodes: Nodes, portion: Portion
) -> tuple[Packed[QuantisedSplats], Integers, Quantiser]:
    """The splats of a LEAF, the shares of `nodes` (none but in a first half) and the quantiser. Raises ChunkError."""
    quantiser, compiled = header.quantiser(layout.exponent), native_codec()
    if compiled is not None:
        counts, shares = portion.counts(nodes.boxes.count), portion is Portion.FIRST
        parents = _parents(nodes, layout.splats)
        found = compiled.leaves(payload, layout.size, layout.exponent, parents, counts, shares=shares)
        if found is not None:
            *fields, share = found
            q = QuantisedSplats(*fields)
            return Packed(q, len(q)), share, quantiser
    _, coder, walk = start(LEAVES, payload)
    leaves = walk.leaves(quantiser, layout.size, nodes, portion, None)
    coder.finish()
    return Packed.of(leaves.q, len(leaves.q)), narrow(leaves.share), quantiser


def decode_band(payload: bytes, splats: Packed[QuantisedSplats], quantiser: Quantiser, band: int) -> Integers:
    """The harmonics [n, 2 band + 1, 3] in a BAND of degree `band` of some splats. Raises ChunkError."""
    compiled = native_codec()
    if compiled is not None:
        found = compiled.band(payload, splats.small.level, quantiser.fineness, band)
        if found is not None:
            return found
    _, coder, walk = start(BANDS, payload)
    values = walk.band(Leaves(splats.unpack(), _NONE, _NONE, quantiser), band, None)
    coder.finish()
    return narrow(values)


def _parents(nodes: Nodes | None, points: int) -> Parents:
    """The nodes that are divided, or the box of all `points`."""
    if nodes is None:
        whole = Boxes(np.zeros((1, 3), np.int64), np.zeros(1, np.int64), np.array([points]))
        return Parents(whole, np.zeros((5, 0), np.int64), 0)
    q = nodes.q
    return Parents.of(nodes.boxes, q.level, q.scale, q.color, nodes.quantiser.fineness)
