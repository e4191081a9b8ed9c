"""Numbers, names and models at the beginning of a rig's payloads."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any

from sfumato.coding.contexts import WIDE_TABLES, WideModel
from sfumato.errors import ChunkError, InputError

FARTHEST = 1e9
"""Places and other numbers beyond are of no use, and would leave the range of float32."""

COARSEST, FINEST = 1e3, 1e-12
"""Steps lie between."""

Place = tuple[float, float, float]


class Reader:
    """Takes numbers and names from the beginning of a payload; ChunkError where it ends too early."""

    def __init__(self, payload: bytes) -> None:
        self._data, self._at = bytes(payload), 0

    def raw(self, count: int) -> bytes:
        """The next bytes."""
        found = self._data[self._at : self._at + count]
        if len(found) < count:
            raise ChunkError(f"cannot decode the rig: its {len(self._data)} bytes end inside the header")
        self._at += count
        return found

    def take(self, form: str) -> tuple[Any, ...]:
        """Numbers in a format of `struct`."""
        return struct.unpack(form, self.raw(struct.calcsize(form)))

    def floats(self, count: int) -> tuple[float, ...]:
        """Finite numbers of a size that rigs have."""
        found = self.take(f"<{count}f")
        if not all(math.isfinite(value) and abs(value) <= FARTHEST for value in found):
            raise ChunkError("cannot decode the rig: a number of its header is not finite, or too large")
        return found

    def text(self) -> str:
        """A name: a byte with its length, and UTF-8."""
        try:
            return self.raw(self.raw(1)[0]).decode("utf-8")
        except UnicodeDecodeError:
            raise ChunkError("cannot decode the rig: a name is not UTF-8") from None

    def models(self, count: int) -> tuple[WideModel, ...]:
        """Models of two bytes each, table and slope."""
        found = tuple(WideModel(*self.take("<Bb")) for _ in range(count))
        if any(model.table >= WIDE_TABLES for model in found):
            raise ChunkError("cannot decode the rig: it names a probability table that does not exist")
        return found

    def rest(self) -> bytes:
        """All that has not been taken."""
        return self._data[self._at :]


def models_bytes(models: Iterable[WideModel]) -> bytes:
    """Two bytes for each model: table and slope."""
    return b"".join(struct.pack("<Bb", model.table, model.slope) for model in models)


def check_step(step: float) -> None:
    """ChunkError for a step that no encoder chooses."""
    if not FINEST <= step <= COARSEST:
        raise ChunkError(f"cannot decode the rig: steps of {step:g}")


def text_bytes(name: str) -> bytes:
    """A name as `Reader.text` reads it; InputError for one that does not fit."""
    try:
        data = name.encode("utf-8")
    except UnicodeEncodeError:
        data = b""
    if len(data) > 255 or (name and not data):
        raise InputError(f"cannot write the rig: the name '{name[:40]!r}' is not one of at most 255 bytes; rename it")
    return bytes([len(data)]) + data


def place_of(values: Iterable[float]) -> Place:
    """Three numbers as a place."""
    x, y, z = values
    return x, y, z
