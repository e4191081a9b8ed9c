"""Bytes of a scene asset to splats, as they arrive."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from sfumato.coding.halving import Boxes
from sfumato.container import Chunk, Head, Parser
from sfumato.errors import ChunkError, FormatError, LimitError, UnsupportedError
from sfumato.media.scene.codec import BANDS, LEAVES, MAX_GROUPS, NODES, SHARE_BITS, Leaves, Nodes, Portion, start
from sfumato.media.scene.layout import Layout
from sfumato.media.scene.quantise import Ints, dequantise, dequantise_band
from sfumato.splats import Splats3D


@dataclass
class Group:
    """A part of the scene and what is there of it.

    coarse, nodes: merged splats of level 0 and 1. leaves: the portions of the splats so far, in order.
    bands: for each portion the integers of the harmonics of degree 1, 2, ... so far.
    """

    coarse: Nodes
    nodes: Nodes | None = None
    leaves: list[Leaves] = field(default_factory=list)
    bands: list[list[Ints]] = field(default_factory=list)


class SceneDecoder:
    """Feed it the bytes of a file in any portions; ask it for its splats at any time.

    name: the file's name, for error messages.
    """

    def __init__(self, name: str = "<bytes>") -> None:
        self.parser = Parser(name, kinds={NODES, LEAVES, BANDS})
        self.groups: list[Group] = []
        self._layout: Layout | None = None
        self._error: FormatError | None = None

    @property
    def head(self) -> Head | None:
        """HEAD, once it has arrived."""
        return self.parser.head

    @property
    def layout(self) -> Layout | None:
        """What HEAD says of the scene, once it has arrived."""
        return self._layout

    @property
    def levels_complete(self) -> int:
        """Levels that are there completely, counted from the base level."""
        return self.parser.levels_complete

    @property
    def splats(self) -> Splats3D:
        """What is to be drawn so far: splats, and merged ones where the splats themselves are not there yet."""
        if self._layout is None:
            return Splats3D.empty()
        parts = [shown(group, self._layout) for group in self.groups]
        return Splats3D.concatenate([Splats3D.empty(self._layout.sh_degree), *parts])

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Take the next bytes; returns how many chunks they completed.

        Raises: FormatError, of the subclass that fits; what came before stays usable, and every later call raises it
            again.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        try:
            chunks = self.parser.feed(data)
            if self._layout is None and self.parser.head is not None:
                self._layout = self._read_head(self.parser.head)
            for chunk in chunks:
                self._take(chunk)
        except FormatError as error:
            self._error = error
            raise
        return len(chunks)

    def close(self, partial: bool = False) -> None:
        """Say that there are no more bytes; see `container.Parser.close`. Raises what stopped `feed`, too."""
        if self._error is not None:
            raise self._error.with_traceback(None)
        try:
            self.parser.close(partial)
        except FormatError as error:
            self._error = error
            raise

    def _read_head(self, head: Head) -> Layout:
        where = f"cannot decode {self.parser.name!r}"
        if head.medium != "scene":
            raise UnsupportedError(f"{where}: HEAD says that the file is a {head.medium}, which is no scene")
        try:
            return Layout.from_fields(head.fields)
        except FormatError as error:
            raise type(error)(f"{where}: {error}") from error

    def _take(self, chunk: Chunk) -> None:
        assert self._layout is not None
        try:
            self._decode(chunk, self._layout)
        except FormatError as error:
            raise type(error)(
                f"cannot decode {self.parser.name!r}: {chunk.kind} of level {chunk.level} at byte {chunk.offset:,}: "
                f"{error}"
            ) from error

    def _decode(self, chunk: Chunk, layout: Layout) -> None:
        header, coder, walk = start(chunk.kind, chunk.payload)
        quantiser = header.quantiser(layout.typical, layout.exponent)
        if chunk.kind == NODES and not self.groups:
            nodes = walk.nodes(quantiser, layout.size, layout.splats, layout.leaves[0], None, None)
            coder.finish()
            self.groups = [Group(part) for part in split(nodes, layout)]
            return
        if header.group >= len(self.groups):
            raise ChunkError(f"there is no group {header.group}; the scene has {len(self.groups)}")
        group = self.groups[header.group]
        if chunk.kind == NODES:
            if group.nodes is not None:
                raise ChunkError(f"the nodes of group {header.group} come twice")
            nodes = walk.nodes(quantiser, layout.size, group.coarse, layout.leaves[1], None, None)
            coder.finish()
            group.nodes = nodes
        elif chunk.kind == LEAVES:
            if group.nodes is None or len(group.leaves) == layout.portions:
                raise ChunkError(f"splats of group {header.group} come before its nodes, or once too often")
            leaves = walk.leaves(quantiser, layout.size, group.nodes, portion(layout, len(group.leaves)), None)
            coder.finish()
            group.leaves.append(leaves)
            group.bands.append([])
        else:
            if chunk.flags >= len(group.leaves) or len(group.bands[chunk.flags]) >= layout.sh_degree:
                raise ChunkError(f"harmonics of group {header.group} come before its splats, or are one band too many")
            bands = group.bands[chunk.flags]
            found = walk.band(group.leaves[chunk.flags], len(bands) + 1, None)
            coder.finish()
            bands.append(found)


def portion(layout: Layout, number: int) -> Portion:
    """What a group's first or second chunk of splats holds."""
    return Portion.ALL if layout.portions == 1 else Portion.SECOND if number else Portion.FIRST


