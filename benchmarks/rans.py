"""How fast symbols become bytes and back: `python benchmarks/rans.py` prints a table and writes results/rans.md.

The stream mixes all signed tables at random, symbol by symbol; its symbols are drawn from the tables themselves.
constriction takes no table index per symbol; it codes Laplace residuals of the same scales under its own model, whose
scale changes from symbol to symbol too. One thread, best of several runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import constriction
import numpy as np
from numpy.typing import NDArray

from sfumato.coding import SymbolDecoder, SymbolEncoder
from sfumato.coding.native_rans import default_rans
from sfumato.coding.rans import PythonRans, Rans
from sfumato.coding.tables import SIGNED_FIRST, SIGNED_TABLES, TOTAL, table_set

COUNT = 4_000_000
SLOW_COUNT = 200_000
RESULT = Path(__file__).with_name("results") / "rans.md"


def seconds(work: Callable[[], object], repetitions: int) -> float:
    """The shortest wall time of `work`."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def draw(rng: np.random.Generator, count: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Random signed tables [count] and symbols [count] as probable as those say."""
    tables = rng.integers(SIGNED_FIRST, SIGNED_FIRST + SIGNED_TABLES, count)
    ends = np.cumsum(table_set().frequencies, dtype=np.int64)
    entries = np.searchsorted(ends, tables * TOTAL + rng.integers(0, TOTAL, count), side="right")
    return tables.astype(np.uint16), (entries - table_set().bases[tables]).astype(np.uint16)


def row(name: str, rans: Rans, count: int, lanes: int, repetitions: int) -> str:
    """One line of the table."""
    tables, symbols = draw(np.random.default_rng(0), count)
    encoder = SymbolEncoder(rans)
    encoder.code(tables, symbols)
    payload = encoder.finish(lanes)
    encode = seconds(lambda: rans.encode(tables, symbols, lanes), repetitions)
    decode = seconds(lambda: SymbolDecoder(payload, rans).code(tables), repetitions)
    decoder = SymbolDecoder(payload, rans)
    if not np.array_equal(decoder.code(tables), symbols):
        raise AssertionError("the stream does not decode to what was encoded")
    decoder.finish()
    excess = (8 * len(payload) - encoder.cost_bits()) / count
    return f"| {name} | {lanes} | {count / encode / 1e6:.1f} | {count / decode / 1e6:.1f} | {excess:.5f} |"


def constriction_row(count: int, repetitions: int) -> str:
    """constriction's ANS coder with a quantised Laplacian whose scale changes from symbol to symbol."""
    rng = np.random.default_rng(0)
    scales = np.geomspace(0.15, 24, 28)[rng.integers(0, 28, count)] / np.sqrt(2)
    values = np.clip(np.rint(rng.laplace(0, scales)), -512, 512).astype(np.int32)
    model = constriction.stream.model.QuantizedLaplace(-512, 512)
    means = np.zeros(count)

    def encode() -> NDArray[np.uint32]:
        coder = constriction.stream.stack.AnsCoder()
        coder.encode_reverse(values, model, means, scales)
        return coder.get_compressed()

    compressed = encode()
    encoding = seconds(encode, repetitions)
    decoding = seconds(lambda: constriction.stream.stack.AnsCoder(compressed).decode(model, means, scales), repetitions)
    speeds = f"{count / encoding / 1e6:.1f} | {count / decoding / 1e6:.1f}"
    return f"| constriction, ANS, quantised Laplacian | 1 | {speeds} | |"


def main() -> None:
    """Measures, prints, writes."""
    fast = default_rans()
    lines = [
        "# Entropy coding, million symbols a second",
        "",
        f"One thread; {COUNT:,} symbols ({SLOW_COUNT:,} in Python), the {SIGNED_TABLES} signed tables in random order.",
        "",
        "| coder | lanes | encode | decode | bits a symbol above the tables' entropy |",
        "|---|---|---|---|---|",
        *(row("native", fast, COUNT, lanes, 5) for lanes in (1, 2, 4) if not isinstance(fast, PythonRans)),
        row("Python reference", PythonRans(), SLOW_COUNT, 4, 2),
        constriction_row(COUNT // 4, 3),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text)


if __name__ == "__main__":
    main()
