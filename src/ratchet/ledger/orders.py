"""Orders as the ledger keeps them: written as an intent, moved forward by what is learned of them."""

from decimal import Decimal

from sqlalchemy import Connection, bindparam, select, update

from ratchet.domain.identity import ClientOrderId, OrderId, TradeId
from ratchet.domain.order import LimitOrder, MarketOrder, OrderStatus, Origin, Role, StopOrder
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.tables import OrderRow

ORDERS = OrderRow.metadata.tables[OrderRow.__tablename__]
REASON_LENGTH_MAX = 400
_RANK = {
    OrderStatus.INTENDED: 0,
    OrderStatus.SENT: 1,
    OrderStatus.UNKNOWN: 2,
    OrderStatus.NEW: 3,
    OrderStatus.PARTIALLY_FILLED: 4,
}
_RANK_FINAL = 5


# Columns, not rows: most of what is written is this, and an object for each would take most of the time.
_KNOWN = select(ORDERS.c.status, ORDERS.c.order_id, ORDERS.c.reason, ORDERS.c.updated_ms).where(
    ORDERS.c.client_order_id == bindparam("name")
)
_NOTED = (
    update(ORDERS)
    .where(ORDERS.c.client_order_id == bindparam("name"))
    .values({each: bindparam(each) for each in ("status", "order_id", "reason", "updated_ms")})
)


def mark_order(
    connection: Connection,
    name: ClientOrderId,
    status: OrderStatus,
    *,
    at_ms: int,
    order_id: OrderId | None,
    reason: str,
) -> None:
    """Note what has become of an order. News that come late do not take back what is known. Raises: LedgerError."""
    known = connection.execute(_KNOWN, {"name": name}).first()
    if known is None:
        raise LedgerError(f"order {name} is not in the ledger")
    noted = known._asdict()
    if order_id is not None:
        noted["order_id"] = order_id
    if advances(OrderStatus(known.status), status):
        noted |= {"status": status.value, "updated_ms": at_ms, "reason": reason[:REASON_LENGTH_MAX] or known.reason}
    if noted != known._asdict():
        connection.execute(_NOTED, {"name": name, **noted})


def advances(before: OrderStatus, after: OrderStatus) -> bool:
    """Whether the second is news to who knows the first. Nothing is after a final status."""
    return not before.is_final and _RANK.get(after, _RANK_FINAL) >= _RANK[before]


def order_row(
    trade_id: TradeId | None, role: Role, order: MarketOrder | LimitOrder | StopOrder, at_ms: int, origin: Origin
) -> OrderRow:
    """An order that is going to be sent."""
    kind, price = _kind_of(order)
    return OrderRow(
        client_order_id=order.client_order_id,
        trade_id=trade_id,
        origin=origin.value,
        role=role.value,
        kind=kind,
        symbol=order.symbol,
        side=order.side.value,
        quantity=order.quantity,
        price=price,
        reduce_only=isinstance(order, StopOrder) or order.reduce_only,
        status=OrderStatus.INTENDED.value,
        reason="",
        intended_ms=at_ms,
        updated_ms=at_ms,
    )


def _kind_of(order: MarketOrder | LimitOrder | StopOrder) -> tuple[str, Decimal | None]:
    match order:
        case MarketOrder():
            return "MARKET", None
        case LimitOrder():
            return "LIMIT", order.price
        case StopOrder():
            return "STOP", order.price_trigger
