"""The compiled decoder of a chunk of splats.

Its integers are those of `codec.walk`, on every machine. Its splats are the same on every machine, too; from those of
`quantise.dequantise_reference` they differ in the last digit of one number in many millions.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.native_rans import native_rans
from sfumato.kernels.library import NativeLibrary, native
from sfumato.kernels.native import address
from sfumato.splats import Splats2D

Ints = NDArray[np.int64]

MAX_SPLATS = 65535
"""Splats of a chunk."""


def _shapes(count: int, channels: int) -> tuple[tuple[int, ...], ...]:
    """Of the arrays of `QuantisedSplats`."""
    return (count, 2), (count, channels), (count,), (count,), (count,), (count, 2)


class NativeCodec:
    """The C ABI of one instruction set; integers are the arrays of `QuantisedSplats`, in their order."""

    def __init__(self, library: NativeLibrary) -> None:
        pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32
        self._model = native_rans(library).model
        self._scratch_words = library.function("sfu_image_chunk_words", ctypes.c_uint32, restype=size)
        self._decode = library.function(
            "sfu_decode_image_chunk",
            *(pointer, ctypes.c_char_p, size, ctypes.c_uint32, pointer, pointer, pointer),
            restype=ctypes.c_int,
        )
        self._dequantise = library.function(
            "sfu_dequantise_image",
            *(size, ctypes.c_uint32, number, number, *[pointer] * 9),
            restype=ctypes.c_int,
        )

    def decode(self, stream: bytes, channels: int, count: int, numbers: Sequence[int]) -> tuple[Ints, ...] | None:
        """The integers of a chunk from its coded stream, or None if the format does not allow it.

        channels: 1..4. count: splats, 0..65535.
        numbers: columns and rows of the grid, its exponent, both means, the share, then table and slope of all models.
        """
        if not 0 <= count <= MAX_SPLATS:
            raise ValueError(f"a chunk has 0 to {MAX_SPLATS:,} splats, not {count:,}")
        if len(numbers) != 6 + 2 * (channels + 3):
            raise ValueError(f"{channels} channels have {2 * (channels + 3)} numbers of models, not {len(numbers) - 6}")
        header = np.array((count, *numbers), np.int32)
        block = np.empty((7 + channels) * count, np.int64)
        scratch = np.empty(self._scratch_words(count), np.uint32)
        if self._decode(
            address(self._model), stream, len(stream), channels, address(header), address(block), address(scratch)
        ):
            return None
        found: list[Ints] = []
        at = 0
        for shape in _shapes(count, channels):
            size = math.prod(shape)
            found.append(block[at : at + size].reshape(shape))
            at += size
        return tuple(found)

    def dequantise(self, color_step: int, exponent: int, cell: Ints, color: Ints, *rest: Ints) -> Splats2D:
        """The splats that integers of magnitudes below 2^36 stand for; see `quantise.dequantise_reference`."""
        arrays: list[NDArray[Any]] = [np.ascontiguousarray(array, np.int64) for array in (cell, color, *rest)]
        count, channels = color.shape
        if tuple(array.shape for array in arrays) != _shapes(count, channels):
            raise ValueError(f"the integers of {count} splats have the shapes {[array.shape for array in arrays]}")
        splats = Splats2D(*(np.empty((count, columns), np.float32) for columns in (2, 3, channels)))
        arrays += [splats.xy, splats.chol, splats.color]
        if self._dequantise(count, channels, color_step, exponent, *map(address, arrays)):
            raise ValueError(
                f"no grid has a colour step of {color_step}, an exponent of {exponent}, {channels} channels"
            )
        return splats


@functools.cache
def _codec_of(library: NativeLibrary) -> NativeCodec:
    return NativeCodec(library)


def native_codec() -> NativeCodec | None:
    """The compiled decoder, or None where the compiled kernels are missing."""
    library = native()
    return None if library is None else _codec_of(library)
