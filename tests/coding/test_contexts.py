"""Signed values whose tables follow from what is known come back exactly and cost what their spread says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.coding import SymbolDecoder, SymbolEncoder
from sfumato.coding.contexts import WIDE_SCALES, WIDE_TABLES, ContextModel, WideModel
from sfumato.coding.tables import SIGNED_FIRST, SIGNED_TABLES

MODELS = st.builds(WideModel, st.integers(0, WIDE_TABLES - 1), st.integers(-128, 127))
VALUES = st.integers(-(1 << 20), 1 << 20)


@given(MODELS, st.lists(st.tuples(VALUES, st.integers(-40, 84)), max_size=60))
def test_values_come_back_whatever_model_and_context_say(model: WideModel, given: list[tuple[int, int]]) -> None:
    values, context = np.array(given, np.int64).reshape(-1, 2).T
    encoder = SymbolEncoder()
    assert (model.code(encoder, context, values) == values).all()
    decoder = SymbolDecoder(encoder.finish())
    assert (model.code(decoder, context, None) == values).all()
    decoder.finish()


@given(MODELS, st.integers(-1000, 1000))
def test_every_context_has_a_table_of_signed_values(model: WideModel, context: int) -> None:
    tables, shift = model.choices(np.array([context]))
    assert SIGNED_FIRST <= tables[0] < SIGNED_FIRST + SIGNED_TABLES
    assert 0 <= shift[0] <= (WIDE_SCALES - 1 - 17) // 4


def test_small_values_have_no_low_bits_apart() -> None:
    for table in range(18):
        tables, shift = WideModel(table).choices(np.array([0]))
        assert shift[0] == 0 and tables[0] == ContextModel(table).tables(np.array([0]))[0]


@pytest.mark.parametrize("deviation", [0.3, 2.0, 6.0, 30.0, 200.0, 5000.0])
def test_a_spread_however_large_costs_little_more_than_its_entropy(deviation: float) -> None:
    exact = np.random.default_rng(1).normal(0, deviation, 20_000)
    values = np.rint(exact).astype(np.int64)
    context = np.zeros(len(values), np.int64)
    encoder = SymbolEncoder()
    WideModel.best(values, context).code(encoder, context, values)
    shares = np.unique(values, return_counts=True)[1] / len(values)
    gaussian = 0.5 * np.log2(2 * np.pi * np.e * (deviation**2 + 1 / 12))
    entropy = gaussian if deviation > 5 else float(-(shares * np.log2(shares)).sum())
    assert encoder.cost_bits() / len(values) < entropy + 0.06


def test_the_best_model_follows_a_spread_that_grows_with_the_context() -> None:
    rng = np.random.default_rng(2)
    context = rng.integers(0, 20, 20_000)
    values = np.rint(rng.normal(0, 2.0 ** (context / 2))).astype(np.int64)
    found, flat = WideModel.best(values, context), WideModel.best(values, 0 * context)
    costs = []
    for model, contexts in ((found, context), (flat, 0 * context)):
        encoder = SymbolEncoder()
        model.code(encoder, contexts, values)
        costs.append(encoder.cost_bits())
    assert found.slope in (7, 8) and costs[0] < 0.9 * costs[1]
