"""The compiled decoder of boxes and of the points inside them: the integers of `boxes`, about ten times faster."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.coder import Coder, SymbolDecoder
from sfumato.coding.halving import Boxes, Halvings, Integers
from sfumato.coding.native_rans import NativeRans, check_points


class NativeBoxes:
    """The decoding sides of `boxes.split_boxes` and `boxes.code_points_in` through the C ABI, for one decoder."""

    def __init__(self, decoder: SymbolDecoder, rans: NativeRans) -> None:
        self._decoder, self._model = decoder, rans.model
        pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint32
        library = rans.library
        self._words = library.function("sfu_boxes_words", number, restype=size)
        stream, boxes = (pointer, ctypes.c_char_p, pointer), (size, pointer, pointer, pointer, number)
        self._split = library.function(
            "sfu_split_boxes", *stream, pointer, number, *boxes, *(pointer,) * 5, restype=ctypes.c_int64
        )
        self._points = library.function(
            "sfu_decode_points_in", *stream, pointer, *boxes, *(pointer,) * 4, restype=ctypes.c_int
        )

    def split(self, boxes: Boxes, grid: Halvings, leaf: int) -> tuple[Boxes, Integers]:
        """See `boxes.split_boxes`; the boxes must have been checked against the grid."""
        decoder = self._decoder
        corner, depth, count, total = narrow_boxes(boxes)
        new_corner, new_depth = np.empty((total, 3), np.int32), np.empty(total, np.uint8)
        new_count, start, scratch = (np.empty(n, np.uint32) for n in (total, total, self._words(total)))
        size = grid.size.astype(np.uint32)
        number = self._split(
            *(self._model.ctypes.data, decoder.words, decoder.state.ctypes.data, size.ctypes.data, leaf),
            *(len(boxes), corner.ctypes.data, depth.ctypes.data, count.ctypes.data, total),
            *(new_corner.ctypes.data, new_depth.ctypes.data, new_count.ctypes.data),
            *(start.ctypes.data, scratch.ctypes.data),
        )
        check_points(min(number, 0), decoder.words)
        columns = (column[:number].astype(np.int64) for column in (new_corner, new_depth, new_count))
        parent = np.searchsorted(np.cumsum(boxes.count), start[:number], side="right")
        return Boxes(*columns), parent

    def points(self, boxes: Boxes, grid: Halvings) -> NDArray[np.int32]:
        """All points of `boxes`, int32 [n, 3], box after box; the boxes must have been checked against the grid."""
        decoder = self._decoder
        corner, depth, count, total = narrow_boxes(boxes)
        points, depths = np.empty((total, 3), np.int32), np.empty(total, np.uint8)
        counts, scratch = (np.empty(n, np.uint32) for n in (total, self._words(total)))
        size = grid.size.astype(np.uint32)
        status = self._points(
            *(self._model.ctypes.data, decoder.words, decoder.state.ctypes.data, size.ctypes.data),
            *(len(boxes), corner.ctypes.data, depth.ctypes.data, count.ctypes.data, total),
            *(points.ctypes.data, depths.ctypes.data, counts.ctypes.data, scratch.ctypes.data),
        )
        check_points(status, decoder.words)
        return points


def native_boxes(coder: Coder) -> NativeBoxes | None:
    """The compiled decoder where the coder's rANS is the compiled one and decodes, else None."""
    if isinstance(coder, SymbolDecoder) and isinstance(coder.rans, NativeRans):
        return NativeBoxes(coder, coder.rans)
    return None


def narrow_boxes(boxes: Boxes) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint32], int]:
    """What the C ABI takes of boxes: corners, depths and counts; and the points in all of them."""
    corner = np.ascontiguousarray(boxes.corner, np.int32)
    return corner, boxes.depth.astype(np.uint8), boxes.count.astype(np.uint32), int(boxes.count.sum())
