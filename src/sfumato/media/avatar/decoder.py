"""Bytes of an avatar asset to a rig and the splats on it, as they arrive."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sfumato.container import Chunk, Head
from sfumato.errors import ChunkError, LimitError, UnsupportedError
from sfumato.media.avatar.codec import decode_chunk
from sfumato.media.avatar.forest import Bools, Floats
from sfumato.media.avatar.known import MAX_SPLATS, Known, Template
from sfumato.media.avatar.layout import MESH, SHAPES, TREE, Layout
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.rig_codec import RigReference, decode_mesh, decode_shapes, reference_of, with_rig
from sfumato.media.decoding import Decoder
from sfumato.rig import Rig
from sfumato.splats import Splats3D


@dataclass(frozen=True, eq=False)
class AvatarState:
    """What some of the first bytes of an avatar's file say; never changes.

    rig: shapes that are not there yet move nothing. avatar: the forest that is there, and its splats. shown: [N], which
    of its faces have theirs.
    """

    rig: Rig
    avatar: Avatar
    shown: Bools

    def posed(self, mesh: Floats) -> Splats3D:
        """The splats on a mesh of the rig's topology, [V, 3]."""
        return self.avatar.posed(mesh, None if self.shown.all() else self.shown)


class AvatarDecoder(Decoder):
    """Feed it the bytes of a file in any portions; ask it for its rig and its splats at any time.

    name: the file's name, for error messages.
    rig: the user's own, for a file that names its rig without having it; else the mesh can be shown, but not posed by
        name. Another rig than the one that is named is an InputError.
    max_splats: files that announce more are refused (LimitError).

    >>> decoder = AvatarDecoder("head.sfu")
    >>> for data in stream:
    ...     if decoder.feed(data) and decoder.state is not None:
    ...         show(decoder.posed(decoder.state.rig.drive({"jawOpen": 0.4})))
    >>> decoder.close()
    """

    medium = "avatar"
    kinds = frozenset({MESH, SHAPES, TREE})

    def __init__(self, name: str = "<bytes>", *, rig: Rig | None = None, max_splats: int = MAX_SPLATS) -> None:
        super().__init__(name)
        self._own_rig, self._max_splats = rig, max_splats
        self._layout: Layout | None = None
        self._reference: RigReference | None = None
        self._rig: Rig | None = None
        self._known: Known | None = None
        self._state: AvatarState | None = None

    @property
    def layout(self) -> Layout | None:
        """What HEAD says of the avatar, once it has arrived."""
        return self._layout

    @property
    def reference(self) -> RigReference | None:
        """The rig that the file names without having it, once that is known; None if it has its own."""
        return self._reference

    @property
    def rig(self) -> Rig | None:
        """The rig, once its mesh has arrived: shapes that have not move nothing."""
        return self._rig

    @property
    def avatar(self) -> Avatar | None:
        """The forest so far and its splats, once the mesh has arrived."""
        return None if self.state is None else self.state.avatar

    @property
    def shown(self) -> Bools:
        """[N], the faces of the forest so far whose splats are there."""
        return np.zeros(0, bool) if self._known is None else self._known.there

    @property
    def state(self) -> AvatarState | None:
        """What is there so far, from the mesh on; it stays as it is while more bytes arrive."""
        if self._state is None and self._known is not None and self._rig is not None:
            self._state = AvatarState(self._rig, self._known.avatar(), self._known.there)
        return self._state

    def posed(self, mesh: Floats) -> Splats3D:
        """What is to be drawn so far on a mesh [V, 3], such as `rig.drive(...)`; nothing before the mesh."""
        if self.state is None:
            return Splats3D.empty(self._layout.sh_degree if self._layout else 0)
        return self.state.posed(mesh)

    def _begin(self, head: Head) -> None:
        layout = Layout.from_fields(head.fields)
        if layout.splats > self._max_splats:
            raise LimitError(
                f"HEAD declares {layout.splats:,} splats; this reader takes {self._max_splats:,} (max_splats)"
            )
        self._layout = layout

    def _take(self, chunk: Chunk) -> None:
        assert self._layout is not None
        if chunk.flags:
            raise UnsupportedError(f"it has flags {chunk.flags}; this reader knows none")
        if (chunk.kind == MESH and chunk.level) or (chunk.kind == SHAPES and chunk.level > 1):
            raise ChunkError("chunks of this kind belong to another level")
        if chunk.kind == MESH:
            self._take_mesh(chunk, self._layout)
        elif self._known is None or self._rig is None:
            raise ChunkError("it comes before the mesh")
        elif chunk.kind == SHAPES:
            self._take_shapes(chunk, self._rig)
        else:
            found = decode_chunk(self._known, chunk.level + 1, chunk.payload)
            self._promise(chunk, found.count - self._known.count)
            self._known, self._state = found, None

    def _take_mesh(self, chunk: Chunk, layout: Layout) -> None:
        if self._rig is not None:
            raise ChunkError("the mesh comes twice")
        rig, reference = decode_mesh(chunk.payload), reference_of(chunk.payload)
        if (len(rig.vertices), len(rig.faces)) != (layout.vertices, layout.faces):
            raise ChunkError(
                f"the mesh has {len(rig.vertices):,} vertices and {len(rig.faces):,} faces, HEAD declares "
                f"{layout.vertices:,} and {layout.faces:,}"
            )
        if reference is not None and self._own_rig is not None:
            rig = with_rig(rig, reference, self._own_rig)
        self._promise(chunk, 0)
        roots = rig.faces.astype(np.intp)
        template = Template(roots, layout.vertices, layout.sh_degree, layout.max_depth, layout.splats)
        self._known = Known.start(template)
        self._rig, self._reference = rig, reference

    def _take_shapes(self, chunk: Chunk, rig: Rig) -> None:
        if self._reference is not None:
            raise ChunkError("shapes of a rig that the file only names")
        found = decode_shapes(chunk.payload, rig)
        self._promise(chunk, 0)
        self._rig = found
        self._state = None if self._state is None else replace(self._state, rig=found)
