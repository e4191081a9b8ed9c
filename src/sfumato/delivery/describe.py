"""What the first bytes of a file say about it, without decoding a splat."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sfumato.container import Parser, pieces


@dataclass(frozen=True)
class Description:
    """A file in a few numbers.

    medium: "image", "video", "scene" or "avatar". bytes: of the file. whole_bytes: of the whole asset, of which the
    file may be a cut. first_picture_bytes: after which the base level is there. splats: of the whole asset.
    quality_db: PSNR of the whole asset, where it was measured.
    """

    medium: str
    bytes: int
    whole_bytes: int
    first_picture_bytes: int
    splats: int
    quality_db: float | None

    @property
    def complete(self) -> bool:
        """Whether the file holds the whole asset."""
        return self.bytes == self.whole_bytes


def describe(path: str | os.PathLike[str]) -> Description:
    """Describe the file at `path` from what stands before its first refinement.

    Raises: InputError if it cannot be read; FormatError, of the subclass that fits, if its beginning is damaged.
    """
    parser = Parser(os.path.basename(path))
    for piece in pieces(path):
        parser.feed(piece)
        if parser.index is not None:
            break
    else:
        parser.close()
    assert parser.head is not None
    base, whole = parser.prefixes()[0], parser.prefixes()[-1]
    # A scene counts its nodes among the splats of its prefixes; HEAD says how many splats it has.
    announced = parser.head.fields.get("splats")
    splats = announced if isinstance(announced, int) else whole.splats or 0
    return Description(parser.head.medium, os.path.getsize(path), whole.length, base.length, splats, whole.quality_db)
