"""The compiled decoder of chunks of a scene.

Its integers are those of `codec.Walk`, on every machine, in as few bytes as each field needs. Its splats are the same
on every machine, too; from those of `quantise.dequantise_reference` they differ in the last digit of one number in many
millions.
"""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.halving import Boxes
from sfumato.coding.native_boxes import narrow_boxes
from sfumato.coding.native_rans import native_rans
from sfumato.kernels.library import NativeLibrary, native
from sfumato.kernels.native import address
from sfumato.splats import Splats3D

Integers = NDArray[np.signedinteger[Any]]
Size = tuple[int, int, int]

_NODE_FIELDS = (3, 1, 1, 1, 3, 1, 3, 1, 3, 3)
_LEAF_FIELDS = (3, 1, 3, 1, 3, 3, 3)
_KINDS = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}
_WORDS = 8  # of a decoder's memory


@dataclass(frozen=True)
class Parents:
    """Boxes, canonical, and the nodes in their place.

    boxes: [m]. integers: int64 [5, m], level, first scale and colours of the nodes, [0, 0] in level 0.
    fineness: of the nodes.
    """

    boxes: Boxes
    integers: NDArray[np.int64]
    fineness: int

    @classmethod
    def of(cls, boxes: Boxes, level: Integers, scale: Integers, color: Integers, fineness: int) -> Parents:
        """Nodes with such integers, [m], [m, 3], [m, 3]."""
        integers = np.empty((5, len(boxes)), np.int64)
        integers[0], integers[1], integers[2:] = level, scale[:, 0], color.T
        return cls(boxes, integers, fineness)

    def numbers(self, size: Size, exponent: int) -> NDArray[np.int32]:
        """What the functions of the library want to know of a scene and of nodes, int32 [5]."""
        return np.array((*size, exponent, self.fineness), np.int32)


