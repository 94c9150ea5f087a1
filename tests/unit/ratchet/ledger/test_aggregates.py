"""Results by hour and by day are what a person gets who adds the rows up, exactly."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from ratchet.ledger.aggregates import DAY_MS, HOUR_MS, PeriodResult
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.tables import Base, ChargeRow, EquityRow, FillRow, FundingRow, GapRow, OrderRow, TradeRow
from tests.unit.ratchet.ledger.test_ledger import url_of

DAY = 1_750_032_000_000  # 2025-06-16 00:00 UTC
DAYS = 3

money = st.decimals(min_value=-1_000, max_value=1_000, places=8)
instants = st.integers(DAY, DAY + DAYS * DAY_MS - 1)
trade_ids = st.none() | st.integers(1, 4)
assets = st.sampled_from(["USDC", "USDC", "BNB"])


@dataclass(frozen=True)
class Rows:
    """What a ledger has."""

    trades: Sequence[TradeRow] = ()
    fills: Sequence[FillRow] = ()
    funding: Sequence[FundingRow] = ()
    charges: Sequence[ChargeRow] = ()
    gaps: Sequence[GapRow] = ()
    equity: Sequence[EquityRow] = ()

    def all(self) -> list[Base]:
        """Trades and the order of all fills first, for what belongs to them."""
        return [*self.trades, *self.fills, *self.funding, *self.charges, *self.gaps, *self.equity]


def a_trade(number: int, opened_ms: int = DAY, closed_ms: int | None = None, naked_ms: float | None = None) -> TradeRow:
    return TradeRow(
        id=number,
        symbol="BTCUSDC",
        side="BUY",
        quantity=Decimal(1),
        price_entry=Decimal(100),
        price_stop=Decimal(98),
        rungs=[],
        hold_ms_max=0,
        strategy="s",
        profile="balanced",
        opened_ms=opened_ms,
        closed_ms=closed_ms,
        reason="",
        naked_ms=naked_ms,
    )


def a_fill(
    number: int, trade_id: int | None, realized: Decimal, at_ms: int, fee: Decimal = Decimal(0), asset: str = "USDC"
) -> FillRow:
    return FillRow(
        symbol="BTCUSDC",
        fill_id=number,
        trade_id=trade_id,
        client_order_id="the-one",
        order_id=1,
        side="BUY",
        price=Decimal(100),
        quantity=Decimal(1),
        fee=fee,
        fee_asset=asset,
        realized_pnl=realized,
        is_maker=False,
        at_ms=at_ms,
    )


def a_gap(number: int, trade_id: int | None, amount: Decimal, at_ms: int, asset: str = "USDC") -> GapRow:
    zero = Decimal(0)
    return GapRow(
        id=number, trade_id=trade_id, quantity=zero, price=zero, reason="", asset=asset, amount=amount, at_ms=at_ms
    )


@st.composite
def ledgers(draw: st.DrawFn) -> Rows:
    trades = []
    for number in range(1, 5):
        opened_ms = draw(instants)
        closed_ms = draw(st.none() | st.integers(opened_ms, DAY + DAYS * DAY_MS - 1))
        trades.append(a_trade(number, opened_ms, closed_ms, draw(st.none() | st.floats(0, 5_000))))
    fills = draw(st.lists(st.tuples(trade_ids, money, instants, money, assets), max_size=12))
    funding = draw(st.lists(st.tuples(trade_ids, money, instants), max_size=4))
    charges = draw(st.lists(st.tuples(trade_ids, money, instants, assets), max_size=4))
    gaps = draw(st.lists(st.tuples(trade_ids, money, instants, assets), max_size=4))
    return Rows(
        trades=trades,
        fills=[a_fill(number, *each) for number, each in enumerate(fills)],
        funding=[
            FundingRow(income_id=number, trade_id=trade, amount=amount, at_ms=at_ms)
            for number, (trade, amount, at_ms) in enumerate(funding)
        ],
        charges=[
            ChargeRow(name="FEE", income_id=number, trade_id=trade, asset=asset, amount=amount, at_ms=at_ms)
            for number, (trade, amount, at_ms, asset) in enumerate(charges)
        ],
        gaps=[a_gap(number, *each) for number, each in enumerate(gaps, start=1)],
    )


def naive(rows: Rows, length_ms: int, since_ms: int, until_ms: int) -> list[PeriodResult]:
    """Every period, row by row."""
    starts = [row.opened_ms for row in rows.trades] + [
        row.at_ms for kind in (rows.fills, rows.funding, rows.charges, rows.gaps, rows.equity) for row in kind
    ]
    if not starts or min(starts) > until_ms:
        return []
    of_quote = [each for kind in (rows.charges, rows.gaps) for each in kind if each.asset == "USDC"]
    booked = [(fill.trade_id, fill.at_ms, fill.net) for fill in rows.fills] + [
        (each.trade_id, each.at_ms, each.amount) for each in (*rows.funding, *of_quote)
    ]
    entered = {fill.trade_id for fill in rows.fills}
    found = []
    for start in range(max(since_ms, min(starts)) // length_ms * length_ms, until_ms + 1, length_ms):
        here = range(max(start, since_ms), min(start + length_ms - 1, until_ms) + 1)
        # -1: in a range numbers are looked up, None is searched for.
        closed = [row.id for row in rows.trades if (row.closed_ms or -1) in here and row.id in entered]
        naked = [row.naked_ms for row in rows.trades if row.opened_ms in here and row.naked_ms is not None]
        fees = [fill.fee for fill in rows.fills if fill.at_ms in here and fill.fee_asset == "USDC"]
        found.append(
            PeriodResult(
                since_ms=start,
                until_ms=start + length_ms,
                trades=len(closed),
                wins=sum(sum(net for trade, _, net in booked if trade == each) > 0 for each in closed),
                net_pnl=sum((net for _, at_ms, net in booked if at_ms in here), Decimal(0)),
                fees=sum(fees, Decimal(0)),
                funding=sum((each.amount for each in rows.funding if each.at_ms in here), Decimal(0)),
                naked_ms_max=max(naked, default=None),
            )
        )
    return found


@pytest.fixture(scope="module")
def ledger_of() -> Iterator[Callable[[Rows], Path]]:
    """A ledger's file with these rows."""
    with tempfile.TemporaryDirectory() as folder:
        empty, path = Path(folder) / "empty.db", Path(folder) / "ledger.db"

        async def make() -> None:
            await (await Ledger.open(url_of(empty))).close()

        def write(rows: Rows) -> Path:
            shutil.copy(empty, path)
            engine = create_engine(f"sqlite:///{path}")
            with Session(engine, expire_on_commit=False) as session, session.begin():
                session.add(the_order())
                session.add_all(rows.all())
            engine.dispose()
            return path

        asyncio.run(make())
        yield write


