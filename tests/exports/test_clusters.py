"""Codebooks and palettes stand for their values with little error."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from sfumato.exports.clusters import codebook, palette


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 400), st.just(3)), elements=st.floats(-50, 50, width=32)))
def test_every_value_gets_its_nearest_entry(values: NDArray[np.float32]) -> None:
    book, labels = codebook(values)
    assert book.shape == (256,) and labels.shape == values.shape and (np.diff(book) >= 0).all()
    best = np.abs(values[..., None] - book).min(axis=-1)
    np.testing.assert_allclose(np.abs(book[labels] - values), best, atol=1e-6)
    if len(np.unique(values)) <= 256:
        np.testing.assert_array_equal(book[labels], values)


def test_a_codebook_comes_near_the_least_error_that_is_possible() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    book, labels = codebook(values)
    # Panter and Dite: sqrt(3) pi / 2 / entries^2 of the variance for many entries of a normal distribution.
    assert np.mean((book[labels] - values) ** 2) < 1.05 * np.sqrt(3) * np.pi / 2 / 256**2


@given(st.integers(1, 300), st.integers(1, 64), st.integers(0, 2**32 - 1))
def test_a_palette_has_at_most_its_entries_and_labels_point_into_it(count: int, entries: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, 9)).astype(np.float32)
    found, labels = palette(vectors, entries)
    assert 1 <= len(found) <= entries and labels.shape == (count,) and 0 <= labels.min() <= labels.max() < len(found)
    if count <= entries:
        np.testing.assert_array_equal(found[labels], vectors)


def test_equal_vectors_share_an_entry() -> None:
    vectors = np.repeat(np.random.default_rng(0).normal(size=(50, 9)).astype(np.float32), 40, axis=0)
    found, labels = palette(vectors, 64)
    assert len(found) == 50
    np.testing.assert_array_equal(found[labels], vectors)


def test_a_palette_finds_clusters_and_outliers() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(60, 9)) * 10
    vectors = (centres[rng.integers(0, 60, 4000)] + rng.normal(0, 0.01, (4000, 9))).astype(np.float32)
    vectors[:4] = 1000 * np.eye(9)[:4]
    found, labels = palette(vectors, 256)
    assert np.abs(found[labels] - vectors).max() < 0.2