class NativeCodec:
    """The C ABI of one instruction set. Decoding gives None for what the format does not allow."""

    def __init__(self, library: NativeLibrary) -> None:
        self._model = native_rans(library).model
        pointer, size, number, count = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_uint32
        payload = (pointer, ctypes.c_char_p, size)
        self._words = library.function("sfu_scene_words", count, count, restype=size)
        self._boxes = library.function(
            "sfu_scene_boxes", *payload, pointer, count, size, *[pointer] * 3, count, *[pointer] * 6,
            restype=ctypes.c_int64,
        )  # fmt: skip
        self._nodes = library.function(
            "sfu_scene_nodes", *payload, pointer, count, *[pointer] * 2, count, *[pointer] * 8, restype=ctypes.c_int
        )
        self._leaves = library.function(
            "sfu_scene_leaves", *payload, pointer, count, *[pointer] * 4, ctypes.c_int, count, *[pointer] * 3,
            restype=ctypes.c_int,
        )  # fmt: skip
        self._band = library.function(
            "sfu_scene_band", *payload, number, count, pointer, count, *[pointer] * 3, restype=ctypes.c_int
        )
        self._dequantise = library.function(
            "sfu_dequantise_scene", size, pointer, number, number, ctypes.c_int, *[pointer] * 6, restype=ctypes.c_int
        )
        self._dequantise_band = library.function(
            "sfu_dequantise_band", size, count, pointer, pointer, ctypes.c_int64, number, pointer, size,
            restype=ctypes.c_int,
        )  # fmt: skip

    def nodes(
        self, payload: bytes, size: Size, exponent: int, above: Parents, leaf: int
    ) -> tuple[Integers, ...] | None:
        """Of a NODE: corner, depth and count of its boxes, the box above each, offset, level, scale, opacity, rotation,
        color.

        above: what is divided; leaf: points of a box, at most.
        """
        corner, depth, count, total = narrow_boxes(above.boxes)
        numbers, scratch = above.numbers(size, exponent), np.empty(self._words(total, 0), np.uint32)
        boxes = np.empty((total, 3), np.int32), np.empty(total, np.uint8), *np.empty((2, total), np.uint32)
        state = np.zeros(_WORDS, np.uint32)
        found = self._boxes(
            *(address(self._model), payload, len(payload), address(numbers), min(leaf, total + 1)),
            *(len(count), address(corner), address(depth), address(count), total),
            *(*map(address, boxes), address(state), address(scratch)),
        )
        if found < 0:
            return None
        block, sizes = np.empty(sum(_NODE_FIELDS) * found, np.int64), np.empty(len(_NODE_FIELDS), np.uint8)
        scratch = np.empty(self._words(found, len(count)), np.uint32)
        if self._nodes(
            *(address(self._model), payload, len(payload), address(numbers)),
            *(above.integers.shape[1], address(count), address(above.integers)),
            *(found, *map(address, boxes), address(state), address(block), address(sizes), address(scratch)),
        ):
            return None
        return _fields(block, sizes.tolist(), [(columns, found) for columns in _NODE_FIELDS])

    def leaves(
        self, payload: bytes, size: Size, exponent: int, nodes: Parents, portion: NDArray[np.int64], *, shares: bool
    ) -> tuple[Integers, ...] | None:
        """Of a LEAF: the fields of `QuantisedSplats` and the nodes' shares, which are none without `shares`.

        portion: how many splats of each node's box, [m].
        """
        corner, depth, counts, total = narrow_boxes(Boxes(nodes.boxes.corner, nodes.boxes.depth, portion))
        many = len(counts)
        numbers, scratch = nodes.numbers(size, exponent), np.empty(self._words(total, many), np.uint32)
        block, sizes = np.empty(sum(_LEAF_FIELDS) * total + many, np.int64), np.empty(len(_LEAF_FIELDS) + 1, np.uint8)
        if self._leaves(
            *(address(self._model), payload, len(payload), address(numbers)),
            *(many, address(corner), address(depth), address(counts), address(nodes.integers), shares),
            *(total, address(block), address(sizes), address(scratch)),
        ):
            return None
        shapes = [(columns, total) for columns in _LEAF_FIELDS]
        return _fields(block, sizes.tolist(), [*shapes, (1, many if shares else 0)])

    def band(self, payload: bytes, level: Integers, fineness: int, band: int) -> Integers | None:
        """Of a BAND of degree 1 to 3: the integers [n, 2 band + 1, 3] of splats of these levels [n].

        fineness: of their LEAF.
        """
        count, each = len(level), 2 * band + 1
        levels, block, sizes = level.astype(np.int64), np.empty(3 * count * each, np.int64), np.empty(1, np.uint8)
        scratch = np.empty(self._words(count * each, 0), np.uint32)
        if self._band(
            *(address(self._model), payload, len(payload), fineness, count, address(levels), each),
            *(address(block), address(sizes), address(scratch)),
        ):
            return None
        (found,) = _fields(block, sizes.tolist(), [(3, count * each)])
        return found.T.reshape(3, count, each).transpose(1, 2, 0)

    def dequantise(
        self, fields: tuple[Integers, ...], fineness: int, exponent: int, origin: NDArray[np.float64], *, coarse: bool
    ) -> Splats3D:
        """The splats that the fields of `QuantisedSplats` stand for, of any integer type and order in memory."""
        n = len(fields[0])
        if [field.shape for field in fields] != [(n, 3), (n,), (n, 3), (n,), (n, 3), (n, 3), (n, 3)]:
            raise ValueError(f"the integers of {n} splats have the shapes {[field.shape for field in fields]}")
        about = np.array([_described(field) for field in fields], np.int64)
        start = np.ascontiguousarray(origin, np.float64)
        splats = Splats3D(*(np.empty((n, *rest), np.float32) for rest in ((3,), (4,), (3,), (), (1, 3))))
        out = (splats.mean, splats.rotation, splats.scale, splats.opacity, splats.sh)
        if self._dequantise(n, address(about), fineness, exponent, coarse, address(start), *map(address, out)):
            raise ValueError(f"no scene has a fineness of {fineness} or an exponent of {exponent}")
        return splats

    def dequantise_band(self, values: Integers, level: Integers, fineness: int) -> NDArray[np.float32]:
        """The harmonics [n, k, 3] of one band that integers [n, k, 3] of splats of these levels [n] stand for."""
        n, each, _ = values.shape
        if values.shape != (n, each, 3) or level.shape != (n,):
            raise ValueError(f"levels {level.shape} do not go with harmonics {values.shape}")
        first, channel = _described(values)[:3], values.strides[2]
        about = np.array([_described(level), (*first, values.strides[1])], np.int64)
        sh = np.empty((n, each, 3), np.float32)
        if self._dequantise_band(
            n, each, address(about[0]), address(about[1]), channel, fineness, address(sh), 3 * each
        ):
            raise ValueError(f"no scene has {each} harmonics of a degree or a fineness of {fineness}")
        return sh


def _fields(block: NDArray[np.int64], sizes: list[int], shapes: list[tuple[int, int]]) -> tuple[Integers, ...]:
    """The fields of columns and rows, packed in `block` in numbers of `sizes` bytes; [rows] or [rows, columns]."""
    ends = np.cumsum([(size * columns * rows + 7) // 8 for size, (columns, rows) in zip(sizes, shapes, strict=True)])
    kept, found, begin = block[: ends[-1]].copy(), [], 0
    for size, (columns, rows), end in zip(sizes, shapes, ends.tolist(), strict=True):
        shape = (rows,) if columns == 1 else (columns, rows)
        found.append(np.ndarray(shape, _KINDS[size], kept, 8 * begin).T)
        begin = end
    return tuple(found)


def _described(field: NDArray[Any]) -> tuple[int, int, int, int]:
    """Address, bytes of a number, and how many lie between those of two splats and of two columns."""
    if field.dtype not in (np.int8, np.int16, np.int32, np.int64):
        raise ValueError(f"integers of splats are signed, not {field.dtype}")
    return address(field), field.itemsize, field.strides[0], field.strides[1] if field.ndim > 1 else 0


@functools.cache
def _codec_of(library: NativeLibrary) -> NativeCodec:
    return NativeCodec(library)


def native_codec() -> NativeCodec | None:
    """The compiled decoder, or None where the compiled kernels are missing."""
    library = native()
    return None if library is None else _codec_of(library)
