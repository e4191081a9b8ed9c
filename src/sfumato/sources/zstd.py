"""Zstandard streams, through the package zstandard, which is asked for only where a file needs it."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError


class ZstdStream:
    """The plain bytes of one Zstandard frame in memory.

    Raises: InputError if the package zstandard is not installed or the frame is damaged.
    """

    def __init__(self, path: Path, data: NDArray[np.uint8]):
        try:
            self._zstd: Any = importlib.import_module("zstandard")
        except ImportError:
            raise InputError(
                f"cannot read '{path}': SPZ 4 needs the package zstandard; pip install 'sfumato[scenes]'"
            ) from None
        self._path = path
        self._reader = self._zstd.ZstdDecompressor().stream_reader(data)

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer`, or as much of it as the frame has left; returns how many bytes."""
        try:
            return int(self._reader.readinto(buffer))
        except self._zstd.ZstdError as error:
            raise InputError(
                f"cannot read '{self._path}': a Zstandard stream is damaged ({error}); fetch it again"
            ) from None

    def __enter__(self) -> ZstdStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._reader.close()
