"""Standing orders: what rests or waits on spot, whoever placed it, with all that a person looks for."""

from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.identity import ClientOrderId, OrderId
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.exchange.errors import BadReply
from ratchet.exchange.fields import integer, number, record, text


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingOrder:
    """One row of `openOrders`. Prices are quote per base, quantities base asset."""

    symbol: Symbol
    order_id: OrderId
    client_order_id: ClientOrderId
    side: Side
    kind: str  # as Binance calls it: LIMIT, LIMIT_MAKER, STOP_LOSS_LIMIT …
    quantity: Decimal
    quantity_filled: Decimal
    price: Decimal | None  # None: at market, once it is triggered
    price_stop: Decimal | None  # None: it does not wait
    placed_ms: int


def standing_order(answer: object) -> StandingOrder:
    """Read one. Raises: BadReply, with the field that is wrong."""
    raw = record(answer, "a row of openOrders")
    side = text(raw, "side")
    if side not in ("BUY", "SELL"):
        raise BadReply(f"side is {side!r}, BUY or SELL is wanted")
    return StandingOrder(
        symbol=Symbol(text(raw, "symbol")),
        order_id=OrderId(integer(raw, "orderId")),
        client_order_id=ClientOrderId(text(raw, "clientOrderId")),
        side=Side(side),
        kind=text(raw, "type"),
        quantity=number(raw, "origQty"),
        quantity_filled=number(raw, "executedQty"),
        price=number(raw, "price") or None,
        price_stop=number(raw, "stopPrice") or None,
        placed_ms=integer(raw, "time"),
    )
