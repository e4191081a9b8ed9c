"""Finds the compiled kernels, picks the instruction set, counts threads.

The library exports every function once per instruction set with a suffix (`sfu_render2d_v3`); the best one this
processor runs is picked here, so that the C++ needs no dispatch code and tests can force each set in turn with
`SFUMATO_ISA`.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from sfumato.errors import SettingsError

_NAMES = {"darwin": "libsfumato.dylib", "win32": "sfumato.dll"}
_PATH = Path(__file__).with_name(_NAMES.get(sys.platform, "libsfumato.so"))


class NativeLibrary:
    """The compiled kernels for one instruction set.

    isa: "base", "v3" or "v4" (x86-64 micro-architecture levels; other processors have "base" only).
    """

    def __init__(self, handle: ctypes.CDLL, isa: str) -> None:
        self._handle = handle
        self.isa = isa

    def function(self, name: str, *argtypes: Any, restype: Any = None) -> Any:
        """The exported function `name` for this instruction set, with its C signature declared."""
        found = getattr(self._handle, f"{name}_{self.isa}")
        found.argtypes = argtypes
        found.restype = restype
        return found


@functools.cache
def native() -> NativeLibrary | None:
    """The compiled kernels, or None (with one warning) where they are missing: numpy then does the work, slowly.

    `SFUMATO_ISA=base|v3|v4` forces an instruction set; `SFUMATO_ISA=none` forces the numpy reference without a warning.
    SettingsError for anything else.
    """
    wanted = os.environ.get("SFUMATO_ISA", "")
    if wanted == "none":
        return None
    try:
        handle = _load()
    except OSError as error:
        warnings.warn(
            f"the compiled kernels are not usable ({error}); the numpy reference does the work, about 100 times "
            "slower. Reinstall with a C++20 compiler on the path: pip install --force-reinstall sfumato",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    handle.sfu_best_isa.restype = ctypes.c_char_p
    best = handle.sfu_best_isa().decode()
    known = ("base", "v3", "v4")
    if wanted and (wanted not in known or known.index(wanted) > known.index(best)):
        offered = ", ".join(known[: known.index(best) + 1])
        raise SettingsError(f"SFUMATO_ISA={wanted!r}: this build and processor offer {offered}")
    return NativeLibrary(handle, wanted or best)


def _load() -> ctypes.CDLL:
    """The library, with OpenMP threads that sleep while they wait.

    Spinning threads, the default of libgomp, take the core away from each other where other programs run as well: a fit
    then takes ten times as long. libgomp reads the variable only while it is loaded.
    """
    variable = "OMP_WAIT_POLICY"
    if variable in os.environ:
        return ctypes.CDLL(str(_PATH))
    os.environ[variable] = "passive"
    try:
        return ctypes.CDLL(str(_PATH))
    finally:
        del os.environ[variable]


def thread_count() -> int:
    """Threads the kernels may use: `SFUMATO_THREADS` (at most 256), else the cores this process may run on.

    SettingsError if `SFUMATO_THREADS` is not a positive whole number.
    """
    text = os.environ.get("SFUMATO_THREADS", "")
    if text:
        if not text.isdecimal() or int(text) < 1:
            raise SettingsError(f"SFUMATO_THREADS={text!r} is not a positive whole number")
        return min(int(text), 256)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
