"""The ledger on a real SQLite file: what is written stays, once, and is not taken back."""

import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.engine.default import DefaultDialect

from ratchet.domain.bracket import Bracket, Rung
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId, TradeId
from ratchet.domain.money import ZERO
from ratchet.domain.order import LimitOrder, MarketOrder, OrderStatus, Role, Side, StopOrder
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.position import Income, IncomeKind
from ratchet.domain.signal import Kind, NoSignal, Signal, Vote
from ratchet.domain.symbol import Symbol
from ratchet.ledger import database
from ratchet.ledger.database import open_database
from ratchet.ledger.errors import LedgerError, UnknownFill
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.tables import Base, Exact, GapRow

SYMBOL = Symbol("BTCUSDC")
NOW_MS = 1_750_000_000_000


def url_of(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await Ledger.open(url_of(tmp_path / "ledger.db"))
    yield it
    await it.close()


def a_bracket(quantity: str = "0.010") -> Bracket:
    rung = Rung(price=Decimal(101_000), quantity=Decimal(quantity))
    return Bracket(
        symbol=SYMBOL,
        side=Side.BUY,
        quantity=Decimal(quantity),
        price_entry=Decimal(100_000),
        price_stop=Decimal(98_000),
        rungs=(rung,),
        hold_ms_max=600_000,
    )


def a_signal() -> Signal:
    vote = Vote(name="ema_cross", kind=Kind.TREND, side=Side.BUY, value=1.5, note="EMA 9 above EMA 21")
    return Signal(
        strategy="scalping_v1",
        symbol=SYMBOL,
        side=Side.BUY,
        candle_close_ms=NOW_MS,
        price=Decimal(100_000),
        atr_fraction=0.001,
        breakdown=(vote,),
    )


async def a_trade(ledger: Ledger) -> TradeId:
    trade = ledger.next_trade_id()
    await ledger.record_trade(trade, a_bracket(), a_signal().strategy, [], profile="balanced", at_ms=NOW_MS)
    return trade


async def a_trade_with_its_entry(ledger: Ledger) -> TradeId:
    trade = ledger.next_trade_id()
    name = ledger.name_order(trade, Role.ENTRY)
    entry = MarketOrder(client_order_id=name, symbol=SYMBOL, side=Side.BUY, quantity=Decimal(1))
    orders = [(Role.ENTRY, entry)]
    await ledger.record_trade(trade, a_bracket(), a_signal().strategy, orders, profile="balanced", at_ms=NOW_MS)
    return trade


async def an_entry(ledger: Ledger, trade: TradeId) -> MarketOrder:
    order = MarketOrder(
        client_order_id=ledger.name_order(trade, Role.ENTRY),
        symbol=SYMBOL,
        side=Side.BUY,
        quantity=Decimal("0.010"),
    )
    await ledger.record_intents(trade, [(Role.ENTRY, order)], at_ms=NOW_MS)
    return order


def a_fill(
    name: ClientOrderId | None,
    *,
    number: int = 1,
    side: Side = Side.BUY,
    price: str = "100000",
    fee: str = "0.4",
    realized: str = "0",
    order_id: int = 7,
) -> Fill:
    return Fill(
        fill_id=FillId(number),
        order_id=OrderId(order_id),
        client_order_id=name,
        symbol=SYMBOL,
        side=side,
        price=Decimal(price),
        quantity=Decimal("0.010"),
        fee=Decimal(fee),
        realized_pnl=Decimal(realized),
        is_maker=False,
        at_ms=NOW_MS + number,
    )


async def status_of(ledger: Ledger, trade: TradeId) -> dict[str, str]:
    return {row.client_order_id: row.status for row in await ledger.orders_of(trade)}


async def test_names_are_unique_across_trades_roles_and_restarts(tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        ledger = await Ledger.open(url_of(tmp_path / "ledger.db"))
        trade = await a_trade(ledger)
        names.append((await an_entry(ledger, trade)).client_order_id)
        names.append(ledger.name_order(trade, Role.ENTRY))
        names.append(ledger.name_order(trade, Role.STOP))
        await ledger.close()
    assert len(set(names)) == 6
    assert all(name.startswith("rt-") and len(name) <= 36 for name in names)


async def test_a_name_that_was_never_used_does_not_bring_another_back(tmp_path: Path) -> None:
    ledger = await Ledger.open(url_of(tmp_path / "ledger.db"))
    trade = await a_trade(ledger)
    ledger.name_order(trade, Role.ENTRY)
    used = (await an_entry(ledger, trade)).client_order_id
    await ledger.close()
    ledger = await Ledger.open(url_of(tmp_path / "ledger.db"))
    ledger.recall(trade, at_ms=1)
    assert (await an_entry(ledger, trade)).client_order_id != used
    await ledger.close()


@pytest.mark.parametrize("trade", [TradeId(0), TradeId(7)], ids=["of no trade", "of a trade of before"])
async def test_an_order_that_the_ledger_never_heard_of_gives_its_name_to_no_other(
    tmp_path: Path, trade: TradeId
) -> None:
    names = []
    for at_ms in (1_767_225_600_000, 1_767_225_600_001):
        ledger = await Ledger.open(url_of(tmp_path / "ledger.db"))
        ledger.recall(trade, at_ms)
        names += [ledger.name_order(trade, Role.STOP), ledger.name_order(trade, Role.STOP)]
        ledger.recall(trade, at_ms + 1)  # once more in the same life
        names.append(ledger.name_order(trade, Role.STOP))
        await ledger.close()
    assert len(set(names)) == 6
    assert {name.split("-")[2] for name in names} == {str(trade)}


async def test_intents_are_all_there_or_none(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    entry = await an_entry(ledger, trade)
    stop = StopOrder(
        client_order_id=ledger.name_order(trade, Role.STOP),
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=Decimal("0.010"),
        price_trigger=Decimal(98_000),
    )
    with pytest.raises(LedgerError, match="the ledger has it already"):
        await ledger.record_intents(trade, [(Role.STOP, stop), (Role.ENTRY, entry)], at_ms=NOW_MS)
    assert list(await status_of(ledger, trade)) == [entry.client_order_id]


async def test_a_trade_and_its_orders_are_one_intent(ledger: Ledger) -> None:
    trades = await asyncio.gather(*(a_trade_with_its_entry(ledger) for _ in range(20)))
    assert len(set(trades)) == 20
    for trade in trades:
        assert list((await status_of(ledger, trade)).values()) == ["INTENDED"]


async def test_late_news_do_not_take_back_what_is_known(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    name = (await an_entry(ledger, trade)).client_order_id
    for status, known in (
        (OrderStatus.UNKNOWN, "UNKNOWN"),
        (OrderStatus.PARTIALLY_FILLED, "PARTIALLY_FILLED"),
        (OrderStatus.NEW, "PARTIALLY_FILLED"),
        (OrderStatus.UNKNOWN, "PARTIALLY_FILLED"),
        (OrderStatus.FILLED, "FILLED"),
        (OrderStatus.CANCELED, "FILLED"),
    ):
        await ledger.mark(name, status, at_ms=NOW_MS)
        assert (await status_of(ledger, trade))[name] == known


async def test_an_order_that_nobody_intended_cannot_be_marked(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="rt-x is not in the ledger"):
        await ledger.mark(ClientOrderId("rt-x"), OrderStatus.NEW, at_ms=NOW_MS)


async def test_a_fill_is_booked_once_by_name_or_by_number(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    name = (await an_entry(ledger, trade)).client_order_id
    assert await ledger.record_fill(a_fill(name))
    assert not await ledger.record_fill(a_fill(name))
    assert await ledger.record_fill(a_fill(None, number=2)), "by the number that the first fill has told"
    assert await ledger.trade_of_order(SYMBOL, OrderId(7)) == trade
    with pytest.raises(UnknownFill, match="order 8, which is not ours"):
        await ledger.record_fill(a_fill(None, number=3, order_id=8))


async def test_an_order_is_marked_and_filled_in_the_very_transaction_that_writes_it_down(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    name = ledger.name_order(trade, Role.ENTRY)
    entry = MarketOrder(client_order_id=name, symbol=SYMBOL, side=Side.BUY, quantity=Decimal("0.010"))

    stop = replace(entry, client_order_id=ClientOrderId("rt-stop"))
    await asyncio.gather(  # in one commit, as the notebook has them written
        ledger.record_intents(trade, [(Role.ENTRY, entry)], at_ms=NOW_MS),
        ledger.record_fill(a_fill(name)),
        ledger.record_intents(trade, [(Role.STOP, stop)], at_ms=NOW_MS),
        ledger.mark(stop.client_order_id, OrderStatus.NEW, at_ms=NOW_MS, order_id=OrderId(8), reason="late"),
    )
    entered, stopped = sorted(await ledger.orders_of(trade), key=lambda row: row.order_id or 0)
    assert (entered.order_id, entered.status) == (7, "INTENDED")
    assert (stopped.order_id, stopped.status, stopped.reason) == (8, "NEW", "late")


async def test_a_closed_trade_adds_up_to_the_last_digit(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    entry = (await an_entry(ledger, trade)).client_order_id
    rung = LimitOrder(
        client_order_id=ledger.name_order(trade, Role.RUNG),
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=Decimal("0.010"),
        price=Decimal(101_000),
        reduce_only=True,
    )
    await ledger.record_intents(trade, [(Role.RUNG, rung)], at_ms=NOW_MS)
    await ledger.record_fill(a_fill(entry, fee="0.40000001"))
    await ledger.record_fill(
        a_fill(
            rung.client_order_id, number=2, side=Side.SELL, price="101000", fee="0", realized="10.00000003", order_id=8
        )
    )
    funding = Income(
        income_id=1,
        kind=IncomeKind.FUNDING_FEE,
        name="FUNDING_FEE",
        symbol=SYMBOL,
        asset="USDC",
        amount=Decimal("-0.1"),
        fill_id=None,
        at_ms=NOW_MS,
    )
    assert await ledger.record_funding(funding, trade)
    assert not await ledger.record_funding(funding, trade)
    await ledger.record_naked(trade, 3.5)
    await ledger.close_trade(trade, reason="rungs", at_ms=NOW_MS + 9)
    await ledger.close_trade(trade, reason="again", at_ms=NOW_MS + 10)
    summary = await ledger.summary(0)
    assert (summary.net_pnl, summary.fees, summary.funding) == (
        Decimal("9.50000002"),
        Decimal("0.40000001"),
        Decimal("-0.1"),
    )
    assert (summary.trades, summary.closed_trades, summary.win_rate, summary.naked_ms) == (1, 1, 1.0, [3.5])
    [row] = summary.trade_rows
    assert (row.price_entry, row.price_exit, row.reason, row.net_pnl) == (
        Decimal(100_000),
        Decimal(101_000),
        "rungs",
        summary.net_pnl,
    )


async def test_a_trade_without_a_fill_is_none_and_its_unsent_orders_are_cancelled(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    await an_entry(ledger, trade)
    await ledger.close_trade(trade, reason="refused", at_ms=NOW_MS)
    assert (await ledger.summary(0)).trades == 0
    assert set((await status_of(ledger, trade)).values()) == {"CANCELED"}


async def test_signals_are_kept_with_every_vote(ledger: Ledger, tmp_path: Path) -> None:
    nothing = NoSignal(strategy="scalping_v1", symbol=SYMBOL, candle_close_ms=NOW_MS, reason="no trend")
    sent, refused = Outcome(Stage.SENT, "entry"), Outcome(Stage.VOTES, "no trend")
    await ledger.record_signals([(a_signal(), sent), (nothing, refused)])
    assert (await ledger.summary(0)).signals == 1
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        rows = connection.execute("SELECT side, outcome, breakdown FROM signals ORDER BY id").fetchall()
    [vote] = json.loads(rows[0][2])
    assert vote == ["ema_cross", "t", "B", 1.5, "EMA 9 above EMA 21"]
    assert [row[:2] for row in rows] == [("BUY", "entry"), (None, "no trend")]


async def test_many_writers_at_once_lose_nothing(ledger: Ledger) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(ledger.record_equity(NOW_MS + number, Decimal(number), Decimal(number)))
    assert len((await ledger.summary(0)).equity) == 50


async def test_a_cancelled_call_leaves_nothing_half_written_and_nothing_locked(ledger: Ledger) -> None:
    for tenths_ms in range(40):  # wherever in a commit that is
        task = asyncio.create_task(a_trade_with_its_entry(ledger))
        await asyncio.sleep(tenths_ms / 10_000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    trade = await a_trade_with_its_entry(ledger)
    kept = [TradeId(row.id) for row in await ledger.open_trades()]
    assert trade in kept
    assert {len(await ledger.orders_of(each)) for each in kept} == {1}


async def test_the_migrations_make_exactly_the_tables(tmp_path: Path) -> None:
    def difference(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    engine = await open_database(url_of(tmp_path / "ledger.db"))
    async with engine.connect() as connection:
        found = [each for each in await connection.run_sync(difference) if "alembic_version" not in str(each)]
    await engine.dispose()
    assert found == []


async def test_what_is_no_ledger_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("this is no database at all, it is a text that is long enough to be looked at\n" * 20)
    with pytest.raises(LedgerError, match="it is not a ledger"):
        await Ledger.open(url_of(path))
    with pytest.raises(LedgerError, match="cannot be made"):
        await Ledger.open(url_of(path / "x.db"))
    with pytest.raises(LedgerError, match="not the address of a database"):
        await Ledger.open("no address")


WRITER = """
import asyncio, sys
from decimal import Decimal
from ratchet.domain.order import MarketOrder, Role, Side
from ratchet.domain.symbol import Symbol
from ratchet.ledger.fills import book_fill
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.orders import mark_order, order_row
from tests.unit.ratchet.ledger.test_ledger import NOW_MS, a_trade, an_entry

async def main():
    ledger = await Ledger.open(sys.argv[1])
    trade = await a_trade(ledger)
    while True:
        print((await an_entry(ledger, trade)).client_order_id, flush=True)

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    url = url_of(tmp_path / "ledger.db")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, url, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(30):
        names = [(await process.stdout.readline()).decode().strip() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        rest = (await process.stdout.read()).decode().split()
        await process.wait()
    ledger = await Ledger.open(url)
    [trade] = await ledger.open_trades()
    kept = await status_of(ledger, TradeId(trade.id))
    await ledger.close()
    assert {*names, *rest} <= set(kept)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12))
def test_decimals_come_back_as_they_were(value: Decimal) -> None:
    column, dialect = Exact(), DefaultDialect()
    assert column.process_result_value(column.process_bind_param(value, dialect), dialect) == value


async def test_a_write_that_fails_takes_none_of_those_beside_it_with_it(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    entry = await an_entry(ledger, trade)
    rung = LimitOrder(
        client_order_id=ledger.name_order(trade, Role.RUNG),
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=Decimal("0.010"),
        price=Decimal(101_000),
    )
    half_good: list[tuple[Role, MarketOrder | LimitOrder]] = [
        (Role.RUNG, rung),
        (Role.ENTRY, entry),
    ]  # the second is there already
    outcomes = await asyncio.gather(
        ledger.record_equity(NOW_MS, Decimal(1), Decimal(1)),
        ledger.record_intents(trade, half_good, at_ms=NOW_MS),
        ledger.record_equity(NOW_MS, Decimal(2), Decimal(2)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), LedgerError, type(None)]
    assert [point.equity for point in (await ledger.summary(0)).equity] == [1, 2]
    assert list(await status_of(ledger, trade)) == [entry.client_order_id]


async def test_rows_are_written_though_a_statement_after_them_is_refused(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    gap = GapRow(trade_id=trade, symbol=SYMBOL, quantity=ZERO, price=ZERO, reason="nobody knows", at_ms=NOW_MS)
    outcomes = await asyncio.gather(
        an_entry(ledger, trade),
        ledger.record_audit(NOW_MS, [gap]),
        ledger.mark(ClientOrderId("rt-nobody"), OrderStatus.NEW, at_ms=NOW_MS),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [MarketOrder, type(None), LedgerError]
    assert len(await ledger.orders_of(trade)) == len(await ledger.gaps_of(trade)) == 1


async def test_what_becomes_of_a_trade_that_is_not_there_is_refused(ledger: Ledger) -> None:
    nobodys = TradeId(99)
    for deed in (
        ledger.record_naked(nobodys, 1.5),
        ledger.close_trade(nobodys, reason="stop", at_ms=NOW_MS),
        ledger.reopen_trade(nobodys),
    ):
        with pytest.raises(LedgerError, match="trade 99 is not in the ledger"):
            await deed


async def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    ledger = await Ledger.open(url_of(tmp_path / "ledger.db"))
    await ledger.close()
    with pytest.raises(LedgerError, match="the ledger is closed"):
        await ledger.record_equity(NOW_MS, Decimal(1), Decimal(1))


async def test_a_locked_ledger_tells_every_writer_at_once_and_goes_on_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 200)
    path = tmp_path / "ledger.db"
    ledger = await Ledger.open(url_of(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(5):  # one after the other, 50 would wait for 10 s
            outcomes = await asyncio.gather(
                *(ledger.record_equity(NOW_MS, Decimal(1), Decimal(1)) for _ in range(50)), return_exceptions=True
            )
    assert {str(outcome) for outcome in outcomes} == {
        "the ledger cannot be written: another process is writing to it; end that one first"
    }
    await ledger.record_equity(NOW_MS, Decimal(2), Decimal(2))
    assert [point.equity for point in (await ledger.summary(0)).equity] == [2]
    await ledger.close()


async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    ledger = await Ledger.open(url_of(tmp_path / "ledger.db"))
    writes = [asyncio.create_task(ledger.record_equity(NOW_MS, Decimal(n), Decimal(n))) for n in range(20)]
    await asyncio.sleep(0)
    await ledger.close()
    await asyncio.gather(*writes)
    ledger = await Ledger.open(url_of(tmp_path / "ledger.db"))
    assert len((await ledger.summary(0)).equity) == 20
    await ledger.close()


@pytest.mark.parametrize("turns", [1, 2, 10], ids=["in the queue", "taken", "in the transaction"])
async def test_nobody_waits_for_a_writer_that_was_stopped(ledger: Ledger, tmp_path: Path, turns: int) -> None:
    [writer] = [task for task in asyncio.all_tasks() if task.get_name() == "ledger writer"]
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that no commit is over before the writer is stopped
        writes = [asyncio.create_task(a_trade(ledger)) for _ in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)
        writer.cancel()
        other.execute("ROLLBACK")
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert {str(outcome) for outcome in outcomes} == {"the ledger is closed"}
