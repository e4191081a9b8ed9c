from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from splat_sets import make

from sfumato.errors import SettingsError
from sfumato.kernels import library, native, reference, splats2d


@pytest.fixture
def fresh(monkeypatch):
    """A library that is looked for anew, here and after the test."""

    def forget():
        for cached in (library.native, native.library, native._function):
            cached.cache_clear()

    forget()
    yield monkeypatch
    forget()


def test_missing_kernels_warn_once_and_numpy_draws_the_same(fresh, tmp_path):
    fresh.setattr(library, "_PATH", tmp_path / "libsfumato.so")
    fresh.delenv("SFUMATO_ISA", raising=False)
    splats = make(10, 20, 15)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pictures = [splats2d.render(splats, 20, 15) for _ in range(3)]
        splats2d.render_backward(splats, np.ones((15, 20, 3), np.float32))
    assert [w.category for w in caught] == [RuntimeWarning]
    assert "numpy reference" in str(caught[0].message)
    assert "pip install" in str(caught[0].message)
    assert all(np.array_equal(p, reference.render2d(splats, 20, 15).astype(np.float32)) for p in pictures)


def test_a_file_that_is_no_library_is_as_good_as_none(fresh, tmp_path):
    (tmp_path / "libsfumato.so").write_bytes(b"not a library")
    fresh.setattr(library, "_PATH", tmp_path / "libsfumato.so")
    fresh.delenv("SFUMATO_ISA", raising=False)
    with pytest.warns(RuntimeWarning, match="not usable"):
        assert library.native() is None


def test_the_reference_can_be_asked_for_without_a_warning(fresh):
    fresh.setenv("SFUMATO_ISA", "none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert library.native() is None
        splats = make(10, 20, 15)
        expected = reference.render2d(splats, 20, 15).astype(np.float32)
        assert np.array_equal(splats2d.render(splats, 20, 15), expected)
    with pytest.raises(RuntimeError, match="not loaded"):
        native.library()


@pytest.mark.parametrize("wanted", ["avx2", "V3", "v5", " ", "base,v3"])
def test_an_unknown_instruction_set_is_refused_with_those_on_offer(fresh, isa, wanted):
    fresh.setenv("SFUMATO_ISA", wanted)
    library.native.cache_clear()
    with pytest.raises(SettingsError, match=r"SFUMATO_ISA=.*offer base"):
        library.native()


def test_every_instruction_set_can_be_chosen(isa):
    found = library.native()
    assert found is not None
    assert found.isa == isa


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²", " "])
def test_a_senseless_number_of_threads_is_refused(monkeypatch, text):
    monkeypatch.setenv("SFUMATO_THREADS", text)
    with pytest.raises(SettingsError, match="not a positive whole number"):
        library.thread_count()


@pytest.mark.parametrize(("text", "threads"), [("1", 1), ("7", 7), ("1000000", 256)])
def test_the_number_of_threads_can_be_chosen(monkeypatch, text, threads):
    monkeypatch.setenv("SFUMATO_THREADS", text)
    assert library.thread_count() == threads


def test_by_default_every_core_of_the_process_is_used(monkeypatch):
    monkeypatch.delenv("SFUMATO_THREADS", raising=False)
    assert 1 <= library.thread_count() <= (os.cpu_count() or 1)
