"""The search for a splat count: it ends in the band, in few fits, and never asks for an impossible count."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.media.image.search import Trial, count_for, search, slope


@given(
    gain=st.floats(1.5, 6.0),
    level=st.floats(10, 30),
    bend=st.floats(0, 0.3),
    aim=st.floats(15, 45),
    first=st.integers(1, 100_000),
)
def test_a_smooth_curve_is_met_in_seven_fits(gain: float, level: float, bend: float, aim: float, first: int) -> None:
    def psnr(count: int) -> float:
        doublings = math.log2(count / 100)
        return level + gain * doublings + bend * doublings * abs(doublings) / 4

    trials = search(psnr, first, (aim, aim + 0.4), least=1, most=1_000_000, tries=7)
    assert len(trials) <= 7 and all(1 <= trial.splats <= 1_000_000 for trial in trials)
    reachable = psnr(1_000_000) > aim
    assert not reachable or max(trial.psnr for trial in trials) >= aim
    if psnr(200) < aim < psnr(500_000):  # counts are fine enough to land inside
        assert trials[-1].psnr >= aim - 0.5


def test_no_count_is_tried_twice_and_the_search_ends_at_its_cap() -> None:
    asked: list[int] = []

    def poor(count: int) -> float:
        asked.append(count)
        return 12 + math.log2(count) / 10

    trials = search(poor, 50, (30, 30.4), least=1, most=4000, tries=7)
    assert asked == [trial.splats for trial in trials] and len(set(asked)) == len(asked)
    assert asked[-1] == 4000


def test_an_exact_picture_leads_to_the_smallest_count() -> None:
    assert search(lambda _: math.inf, 64, (30, 30.4), least=1, most=4096, tries=7)[-1].splats == 1


def test_a_step_without_counts_between_ends_the_search() -> None:
    trials = search(lambda count: 40.0 if count >= 9 else 20.0, 32, (30, 30.4), least=1, most=4096, tries=20)
    assert {trial.splats for trial in trials} >= {8, 9} and len(trials) < 12


def test_the_slope_is_taken_from_trials_that_are_far_enough_apart() -> None:
    trials = [Trial(100, 20.0), Trial(101, 19.0), Trial(200, 24.0)]
    assert slope(trials, 20.0) == pytest.approx(4.0)
    assert count_for(trials, 28.0, 4.0) == 400
