from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.coding import SymbolEncoder, best_signed_table, signed_bits, signed_table, uniform_table
from sfumato.coding import tables as t
from sfumato.errors import SettingsError


def test_the_tables_never_change():
    # Files in the world depend on these integers. A change is a new format version, not a fix.
    frequencies = t.table_set().frequencies.astype("<u2")
    assert hashlib.sha256(frequencies.tobytes()).hexdigest() == (
        "1d2b2d929bb940c9a4355d0a6c1275ea89a0dfaa99e07ad35dea69d8bf175570"
    )


def test_every_table_has_the_documented_alphabet():
    sizes = np.diff(t.table_set().bases)
    assert sizes[: t.WIDEST_UNIFORM].tolist() == [2, 4, 8, 16, 32, 64, 128, 256]
    assert sizes[t.ESCAPE_CLASSES] == 16
    assert (sizes[t.SIGNED_FIRST : t.SPLIT_FIRST] == 64).all()
    assert sizes[t.SPLIT_FIRST :].tolist() == list(range(3, 33)) * t.SPLIT_CLASSES
    assert len(sizes) == t.TABLE_COUNT


def test_every_symbol_of_every_table_can_be_coded():
    assert t.table_set().frequencies.min() >= 1
    assert (np.add.reduceat(t.table_set().frequencies.astype(int), t.table_set().bases[:-1]) == t.TOTAL).all()


def test_signed_tables_are_symmetric_and_widen_with_their_scale():
    for shape in range(t.SIGNED_SHAPES):
        spreads = []
        for scale in range(t.SIGNED_SCALES):
            base = t.table_set().bases[signed_table(shape, scale)]
            inner = t.table_set().frequencies[base : base + t.ESCAPE].astype(int)
            assert np.abs(inner - inner[::-1]).max() <= 1
            spreads.append((inner * np.arange(-31, 32) ** 2).sum() / inner.sum())
        assert (np.diff(spreads) > 0).all()


@pytest.mark.parametrize("frequencies", [[0, 32767, 1], [16384], [16384, 16385], [1] * 32768])
def test_frequencies_that_are_no_tables_are_refused(frequencies):
    with pytest.raises(ValueError, match="do not form tables"):
        t.TableSet.from_frequencies(np.array(frequencies, np.uint16))


@given(st.lists(st.integers(-40, 40) | st.integers(-(1 << 20), 1 << 20), max_size=60))
def test_the_best_signed_table_is_the_cheapest_and_its_cost_exact(values):
    values = np.array(values, np.int64)
    best = best_signed_table(values)
    costs = signed_bits(values)
    assert costs[best - t.SIGNED_FIRST] == costs.min()
    for table in (best, signed_table(0, 0), signed_table(2, 27)):
        encoder = SymbolEncoder()
        encoder.signed(np.full(len(values), table), values)
        assert encoder.cost_bits() == pytest.approx(costs[table - t.SIGNED_FIRST], abs=1e-6)


@pytest.mark.parametrize(("shape", "exponent"), [(1, "laplace"), (2, "normal")])
def test_the_best_signed_table_recognises_its_own_distribution(shape, exponent):
    draw = getattr(np.random.default_rng(5), exponent)
    std = 0.15 * 160 ** (14 / 27)
    values = np.rint(draw(0, std / (np.sqrt(2) if exponent == "laplace" else 1), 20000)).astype(int)
    found_shape, found_scale = divmod(best_signed_table(values) - t.SIGNED_FIRST, t.SIGNED_SCALES)
    assert found_shape == shape
    assert abs(found_scale - 14) <= 1


@given(st.lists(st.integers(0, 1 << 61)))
def test_bit_length_is_that_of_python(values):
    assert t.bit_length(np.array(values, np.int64)).tolist() == [v.bit_length() for v in values]


def test_tables_that_do_not_exist_are_refused():
    for wrong in (
        lambda: uniform_table(0),
        lambda: uniform_table(9),
        lambda: signed_table(3, 0),
        lambda: signed_table(0, 28),
    ):
        with pytest.raises(SettingsError):
            wrong()
