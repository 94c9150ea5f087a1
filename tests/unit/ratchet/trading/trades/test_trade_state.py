from decimal import Decimal

from ratchet.domain.bracket import Bracket, Rung
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId, TradeId
from ratchet.domain.order import Role, Side
from ratchet.domain.symbol import Symbol
from ratchet.trading.trades.trade_state import TradeOrder, TradeState

ENTRY, RUNG_1, RUNG_2 = ClientOrderId("rt-x-1-entry0"), ClientOrderId("rt-x-1-rung0"), ClientOrderId("rt-x-1-rung1")


def a_short() -> TradeState:
    rungs = (Rung(price=Decimal(99), quantity=Decimal(2)), Rung(price=Decimal(98), quantity=Decimal(1)))
    bracket = Bracket(
        symbol=Symbol("SOLUSDC"),
        side=Side.SELL,
        quantity=Decimal(3),
        price_entry=Decimal(100),
        price_stop=Decimal(102),
        rungs=rungs,
        hold_ms_max=600_000,
    )
    roles = {ENTRY: Role.ENTRY, RUNG_1: Role.RUNG, RUNG_2: Role.RUNG}
    orders = {name: TradeOrder(role=role) for name, role in roles.items()}
    return TradeState(trade_id=TradeId(1), bracket=bracket, opened_ms=0, orders=orders)


def a_fill(number: int, name: ClientOrderId, side: Side, quantity: str, price: str = "100") -> Fill:
    return Fill(
        fill_id=FillId(number),
        order_id=OrderId(number),
        client_order_id=name,
        symbol=Symbol("SOLUSDC"),
        side=side,
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Decimal(0),
        realized_pnl=Decimal(0),
        is_maker=False,
        at_ms=number,
    )


def test_what_is_held_follows_the_fills_in_either_direction() -> None:
    trade = a_short()
    assert trade.quantity_held == 0
    trade.book(a_fill(1, ENTRY, Side.SELL, "2", "100"))
    trade.book(a_fill(2, ENTRY, Side.SELL, "1", "97"))
    assert (trade.quantity_held, trade.price_entry) == (Decimal(3), Decimal(99))
    trade.book(a_fill(3, RUNG_1, Side.BUY, "2"))
    assert (trade.quantity_held, trade.rungs_filled) == (Decimal(1), 1)


def test_a_fill_told_twice_is_booked_once() -> None:
    trade = a_short()
    assert trade.book(a_fill(1, ENTRY, Side.SELL, "3")) is True
    assert trade.book(a_fill(1, ENTRY, Side.SELL, "3")) is False
    assert trade.quantity_held == 3


def test_a_rung_filled_in_pieces_is_one_rung() -> None:
    trade = a_short()
    trade.book(a_fill(1, ENTRY, Side.SELL, "3"))
    trade.book(a_fill(2, RUNG_1, Side.BUY, "1"))
    trade.book(a_fill(3, RUNG_1, Side.BUY, "1"))
    assert trade.rungs_filled == 1
