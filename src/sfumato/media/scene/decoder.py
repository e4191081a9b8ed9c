"""Bytes of a scene asset to splats, as they arrive."""

from __future__ import annotations

import numpy as np

from sfumato.container import Chunk, Head, Parser
from sfumato.errors import ChunkError, FormatError, LimitError, UnsupportedError
from sfumato.media.scene.codec import BAND_MODELS, BANDS, LEAVES, MAX_GROUPS, MODELS, NODES, Header, Nodes, Portion
from sfumato.media.scene.group import Group
from sfumato.media.scene.layout import MAX_SPLATS, Layout
from sfumato.media.scene.packed import Packed
from sfumato.media.scene.payload import decode_band, decode_leaves, decode_nodes
from sfumato.splats import Splats3D


class SceneDecoder:
    """Feed it the bytes of a file in any portions; ask it for its splats at any time.

    name: the file's name, for error messages.
    max_splats: files that announce more are refused (LimitError). Memory is in proportion to what a file announces, not
        to its bytes: about 100 bytes a splat, with harmonics of degree 3 about 350. By default as many as the format
        allows.
    """

    def __init__(self, name: str = "<bytes>", *, max_splats: int = MAX_SPLATS) -> None:
        self._max_splats = max_splats
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
            layout = Layout.from_fields(head.fields)
        except FormatError as error:
            raise type(error)(f"{where}: {error}") from error
        if layout.splats > self._max_splats:
            raise LimitError(
                f"{where}: HEAD declares {layout.splats:,} splats; this reader takes {self._max_splats:,} (max_splats)"
            )
        return layout

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
