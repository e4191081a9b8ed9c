"""The container glTF 2.0 (.glb and .gltf): its JSON, its buffers, and the numbers behind its accessors.

Our own reader of the parts that meshes, shapes and skins need; counts are checked before memory is allocated.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.sources.rig_file import read_bytes

MAX_JSON_BYTES = 1 << 26
MAX_NODES = 10_000
MAX_COUNT = 10_000_000
"""Elements of one accessor."""

_KINDS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_LISTS = ("accessors", "bufferViews", "buffers", "meshes", "nodes", "scenes", "skins")
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}

# Extensions that may be required without changing what we read. Compressed meshes (Draco, meshopt) are not among them.
_HARMLESS = ("KHR_mesh_quantization", "KHR_materials_", "KHR_texture_", "EXT_texture_", "KHR_lights_punctual")


@dataclass(frozen=True)
class Gltf:
    """A glTF file. json: its description. buffers: what it describes."""

    path: Path
    json: dict[str, Any]
    buffers: list[bytes]

    def error(self, problem: str) -> InputError:
        """The error that this file has a problem."""
        return InputError(f"cannot read '{self.path}': {problem}")

    def items(self, kind: str) -> list[dict[str, Any]]:
        """The array `kind` of the file's JSON, one of `_LISTS`."""
        found: list[dict[str, Any]] = self.json.get(kind, [])
        return found

    def numbers(self, index: int, *, count: int | None = None, width: int | None = None) -> NDArray[Any]:
        """The numbers of an accessor, [count, width]: float32 if they are floats or normalised, else integers.

        count, width: what is expected. Raises: InputError with the number of the accessor.
        """
        place = f"accessor {index}"
        accessor = self._item("accessors", index)
        kind, found_width = _KINDS.get(accessor["componentType"]), _WIDTHS.get(accessor["type"])
        found_count = accessor["count"]
        if kind is None or found_width is None or width not in (None, found_width):
            raise self.error(f"{place}: numbers of type {accessor['componentType']} {accessor['type']} do not fit here")
        if not isinstance(found_count, int) or not 0 < found_count <= MAX_COUNT or count not in (None, found_count):
            raise self.error(f"{place}: it has {found_count} elements, where {count or f'1..{MAX_COUNT:,}'} must be")
        if "bufferView" in accessor:
            values = self._view(place, accessor, kind, found_count, found_width)
        else:
            values = np.zeros((found_count, found_width), kind)
        if "sparse" in accessor:
            values = self._with_sparse(place, accessor["sparse"], values)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise self.error(f"{place}: it has numbers that are not finite; export it again")
        if accessor.get("normalized") and values.dtype.kind in "iu":
            return np.maximum(values.astype(np.float32) / np.iinfo(values.dtype).max, -1)
        return values

    def _with_sparse(self, place: str, sparse: dict[str, Any], values: NDArray[Any]) -> NDArray[Any]:
        changed, kind = sparse["count"], _KINDS.get(sparse["indices"]["componentType"], "")
        if not isinstance(changed, int) or not 0 < changed <= len(values) or "u" not in kind:
            raise self.error(f"{place}: {changed} of {len(values):,} elements are given one by one; export it again")
        rows = self._view(place, sparse["indices"], kind, changed, 1)[:, 0]
        if rows.max() >= len(values):
            raise self.error(f"{place}: element {rows.max():,} of {len(values):,} is given; export it again")
        values = values.copy()
        values[rows] = self._view(place, sparse["values"], values.dtype.str, changed, values.shape[1])
        return values

    def _view(self, place: str, where: dict[str, Any], kind: str, count: int, width: int) -> NDArray[Any]:
        """`count` rows of `width` numbers that lie where `where` (an accessor or a part of a sparse one) says."""
        view = self._item("bufferViews", where["bufferView"])
        buffer = self.buffers[view["buffer"]]
        row = np.dtype(kind).itemsize * width
        stride = view.get("byteStride", row)
        start, inside = view.get("byteOffset", 0), where.get("byteOffset", 0)
        numbers = (stride, start, inside, view["byteLength"])
        if not all(isinstance(n, int) and n >= 0 for n in numbers) or stride < row:
            raise self.error(f"{place}: its place in the buffer is damaged; export it again")
        end = inside + stride * (count - 1) + row
        if end > view["byteLength"] or start + end > len(buffer):
            raise self.error(
                f"{place}: it ends at byte {start + end:,}, its buffer of {len(buffer):,} bytes or its part of it ends "
                "before; fetch or export it again"
            )
        rows = np.ndarray((count, width), kind, buffer, start + inside, (stride, np.dtype(kind).itemsize))
        return np.ascontiguousarray(rows)

    def _item(self, kind: str, index: Any) -> dict[str, Any]:
        items = self.items(kind)
        if not isinstance(index, int) or not 0 <= index < len(items):
            raise self.error(f"it names number {index} of {len(items)} {kind}; export it again")
        return items[index]


