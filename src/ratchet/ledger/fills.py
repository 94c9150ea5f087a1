"""Bookings: fills, funding payments and charges as the exchange booked them, each once."""

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update
from sqlalchemy.orm import Session

from ratchet.domain.fill import Fill
from ratchet.domain.identity import TradeId
from ratchet.domain.order import OrderStatus, Origin, Role
from ratchet.domain.position import Income
from ratchet.ledger.errors import UnknownFill
from ratchet.ledger.orders import ORDERS
from ratchet.ledger.tables import ChargeRow, FillRow, FundingRow, OrderRow
from ratchet.ledger.writing import Writing

FILLS = FillRow.metadata.tables[FillRow.__tablename__]
# Columns, not rows, as in `orders`.

_BOOKED = select(FILLS.c.fill_id).where(FILLS.c.symbol == bindparam("symbol"), FILLS.c.fill_id == bindparam("fill_id"))
_BOOK = insert(FILLS)
_ORDER = select(ORDERS.c.client_order_id, ORDERS.c.trade_id, ORDERS.c.order_id)
_NAMED = _ORDER.where(ORDERS.c.client_order_id == bindparam("name"))
_NUMBERED = _ORDER.where(ORDERS.c.symbol == bindparam("symbol"), ORDERS.c.order_id == bindparam("order_id"))
_NUMBER = update(ORDERS).where(ORDERS.c.client_order_id == bindparam("name")).values(order_id=bindparam("order_id"))


def book_fill(writing: Writing, fill: Fill, trade_id: TradeId | None) -> bool:
    """Book an execution, once. False when it was booked already.

    Args: trade_id, the trade that it changes; without one it is that of the order, which must be in the ledger then.
        With one, another hand's order is written down too.
    Raises: UnknownFill.
    """
    connection = writing.connection
    if connection.execute(_BOOKED, {"symbol": fill.symbol, "fill_id": fill.fill_id}).first() is not None:
        return False
    order = _order_of(connection, fill)
    if order is None and trade_id is not None:
        writing.add([_foreign_order(fill, trade_id)])
        order = _order_of(connection, fill)
    if order is None:
        raise UnknownFill(f"fill {fill.fill_id} of {fill.symbol} is of order {fill.order_id}, which is not ours")
    if order.order_id is None:
        connection.execute(_NUMBER, {"name": order.client_order_id, "order_id": fill.order_id})
    row = {
        "symbol": fill.symbol,
        "fill_id": fill.fill_id,
        "trade_id": order.trade_id if trade_id is None else trade_id,
        "client_order_id": order.client_order_id,
        "order_id": fill.order_id,
        "side": fill.side.value,
        "price": fill.price,
        "quantity": fill.quantity,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "realized_pnl": fill.realized_pnl,
        "is_maker": fill.is_maker,
        "at_ms": fill.at_ms,
    }
    connection.execute(_BOOK, row)
    return True


def book_funding(session: Session, income: Income, trade_id: TradeId | None) -> bool:
    """Book a funding payment. False when it was booked already; the trade it lacked it gets all the same."""
    booked = session.get(FundingRow, income.income_id)
    if booked is not None:
        if booked.trade_id is None:
            booked.trade_id = trade_id
        return False
    session.add(
        FundingRow(
            income_id=income.income_id,
            trade_id=trade_id,
            symbol=income.symbol,
            amount=income.amount,
            at_ms=income.at_ms,
        )
    )
    return True


def book_charge(session: Session, income: Income, trade_id: TradeId | None) -> bool:
    """Book income that neither a fill nor funding explains. False when it was booked already."""
    if session.get(ChargeRow, (income.name, income.income_id)) is not None:
        return False
    session.add(
        ChargeRow(
            name=income.name,
            income_id=income.income_id,
            trade_id=trade_id,
            symbol=income.symbol,
            asset=income.asset,
            amount=income.amount,
            at_ms=income.at_ms,
        )
    )
    return True


def _order_of(connection: Connection, fill: Fill) -> "Row[Any, Any, Any] | None":
    row = None
    if fill.client_order_id is not None:
        row = connection.execute(_NAMED, {"name": fill.client_order_id}).first()
    if row is None:
        row = connection.execute(_NUMBERED, {"symbol": fill.symbol, "order_id": fill.order_id}).first()
    return row


def _foreign_order(fill: Fill, trade_id: TradeId) -> OrderRow:
    return OrderRow(
        client_order_id=f"foreign-{fill.symbol}-{fill.order_id}",  # the trade history does not say its true name
        trade_id=trade_id,
        origin=Origin.MANUAL.value,
        role=Role.FOREIGN.value,
        kind="MARKET",
        symbol=fill.symbol,
        side=fill.side.value,
        quantity=fill.quantity,
        price=None,
        reduce_only=False,
        status=OrderStatus.FILLED.value,
        order_id=fill.order_id,
        reason="",
        intended_ms=fill.at_ms,
        updated_ms=fill.at_ms,
    )
