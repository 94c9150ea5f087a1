"""A process that dies leaves a trade to the next one as it was: what is held, what was sent, where its stop is."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from ratchet.domain.bracket import Bracket, Rung
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, OrderId, TradeId
from ratchet.domain.order import LimitOrder, MarketOrder, OrderStatus, Role, Side, StopOrder
from ratchet.drill.memory_ledger import Disk
from ratchet.drill.world import World
from ratchet.ledger.ledger import Ledger
from ratchet.trading.start.recollection import recollect
from ratchet.trading.trades.trade_state import TradeOrder, TradeState
from tests.unit.ratchet.trading.account import START_MS, SYMBOL, a_fill, in_the_world

TRADE = TradeId(1)


def a_bracket(side: Side, hold_ms_max: int | None = 600_000) -> Bracket:
    sign = side.sign
    return Bracket(
        symbol=SYMBOL,
        side=side,
        quantity=Decimal("10.50"),
        price_entry=Decimal(100),
        price_stop=Decimal(100 - 2 * sign),
        rungs=(
            Rung(price=Decimal(100 + sign), quantity=Decimal("4.50")),
            Rung(price=Decimal(100 + 2 * sign), quantity=Decimal(6)),
        ),
        hold_ms_max=hold_ms_max,
    )


def name(role: str) -> ClientOrderId:
    return ClientOrderId(f"rt-a-1-{role}")


def a_stop(number: int, side: Side, price: str) -> StopOrder:
    return StopOrder(
        client_order_id=name(f"stop{number}"),
        symbol=SYMBOL,
        side=side.opposite,
        quantity=Decimal(6),
        price_trigger=Decimal(price),
    )


def over_a_death(live: Callable[[Ledger], Awaitable[None]]) -> tuple[TradeState, Decimal]:
    """Have one process write and another one remember."""
    disk = Disk()
    found: list[tuple[TradeState, Decimal]] = []

    async def first() -> None:
        ledger = await disk.open_ledger()
        await live(ledger)
        await ledger.close()

    async def second() -> None:
        ledger = await disk.open_ledger()
        [row] = await ledger.open_trades()
        found.append(await recollect(ledger, row))
        await ledger.close()

    try:
        in_the_world(World(), first())
        in_the_world(World(), second())
    finally:
        disk.close()
    return found[0]


@pytest.mark.parametrize("side", list(Side))
def test_a_trade_is_remembered_as_it_was(side: Side) -> None:
    before = TradeState(trade_id=TRADE, bracket=a_bracket(side), opened_ms=START_MS)
    entry = MarketOrder(client_order_id=name("entry0"), symbol=SYMBOL, side=side, quantity=Decimal("10.50"))
    rungs = [
        LimitOrder(
            client_order_id=name(f"rung{number}"),
            symbol=SYMBOL,
            side=side.opposite,
            quantity=rung.quantity,
            price=rung.price,
            reduce_only=True,
            post_only=True,
        )
        for number, rung in enumerate(before.bracket.rungs)
    ]
    stop = a_stop(0, side, str(before.bracket.price_stop))
    orders: list[tuple[Role, MarketOrder | LimitOrder | StopOrder]] = [(Role.ENTRY, entry), (Role.STOP, stop)]
    orders += [(Role.RUNG, rung) for rung in rungs]
    became = {
        entry.client_order_id: (OrderStatus.FILLED, OrderId(1)),
        stop.client_order_id: (OrderStatus.CANCELED, None),
        rungs[0].client_order_id: (OrderStatus.FILLED, OrderId(2)),
        rungs[1].client_order_id: (OrderStatus.PARTIALLY_FILLED, OrderId(3)),
    }
    fills: list[Fill] = [
        a_fill(1, entry.client_order_id, side, Decimal("4.25"), 1),
        replace(a_fill(4, entry.client_order_id, side, Decimal("6.25"), 1), order_id=OrderId(1), price=Decimal(99)),
        a_fill(2, rungs[0].client_order_id, side.opposite, Decimal("4.50"), 2),
        a_fill(3, rungs[1].client_order_id, side.opposite, Decimal("1.00"), 3),
    ]

    async def live(ledger: Ledger) -> None:
        await ledger.record_trade(TRADE, before.bracket, "test", orders, profile="test", at_ms=START_MS)
        for role, order in orders:
            status, number = became[order.client_order_id]
            await ledger.mark(order.client_order_id, status, at_ms=1, order_id=number)
            before.orders[order.client_order_id] = TradeOrder(role=role, status=status, order_id=number)
        for fill in fills:
            await ledger.record_fill(fill, TRADE)
            before.book(fill)
        await ledger.record_gap(TRADE, SYMBOL, Decimal(side.sign), Decimal(100), "no fill", at_ms=1)
        before.gap = Decimal(side.sign)
        await ledger.record_naked(TRADE, 33.5)
        before.naked_ms = 33.5

    after, price_stop = over_a_death(live)
    assert after == before
    assert after.quantity_held == Decimal("6.00")
    assert after.rungs_filled == 2
    assert price_stop == before.bracket.price_stop


@pytest.mark.parametrize(
    ("side", "moves", "price_stop"),
    [
        (Side.BUY, [("99", OrderStatus.CANCELED), ("100.05", OrderStatus.NEW)], "100.05"),
        (Side.SELL, [("101", OrderStatus.CANCELED), ("99.95", OrderStatus.NEW)], "99.95"),
        (Side.BUY, [("100.05", OrderStatus.REJECTED)], "98"),  # which the exchange never held
        (Side.BUY, [("100.05", OrderStatus.INTENDED)], "98"),
        (Side.BUY, [("100.05", OrderStatus.UNKNOWN)], "100.05"),  # which it may hold
        (Side.BUY, [("100.05", OrderStatus.CANCELED), ("99", OrderStatus.NEW)], "100.05"),  # a stop never goes back
    ],
)
def test_its_stop_is_as_tight_as_it_had_come(side: Side, moves: list[tuple[str, OrderStatus]], price_stop: str) -> None:
    async def live(ledger: Ledger) -> None:
        await ledger.record_trade(TRADE, a_bracket(side), "test", [], profile="test", at_ms=START_MS)
        for number, (price, status) in enumerate(moves):
            stop = a_stop(number, side, price)
            await ledger.record_intents(TRADE, [(Role.STOP, stop)], at_ms=number)
            await ledger.mark(stop.client_order_id, status, at_ms=number)

    _, found = over_a_death(live)
    assert found == Decimal(price_stop)


def test_what_was_only_meant_to_be_sent_may_have_been() -> None:
    async def live(ledger: Ledger) -> None:
        entry = MarketOrder(client_order_id=name("entry0"), symbol=SYMBOL, side=Side.BUY, quantity=Decimal(1))
        await ledger.record_trade(
            TRADE, a_bracket(Side.BUY), "test", [(Role.ENTRY, entry)], profile="test", at_ms=START_MS
        )

    state, _ = over_a_death(live)
    assert state.orders[name("entry0")].status is OrderStatus.SENT


def test_another_hands_fills_count_as_what_is_held() -> None:
    async def live(ledger: Ledger) -> None:
        await ledger.record_trade(TRADE, a_bracket(Side.BUY, None), "foreign", [], profile="test", at_ms=START_MS)
        await ledger.record_fill(a_fill(1, None, Side.BUY, Decimal(10), 1), TRADE)
        await ledger.record_fill(a_fill(2, None, Side.SELL, Decimal(4), 2), TRADE)

    state, _ = over_a_death(live)
    assert (state.quantity_held, state.rungs_filled) == (Decimal(6), 0)
    assert state.bracket.hold_ms_max is None


def test_a_trade_that_is_over_is_not_remembered() -> None:
    async def live(ledger: Ledger) -> None:
        await ledger.record_trade(TRADE, a_bracket(Side.BUY), "test", [], profile="test", at_ms=START_MS)
        await ledger.close_trade(TRADE, reason="stop", at_ms=2)
        await ledger.record_trade(TradeId(2), a_bracket(Side.SELL), "test", [], profile="test", at_ms=START_MS)

    state, _ = over_a_death(live)
    assert state.trade_id == 2