def read_gltf(path: Path) -> Gltf:
    """Open the .glb or .gltf at `path`, with the buffers that lie beside it. Raises: InputError."""
    data = read_bytes(path)
    text, own = _glb(path, data) if data[:4] == b"glTF" else (data, None)
    if len(text) > MAX_JSON_BYTES:
        raise InputError(f"cannot read '{path}': its JSON has {len(text):,} bytes, the limit is {MAX_JSON_BYTES:,}")
    try:
        description = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"cannot read '{path}': its JSON is damaged; fetch or export it again") from None
    version = description.get("asset", {}).get("version") if isinstance(description, dict) else None
    if not isinstance(version, str) or not version.startswith("2."):
        raise InputError(f"cannot read '{path}': it is not glTF 2.0; export it again as .glb")
    with described(path):
        for name in description.get("extensionsRequired", []):
            if not name.startswith(_HARMLESS):
                raise InputError(
                    f"cannot read '{path}': it needs the extension {name}; export it without compression of meshes"
                )
        gltf = Gltf(path, description, [])
        for kind in _LISTS:
            if not isinstance(gltf.items(kind), list) or not all(isinstance(item, dict) for item in gltf.items(kind)):
                raise gltf.error(f"{kind} is not a list of objects; export it again")
        if len(gltf.items("nodes")) > MAX_NODES:
            raise gltf.error(f"it has {len(gltf.items('nodes')):,} nodes, the limit is {MAX_NODES:,}")
        for index, buffer in enumerate(gltf.items("buffers")):
            gltf.buffers.append(_buffer(gltf, index, buffer, own))
    return gltf


@contextlib.contextmanager
def described(path: Path) -> Iterator[None]:
    """Turns what JSON of the wrong structure leads to into one sentence."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        reason = f"{type(error).__name__}: {error}".strip(". ")[:120]
        raise InputError(
            f"cannot read '{path}': its description is not as glTF wants it ({reason}); export it again"
        ) from None


def _glb(path: Path, data: bytes) -> tuple[bytes, bytes | None]:
    """The JSON of a .glb and its binary chunk."""
    chunks: dict[bytes, bytes] = {}
    offset = 12
    while offset + 8 <= len(data):
        size, kind = struct.unpack_from("<I4s", data, offset)
        if offset + 8 + size > len(data):
            raise InputError(
                f"cannot read '{path}': the chunk at byte {offset:,} has {size:,} bytes and the file ends before; "
                "fetch it again"
            )
        chunks.setdefault(kind, data[offset + 8 : offset + 8 + size])
        offset += 8 + size
    if b"JSON" not in chunks:
        raise InputError(f"cannot read '{path}': it has no JSON chunk; fetch or export it again")
    return chunks[b"JSON"], chunks.get(b"BIN\0")


def _buffer(gltf: Gltf, index: int, buffer: dict[str, Any], own: bytes | None) -> bytes:
    uri = buffer.get("uri")
    if uri is None:
        if index or own is None:
            raise gltf.error(f"buffer {index} is not there; export it again as .glb")
        return own
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(";base64,")[2], validate=True)
        except (binascii.Error, ValueError):
            raise gltf.error(f"buffer {index}: its base64 is damaged; export it again as .glb") from None
    parts = PurePosixPath(unquote(uri))
    if ":" in uri or "\\" in uri or parts.is_absolute() or ".." in parts.parts:
        raise gltf.error(f"buffer {index}: '{uri[:80]}' does not lie beside the file; export it again as .glb")
    return read_bytes(gltf.path.parent / parts)
