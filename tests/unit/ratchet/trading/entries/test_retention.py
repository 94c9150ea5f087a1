"""Retention: decisions that are too old go, those that led to trades stay, and whoever writes waits for no more than
one batch."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import NoSignal
from ratchet.domain.symbol import Symbol
from ratchet.ledger.ledger import Ledger
from ratchet.trading.entries import retention
from ratchet.trading.entries.retention import BATCH, DAY_MS, HOUR_MS, Retention
from tests.unit.ratchet.trading.books.test_hourly_audit import NOON_MS, Enough, SteppedClock

SYMBOL = Symbol("BTCUSDC")
KEEP_DAYS = 3
SENT, NO = Outcome(Stage.SENT, "entry"), Outcome(Stage.VOTES, "no fresh cross")


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    yield it
    await it.close()


def said(at_ms: int) -> NoSignal:
    return NoSignal(strategy="test", symbol=SYMBOL, candle_close_ms=at_ms, reason="")


def retention_of(ledger: Ledger, now_ms: int = NOON_MS, sleeps: int = 1) -> Retention:
    return Retention(ledger, SteppedClock(now_ms, sleeps), keep_days=KEEP_DAYS)


async def left(ledger: Ledger) -> list[tuple[int, Stage]]:
    lines = await ledger.decisions_on(SYMBOL, 10_000)
    return [(line.candle_close_ms, line.outcome.stage) for line in lines]


async def test_what_is_older_than_wanted_goes_but_for_what_led_to_trades(ledger: Ledger) -> None:
    oldest_kept = NOON_MS - KEEP_DAYS * DAY_MS
    decisions = [(said(oldest_kept), NO), (said(oldest_kept - 1), NO), (said(oldest_kept - DAY_MS), SENT)]
    await ledger.record_signals(decisions)
    assert await retention_of(ledger).forget() == 1
    assert await left(ledger) == [(oldest_kept, Stage.VOTES), (oldest_kept - DAY_MS, Stage.SENT)]


async def test_others_write_between_two_batches(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE_S", 0)
    batches: list[int] = []

    async def forget_some(before_ms: int, most: int) -> int:
        batches.append(await Ledger.forget_decisions(ledger, before_ms, most))
        return batches[-1]

    monkeypatch.setattr(ledger, "forget_decisions", forget_some)
    await ledger.record_signals([(said(number), NO) for number in range(2 * BATCH + 1)])
    assert await retention_of(ledger).forget() == 2 * BATCH + 1
    assert batches == [BATCH, BATCH, 1]


async def test_it_looks_every_hour_and_a_ledger_that_cannot_be_written_is_tried_again(ledger: Ledger) -> None:
    await ledger.record_signals([(said(0), NO)])
    await ledger.close()
    clock = SteppedClock(NOON_MS + 1, sleeps=2)
    with pytest.raises(Enough):
        async with asyncio.timeout(10):
            await Retention(ledger, clock, keep_days=KEEP_DAYS).run()
    assert clock.wanted == [NOON_MS + number * HOUR_MS for number in (1, 2, 3)]