def the_order() -> OrderRow:
    return OrderRow(
        client_order_id="the-one",
        origin="SYSTEM",
        role="ENTRY",
        kind="MARKET",
        symbol="BTCUSDC",
        side="BUY",
        quantity=Decimal(1),
        reduce_only=False,
        status="FILLED",
        intended_ms=DAY,
        updated_ms=DAY,
    )


def asked(path: Path, length_ms: int, since_ms: int, until_ms: int) -> list[PeriodResult]:
    async def ask() -> list[PeriodResult]:
        ledger = await Ledger.open(url_of(path))
        try:
            ask_for = ledger.results_by_hour if length_ms == HOUR_MS else ledger.results_by_day
            return await ask_for(since_ms, until_ms)
        finally:
            await ledger.close()

    return asyncio.run(ask())


@settings(max_examples=40, deadline=None)
@given(rows=ledgers(), length_ms=st.sampled_from([HOUR_MS, DAY_MS]), ends=st.tuples(instants, instants))
def test_they_are_what_adding_up_row_by_row_gives(
    ledger_of: Callable[[Rows], Path], rows: Rows, length_ms: int, ends: tuple[int, int]
) -> None:
    since_ms, until_ms = sorted(ends)
    wanted = naive(rows, length_ms, since_ms, until_ms)
    assert asked(ledger_of(rows), length_ms, since_ms, until_ms) == wanted


