from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.container import Chunk, Part, assemble, cut, verify
from sfumato.errors import BudgetError, ChecksumError, InputError, TruncatedError

from .assets import ends, part_lists, small

SMALL = small()
ENDS = ends(SMALL)


@given(part_lists(), st.integers(1, 100))
def test_a_cut_is_the_first_bytes_of_the_file_and_a_valid_file(parts: list[Part], percent: int) -> None:
    data = assemble("image", {}, parts)
    try:
        short = cut(data, f"{percent}%")
    except BudgetError:
        assert len(cut(data, "level 0")) * 100 > percent * len(data)
        return
    assert data.startswith(short)
    assert len(short) * 100 <= percent * len(data)
    report = verify(short)
    assert report.here.length == len(short)
    assert report.whole.length == len(data)
    assert cut(short, f"{percent}%") == short


def test_a_cut_of_a_cut_is_the_cut_of_the_whole() -> None:
    assert cut(cut(SMALL, "level 2"), "level 1") == cut(SMALL, "level 1")


def test_a_cut_that_holds_less_than_the_budget_is_given_whole() -> None:
    short = SMALL[: ENDS[5]]
    assert cut(short, "100%") == short


def test_a_budget_below_the_base_level_is_refused_with_what_it_takes() -> None:
    with pytest.raises(BudgetError, match=f"takes {ENDS[4]} bytes"):
        cut(SMALL, "50 bytes")


def test_damage_behind_the_cut_does_no_harm_and_damage_before_it_is_told() -> None:
    damaged = bytearray(SMALL)
    damaged[ENDS[5] + 11] ^= 1
    for length in (ENDS[4], ENDS[5]):
        assert cut(bytes(damaged), f"{length} bytes") == SMALL[:length]
    with pytest.raises(ChecksumError, match="chunk 6"):
        cut(bytes(damaged), "100%")


def test_damage_right_behind_the_base_level_does_no_harm_to_a_cut_of_it() -> None:
    data = assemble("image", {}, [Part(Chunk("DEMO", 0)), Part(Chunk("DEMO", 1))])
    assert verify(cut(data[:-1] + b"x", "level 0")).here.chunks == 3


def test_a_truncated_file_is_not_cut_silently() -> None:
    with pytest.raises(TruncatedError):
        cut(SMALL[: ENDS[5] + 1], "100%")
    with pytest.raises(TruncatedError):
        cut(SMALL[: ENDS[3]], "level 0")


def test_only_the_needed_part_of_a_file_is_read(tmp_path: Path) -> None:
    parts = [Part(Chunk("DEMO", 0, 0, b"base")), Part(Chunk("DEMO", 1, 0, bytes(300_000)))]
    data = assemble("image", {}, parts)
    path = tmp_path / "big.sfu"
    path.write_bytes(data[:100_000])
    assert verify(cut(path, "level 0")).whole.length == len(data)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.sfu", str(tmp_path / "zero\0byte")):
        with pytest.raises(InputError, match="cannot read"):
            cut(path, "5%")
