"""Standing orders, as they are documented, read as values."""

from decimal import Decimal
from typing import Any

import pytest

from ratchet.domain.order import Side
from ratchet.exchange.errors import BadReply
from ratchet.exchange.standing_order import standing_order


def row(**other: object) -> dict[str, Any]:
    return {
        "symbol": "TRUMPUSDC",
        "orderId": 28,
        "clientOrderId": "web_1",
        "price": "7.20000000",
        "origQty": "10.00000000",
        "executedQty": "4.00000000",
        "status": "PARTIALLY_FILLED",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "SELL",
        "stopPrice": "0.00000000",
        "time": 1_700_000_000_000,
        **other,
    }


def test_a_limit_order() -> None:
    order = standing_order(row())
    assert (order.symbol, order.order_id, order.client_order_id) == ("TRUMPUSDC", 28, "web_1")
    assert (order.side, order.kind, order.placed_ms) == (Side.SELL, "LIMIT", 1_700_000_000_000)
    assert (order.quantity, order.quantity_filled) == (Decimal(10), Decimal(4))
    assert (order.price, order.price_stop) == (Decimal("7.2"), None)


def test_a_stop_that_becomes_a_market_order_has_no_price() -> None:
    order = standing_order(row(type="STOP_LOSS", price="0.00000000", stopPrice="6.50000000"))
    assert (order.price, order.price_stop) == (None, Decimal("6.5"))


@pytest.mark.parametrize(
    ("field", "value"), [("side", "BOTH"), ("origQty", "many"), ("orderId", None), ("time", "today"), ("type", 1)]
)
def test_what_is_not_understood_is_named(field: str, value: object) -> None:
    with pytest.raises(BadReply, match=field):
        standing_order(row(**{field: value}))
