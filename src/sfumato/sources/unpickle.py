"""Pickles of arrays, read without running anything that is in them.

A pickle is a program. Here it may only build lists, tuples, dicts, numbers and text, and call the stand-ins below,
which keep arrays of numpy, sparse matrices of scipy and variables of chumpy as plain numbers; no class or function of
any installed package can be reached. The bytes are scanned first, so that no size in them is believed.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError

MAX_STEPS = 1_000_000
"""Instructions of a pickle; a FLAME file has a few hundred."""

MAX_DENSE = 50_000_000
"""Numbers in a sparse matrix once its zeros are written out."""

# What pickles of protocol 0 to 5 need for plain data and objects. Not among them: persistent ids, classes by extension
# codes, and buffers out of band.
_ALLOWED = frozenset({
    "MARK", "STOP", "POP", "POP_MARK", "DUP", "FLOAT", "BINFLOAT", "INT", "BININT", "BININT1", "BININT2", "LONG",
    "LONG1", "LONG4", "NONE", "NEWTRUE", "NEWFALSE", "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "GLOBAL",
    "STACK_GLOBAL", "REDUCE", "BUILD", "NEWOBJ", "DICT", "EMPTY_DICT", "SETITEM", "SETITEMS", "LIST", "EMPTY_LIST",
    "APPEND", "APPENDS", "TUPLE", "EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "GET", "BINGET", "LONG_BINGET", "PUT",
    "BINPUT", "LONG_BINPUT", "MEMOIZE", "PROTO", "FRAME",
})  # fmt: skip


_DAMAGE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, UnicodeError, MemoryError, RecursionError,
    OverflowError, pickle.UnpicklingError,
)  # fmt: skip


class _ForeignError(Exception):
    """The pickle asks for something that is no array; the message says for what."""


class _Kind:
    """In the place of numpy.dtype: the type of numbers in an array."""

    def __init__(self, code: object = "", *_: object) -> None:
        code = code.decode("latin-1") if isinstance(code, bytes) else code
        if not isinstance(code, str) or code[:1] not in set("biuf") or not code[1:].isdigit():
            raise _ForeignError(f"an array of type {str(code)[:20]!r}")
        self.code, self.order = code, "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        self.order = ">" if order in (">", b">") else "<"

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


class _Array:
    """In the place of numpy.ndarray: filled by the state that follows."""

    def __init__(self) -> None:
        self.value: NDArray[Any] = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, data = state
        data = data.encode("latin-1") if isinstance(data, str) else data
        if not isinstance(kind, _Kind) or not isinstance(data, bytes) or not isinstance(shape, tuple):
            raise _ForeignError("an array of objects")
        if min(shape, default=0) < 0 or math.prod(shape) * kind.dtype.itemsize != len(data):
            raise _ForeignError(f"an array {list(shape)} of {kind.dtype} in {len(data):,} bytes")
        self.value = np.frombuffer(data, kind.dtype).reshape(shape, order="F" if fortran else "C")


class _Holder:
    """In the place of an object of scipy.sparse or chumpy: its attributes, and nothing that it could do."""

    sparse = ""

    def __init__(self, *_: object) -> None:
        self.state: dict[Any, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


class _Columns(_Holder):
    sparse = "columns"


class _Rows(_Holder):
    sparse = "rows"


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _from_buffer(data: object, kind: object, shape: object, order: object) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, kind, order in ("F", b"F"), bytes(data) if isinstance(data, bytearray) else data))
    return array


def _reconstructor(kind: object, *_: object) -> _Holder:
    if not (isinstance(kind, type) and issubclass(kind, _Holder)):
        raise _ForeignError("an object built by copyreg")
    return kind()


def _scalar(kind: object, data: object) -> NDArray[Any]:
    array = _Array()
    array.__setstate__((1, (), kind, False, data))
    return array.value


def _encode(text: object, encoding: object = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _ForeignError("an encoding")
    return text.encode("latin-1")


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encode,
    ("copy_reg", "_reconstructor"): _reconstructor,
    ("copyreg", "_reconstructor"): _reconstructor,
    ("__builtin__", "object"): object,
    ("builtins", "object"): object,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
    **{(f"scipy.sparse.{name}", "csc_matrix"): _Columns for name in ("csc", "_csc")},
    **{(f"scipy.sparse.{name}", "csr_matrix"): _Rows for name in ("csr", "_csr")},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("chumpy."):
            return _Holder
        if (module, name) not in _STAND_INS:
            raise _ForeignError(f"{module}.{name}")
        found = _STAND_INS[module, name]
        # A pickle may set attributes of a function that it holds: it gets one of its own.
        return found if isinstance(found, type) else lambda *arguments: found(*arguments)

    def persistent_load(self, pid: object) -> Any:
        raise _ForeignError("a persistent id")


def read_arrays(path: Path, data: bytes) -> dict[str, Any]:
    """The dict pickled in `data`, the contents of the file at `path`, by names in text.

    Arrays, sparse matrices and chumpy variables in it become numpy arrays, whatever else its values are stays.
    Raises: InputError if the pickle asks for anything but arrays, is damaged, or holds no dict.
    """
    try:
        _scan(data)
        found = _Unpickler(io.BytesIO(data), fix_imports=False, encoding="latin1").load()
        if not isinstance(found, dict):
            raise _ForeignError(f"a {type(found).__name__} instead of a dict")
        return {str(_text(name)): _plain(value) for name, value in found.items()}
    except _ForeignError as problem:
        raise InputError(
            f"cannot read '{path}': it holds {problem}, and nothing but arrays of numbers is read from a pickle; "
            "nothing of it was run; fetch the original file"
        ) from None
    except _DAMAGE as error:
        reason = str(error).strip(". ")[:120] or type(error).__name__
        raise InputError(f"cannot read '{path}': the pickle is damaged ({reason}); fetch it again") from None


def _scan(data: bytes) -> None:
    """Walk through all instructions without following any of them."""
    for step, (instruction, argument, _) in enumerate(pickletools.genops(data)):
        if step > MAX_STEPS:
            raise _ForeignError(f"more than {MAX_STEPS:,} instructions")
        if instruction.name not in _ALLOWED:
            raise _ForeignError(f"the instruction {instruction.name}")
        # An unpickler makes room for as many objects as the largest number it should remember one under.
        if "PUT" in instruction.name and int(argument or 0) > MAX_STEPS:
            raise _ForeignError(f"an object remembered under the number {argument:,}")


def _text(name: object) -> object:
    return name.decode("latin-1") if isinstance(name, bytes) else name


def _plain(value: Any) -> Any:
    """The numbers that a stand-in holds; anything else as it is."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, _Columns | _Rows):
        return _dense(value)
    if isinstance(value, _Holder):
        return _plain(value.state.get("x"))  # where chumpy keeps the numbers of a variable
    return value


def _dense(matrix: _Columns | _Rows) -> NDArray[np.float64]:
    """A compressed sparse matrix with all its zeros."""
    state = {str(_text(name)).lstrip("_"): _plain(value) for name, value in matrix.state.items()}
    rows, columns = map(int, np.asarray(state["shape"]))
    if min(rows, columns) < 0 or rows * columns > MAX_DENSE:
        raise _ForeignError(f"a sparse matrix of {rows:,} x {columns:,}")
    lines = columns if matrix.sparse == "columns" else rows
    starts, places, values = (np.asarray(state[name]) for name in ("indptr", "indices", "data"))
    counts = np.diff(starts)
    if len(starts) != lines + 1 or (counts < 0).any() or counts.sum() != len(places) or len(places) != len(values):
        raise _ForeignError("a sparse matrix whose parts do not belong together")
    line = np.repeat(np.arange(lines), counts)
    dense = np.zeros((rows, columns))
    at = (places, line) if matrix.sparse == "columns" else (line, places)
    if len(places) and places.min() < 0:
        raise _ForeignError("a sparse matrix with places outside it")
    np.add.at(dense, at, values)
    return dense
