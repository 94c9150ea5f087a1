"""The risk memory: after a restart it is what it was, however the process ended and whatever happened meanwhile."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from ratchet.domain.fill import Fill
from ratchet.domain.identity import FillId, OrderId, TradeId
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.drill.memory_ledger import Disk
from ratchet.ledger.errors import LedgerUnavailable
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import Deed, OperatorEvent
from ratchet.risk.account_verdict import judge_account
from ratchet.risk.record import Record
from ratchet.trading.limits.risk_memory import CLOSES_MAX, RiskMemory, close_of
from ratchet.trading.trades.trade_state import TradeState
from tests.unit.ratchet.risk.brackets import DAY_MS, LIMITS, MINUTE_MS, NOW_MS, a_bracket, a_close

MIDNIGHT_MS = NOW_MS // DAY_MS * DAY_MS + DAY_MS
SYMBOLS = [Symbol(name) for name in ("BTCUSDC", "ETHUSDC", "SOLUSDC")]


@dataclass(frozen=True, slots=True)
class Ended:
    """A trade ended."""

    symbol: Symbol
    reason: str
    profit: int
    has_held: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """The equity was written down."""

    equity: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """An operator resumed."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """The last trade is not over after all, and ends again."""


Happening = Ended | Seen | Resumed | Reopened


@dataclass
class Life:
    """A process that remembers what it writes into its ledger."""

    ledger: Ledger
    memory: RiskMemory = field(default_factory=RiskMemory)
    fills: int = 0
    last: tuple[TradeState, str] | None = None

    async def meet(self, happening: Happening, at_ms: int) -> None:
        """Have it happen, to memory and ledger alike."""
        match happening:
            case Ended():
                await self.end_trade(happening, at_ms)
            case Seen(equity):
                self.memory.on_equity(at_ms, Decimal(equity))
                await self.ledger.record_equity(at_ms, Decimal(equity), Decimal(equity))
            case Resumed():
                self.memory.on_resume(at_ms)
                await self.ledger.record_operator_event(OperatorEvent(at_ms=at_ms, who="test", what=Deed.RESUME))
            case Reopened() if self.last is not None:
                state, reason = self.last
                self.memory.on_reopened(state.trade_id)
                await self.ledger.reopen_trade(state.trade_id)
                await self.close(state, reason, at_ms)
            case _:
                pass

    async def end_trade(self, ended: Ended, at_ms: int) -> None:
        """One that was begun a minute before."""
        trade_id = self.ledger.next_trade_id()
        bracket = a_bracket(symbol=ended.symbol)
        state = TradeState(trade_id=trade_id, bracket=bracket, opened_ms=at_ms - MINUTE_MS)
        await self.ledger.record_trade(trade_id, bracket, "told", [], profile="balanced", at_ms=at_ms - MINUTE_MS)
        if ended.has_held:
            self.fills += 1
            fill = Fill(
                fill_id=FillId(self.fills),
                order_id=OrderId(self.fills),
                client_order_id=None,
                symbol=ended.symbol,
                side=Side.SELL,
                price=Decimal(100_000),
                quantity=bracket.quantity,
                fee=Decimal("0.4"),
                realized_pnl=Decimal(ended.profit),
                is_maker=False,
                at_ms=at_ms,
            )
            state.book(fill)
            await self.ledger.record_fill(fill, trade_id)
        await self.close(state, ended.reason, at_ms)

    async def close(self, state: TradeState, reason: str, at_ms: int) -> None:
        """As open trades do when a keeper has ended."""
        await self.ledger.close_trade(state.trade_id, reason=reason, at_ms=at_ms)
        if state.fills:
            self.memory.on_close(close_of(state, reason, at_ms))
            self.last = (state, reason)


async def recalled(ledger: Ledger) -> Record:
    memory = RiskMemory()
    await memory.recall(ledger)
    return memory.record


def remembered(happenings: Sequence[tuple[int, Happening]]) -> tuple[Record, Record]:
    """What a process remembers that lived through them, and one that was started after them."""

    async def live() -> tuple[Record, Record]:
        life = Life(await disk.open_ledger())
        for at_ms, happening in happenings:
            await life.meet(happening, at_ms)
        return life.memory.record, await recalled(life.ledger)

    with closing(Disk()) as disk:
        return asyncio.run(live())


REASONS = st.sampled_from(["stop", "stop", "stop", "rungs", "break_even", "hold_over", "closed_outside"])
HAPPENINGS: st.SearchStrategy[Happening] = st.one_of(
    st.builds(Ended, st.sampled_from(SYMBOLS), REASONS, st.integers(-9, 9), st.sampled_from([True, True, False])),
    st.builds(Seen, st.integers(1, 1_000)),
    st.just(Resumed()),
    st.just(Reopened()),
)
GAPS_MS = st.sampled_from([1, 60_000, 60_000, 600_000, 7_200_000, 40_000_000, 100_000_000])


@given(st.lists(st.tuples(GAPS_MS, HAPPENINGS), max_size=25))
@settings(max_examples=60)
def test_a_memory_recalled_from_the_ledger_is_the_memory_that_lived(steps: Sequence[tuple[int, Happening]]) -> None:
    at_ms, happenings = NOW_MS, []
    for gap_ms, happening in steps:
        at_ms += gap_ms
        happenings.append((at_ms, happening))
    lived, read = remembered(happenings)
    assert read == lived
    assert judge_account(read, LIMITS, at_ms) == judge_account(lived, LIMITS, at_ms)


def stop_losses(count: int) -> list[tuple[int, Happening]]:
    return [(NOW_MS + number * MINUTE_MS, Ended(SYMBOLS[0], "stop", -4)) for number in range(count)]


def test_a_pause_goes_on_after_a_restart() -> None:
    _, read = remembered(stop_losses(3))
    (verdict,) = judge_account(read, LIMITS, NOW_MS + 10 * MINUTE_MS)
    assert verdict.until_ms == NOW_MS + 62 * MINUTE_MS


def test_a_limit_of_the_day_goes_on_after_a_restart_though_the_equity_has_recovered() -> None:
    equities = [(NOW_MS + number * MINUTE_MS, Seen(equity)) for number, equity in enumerate((400, 379, 399))]
    _, read = remembered(equities)
    assert [each.reason.value for each in judge_account(read, LIMITS, NOW_MS + 9 * MINUTE_MS)] == [
        "day_loss",
        "day_drawdown",
    ]


def test_what_was_lost_over_midnight_while_the_process_was_dead_is_lost_today() -> None:
    async def live() -> Record:
        ledger = await disk.open_ledger()
        before = Life(ledger)
        await before.meet(Seen(400), MIDNIGHT_MS - 10 * MINUTE_MS)
        after = RiskMemory()
        await after.recall(await disk.open_ledger())
        after.on_equity(MIDNIGHT_MS + 30 * MINUTE_MS, Decimal(370))
        return after.record

    with closing(Disk()) as disk:
        record = asyncio.run(live())
    assert record.day is not None
    assert record.day.equity_start == 400
    assert judge_account(record, LIMITS, MIDNIGHT_MS + 30 * MINUTE_MS)


def test_an_equity_of_days_ago_says_nothing_of_today() -> None:
    memory = RiskMemory()
    memory.on_equity(MIDNIGHT_MS - 3 * DAY_MS, Decimal(4_000))
    memory.on_equity(MIDNIGHT_MS + 30 * MINUTE_MS, Decimal(400))
    assert memory.record.day is not None
    assert memory.record.day.equity_start == 400


def test_a_trade_that_never_held_anything_is_no_trade() -> None:
    _, read = remembered([(NOW_MS, Ended(SYMBOLS[0], "refused", 0, has_held=False))])
    assert read.closes == ()


def test_trades_that_were_closed_while_the_process_was_dead_count_once_they_are_in_the_ledger() -> None:
    lived, read = remembered([*stop_losses(2), (NOW_MS - MINUTE_MS, Ended(SYMBOLS[1], "stop", -4))])
    assert [close.symbol for close in read.closes] == ["ETHUSDC", "BTCUSDC", "BTCUSDC"]
    assert lived == read


def test_what_was_told_before_the_ledger_could_be_read_is_kept() -> None:
    async def live() -> Record:
        ledger = await disk.open_ledger()
        await Life(ledger).meet(Ended(SYMBOLS[0], "stop", -4), NOW_MS)
        memory = RiskMemory()
        memory.on_close(a_close(-1, number=99))
        memory.on_equity(NOW_MS, Decimal(400))
        memory.on_resume(NOW_MS - 1)
        await memory.recall(ledger)
        return memory.record

    with closing(Disk()) as disk:
        record = asyncio.run(live())
    assert [close.trade_id for close in record.closes] == [1, 99]
    assert record.day is not None
    assert record.resumed_ms == NOW_MS - 1


def test_a_ledger_that_cannot_be_read_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def live() -> None:
        ledger = await disk.open_ledger()

        def broken() -> None:
            raise OperationalError("SELECT", None, Exception("disk I/O error"))

        monkeypatch.setattr(ledger, "_sessions", broken)
        await RiskMemory().recall(ledger)

    with closing(Disk()) as disk, pytest.raises(LedgerUnavailable, match="cannot be read"):
        asyncio.run(live())


def test_no_more_is_kept_than_is_asked_about_and_always_in_order() -> None:
    memory = RiskMemory()
    for number in range(CLOSES_MAX + 50):
        memory.on_close(a_close(5_000 - (number * 7) % 5_000, number=number))
    closes = memory.record.closes
    assert len(closes) == CLOSES_MAX
    assert all(before.at_ms <= after.at_ms for before, after in pairwise(closes))


def test_the_result_of_a_trade_is_what_its_fills_brought_after_fees() -> None:
    state = TradeState(trade_id=TradeId(1), bracket=a_bracket(), opened_ms=0)
    fees = [("0.4", "USDC"), ("0.1", "BNB")]
    for number, (fee, asset) in enumerate(fees):
        state.book(
            Fill(
                fill_id=FillId(number),
                order_id=OrderId(1),
                client_order_id=None,
                symbol=SYMBOLS[0],
                side=Side.SELL,
                price=Decimal(1),
                quantity=Decimal(1),
                fee=Decimal(fee),
                fee_asset=asset,
                realized_pnl=Decimal(3),
                is_maker=False,
                at_ms=0,
            )
        )
    assert close_of(state, "rungs", 5).net == Decimal("5.6")
