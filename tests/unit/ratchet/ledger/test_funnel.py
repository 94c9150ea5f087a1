"""The funnel: decisions come back as they were said, and every one of them is counted at one stage."""

import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.identity import TradeId
from ratchet.domain.order import Side
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import Kind, NoSignal, Vote
from ratchet.domain.symbol import Symbol
from ratchet.ledger.funnel import StageCounts
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.signals import NotAsked, Scan, compact, votes_of
from tests.unit.ratchet.ledger.test_ledger import NOW_MS, SYMBOL, a_bracket, a_fill, a_signal, an_entry, url_of

STEP_MS = 300_000
SENT = Outcome(Stage.SENT, "entry")
NO = Outcome(Stage.VOTES, "no fresh cross")
OTHER = Symbol("ETHUSDC")

VOTES = st.builds(
    Vote,
    name=st.text(max_size=20),
    kind=st.sampled_from(Kind),
    side=st.sampled_from([*Side, None]),
    value=st.floats(allow_nan=False, allow_infinity=False),
    note=st.text(max_size=40),
)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await Ledger.open(url_of(tmp_path / "ledger.db"))
    yield it
    await it.close()


def nothing(symbol: Symbol = SYMBOL, at_ms: int = NOW_MS) -> NoSignal:
    return NoSignal(strategy="scalping_v1", symbol=symbol, candle_close_ms=at_ms, reason=NO.reason)


async def taken(ledger: Ledger, *, filled: bool) -> TradeId:
    """A trade of the signal, a second after its candle."""
    trade = ledger.next_trade_id()
    at_ms = NOW_MS + 1_000
    await ledger.record_trade(trade, a_bracket(), a_signal().strategy, [], profile="balanced", at_ms=at_ms)
    entry = await an_entry(ledger, trade)
    if filled:
        await ledger.record_fill(a_fill(entry.client_order_id))
    return trade


@given(st.lists(VOTES, max_size=8))
def test_votes_come_back_from_their_bytes(votes: list[Vote]) -> None:
    stored = json.loads(json.dumps([compact(vote) for vote in votes]))
    assert votes_of(stored) == tuple(votes)


def test_a_value_that_is_no_number_is_json_all_the_same() -> None:
    vote = Vote(name="rsi", kind=Kind.MOMENTUM, side=None, value=float("nan"), note="too few candles")
    [read] = votes_of(json.loads(json.dumps([compact(vote)], allow_nan=False)))
    assert read.value != read.value
    assert (read.name, read.kind, read.side, read.note) == ("rsi", Kind.MOMENTUM, None, "too few candles")


def test_votes_of_older_ledgers_are_read() -> None:
    old = {"name": "ema", "kind": "trend", "side": "SELL", "value": -1.5, "note": "below"}
    assert votes_of([old]) == (Vote(name="ema", kind=Kind.TREND, side=Side.SELL, value=-1.5, note="below"),)


@given(st.fixed_dictionaries({stage: st.integers(0, 1_000) for stage in Stage}))
def test_what_reaches_a_stage_ended_there_or_went_on(ended: dict[Stage, int]) -> None:
    counts, stages = StageCounts(ended, 0), list(Stage)
    assert counts.reached(stages[0]) == counts.total
    for stage, following in pairwise(stages):
        assert counts.reached(stage) == ended[stage] + counts.reached(following)
    assert counts.reached(Stage.SENT) == ended[Stage.SENT]


async def test_every_decision_of_a_time_is_counted_once(ledger: Ledger) -> None:
    stages = [stage for number, stage in enumerate(Stage) for _ in range(number + 1)]
    decisions = [(nothing(at_ms=NOW_MS + number), Outcome(stage, "")) for number, stage in enumerate(stages)]
    before, after = nothing(at_ms=NOW_MS - 1), nothing(at_ms=NOW_MS + len(stages))
    await ledger.record_signals([*decisions, (before, NO), (after, NO), (nothing(OTHER), NO)])
    counts = await ledger.stage_counts(NOW_MS, NOW_MS + len(stages) - 1, SYMBOL)
    assert counts.ended == Counter(stages)
    assert counts.total == len(stages)
    assert counts.filled == 0
    assert (await ledger.stage_counts(NOW_MS, NOW_MS + len(stages) - 1)).total == len(stages) + 1


