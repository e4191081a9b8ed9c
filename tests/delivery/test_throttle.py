"""The slow line: how rates are written, and what passes when, by a clock of the test's own."""

from __future__ import annotations

import contextlib
from collections.abc import Coroutine
from typing import Any

import pytest

from sfumato.delivery import throttle
from sfumato.delivery.throttle import Throttle, parse_rate


class Clock:
    """Stands for asyncio: sleeping lets the time pass at once."""

    now = 100.0

    def get_running_loop(self) -> Clock:
        return self

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(throttle, "asyncio", clock)
    return clock


def run(work: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(StopIteration):
        work.send(None)


def answer(app: Throttle, clock: Clock, client: tuple[str, int] = ("a", 1)) -> list[tuple[float, int, bool]]:
    """What leaves for `client`, as (time, bytes, whether there is more)."""
    sent: list[tuple[float, int, bool]] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            sent.append((clock.now, len(message["body"]), message["more_body"]))

    run(app({"type": "http", "client": client}, None, send))  # type: ignore[arg-type]
    return sent


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": bytes(30_000), "more_body": True})
    await send({"type": "http.response.body", "body": bytes(20_000), "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.mark.parametrize(
    ("text", "rate"),
    [("1mbit", 125_000), ("1.5 Mbit/s", 187_500), ("500kbit", 62_500), ("2gbit", 250_000_000), ("8000bit", 1000)],
)
def test_rates_are_bits_a_second_as_lines_are_sold(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


def test_bytes_arrive_evenly_and_all_of_them(clock: Clock) -> None:
    sent = answer(Throttle(application, 10_000), clock)
    assert sum(count for _, count, _ in sent) == 50_000
    assert [more for _, _, more in sent] == [True] * (len(sent) - 1) + [False]
    arrived = 0
    for time, count, _ in sent:
        arrived += count
        assert time - 100 == pytest.approx(arrived / 10_000)
        assert count <= 200


def test_silence_is_not_saved_up(clock: Clock) -> None:
    app = Throttle(application, 10_000)
    assert answer(app, clock)[-1][0] == pytest.approx(105)
    clock.now += 1000
    assert answer(app, clock)[-1][0] == pytest.approx(1110)


def test_connections_do_not_share_a_line(clock: Clock) -> None:
    app = Throttle(application, 10_000)
    answer(app, clock, ("a", 1))
    clock.now = 100
    assert answer(app, clock, ("a", 1))[-1][0] == pytest.approx(110)  # asked while the first answer was under way
    clock.now = 100
    assert answer(app, clock, ("a", 2))[-1][0] == pytest.approx(105)
