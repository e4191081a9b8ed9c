import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.container import Budget, Parser, Prefix, select
from sfumato.errors import BudgetError

from .assets import ends, small

SMALL = small()
ENDS = ends(SMALL)


def choices(within_base: bool = False) -> list[Prefix]:
    parser = Parser()
    parser.feed(SMALL)
    return parser.prefixes(within_base)


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("5%", 5, "percent"),
        ("0.1 %", Fraction(1, 10), "percent"),
        ("100%", 100, "percent"),
        ("30KB", 30_000, "bytes"),
        ("30kb", 30_000, "bytes"),
        ("30KiB", 30_720, "bytes"),
        ("1.5MB", 1_500_000, "bytes"),
        ("2 MiB", 2_097_152, "bytes"),
        ("1GB", 10**9, "bytes"),
        ("2000", 2000, "bytes"),
        (" 2000B ", 2000, "bytes"),
        ("1 byte", 1, "bytes"),
        ("2000splats", 2000, "splats"),
        ("1 splat", 1, "splats"),
        ("level 2", 2, "level"),
        ("Level0", 0, "level"),
    ],
)
def test_budgets_are_read_as_people_write_them(text: str, amount: Fraction, unit: str) -> None:
    assert Budget.parse(text) == Budget(Fraction(amount), unit)


@pytest.mark.parametrize(
    "text",
    ["", "x", "%", "5%%", "-5%", "0", "0%", "101%", "5 km", "1e5", "1,000", ".5MB", "nan", "inf", "level", "level -1",
     "9" * 5000, "0 splats", "½%", "٣%\n\n٣"],
)  # fmt: skip
def test_a_budget_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(BudgetError, match="budget"):
        Budget.parse(text)


@given(st.text(max_size=12))
def test_any_text_is_a_budget_or_a_budget_error(text: str) -> None:
    with contextlib.suppress(BudgetError):
        assert Budget.parse(text).amount >= 0


@pytest.mark.parametrize(("amount", "unit"), [(1, "km"), (0, "bytes"), (-1, "level"), (101, "percent")])
def test_a_budget_is_checked_when_it_is_made(amount: int, unit: str) -> None:
    with pytest.raises(BudgetError, match="cannot use"):
        Budget(Fraction(amount), unit)


@given(st.integers(1, len(SMALL) + 10))
def test_a_budget_of_bytes_gives_the_longest_prefix_that_fits(limit: int) -> None:
    for within_base, first in ((False, 4), (True, 2)):
        fitting = [end for end in ENDS[first:] if end <= limit]
        if fitting:
            assert select(choices(within_base), Budget(Fraction(limit), "bytes")).length == fitting[-1]
        else:
            with pytest.raises(BudgetError, match=f"takes {ENDS[first]:,} bytes"):
                select(choices(within_base), f"{limit} bytes")


@pytest.mark.parametrize(
    ("budget", "chunks"),
    [
        ("100%", 9),
        ("99.9%", 8),
        ("150 splats", 4),
        ("179 splats", 4),
        ("180 splats", 5),
        ("220 splats", 8),
        ("9999 splats", 9),
        ("level 0", 4),
        ("level 1", 7),
        ("level 2", 8),
        ("level 3", 9),
    ],
)
def test_percent_splats_and_levels_give_the_prefix_one_expects(budget: str, chunks: int) -> None:
    assert select(choices(), budget).chunks == chunks


def test_percent_are_exact_at_the_boundary() -> None:
    for prefix in choices():
        percent = Fraction(100 * prefix.length, len(SMALL))
        assert select(choices(), Budget(percent, "percent")) == prefix


def test_the_percentage_named_by_the_error_is_enough() -> None:
    with pytest.raises(BudgetError) as info:
        select(choices(), "1%")
    assert "the base level: it takes" in str(info.value) and "with 150 splats" in str(info.value)
    named = str(info.value).split("(")[1].split("%")[0]
    assert select(choices(), f"{named}%").chunks == 4


def test_splats_count_the_base_level_as_a_whole() -> None:
    with pytest.raises(BudgetError, match="150 splats"):
        select(choices(within_base=True), "149 splats")


def test_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BudgetError, match="levels 0 to 3"):
        select(choices(), "level 4")
