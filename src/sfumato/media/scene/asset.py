"""A scene asset that is open: what it holds and its splats at any budget."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sfumato.container import Budget, Head, Index, Prefix, select
from sfumato.errors import InputError, TruncatedError
from sfumato.media.scene.bounds import Bounds, bounds_of
from sfumato.media.scene.codec import NODES
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.layout import MAX_SPLATS, Layout
from sfumato.splats import Splats3D


@dataclass(frozen=True)
class SceneChunk:
    """What INDX says of a chunk after it: enough to decide whether a camera needs it before its bytes are there.

    kind: "NODE", "LEAF" or "BAND". level: 1 .. 255.
    group: the part of the scene it belongs to; None in files without regions. The chunks of a group need those of the
        same group that come before them in the file, and no others behind INDX.
    offset, bytes: where the chunk lies in the file, and how many bytes it takes.
    nodes, splats: how many of them it adds; nodes stand for splats until these are there.
    bounds: the lowest and the highest corner, in world units, of a box that holds the chunk's nodes or splats (those
        that it gives harmonics to), up to 10/3 standard deviations around their centres; -inf or inf where it has no
        end. None in files without regions.
    """

    kind: str
    level: int
    group: int | None
    offset: int
    bytes: int
    nodes: int
    splats: int
    bounds: Bounds | None


class SceneAsset:
    """A decoded scene file, or a prefix of one.

    path: the file, None for bytes.
    """

    def __init__(self, data: bytes, decoder: SceneDecoder, path: Path | None = None) -> None:
        head, index, layout = decoder.head, decoder.parser.index, decoder.layout
        assert head is not None and index is not None and layout is not None
        self.path = path
        self.head: Head = head
        self.index: Index = index
        self.layout: Layout = layout
        self._data = data
        self._decoder = decoder

    @classmethod
    def open(cls, source: bytes | str | os.PathLike[str], *, max_splats: int = MAX_SPLATS) -> SceneAsset:
        """Read a file or its bytes; a prefix that holds the base level is enough.

        max_splats: see `SceneDecoder`.
        Raises: InputError if the file cannot be read; FormatError, of the subclass that fits, if it breaks a promise of
            docs/format.md or ends inside a chunk.
        """
        path = None if isinstance(source, bytes) else Path(source)
        try:
            data = source if isinstance(source, bytes) else Path(source).read_bytes()
        except OSError as error:
            raise InputError(f"cannot read '{path}': {error.strerror or error}") from error
        decoder = SceneDecoder(path.name if path else "<bytes>", max_splats=max_splats)
        decoder.feed(data)
        decoder.close()
        return cls(data, decoder, path)

    @property
    def complete(self) -> bool:
        """Whether every announced chunk is there."""
        return self._decoder.parser.finished

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        """The prefixes that are here and are valid files themselves, shortest first."""
        return self._decoder.parser.prefixes_here

    @property
    def chunks(self) -> tuple[SceneChunk, ...]:
        """Every chunk after INDX in the order of the whole file, whether it is here or not."""
        before = self._decoder.parser.prefixes()
        return tuple(
            SceneChunk(
                entry.kind,
                entry.level,
                None if entry.region is None else entry.region.group,
                start.length,
                entry.length,
                entry.splats if entry.kind == NODES else 0,
                entry.splats if entry.kind != NODES else 0,
                None if entry.region is None else bounds_of(entry.region, self.layout),
            )
            for start, entry in zip(before, self.index.entries, strict=False)  # the last prefix has nothing behind it
        )

    def splats(self, budget: Budget | str | None = None) -> Splats3D:
        """The splats that a budget such as "5%" or "30KB" shows; all that are here without one.

        Raises: BudgetError if it does not hold the base level; TruncatedError if the file is a prefix that ends before
            the budget does.
        """
        if budget is None:
            return self._decoder.splats
        chosen = select(self._decoder.parser.prefixes(), budget)
        if chosen.length > len(self._data):
            name = self.path.name if self.path else "<bytes>"
            raise TruncatedError(
                f"cannot use a budget of {budget} on {name!r}: the file ends after {len(self._data):,} bytes, "
                f"the budget asks for {chosen.length:,}"
            )
        decoder = SceneDecoder(self._decoder.parser.name)
        decoder.feed(self._data[: chosen.length])
        return decoder.splats
