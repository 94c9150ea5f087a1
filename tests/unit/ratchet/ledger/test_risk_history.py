"""The history that limits ask about, and the leverage of a trade, as the ledger keeps them."""

from collections.abc import AsyncIterator
from contextlib import closing
from decimal import Decimal

import pytest

from ratchet.domain.bracket import Bracket
from ratchet.domain.fill import Fill
from ratchet.domain.identity import FillId, OrderId, TradeId
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.drill.memory_ledger import Disk
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import Deed, OperatorEvent

SYMBOL = Symbol("BTCUSDC")
DAY_MS = 86_400_000
MIDNIGHT_MS = 20_000 * DAY_MS
BRACKET = Bracket(
    symbol=SYMBOL,
    side=Side.BUY,
    quantity=Decimal(1),
    price_entry=Decimal(100),
    price_stop=Decimal(98),
    rungs=(),
    hold_ms_max=None,
)


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    with closing(Disk()) as disk:
        yield await disk.open_ledger()


async def a_trade(ledger: Ledger, *, leverage: int | None = None, closed_ms: int | None = None) -> TradeId:
    trade_id = ledger.next_trade_id()
    await ledger.record_trade(trade_id, BRACKET, "told", [], profile="balanced", at_ms=MIDNIGHT_MS, leverage=leverage)
    fill = Fill(
        fill_id=FillId(trade_id),
        order_id=OrderId(trade_id),
        client_order_id=None,
        symbol=SYMBOL,
        side=Side.SELL,
        price=Decimal(98),
        quantity=Decimal(1),
        fee=Decimal("0.5"),
        realized_pnl=Decimal(-2),
        is_maker=False,
        at_ms=MIDNIGHT_MS,
    )
    await ledger.record_fill(fill, trade_id)
    if closed_ms is not None:
        await ledger.close_trade(trade_id, reason="stop", at_ms=closed_ms)
    return trade_id


@pytest.mark.parametrize("leverage", [7, None])
async def test_a_trade_is_kept_with_its_leverage(ledger: Ledger, leverage: int | None) -> None:
    trade_id = await a_trade(ledger, leverage=leverage)
    row = await ledger.trade(trade_id)
    assert row is not None
    assert row.leverage == leverage


async def test_an_empty_ledger_has_no_history(ledger: Ledger) -> None:
    history = await ledger.risk_history(10)
    assert (list(history.closed), list(history.equity), history.resumed_ms) == ([], [], None)


async def test_only_the_last_trades_that_are_over_are_told_oldest_first(ledger: Ledger) -> None:
    trades = [await a_trade(ledger, closed_ms=MIDNIGHT_MS + at_ms) for at_ms in (5, 9, 7)]
    await a_trade(ledger)
    history = await ledger.risk_history(2)
    assert [(trade.trade_id, trade.at_ms - MIDNIGHT_MS) for trade in history.closed] == [(trades[2], 7), (trades[1], 9)]
    assert {(trade.reason, trade.net) for trade in history.closed} == {("stop", Decimal("-2.5"))}


async def test_the_equity_is_that_of_the_last_day_and_one_before(ledger: Ledger) -> None:
    for at_ms in (-DAY_MS, -2, -1, 0, 60_000, 70_000):
        await ledger.record_equity(MIDNIGHT_MS + at_ms, Decimal(at_ms), Decimal(0))
    history = await ledger.risk_history(1)
    assert [point.at_ms - MIDNIGHT_MS for point in history.equity] == [-1, 0, 60_000, 70_000]


async def test_the_last_resume_is_told_and_no_other_deed(ledger: Ledger) -> None:
    for at_ms, deed in ((1, Deed.RESUME), (5, Deed.RESUME), (9, Deed.PAUSE)):
        await ledger.record_operator_event(OperatorEvent(at_ms=at_ms, who="test", what=deed))
    assert (await ledger.risk_history(1)).resumed_ms == 5
