"""What the compiled decoders of all media are tried with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from sfumato.coding import Coder, SymbolEncoder
from sfumato.coding.coder import Tables, Values
from sfumato.coding.tables import table_set
from sfumato.kernels.library import NativeLibrary, native

Codec = TypeVar("Codec")


def compiled(codec: Callable[[NativeLibrary], Codec]) -> list[Codec]:
    """A codec for every instruction set that this machine runs; none where the kernels are not compiled."""
    library = native()
    if library is None:
        return []
    levels = ("base", "v3", "v4")
    return [codec(NativeLibrary(library._handle, isa)) for isa in levels[: levels.index(library.isa) + 1]]


class Inventor(Coder):
    """Makes up the symbols that it is asked to decode, one in `rare` the last of its table, and remembers them."""

    def __init__(self, seed: int, rare: int) -> None:
        self.encoder = SymbolEncoder()
        self._rng, self._rare = np.random.default_rng(seed), rare

    def code(self, tables: Tables, symbols: Values | None) -> np.ndarray:
        bases, tables = table_set().bases, np.asarray(tables, np.int64)
        sizes = bases[tables + 1] - bases[tables]
        found = self._rng.integers(0, sizes) if len(tables) else np.zeros(0, np.int64)
        return self.encoder.code(tables, np.where(self._rng.random(len(tables)) < 1 / self._rare, sizes - 1, found))

    def _refusal(self, reason: str) -> Exception:
        return AssertionError(reason)
