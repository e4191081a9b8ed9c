"""Bytes of a scene asset to splats, as they arrive."""

from __future__ import annotations

import numpy as np

from sfumato.container import Chunk, Head
from sfumato.errors import ChunkError, LimitError
from sfumato.media.decoding import Decoder
from sfumato.media.scene.codec import BAND_MODELS, BANDS, LEAVES, MAX_GROUPS, MODELS, NODES, Header, Nodes, Portion
from sfumato.media.scene.group import Group
from sfumato.media.scene.layout import MAX_SPLATS, Layout
from sfumato.media.scene.packed import Packed
from sfumato.media.scene.payload import decode_band, decode_leaves, decode_nodes
from sfumato.splats import Splats3D


class SceneDecoder(Decoder):
    """Feed it the bytes of a file in any portions; ask it for its splats at any time.

    name: the file's name, for error messages.
    max_splats: files that announce more are refused (LimitError). Memory is in proportion to what a file announces, not
        to its bytes: about 100 bytes a splat, with harmonics of degree 3 about 350. By default as many as the format
        allows.
    """

    medium = "scene"
    kinds = frozenset({NODES, LEAVES, BANDS})
    counted = False  # files whose INDX counts otherwise have always been read

    def __init__(self, name: str = "<bytes>", *, max_splats: int = MAX_SPLATS) -> None:
        super().__init__(name)
        self._max_splats = max_splats
        self.groups: list[Group] = []
        self._layout: Layout | None = None

    @property
    def layout(self) -> Layout | None:
        """What HEAD says of the scene, once it has arrived."""
        return self._layout

    @property
    def splats(self) -> Splats3D:
        """What is to be drawn so far: splats, and merged ones where the splats themselves are not there yet."""
        if self._layout is None:
            return Splats3D.empty()
        count, bands = sum(map(len, self.groups)), (self._layout.sh_degree + 1) ** 2
        shapes = ((count, 3), (count, 4), (count, 3), (count,), (count, bands, 3))
        found = Splats3D(*(np.empty(shape, np.float32) for shape in shapes))
        first = 0
        for group in self.groups:
            for part in group.splats(self._layout):
                rows = slice(first, first + len(part))
                for name in ("mean", "rotation", "scale", "opacity", "sh"):
                    getattr(found, name)[rows] = getattr(part, name)
                first = rows.stop
        return found

    def _begin(self, head: Head) -> None:
        layout = Layout.from_fields(head.fields)
        if layout.splats > self._max_splats:
            raise LimitError(
                f"HEAD declares {layout.splats:,} splats; this reader takes {self._max_splats:,} (max_splats)"
            )
        self._layout = layout

    def _take(self, chunk: Chunk) -> None:
        assert self._layout is not None
        self._decode(chunk, self._layout)

    def _decode(self, chunk: Chunk, layout: Layout) -> None:
        payload = chunk.payload
        header, _ = Header.from_bytes(payload, BAND_MODELS if chunk.kind == BANDS else MODELS)
        if chunk.kind == NODES and not self.groups:
            nodes = decode_nodes(payload, header, layout, None)
            rows_of_groups = _rows_of_groups(nodes.small, layout)
            self.groups = [Group(nodes.take(rows), layout.portions) for rows in rows_of_groups]
            return
        if header.group >= len(self.groups):
            raise ChunkError(f"there is no group {header.group}; the scene has {len(self.groups)}")
        group = self.groups[header.group]
        if chunk.kind == NODES:
            above = None if group.refined else group.nodes
            if above is None:
                raise ChunkError(f"the nodes of group {header.group} come twice")
            group.refine(decode_nodes(payload, header, layout, above))
        elif chunk.kind == LEAVES:
            above = group.nodes if group.refined else None
            if above is None:
                raise ChunkError(f"splats of group {header.group} come before its nodes, or once too often")
            group.add(*decode_leaves(payload, header, layout, above, portion(layout, len(group.bands))))
        else:
            if chunk.flags >= len(group.bands) or len(group.bands[chunk.flags]) >= layout.sh_degree:
                raise ChunkError(f"harmonics of group {header.group} come before its splats, or are one band too many")
            bands = group.bands[chunk.flags]
            bands.append(decode_band(payload, *group.packed_leaves[chunk.flags], len(bands) + 1))


def portion(layout: Layout, number: int) -> Portion:
    """What a group's first or second chunk of splats holds."""
    return Portion.ALL if layout.portions == 1 else Portion.SECOND if number else Portion.FIRST


def split(nodes: Nodes, layout: Layout) -> list[Nodes]:
    """The nodes of level 0, group by group. Raises LimitError for more groups than a chunk can name."""
    packed = Packed(nodes, len(nodes.boxes))
    return [packed.unpack(rows) for rows in _rows_of_groups(nodes, layout)]


def _rows_of_groups(nodes: Nodes, layout: Layout) -> list[slice]:
    group = layout.groups(nodes.boxes)
    if group[-1] >= MAX_GROUPS:
        raise LimitError(f"the scene has {group[-1] + 1:,} groups; the cap is {MAX_GROUPS:,}")
    ends = np.append(np.flatnonzero(np.diff(group)) + 1, len(group)).tolist()
    return [slice(first, end) for first, end in zip([0, *ends], ends, strict=False)]
