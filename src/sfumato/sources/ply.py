"""The container PLY (Turk 1994): elements made of rows made of named numbers; the rows stay on disk until asked for.

Our own reader: `plyfile`, the usual one, is under the GPL, and no other checks counts against the file's length before
it allocates.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError

MAX_HEADER_BYTES = 1 << 16

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True)
class Element:
    """A kind of row.

    count: how many rows the header promises. fields: name and numpy type of the numbers in a row, in their order.
    lists: names of fields that are lists, which make rows of unequal length.
    """

    name: str
    count: int
    fields: tuple[tuple[str, str], ...]
    lists: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of the numbers in a row."""
        return frozenset(name for name, _ in self.fields)


@dataclass(frozen=True)
class Ply:
    """A PLY file whose header has been read.

    comments: the text of its comment and obj_info lines. elements: by name, in the order of the file.
    """

    path: Path
    file_bytes: int
    comments: tuple[str, ...]
    elements: dict[str, Element]
    first_row: int

    def rows(self, name: str) -> NDArray[Any]:
        """All rows of an element as a structured array [count] on the file, read as they are looked at.

        Raises: InputError if the element is missing or has no rows, if a list makes the place of a row unknown, or if
        the file is too short for the rows it promises.
        """
        element = self.elements.get(name)
        if element is None or not element.count:
            raise self.error(f"it has no {name} rows; export it again")
        offset = self.first_row
        for before in self.elements.values():
            if before.lists:
                raise self.error(
                    f"element {before.name}: {before.lists[0]} is a list, and only single numbers are read; "
                    "export it again without lists"
                )
            row_bytes = np.dtype(list(before.fields)).itemsize
            if before is element:
                break
            offset += before.count * row_bytes
        there = max(0, self.file_bytes - offset) // row_bytes if row_bytes else 0
        if there < element.count:
            raise self.error(
                f"element {name}: {element.count:,} rows are promised and the file ends in row {there:,} "
                "(counted from 0); fetch or export it again"
            )
        return np.memmap(self.path, np.dtype(list(element.fields)), "r", offset, (element.count,))

    def error(self, problem: str) -> InputError:
        """The error that this file has a problem."""
        return InputError(f"cannot read '{self.path}': {problem}")


def open_ply(path: Path) -> Ply:
    """Read the header of the binary PLY at `path`.

    Raises: InputError if it is no PLY, its header is damaged, or it is written as text.
    """
    with path.open("rb") as file:
        head = file.read(MAX_HEADER_BYTES)
    end = head.find(b"end_header")
    newline = head.find(b"\n", end)
    if not head.startswith((b"ply\n", b"ply\r\n")) or end < 0 or newline < 0:
        raise InputError(
            f"cannot read '{path}': it has no PLY header that ends within {MAX_HEADER_BYTES:,} bytes; export it again"
        )
    lines = [line.rstrip("\r") for line in head[:end].decode("latin-1").split("\n")[1:]]
    try:
        order, comments, elements = _parse(lines)
    except ValueError as error:
        raise InputError(f"cannot read '{path}': PLY header: {error}; export it again") from None
    if order not in _ORDERS:
        raise InputError(f"cannot read '{path}': PLY header: format {order} is not read; export it as binary PLY")
    return Ply(path, path.stat().st_size, comments, elements, newline + 1)


def _parse(lines: list[str]) -> tuple[str, tuple[str, ...], dict[str, Element]]:
    """Format, comments and elements that the lines of a header declare; ValueError says what is wrong with a line."""
    order, comments = "", []
    found: dict[str, tuple[int, dict[str, str], list[str]]] = {}
    current: tuple[int, dict[str, str], list[str]] | None = None
    for line in lines:
        match line.split():
            case ["format", order, "1.0"]:
                pass
            case ["comment" | "obj_info", *_]:
                comments.append(line.split(None, 1)[1] if " " in line.strip() else "")
            case ["element", name, count] if count.isascii() and count.isdigit() and len(count) < 16:
                if name in found:
                    raise ValueError(f"element {name} is there twice")
                current = found[name] = (int(count), {}, [])
            case ["property", "list", kind, item, name] if current and {kind, item} <= _TYPES.keys():
                current[2].append(name)
            case ["property", kind, name] if current and kind in _TYPES:
                if name in current[1]:
                    raise ValueError(f"property {name} is there twice")
                current[1][name] = _ORDERS.get(order, "<") + _TYPES[kind]
            case []:
                pass
            case _:
                raise ValueError(f"the line {line[:80]!r} is not understood")
    elements = {
        name: Element(name, count, tuple(fields.items()), tuple(lists))
        for name, (count, fields, lists) in found.items()
    }
    return order, tuple(comments), elements
