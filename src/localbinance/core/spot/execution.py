"""Execution: what a fill, or the end of an order, changes: balances, locks, the order, events."""

from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from localbinance.core.order import ZERO, OrderStatus, Side
from localbinance.core.spot.events import ExecutionEvent, ListEvent
from localbinance.core.spot.order import NO_LIST, OrderList, SpotOrder, SpotTrade
from localbinance.core.spot.state import SpotAccount, SpotMarket, SpotState
from localbinance.rules.spot_rules import FEE_ASSET, SpotSymbolRules

MONEY = Decimal("0.00000001")
OCO_TRIGGERED = "OCO_TRIGGER"
EXCHANGE_CANCELED = "EXCHANGE_CANCELED"


def execute(
    state: SpotState,
    market: SpotMarket,
    order: SpotOrder,
    price: Decimal,
    quantity: Decimal,
    *,
    is_maker: bool,
    at_ms: int,
) -> None:
    """Fill an order with `quantity` at `price`. The other order of its OCO ends before: never are both filled."""
    sibling = state.sibling(order)
    if sibling is not None:
        end_order(state, market, sibling, OrderStatus.EXPIRED, at_ms, reason=OCO_TRIGGERED)
    account, rules = state.accounts[order.account], market.rules
    quote = price * quantity
    is_buy = order.side is Side.BUY
    account.balances.pay(order.lock, quote if is_buy else quantity)
    received, amount = (rules.base_asset, quantity) if is_buy else (rules.quote_asset, quote)
    account.balances.receive(received, amount)
    fee, fee_asset = fee_of(state, account, rules, received, amount, quote, is_maker=is_maker)
    account.balances.spend(fee_asset, fee)
    market.trade_id += 1
    trade = SpotTrade(
        trade_id=market.trade_id,
        order_id=order.order_id,
        list_id=order.list_id,
        account=order.account,
        symbol=order.symbol,
        side=order.side,
        price=price,
        quantity=quantity,
        quote=quote,
        fee=fee,
        fee_asset=fee_asset,
        is_maker=is_maker,
        time_ms=at_ms,
    )
    account.trades.setdefault(order.symbol, []).append(trade)
    order.filled += quantity
    order.filled_quote += quote
    order.status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.FILLED
    order.updated_ms = at_ms
    if order.is_open and order.price:
        account.balances.release(order.lock, down_to=needed(order))
    if not order.is_open:
        _forget(market, account, order)
        account.balances.release(order.lock)
    report(state, order, "TRADE", at_ms, trade=trade)
    state.tell_balances(account, at_ms)
    if not order.is_open:
        _end_list(state, account, order, at_ms)


def end_order(
    state: SpotState,
    market: SpotMarket,
    order: SpotOrder,
    status: OrderStatus,
    at_ms: int,
    *,
    reason: str = "",
    cancel_id: str = "",
) -> None:
    """Take an open order away: CANCELED or EXPIRED. Its lock goes with it, unless the other of its OCO has it too."""
    account = state.accounts[order.account]
    order.status, order.expiry_reason, order.updated_ms = status, reason, at_ms
    _forget(market, account, order)
    if state.sibling(order) is None:
        account.balances.release(order.lock)
    execution = "CANCELED" if status is OrderStatus.CANCELED else "EXPIRED"
    report(state, order, execution, at_ms, cancel_id=cancel_id)
    state.tell_balances(account, at_ms)
    _end_list(state, account, order, at_ms)


def fee_of(
    state: SpotState,
    account: SpotAccount,
    rules: SpotSymbolRules,
    received: str,
    amount: Decimal,
    quote: Decimal,
    *,
    is_maker: bool,
) -> tuple[Decimal, str]:
    """The fee of a fill and its asset: BNB at a discount where there is enough of it, else what was received.

    Args: amount, of what was received; quote, what the fill is worth.
    """
    rate = rules.fee_rate_maker if is_maker else rules.fee_rate_taker
    price = state.price(FEE_ASSET + rules.quote_asset)
    if account.pays_in_bnb and price:
        fee = (quote * rate * (1 - state.rules.fee_discount) / price).quantize(MONEY, ROUND_DOWN)
        if ZERO < fee <= account.balances.free(FEE_ASSET):
            return fee, FEE_ASSET
    return (amount * rate).quantize(MONEY, ROUND_DOWN), received


def needed(order: SpotOrder) -> Decimal:
    """What has to be locked for the rest of an order with a price: base for a SELL, quote for a BUY."""
    return order.remaining * order.price if order.side is Side.BUY else order.remaining


def report(
    state: SpotState,
    order: SpotOrder,
    execution: str,
    at_ms: int,
    *,
    trade: SpotTrade | None = None,
    cancel_id: str = "",
) -> None:
    """Tell what happened to an order."""
    state.execution_id += 1
    state.events.append(
        ExecutionEvent(
            account=order.account,
            time_ms=at_ms,
            execution_id=state.execution_id,
            execution=execution,
            order=replace(order),
            trade=trade,
            cancel_id=cancel_id,
        )
    )


def tell_list(state: SpotState, told: OrderList, at_ms: int) -> None:
    """listStatus."""
    state.events.append(
        ListEvent(
            account=told.account,
            time_ms=at_ms,
            list_id=told.list_id,
            client_list_id=told.client_list_id,
            symbol=told.symbol,
            done=not told.is_open,
            orders=tuple((order.order_id, order.client_order_id) for order in told.orders),
        )
    )


def _forget(market: SpotMarket, account: SpotAccount, order: SpotOrder) -> None:
    account.open_orders.pop(order.order_id, None)
    market.resting.pop(order.order_id, None)
    market.waiting.pop(order.order_id, None)


def _end_list(state: SpotState, account: SpotAccount, order: SpotOrder, at_ms: int) -> None:
    if order.list_id == NO_LIST or state.sibling(order) is not None:
        return
    ended = account.lists[order.list_id]
    if ended.is_open and not order.is_open:
        ended.response = "ALL_DONE"
        tell_list(state, ended, at_ms)
