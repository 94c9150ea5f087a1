"""The hourly audit: when it looks, from when on, and when an operator is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ratchet.exchange.errors import OutcomeUnknown
from ratchet.ledger.ledger import Ledger
from ratchet.trading.books.audit import SETTLING_MS
from ratchet.trading.books.hourly_audit import AFTER_MS, AGAIN_MS, HOUR_MS, HourlyAudit
from tests.unit.ratchet.trading.account import SYMBOL
from tests.unit.ratchet.trading.bookkeeping import Exchange, a_fill, a_trade, auditor_on, open_ledger

NOON_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS


class Enough(Exception):
    """The test has seen enough."""


class SteppedClock:
    """Whoever sleeps wakes at once, at the time that was wanted; the last one never."""

    def __init__(self, now_ms: int, sleeps: int) -> None:
        self.now = now_ms
        self.wanted: list[int] = []
        self._sleeps = sleeps

    def now_ms(self) -> int:
        """Exchange time."""
        return self.now

    def elapsed_ms(self) -> float:
        """Real time."""
        return 0.0

    async def sleep_until(self, at_ms: int) -> None:
        """At once."""
        self.wanted.append(at_ms)
        if len(self.wanted) > self._sleeps:
            raise Enough
        self.now = at_ms

    def working(self) -> AbstractContextManager[None]:
        """Ignored."""
        return nullcontext()


class Stepping(SteppedClock):
    """Sleeps until it is woken."""

    def __init__(self, now_ms: int) -> None:
        super().__init__(now_ms, sleeps=1_000)
        self._asleep, self._woken = asyncio.Event(), asyncio.Event()

    async def sleep_until(self, at_ms: int) -> None:
        """Until woken."""
        self._asleep.set()
        await self._woken.wait()
        self._woken.clear()
        self.now = at_ms

    async def rests(self) -> None:
        """Wait until whoever works has done."""
        await self._asleep.wait()
        self._asleep.clear()

    def wake(self) -> None:
        """On with it."""
        self._woken.set()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await open_ledger(tmp_path)
    yield it
    await it.close()


async def run(exchange: Exchange, ledger: Ledger, clock: SteppedClock) -> tuple[HourlyAudit, list[str]]:
    """Let it look as often as the clock allows. Returns what was logged beside."""
    audit = HourlyAudit(auditor_on(exchange, ledger), ledger, clock)
    with capture_logs() as said, pytest.raises(Enough):
        await audit.run()
    return audit, [f"{row['log_level']} {row['event']}" for row in said]


async def test_it_looks_at_the_start_then_when_funding_of_the_hour_has_settled(ledger: Ledger) -> None:
    clock = SteppedClock(NOON_MS + 600_000, sleeps=2)
    audit, said = await run(Exchange(), ledger, clock)
    hours = [NOON_MS + hour * HOUR_MS + AFTER_MS for hour in (1, 2, 3)]
    assert clock.wanted == hours
    assert hours[0] - SETTLING_MS >= NOON_MS + HOUR_MS + 60_000  # funding is settled up to a minute after its hour
    assert said == ["info audited"] * 2  # at the start of a new ledger there is nothing to look at
    assert audit.audited_ms == hours[1] - SETTLING_MS == await ledger.audited_ms()


async def test_a_start_looks_over_the_time_since_the_last_audit(ledger: Ledger) -> None:
    trade_id, _ = await a_trade(ledger, at_ms=NOON_MS - 5 * HOUR_MS)
    exchange = Exchange()
    exchange.books(a_fill(1, at_ms=NOON_MS - 4 * HOUR_MS))
    audit, said = await run(exchange, ledger, SteppedClock(NOON_MS, sleeps=0))
    assert [row.fill_id for row in await ledger.fills_of(trade_id)] == [1]
    assert "warning ledger_mended" in said
    assert audit.audited_ms == NOON_MS - SETTLING_MS


async def test_an_audit_that_fails_is_told_and_repeated_soon(ledger: Ledger) -> None:
    await a_trade(ledger, at_ms=NOON_MS - HOUR_MS)
    exchange = Exchange()
    exchange.trouble = OutcomeUnknown("GET income: no answer in time")
    clock = SteppedClock(NOON_MS, sleeps=1)
    audit, said = await run(exchange, ledger, clock)
    assert clock.wanted == [NOON_MS + AGAIN_MS, NOON_MS + 2 * AGAIN_MS]
    assert said == ["warning audit_failed"] * 2
    assert (audit.audited_ms, audit.doubts) == (None, "")


async def test_an_audit_that_breaks_ends_nothing_else(ledger: Ledger) -> None:
    await a_trade(ledger, at_ms=NOON_MS - HOUR_MS)
    exchange = Exchange()
    exchange.trouble = ZeroDivisionError()
    _, said = await run(exchange, ledger, SteppedClock(NOON_MS, sleeps=1))
    assert said == ["error audit_broken"] * 2


async def test_a_remainder_is_an_operators_matter_the_second_time_and_no_more_once_it_is_gone(ledger: Ledger) -> None:
    trade_id, _ = await a_trade(ledger, at_ms=NOON_MS - HOUR_MS)
    exchange, fill = Exchange(), a_fill(1, at_ms=NOON_MS - HOUR_MS + 1_000)
    await ledger.record_fill(fill, trade_id)  # the exchange tells nothing of it yet
    exchange.now_ms = NOON_MS + 12 * HOUR_MS
    audit = HourlyAudit(auditor_on(exchange, ledger), ledger, clock := Stepping(NOON_MS))
    told: list[tuple[str, str]] = []
    with capture_logs() as said:
        task = asyncio.create_task(audit.run())
        for hour in range(4):
            await clock.rests()
            told.append((audit.doubts, str(said[-1]["log_level"])))
            if hour == 2:
                exchange.books(fill)
            clock.wake()
        task.cancel()
    doubt = f"0.04 USDC of {SYMBOL}"
    assert told == [("", "warning"), (doubt, "error"), (doubt, "error"), ("", "info")]
    assert Decimal(doubt.split()[0]) == fill.fee
