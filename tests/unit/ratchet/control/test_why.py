"""Why (not)?, in words that an operator reads."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ratchet.control.desk import Refused
from ratchet.control.why import why, why_all
from ratchet.domain.order import Side
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import Kind, NoSignal, Signal, Vote
from ratchet.domain.symbol import Symbol
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.places import Place
from ratchet.ledger.signals import NotAsked
from tests.unit.ratchet.ledger.test_ledger import a_bracket

BTC, ETH = Symbol("BTCUSDC"), Symbol("ETHUSDC")
STEP_MS = 300_000
AT_MS = round(datetime(2026, 1, 5, 14, 35, tzinfo=UTC).timestamp() * 1_000)

TREND = Vote(name="ema", kind=Kind.TREND, side=Side.BUY, value=1.5, note="EMA 9 above EMA 21")
MOMENTUM = Vote(name="rsi", kind=Kind.MOMENTUM, side=None, value=51.0, note="RSI 51")
ATR = Vote(name="atr", kind=Kind.FILTER, side=Side.BUY, value=0.001, note="ATR 0.1 %")


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    yield it
    await it.close()


def a_no(symbol: Symbol = BTC, at_ms: int = AT_MS, *votes: Vote) -> tuple[NoSignal, Outcome]:
    reason = "no momentum for BUY"
    said = NoSignal(strategy="scalping_v1", symbol=symbol, candle_close_ms=at_ms, reason=reason, breakdown=votes)
    return said, Outcome(Stage.VOTES, reason)


def a_wish(stage: Stage, reason: str, at_ms: int = AT_MS) -> tuple[Signal, Outcome]:
    said = Signal(
        strategy="scalping_v1",
        symbol=BTC,
        side=Side.BUY,
        candle_close_ms=at_ms,
        price=Decimal(100_000),
        atr_fraction=0.001,
        breakdown=(TREND,),
    )
    return said, Outcome(stage, reason)


async def line_of(ledger: Ledger, symbol: Symbol = BTC) -> str:
    return (await why(ledger, symbol, AT_MS)).notes[0]


async def test_a_scan_is_told_step_by_step(ledger: Ledger) -> None:
    await ledger.record_places([Place(symbol=BTC, at_ms=AT_MS - 1, is_traded=True, rule="traded", reason="rank 1")])
    await ledger.record_signals([a_no(BTC, AT_MS, TREND, MOMENTUM, ATR)])
    assert await line_of(ledger) == (
        "BTCUSDC 14:35: in the universe (rank 1); candles fresh; votes: trend long (EMA 9 above EMA 21), "
        "momentum none (RSI 51), filters passed → no entry: no momentum for BUY"
    )


async def test_a_veto_is_told_by_name(ledger: Ledger) -> None:
    veto = Vote(name="atr", kind=Kind.FILTER, side=None, value=0.05, note="ATR 5 %")
    await ledger.record_signals([a_no(BTC, AT_MS, TREND, veto)])
    assert "veto of atr (ATR 5 %) →" in await line_of(ledger)


REFUSALS = {
    Stage.LATE: ("too late: 40 s after its candle closed", "long wanted, too late: 40 s after its candle closed"),
    Stage.HALTED: ("entries halted: paused", "long wanted, entries halted: paused"),
    Stage.RISK: (
        "day_loss: no entries until 00:00 UTC",
        "long wanted, refused by the risk guard: day_loss: no entries",
    ),
    Stage.FEASIBILITY: ("below the smallest order", "long wanted, not feasible: below the smallest order"),
    Stage.UNIVERSE: ("it has left", "long wanted, not traded: it has left"),
}


@pytest.mark.parametrize("stage", REFUSALS)
async def test_a_wish_that_was_refused_says_where(ledger: Ledger, stage: Stage) -> None:
    reason, told = REFUSALS[stage]
    await ledger.record_signals([a_wish(stage, reason)])
    assert f"→ {told}" in await line_of(ledger)


async def test_an_entry_names_its_trade(ledger: Ledger) -> None:
    await ledger.record_signals([a_wish(Stage.SENT, "entry")])
    assert (await line_of(ledger)).endswith("→ entry long, whose trade was not begun")
    trade = ledger.next_trade_id()
    await ledger.record_trade(trade, a_bracket(), "scalping_v1", [], profile="balanced", at_ms=AT_MS + 900)
    assert (await line_of(ledger)).endswith(f"→ entry long: trade {trade}, not filled, open")


async def test_a_candle_that_was_not_there_is_told(ledger: Ledger) -> None:
    missed = NotAsked(BTC, AT_MS), Outcome(Stage.CANDLES, "the newest closed 5 min before")
    await ledger.record_signals([missed])
    assert await line_of(ledger) == (
        "BTCUSDC 14:35: candle not there (the newest closed 5 min before) → nobody was asked"
    )


async def test_its_place_is_that_of_the_time_and_a_scan_of_another_day_has_its_date(ledger: Ledger) -> None:
    yesterday = AT_MS - 86_400_000
    was_in = Place(symbol=BTC, at_ms=yesterday, is_traded=True, rule="traded")
    is_out = Place(symbol=BTC, at_ms=AT_MS, is_traded=False, rule="volume", reason="24 h volume 10 USDC")
    await ledger.record_places([was_in, is_out])
    await ledger.record_signals([a_no(at_ms=yesterday + STEP_MS)])
    answer = await why(ledger, BTC, AT_MS)
    assert answer.notes[0].startswith("BTCUSDC 2026-01-04 14:40: in the universe (traded); ")
    assert answer.facts[0] == ("universe now", "not in the universe (24 h volume 10 USDC), since 2026-01-05 14:35:00")


async def test_the_funnel_counts_the_last_24_hours(ledger: Ledger) -> None:
    old = a_no(at_ms=AT_MS - 86_400_001)
    risk = a_wish(Stage.RISK, "day_loss: …", AT_MS - STEP_MS)
    await ledger.record_signals([old, a_no(), risk, a_no(ETH)])
    answer = await why(ledger, BTC, AT_MS)
    assert answer.table is not None
    rows = {row[0]: row[1:] for row in answer.table.rows}
    assert rows["votes"] == ("2", "1", "50.0%")
    assert rows["risk"] == ("1", "1", "50.0%")
    assert rows["sent"] == ("0", "0", "0.0%")
    assert list(rows) == [*(stage.value for stage in Stage), "filled"]


async def test_a_symbol_never_heard_of_is_refused(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="nothing is known of BTCUSDC"):
        await why(ledger, BTC, AT_MS)


async def test_all_symbols_are_told_those_in_play_and_those_left_out(ledger: Ledger) -> None:
    places = [
        Place(symbol=BTC, at_ms=AT_MS, is_traded=True, rule="traded"),
        Place(symbol=ETH, at_ms=AT_MS, is_traded=False, rule="volume", reason="24 h volume 10 USDC"),
    ]
    await ledger.record_places(places)
    await ledger.record_signals([a_no(at_ms=AT_MS - STEP_MS), a_wish(Stage.SENT, "entry"), a_no(ETH, AT_MS - STEP_MS)])
    answer = await why_all(ledger, AT_MS)
    assert answer.table is not None
    assert answer.table.rows == (
        ("BTCUSDC", "14:35", "sent", "entry long, whose trade was not begun"),
        ("ETHUSDC", "14:35", "universe", "24 h volume 10 USDC"),
    )
    assert answer.facts[0] == ("last 24 h", "3 decisions, 1 sent, 0 filled")


async def test_nothing_yet_is_told_as_that(ledger: Ledger) -> None:
    assert (await why_all(ledger, AT_MS)).notes == ("No scan has taken place yet.",)
