"""The compiled rANS: the same bytes as `PythonRans`, about fifty times faster."""

from __future__ import annotations

import ctypes
import functools

import numpy as np
from numpy.typing import NDArray

from sfumato.coding.rans import PythonRans, Rans, State, past_the_end, unknown_table
from sfumato.coding.tables import TABLE_COUNT, table_set
from sfumato.errors import ChunkError
from sfumato.kernels.library import NativeLibrary, native

_BAD_TABLE, _BAD_POINTS = -2, -3  # Status in native/rans.h


class NativeRans:
    """rANS through the C ABI of one instruction set. Builds the search structure of all tables once (210 KB).

    library: where its functions come from.
    model: the search structure, for other functions of the library that decode symbols; uint32.
    """

    def __init__(self, library: NativeLibrary) -> None:
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self.library = library
        self._encode = library.function(
            "sfu_rans_encode",
            pointer,
            pointer,
            pointer,
            size,
            ctypes.c_uint32,
            pointer,
            pointer,
            restype=ctypes.c_int64,
        )
        self._decode = library.function(
            "sfu_rans_decode", pointer, ctypes.c_char_p, pointer, pointer, pointer, size, restype=ctypes.c_int
        )
        self._decode_points = library.function(
            "sfu_decode_points",
            *(pointer, ctypes.c_char_p, pointer, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, pointer, pointer),
            restype=ctypes.c_int,
        )
        model_words = library.function("sfu_rans_model_words", ctypes.c_uint32, ctypes.c_uint32, restype=size)
        build = library.function(
            "sfu_rans_build", pointer, ctypes.c_uint32, ctypes.c_uint32, pointer, restype=ctypes.c_int
        )
        frequencies = np.ascontiguousarray(table_set().frequencies)
        self.model = np.zeros(model_words(TABLE_COUNT, len(frequencies)), np.uint32)
        self._at = self.model.ctypes.data
        if build(frequencies.ctypes.data, TABLE_COUNT, len(frequencies), self._at):
            raise RuntimeError("the compiled kernels and the probability tables belong to different versions")

    def encode(
        self, tables: NDArray[np.uint16], symbols: NDArray[np.uint16], lanes: int
    ) -> tuple[NDArray[np.uint32], bytes]:
        """See `Rans.encode`."""
        tables, symbols = np.ascontiguousarray(tables, np.uint16), np.ascontiguousarray(symbols, np.uint16)
        states = np.empty(lanes, np.uint32)
        words = np.empty(len(tables), "<u2")
        first = self._encode(
            self._at, tables.ctypes.data, symbols.ctypes.data, len(tables), lanes, states.ctypes.data, words.ctypes.data
        )
        if first < 0:
            raise ValueError("a table or a symbol is out of range")
        return states, words[first:].tobytes()

    def decode(self, words: bytes, state: State, tables: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """See `Rans.decode`."""
        tables = np.ascontiguousarray(tables, np.uint16)
        symbols = np.empty(len(tables), np.uint16)
        status = self._decode(self._at, words, state.ctypes.data, tables.ctypes.data, symbols.ctypes.data, len(tables))
        if status:
            raise unknown_table(tables) if status == _BAD_TABLE else past_the_end(words)
        return symbols

    def decode_points(self, words: bytes, state: State, count: int, width: int, height: int) -> NDArray[np.int32]:
        """The whole decoding side of `occupancy.code_points` in one call; raises ChunkError."""
        points = np.empty((count, 2), np.int32)
        scratch = np.empty(9 * count + 16, np.uint32)
        status = self._decode_points(
            self._at, words, state.ctypes.data, count, width, height, points.ctypes.data, scratch.ctypes.data
        )
        check_points(status, words)
        return points


def check_points(status: int, words: bytes) -> None:
    """Raises ChunkError for what a decoder of points found wrong with `words`."""
    if status == _BAD_POINTS:
        raise ChunkError("cannot decode the points: a box holds more points than it can, or one lies outside")
    if status:
        raise past_the_end(words)


@functools.cache
def native_rans(library: NativeLibrary) -> NativeRans:
    """The compiled rANS of `library`, built once."""
    return NativeRans(library)


def default_rans() -> Rans:
    """The compiled rANS where it is installed, else the reference."""
    library = native()
    return PythonRans() if library is None else native_rans(library)