@settings(max_examples=20, deadline=None)
@given(rows=ledgers(), name=st.sampled_from(["results_by_hour", "results_by_day"]))
def test_the_views_for_other_tools_say_the_same_to_a_hundred_millionth(
    ledger_of: Callable[[Rows], Path], rows: Rows, name: str
) -> None:
    length_ms = HOUR_MS if name == "results_by_hour" else DAY_MS
    wanted = naive(rows, length_ms, DAY, DAY + DAYS * DAY_MS - 1)
    with closing(sqlite3.connect(ledger_of(rows))) as connection:
        found = {row[0]: row[1:] for row in connection.execute(f"SELECT * FROM {name}")}
    for each in wanted:
        trades, wins, net_pnl, fees, funding, naked_ms = found.pop(each.since_ms, (0, 0, 0, 0, 0, None))
        assert (trades, wins, naked_ms) == (each.trades, each.wins, each.naked_ms_max)
        sums = (float(each.net_pnl), float(each.fees), float(each.funding))
        assert (net_pnl, fees, funding) == pytest.approx(sums, abs=1e-8)
    assert not found


def test_cents_that_floats_lose_are_kept(ledger_of: Callable[[Rows], Path]) -> None:
    rows = Rows(fills=[a_fill(number, None, Decimal("0.1"), DAY) for number in range(3)])
    [hour] = asked(ledger_of(rows), HOUR_MS, DAY, DAY)
    assert hour.net_pnl == Decimal("0.3")


def test_a_trade_that_was_never_entered_does_not_count(ledger_of: Callable[[Rows], Path]) -> None:
    [day] = asked(ledger_of(Rows(trades=[a_trade(1, DAY, DAY + 1)])), DAY_MS, DAY, DAY + 1)
    assert day.trades == 0


def test_a_trade_wins_by_what_all_of_it_left_and_counts_when_it_was_closed(ledger_of: Callable[[Rows], Path]) -> None:
    closed_ms = DAY + HOUR_MS
    rows = Rows(
        trades=[a_trade(1, DAY, closed_ms)],
        fills=[a_fill(1, 1, Decimal(-5), DAY), a_fill(2, 1, Decimal(6), closed_ms)],
        funding=[FundingRow(income_id=1, trade_id=1, amount=Decimal("-0.99"), at_ms=closed_ms + HOUR_MS)],
    )
    hours = asked(ledger_of(rows), HOUR_MS, DAY, DAY + 2 * HOUR_MS)
    assert [(hour.trades, hour.wins) for hour in hours] == [(0, 0), (1, 1), (0, 0)]
    assert [hour.net_pnl for hour in hours] == [Decimal(-5), Decimal(6), Decimal("-0.99")]


def test_hours_in_which_nothing_happened_are_there_from_the_first_look_at_the_account_on(
    ledger_of: Callable[[Rows], Path],
) -> None:
    rows = Rows(equity=[EquityRow(at_ms=DAY + HOUR_MS, equity=Decimal(400), wallet=Decimal(400))])
    hours = asked(ledger_of(rows), HOUR_MS, 0, DAY + 4 * HOUR_MS)
    assert [hour.since_ms for hour in hours] == [DAY + number * HOUR_MS for number in range(1, 5)]


def test_an_empty_ledger_has_no_periods(ledger_of: Callable[[Rows], Path]) -> None:
    assert asked(ledger_of(Rows()), HOUR_MS, 0, DAY) == []


def test_a_trade_that_left_nothing_is_no_win(ledger_of: Callable[[Rows], Path]) -> None:
    fills = [a_fill(1, 1, Decimal("0.3"), DAY, fee=Decimal("0.1")), a_fill(2, 1, Decimal("-0.2"), DAY)]
    [day] = asked(ledger_of(Rows(trades=[a_trade(1, DAY, DAY)], fills=fills)), DAY_MS, DAY, DAY)
    assert (day.trades, day.wins) == (1, 0)
