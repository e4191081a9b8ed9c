"""A scene asset that is open: what it holds and its splats at any budget."""

from __future__ import annotations

import os
from pathlib import Path

from sfumato.container import Budget, Head, Index, Prefix, select
from sfumato.errors import InputError, TruncatedError
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.media.scene.layout import Layout
from sfumato.splats import Splats3D


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
    def open(cls, source: bytes | str | os.PathLike[str]) -> SceneAsset:
        """Read a file or its bytes; a prefix that holds the base level is enough.

        Raises: InputError if the file cannot be read; FormatError, of the subclass that fits, if it breaks a promise of
            docs/format.md or ends inside a chunk.
        """
        path = None if isinstance(source, bytes) else Path(source)
        try:
            data = source if isinstance(source, bytes) else Path(source).read_bytes()
        except OSError as error:
            raise InputError(f"cannot read '{path}': {error.strerror or error}") from error
        decoder = SceneDecoder(path.name if path else "<bytes>")
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
        parser = self._decoder.parser
        return tuple(prefix for prefix in parser.prefixes() if prefix.chunks <= parser.chunks)

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
