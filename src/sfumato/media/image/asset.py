"""An image asset that is open: what it holds, its splats and its picture at any budget."""

from __future__ import annotations

import bisect
import os
from pathlib import Path

import numpy as np

from sfumato.container import Budget, Head, Index, Prefix, select
from sfumato.errors import BudgetError, InputError, SettingsError, TruncatedError
from sfumato.kernels.splats2d import render
from sfumato.media.image.decoder import ImageDecoder
from sfumato.splats import Float32Array, Splats2D

MAX_PIXELS = 100_000_000
"""Of a rendered picture: as many as may be read (sources.opening)."""
MAX_SIDE = 1_000_000
"""Pixels; beyond, float32 positions are coarser than a tenth of a pixel."""


class ImageAsset:
    """A decoded image file, or a prefix of one.

    path: the file, None for bytes. width, height: the canvas in pixels.
    channels: 1 grey, 3 RGB, 4 RGB and straight alpha.
    """

    def __init__(self, decoder: ImageDecoder, path: Path | None = None) -> None:
        head, index, canvas = decoder.head, decoder.parser.index, decoder.canvas
        assert head is not None and index is not None and canvas is not None
        self.path = path
        self.head: Head = head
        self.index: Index = index
        self.width, self.height, self.channels = canvas
        self._parser = decoder.parser
        self._parts = decoder.parts
        self._ends = decoder.ends

    @classmethod
    def open(cls, source: bytes | str | os.PathLike[str]) -> ImageAsset:
        """Read a file or its bytes; a prefix that holds the base level is enough.

        Raises: InputError if the file cannot be read; FormatError, of the subclass that fits, if it breaks a promise of
            docs/format.md or ends inside a chunk.
        """
        path = None if isinstance(source, bytes) else Path(source)
        if isinstance(source, bytes):
            data = source
        else:
            try:
                data = Path(source).read_bytes()
            except OSError as error:
                raise InputError(f"cannot read '{source}': {error.strerror or error}") from error
        decoder = ImageDecoder(path.name if path else "<bytes>")
        decoder.feed(data)
        decoder.close()
        return cls(decoder, path)

    @property
    def complete(self) -> bool:
        """Whether every announced chunk is there."""
        return self._parser.finished

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        """The prefixes that are here and are valid files themselves, shortest first."""
        return self._parser.prefixes_here

    def splats(self, budget: Budget | str | None = None) -> Splats2D:
        """The splats that a budget such as "5%", "30KB" or "2000 splats" holds; all that are here without one.

        Bytes and percent may end inside the base level.
        Raises: BudgetError if they hold no chunk of splats; TruncatedError if the file is a prefix that ends before the
            budget does.
        """
        if budget is None:
            return Splats2D.concatenate([Splats2D.empty(self.channels), *self._parts])
        name = self.path.name if self.path else "<bytes>"
        chosen = select(self._parser.prefixes(within_base=True), budget)
        if chosen.length > self._parser.position:
            raise TruncatedError(
                f"cannot use a budget of {budget} on {name!r}: it holds {self._parser.position:,} bytes, "
                f"the budget asks for {chosen.length:,}"
            )
        # Chunks are counted by where they end: those of unknown kinds, which are skipped, hold no splats.
        count = bisect.bisect_right(self._ends, chosen.length)
        if not count and self._parts:
            raise BudgetError(
                f"cannot use a budget of {budget} on {name!r}: its first chunk of splats ends at byte {self._ends[0]:,}"
            )
        return Splats2D.concatenate([Splats2D.empty(self.channels), *self._parts[:count]])

    def parts(self) -> list[Splats2D]:
        """The splats of every chunk that is here, in stream order."""
        return list(self._parts)

    def render(
        self,
        budget: Budget | str | None = None,
        *,
        size: tuple[int, int] | None = None,
        crop: tuple[int, int, int, int] | None = None,
    ) -> Float32Array:
        """The picture at a budget, float32 [h, w, C] in 0..1.

        size: (w, h), by default the canvas. crop: (left, top, w, h) in pixels of that size.
        Raises: SettingsError if size or crop have no pixels, more than `MAX_PIXELS` or a side beyond `MAX_SIDE`, or if
            the crop reaches out of the picture; what `splats` raises.
        """
        _check_part(size or (self.width, self.height), crop)
        picture = render(self.splats(budget), self.width, self.height, size=size, crop=crop)
        return np.clip(picture, 0, 1, out=picture)


def _check_part(size: tuple[int, int], crop: tuple[int, int, int, int] | None) -> None:
    left, top, width, height = crop or (0, 0, *size)
    outside = min(left, top) < 0 or left + width > size[0] or top + height > size[1]
    if outside or min(*size, width, height) < 1:
        raise SettingsError(
            f"cannot render {width} x {height} pixels from ({left}, {top}) on: the picture has {size[0]} x {size[1]}; "
            "choose a part inside it, of at least one pixel"
        )
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE:
        raise SettingsError(
            f"cannot render {width} x {height} pixels of {size[0]:,} x {size[1]:,}: at most {MAX_PIXELS / 1e6:.0f} "
            f"megapixels and {MAX_SIDE:,} a side; choose a crop or a smaller size"
        )
