"""Recollection: a trade as the ledger remembers it, made ready to be gone on with."""

from decimal import Decimal

from ratchet.domain.bracket import Bracket, Rung
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId, TradeId
from ratchet.domain.money import ZERO
from ratchet.domain.order import OrderStatus, Role, Side
from ratchet.domain.symbol import Symbol
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.tables import FillRow, OrderRow, TradeRow
from ratchet.trading.trades.trade_state import TradeOrder, TradeState

NEVER_STOOD = frozenset({OrderStatus.INTENDED, OrderStatus.REJECTED})


async def recollect(ledger: Ledger, row: TradeRow) -> tuple[TradeState, Decimal]:
    """A trade of an earlier process, and where its stop had come to."""
    trade_id = TradeId(row.id)
    orders = await ledger.orders_of(trade_id)
    state = TradeState(
        trade_id=trade_id,
        bracket=bracket_of(row),
        opened_ms=row.opened_ms,
        orders={ClientOrderId(order.client_order_id): _order(order) for order in orders},
        fills={FillId(fill.fill_id): _fill(fill) for fill in await ledger.fills_of(trade_id)},
        gap=sum((gap.quantity for gap in await ledger.gaps_of(trade_id)), ZERO),
        naked_ms=row.naked_ms,
    )
    return state, _price_stop(state.bracket, orders)


def bracket_of(row: TradeRow) -> Bracket:
    """The plan of a trade."""
    return Bracket(
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        quantity=row.quantity,
        price_entry=row.price_entry,
        price_stop=row.price_stop,
        rungs=tuple(Rung(price=Decimal(rung["price"]), quantity=Decimal(rung["quantity"])) for rung in row.rungs),
        hold_ms_max=row.hold_ms_max or None,
    )


def _price_stop(bracket: Bracket, orders: list[OrderRow]) -> Decimal:
    """The tightest of the stops that the exchange has held."""
    stood = [order for order in orders if order.role == Role.STOP and OrderStatus(order.status) not in NEVER_STOOD]
    prices = [bracket.price_stop, *(order.price for order in stood if order.price is not None)]
    return max(prices) if bracket.side is Side.BUY else min(prices)


def _order(row: OrderRow) -> TradeOrder:
    status = OrderStatus(row.status)
    # What was meant to be sent may have been: the process died before it could say.
    status = OrderStatus.SENT if status is OrderStatus.INTENDED else status
    return TradeOrder(
        role=Role(row.role), status=status, order_id=None if row.order_id is None else OrderId(row.order_id)
    )


def _fill(row: FillRow) -> Fill:
    return Fill(
        fill_id=FillId(row.fill_id),
        order_id=OrderId(row.order_id),
        client_order_id=ClientOrderId(row.client_order_id),
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        price=row.price,
        quantity=row.quantity,
        fee=row.fee,
        fee_asset=row.fee_asset,
        realized_pnl=row.realized_pnl,
        is_maker=row.is_maker,
        at_ms=row.at_ms,
    )
