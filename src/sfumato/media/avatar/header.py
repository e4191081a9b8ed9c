"""What a chunk of an avatar's forest says before its coded stream."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sfumato.coding.columns import MODEL_BYTES, Model, models_from_bytes, models_to_bytes
from sfumato.errors import ChunkError

MAX_CHUNK = 1 << 14
"""Faces of level 1, or splits, that a chunk can hold: decoding it takes some 20 MB at most."""

FACE_MODELS, BAND_MODELS, POINT_MODELS, PATCH_MODELS = 14, 3, 1, 3
"""Models of a chunk: of the splats, of each of their bands of harmonics, of points, of patches."""

_FIXED = struct.Struct("<HbB")
_PATCHED = 1


@dataclass(frozen=True)
class Header:
    """What a chunk says before its coded stream.

    count: faces of level 1, or splits, in the chunk, 1..MAX_CHUNK. fineness: steps are 2^(-fineness / 8) of the usual
    ones. patched: whether the splits have patches.
    """

    count: int
    fineness: int
    patched: bool
    models: tuple[Model, ...]

    def to_bytes(self) -> bytes:
        """4 bytes, and 5 for each model."""
        fixed = _FIXED.pack(self.count, self.fineness, _PATCHED if self.patched else 0)
        return fixed + models_to_bytes(self.models)

    @classmethod
    def from_bytes(cls, payload: bytes, level: int, sh_degree: int) -> tuple[Header, bytes]:
        """The header of a chunk of this level, and the coded stream behind it. ChunkError if it breaks the format."""
        if len(payload) < _FIXED.size:
            raise ChunkError(f"a chunk of a forest starts with {_FIXED.size} bytes; this one has {len(payload)}")
        count, fineness, flags = _FIXED.unpack_from(payload)
        if not count or flags > (_PATCHED if level > 1 else 0):
            raise ChunkError(f"a chunk of a forest of {count} members with flags {flags} in level {level}")
        models = FACE_MODELS + BAND_MODELS * sh_degree
        models += (POINT_MODELS + PATCH_MODELS * flags) if level > 1 else 0
        size = _FIXED.size + models * MODEL_BYTES
        if len(payload) < size:
            raise ChunkError(f"this chunk of a forest starts with {size} bytes, but has {len(payload)}")
        found = models_from_bytes(payload[_FIXED.size : size], "a chunk of a forest")
        return cls(count, fineness, bool(flags), found), payload[size:]