def split(nodes: Nodes, layout: Layout) -> list[Nodes]:
    """The nodes of level 0, group by group. Raises LimitError for more groups than a chunk can name."""
    group = layout.groups(nodes.boxes)
    if group[-1] >= MAX_GROUPS:
        raise LimitError(f"the scene has {group[-1] + 1:,} groups; the cap is {MAX_GROUPS:,}")
    starts = np.flatnonzero(np.diff(group)) + 1
    return [_some(nodes, rows) for rows in np.split(np.arange(len(nodes.boxes)), starts)]


def shown(group: Group, layout: Layout) -> Splats3D:
    """What is to be drawn of a group."""
    if group.nodes is None:
        return node_splats(group.coarse, layout)
    if not group.leaves:
        return node_splats(group.nodes, layout)
    parts = [_leaf_splats(*part, layout) for part in zip(group.leaves, group.bands, strict=True)]
    if len(parts) < layout.portions:
        rest = node_splats(group.nodes, layout)
        share = group.leaves[0].share
        left = (share / ((1 << SHARE_BITS) - 1)).astype(np.float32)
        parts.append(replace(rest, opacity=rest.opacity * left)[share > 0])
    return Splats3D.concatenate(parts)


def _leaf_splats(leaves: Leaves, bands: list[Ints], layout: Layout) -> Splats3D:
    splats = dequantise(leaves.q, leaves.quantiser, np.array(layout.origin)).with_sh_degree(layout.sh_degree)
    for band, values in enumerate(bands, start=1):
        sh = dequantise_band(values, leaves.q, leaves.quantiser)
        splats.sh[:, band * band : (band + 1) ** 2] = sh
    return splats


def node_splats(nodes: Nodes, layout: Layout) -> Splats3D:
    """The merged splats of nodes."""
    q = replace(nodes.q, cell=layout.node_cells(nodes.boxes, nodes.offset))
    splats = dequantise(q, nodes.quantiser, np.array(layout.origin), coarse=True)
    return splats.with_sh_degree(layout.sh_degree)


def _some(nodes: Nodes, which: Ints) -> Nodes:
    boxes: Boxes = nodes.boxes.take(which)
    return Nodes(boxes, nodes.parent[which], nodes.offset[which], nodes.q[which], nodes.quantiser)