@pytest.mark.parametrize("filled", [True, False])
async def test_a_decision_tells_of_the_trade_it_led_to(ledger: Ledger, filled: bool) -> None:
    await ledger.record_signals([(a_signal(), SENT), (replace(a_signal(), strategy="other"), NO)])
    trade = await taken(ledger, filled=filled)
    sent, refused = await ledger.decisions_on(SYMBOL, 10)
    assert sent.trade is not None
    assert (sent.trade.trade_id, sent.trade.is_filled, sent.trade.ended_by) == (trade, filled, "")
    assert refused.trade is None
    assert sent.votes == a_signal().breakdown
    assert (sent.side, sent.price) == (Side.BUY, a_signal().price)
    assert (await ledger.stage_counts(NOW_MS, NOW_MS)).filled == filled
    await ledger.close_trade(trade, reason="hold", at_ms=NOW_MS + 2_000)
    [after, _] = await ledger.decisions_on(SYMBOL, 10)
    assert after.trade is not None
    assert after.trade.ended_by == "hold"


async def test_a_trade_is_that_of_the_last_decision_before_it(ledger: Ledger) -> None:
    not_begun, refused = replace(a_signal(), candle_close_ms=NOW_MS - 2 * STEP_MS), nothing(at_ms=NOW_MS - STEP_MS)
    await ledger.record_signals([(not_begun, SENT), (refused, NO), (a_signal(), SENT)])
    trade = await taken(ledger, filled=True)
    taking = {line.candle_close_ms: line.trade for line in await ledger.decisions_on(SYMBOL, 10)}
    assert {at_ms: None if each is None else each.trade_id for at_ms, each in taking.items()} == {
        NOW_MS: trade,
        NOW_MS - STEP_MS: None,
        NOW_MS - 2 * STEP_MS: None,
    }
    assert (await ledger.stage_counts(0, NOW_MS)).filled == 1


async def test_the_newest_decisions_come_first_and_no_more_than_wanted(ledger: Ledger) -> None:
    await ledger.record_signals([(nothing(at_ms=NOW_MS + number * STEP_MS), NO) for number in range(5)])
    lines = await ledger.decisions_on(SYMBOL, 2)
    assert [line.candle_close_ms for line in lines] == [NOW_MS + 4 * STEP_MS, NOW_MS + 3 * STEP_MS]


async def test_the_latest_of_every_symbol_is_that_of_the_strategy_that_came_furthest(ledger: Ledger) -> None:
    await ledger.record_signals(
        [
            (nothing(at_ms=NOW_MS - STEP_MS), NO),
            (replace(a_signal(), strategy="second"), SENT),
            (nothing(), NO),
            (NotAsked(OTHER, NOW_MS), Outcome(Stage.CANDLES, "there are none")),
        ]
    )
    latest = await ledger.latest_decisions(NOW_MS - STEP_MS)
    assert [(line.symbol, line.strategy, line.outcome.stage) for line in latest] == [
        (SYMBOL, "second", Stage.SENT),
        (OTHER, "", Stage.CANDLES),
    ]
    assert await ledger.latest_decisions(NOW_MS + 1) == []


async def test_a_scan_told_again_is_one(ledger: Ledger) -> None:
    scan = Scan(candle_close_ms=NOW_MS, symbols=34, missing=1, decided_ms_max=12.5)
    await ledger.record_scan(scan)
    await ledger.record_scan(replace(scan, symbols=35, missing=0))
    assert await ledger.scans_since(NOW_MS) == [replace(scan, symbols=35, missing=0)]
    assert await ledger.scans_since(NOW_MS + 1) == []


async def test_the_newest_instant_is_that_of_whatever_came_last(ledger: Ledger) -> None:
    assert await ledger.newest_ms() is None
    await ledger.record_signals([(nothing(), NO)])
    assert await ledger.newest_ms() == NOW_MS
    await taken(ledger, filled=False)
    assert await ledger.newest_ms() == NOW_MS + 1_000


async def test_decisions_of_before_get_their_stage_from_their_words(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = await Ledger.open(url_of(path))
    words = ["entry", "too late: 40 s after", "entries halted: ending", "day_loss: 21.00 USDC were lost today"]
    await ledger.record_signals([(a_signal(), Outcome(Stage.SENT, each)) for each in words])
    await ledger.record_signals([(nothing(), NO)])
    await ledger.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE signals SET stage = ''")
        for table in ("scans", "spot_fills", "spot_orders", "spot_cases", "spot_watches"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE alembic_version SET version_num = '0005'")
    ledger = await Ledger.open(url_of(path))
    lines = await ledger.decisions_on(SYMBOL, 10)
    await ledger.close()
    assert [line.outcome.stage for line in lines] == [Stage.SENT, Stage.LATE, Stage.HALTED, Stage.RISK, Stage.VOTES]
