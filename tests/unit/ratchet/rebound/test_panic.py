"""A panic of the companion believes nothing but what the exchange lists, more than once."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import cast

import pytest

from ratchet.domain.identity import ClientOrderId, OrderId
from ratchet.domain.order import Side
from ratchet.exchange.errors import Meaning, OutcomeUnknown, Rejected
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.spot_client import SpotClient
from ratchet.exchange.standing_order import StandingOrder
from ratchet.rebound import panic
from ratchet.rebound.panic import SpotPanic, SpotPanicReport
from tests.unit.ratchet.rebound.bought import NOW_MS, TRUMP

OURS, ANOTHER, PERSONS = ClientOrderId("rb-trump-7-sell"), ClientOrderId("rb-sol-9-sell"), ClientOrderId("web_1")


def an_open_order(name: ClientOrderId) -> StandingOrder:
    return StandingOrder(
        symbol=TRUMP,
        order_id=OrderId(1),
        client_order_id=name,
        side=Side.SELL,
        kind="LIMIT",
        quantity=Decimal(1),
        quantity_filled=Decimal(0),
        price=Decimal(9),
        price_stop=None,
        placed_ms=NOW_MS,
    )


class Exchange:
    """An account with orders; `answers` are what cancels get, in order, before they are obeyed."""

    def __init__(self, *standing: ClientOrderId, answers: Sequence[Exception] = ()) -> None:
        self.standing = list(standing)
        self.looks = 0
        self.arrives_at_look: tuple[int, ClientOrderId] | None = None
        self._answers = list(answers)

    async def fetch_standing_orders(self) -> list[StandingOrder]:
        self.looks += 1
        if self.arrives_at_look is not None and self.looks == self.arrives_at_look[0]:
            self.standing.append(self.arrives_at_look[1])
        return [an_open_order(name) for name in self.standing]

    async def cancel(self, _symbol: str, name: ClientOrderId) -> None:
        if self._answers:
            raise self._answers.pop(0)
        self.standing.remove(name)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panic, "CALM_MS", 20.0)
    monkeypatch.setattr(panic, "PAUSE_FIRST_S", 0.005)
    monkeypatch.setattr(panic, "PAUSE_MAX_S", 0.01)


async def run(exchange: Exchange, *, late_ms: float = 0.0, coming_until_look: int = 0) -> SpotPanicReport:
    clock = LockstepClock(NOW_MS)
    it = SpotPanic(
        cast("SpotClient", exchange),
        clock,
        "cli",
        at_ms=NOW_MS,
        coming=lambda: ["word of an order"] if exchange.looks < coming_until_look else [],
        proof_from=clock.elapsed_ms() + late_ms,
    )
    async with asyncio.timeout(5):
        return await it.run(lambda: True)


async def test_what_the_companion_placed_is_cancelled_and_nothing_else() -> None:
    exchange = Exchange(OURS, PERSONS, ANOTHER)
    report = await run(exchange)
    assert report.is_clear
    assert [name for _, name in report.cancelled] == [OURS, ANOTHER]
    assert exchange.standing == [PERSONS]


async def test_one_that_arrives_after_a_clear_look_is_cancelled_too() -> None:
    exchange = Exchange()
    exchange.arrives_at_look = (2, OURS)
    report = await run(exchange)
    assert (report.is_clear, exchange.standing) == (True, [])
    assert [name for _, name in report.cancelled] == [OURS]


async def test_after_it_the_list_is_looked_at_anew() -> None:
    exchange = Exchange(answers=[OutcomeUnknown("DELETE order: no answer in time")] * 10)
    exchange.arrives_at_look = (2, OURS)
    report = await run(exchange)
    assert (report.is_clear, exchange.standing) == (True, [])


async def test_what_is_on_its_way_is_waited_for() -> None:
    exchange = Exchange()
    exchange.arrives_at_look = (20, OURS)
    report = await run(exchange, coming_until_look=20)
    assert [name for _, name in report.cancelled] == [OURS]


async def test_nothing_is_proof_before_what_others_sent_can_arrive_no_more() -> None:
    exchange = Exchange()
    exchange.arrives_at_look = (20, OURS)
    report = await run(exchange, late_ms=500.0)
    assert [name for _, name in report.cancelled] == [OURS]


@pytest.mark.parametrize(
    "answer",
    [
        OutcomeUnknown("DELETE order: no answer in time"),
        Rejected(-2011, "Unknown order sent.", Meaning.NOT_OPEN),
        Rejected(-1013, "Something."),
    ],
)
async def test_a_cancel_that_is_not_obeyed_is_repeated_until_the_list_is_empty(answer: Exception) -> None:
    exchange = Exchange(OURS, answers=[answer, answer])
    report = await run(exchange)
    assert (report.is_clear, report.left, exchange.standing) == (True, (), [])


async def test_a_resume_calls_it_off() -> None:
    exchange = Exchange(OURS, answers=[Rejected(-1013, "Never.")] * 1_000)
    it = SpotPanic(cast("SpotClient", exchange), LockstepClock(NOW_MS), "cli", at_ms=NOW_MS)
    async with asyncio.timeout(5):
        report = await it.run(lambda: exchange.looks < 3)
    assert not report.is_clear
    assert [(left.name, left.reason) for left in report.left] == [(OURS, "-1013 Never.")]
