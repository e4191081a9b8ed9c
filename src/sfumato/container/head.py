"""HEAD, the first chunk: a small JSON object that says what the file is and how many chunks its levels have."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sfumato.container.layout import MAX_CHUNKS, MAX_HEAD_PAYLOAD, MAX_LEVELS, check_payload_length
from sfumato.errors import ChunkError, LimitError, SettingsError, UnsupportedError

VERSION = 1
MEDIA = ("image", "video", "scene", "avatar")

_COMMON = ("levels", "medium", "v")
_MAX_DEPTH = 16  # nesting of arrays and objects; far beyond need, and every JSON reader can recurse this deep
_MAX_WHOLE = 2**53 - 1  # the largest whole number that a browser's JSON reader keeps exact
_MAX_SPLATS = 2**32 - 1  # INDX counts splats in 32 bits


@dataclass(frozen=True)
class Level:
    """One refinement layer: it has `chunks` (at least 1) chunks, which together add `splats` (at least 0) splats."""

    chunks: int
    splats: int


@dataclass(frozen=True)
class Head:
    """What a file is.

    medium: "image", "video", "scene" or "avatar".
    levels: the refinement layers, the base level first; 1 to 256 of them.
    fields: whatever else the medium says about itself, as JSON values: text keys, finite numbers, whole numbers within
        +-(2**53 - 1). Opaque to the container; the keys "v", "medium" and "levels" are taken.
    """

    medium: str
    levels: tuple[Level, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def chunks(self) -> int:
        """Chunks of the whole file, HEAD and INDX included."""
        return 2 + sum(level.chunks for level in self.levels)

    def to_bytes(self) -> bytes:
        """The payload of HEAD: JSON without spaces, keys sorted, UTF-8.

        Raises: SettingsError if `fields` are not JSON values or take one of the container's keys; otherwise the errors
            of `from_bytes`: nothing is written that a reader would refuse.
        """
        if taken := [key for key in _COMMON if key in self.fields]:
            raise SettingsError(f"HEAD's members {', '.join(taken)} belong to the container, not to the medium")
        levels = [[level.chunks, level.splats] for level in self.levels]
        members = {"v": VERSION, "medium": self.medium, "levels": levels, **self.fields}
        try:
            text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
            payload = text.encode("utf-8")
        except (TypeError, ValueError, RecursionError) as error:
            raise SettingsError(f"HEAD cannot be written as JSON: {error}") from error
        Head.from_bytes(payload)
        return payload

    @classmethod
    def from_bytes(cls, payload: bytes) -> Head:
        """Read the payload of HEAD.

        Raises: LimitError if it is too long, too deep or announces too much; UnsupportedError for another version or
            medium; ChunkError if it is not the JSON that docs/format.md describes.
        """
        check_payload_length(len(payload), MAX_HEAD_PAYLOAD)
        members = _parse(payload)
        for name in ("v", "medium", "levels"):
            if name not in members:
                raise ChunkError(f"HEAD has no member {name!r}")
        version, medium = members.pop("v"), members.pop("medium")
        if type(version) is not int or version < 1:
            raise ChunkError("HEAD's member 'v' is not a whole number from 1")
        if version != VERSION:
            raise UnsupportedError(f"the file has format version {version}, this reader knows version {VERSION}")
        if not isinstance(medium, str):
            raise ChunkError("HEAD's member 'medium' is not text")
        if medium not in MEDIA:
            raise UnsupportedError(f"the medium {medium!r} is none of {', '.join(MEDIA)}")
        return cls(medium, _levels(members.pop("levels")), members)


def _levels(value: object) -> tuple[Level, ...]:
    """The member "levels": a list of [chunks, splats]."""
    if not isinstance(value, list) or not value:
        raise ChunkError("HEAD's member 'levels' is not a list with at least one level")
    if len(value) > MAX_LEVELS:
        raise LimitError(f"HEAD announces {len(value)} levels; the cap is {MAX_LEVELS}")
    levels = []
    for number, pair in enumerate(value):
        if not isinstance(pair, list) or len(pair) != 2 or any(type(n) is not int for n in pair):
            raise ChunkError(f"HEAD's level {number} is not a pair of whole numbers [chunks, splats]")
        chunks, splats = pair
        if chunks < 1 or splats < 0:
            raise ChunkError(f"HEAD's level {number} has {chunks} chunks and {splats} splats")
        if splats > _MAX_SPLATS:
            raise LimitError(f"HEAD's level {number} announces {splats:,} splats; the cap is {_MAX_SPLATS:,}")
        levels.append(Level(chunks, splats))
    total = 2 + sum(level.chunks for level in levels)
    if total > MAX_CHUNKS:
        raise LimitError(f"HEAD announces {total:,} chunks; the cap is {MAX_CHUNKS:,}")
    return tuple(levels)


def _parse(payload: bytes) -> dict[str, Any]:
    """The JSON object in `payload`, with everything refused that JSON readers disagree about."""
    try:
        value = json.loads(
            payload.decode("utf-8"),
            object_pairs_hook=_unique_members,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_finite,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # refuses halves of surrogate pairs
    except RecursionError:
        raise LimitError(f"HEAD nests deeper than {_MAX_DEPTH}") from None
    except ValueError as error:
        raise ChunkError(f"HEAD is not UTF-8 JSON: {error}") from None
    if not isinstance(value, dict):
        raise ChunkError("HEAD is not a JSON object")
    level: list[Any] = [value]
    for _ in range(_MAX_DEPTH):
        level = [item for outer in level for item in (outer.values() if isinstance(outer, dict) else outer)]
        level = [item for item in level if isinstance(item, (dict, list))]
    if level:
        raise LimitError(f"HEAD nests deeper than {_MAX_DEPTH}")
    return value


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ChunkError("HEAD names a member twice in one object")
    return members


def _whole(text: str) -> int:
    # The text is measured first: turning thousands of digits into a number takes quadratic time.
    if len(text) > 17 or abs(int(text)) > _MAX_WHOLE:
        raise LimitError(f"HEAD holds the whole number {text[:20]}, beyond +-(2**53 - 1)")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ChunkError(f"HEAD holds {text[:20]}, which is not a finite number")
    return number
