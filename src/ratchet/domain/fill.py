"""Fills: the pieces in which an order is executed."""

from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.identity import ClientOrderId, FillId, OrderId
from ratchet.domain.money import QUOTE
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution, as the exchange booked it. (symbol, fill_id) is unique."""

    fill_id: FillId
    order_id: OrderId
    client_order_id: ClientOrderId | None  # the trade history does not name it; the events do
    symbol: Symbol
    side: Side
    price: Decimal
    quantity: Decimal  # base asset
    fee: Decimal  # of `fee_asset`, positive = paid
    fee_asset: str = QUOTE  # BNB where the account pays its fees in it
    realized_pnl: Decimal  # USDC, before fees
    is_maker: bool
    at_ms: int
