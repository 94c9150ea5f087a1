"""Execution: what a fill, or the end of an order, changes: position, wallet, income, events."""

from dataclasses import replace
from decimal import Decimal

from localbinance.core.events import AccountEvent, AlgoEvent, BalanceState, OrderEvent, PositionState
from localbinance.core.margin import reduces
from localbinance.core.order import (
    ZERO,
    AlgoOrder,
    AlgoStatus,
    AlgoType,
    Order,
    OrderStatus,
    PositionSide,
    Side,
    Trade,
)
from localbinance.core.position import Position, booked
from localbinance.core.state import Account, State, SymbolMarket

KNOCKED_OUT = 4  # `er`: a reduce-only order for which no position is left
POSITION_GONE = 6  # `er`: a close-position order whose position was closed


def execute(
    state: State,
    market: SymbolMarket,
    order: Order,
    price: Decimal,
    quantity: Decimal,
    *,
    is_maker: bool,
    at_ms: int,
    kind: str = "TRADE",
) -> None:
    """Fill an order with `quantity` at `price`. `kind` is TRADE, or CALCULATED for a liquidation."""
    account, rules = state.accounts[order.account], market.rules
    slot = account.position(order.symbol, order.position_side, rules.margin_asset)
    fee = booked(price * quantity * (rules.fee_rate_maker if is_maker else rules.fee_rate_taker))
    before = slot.quantity
    realized = slot.fill(order.side.sign * quantity, price, fee, at_ms)
    market.trade_id += 1
    trade = Trade(
        trade_id=market.trade_id,
        order_id=order.order_id,
        account=order.account,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        position_side=order.position_side,
        price=price,
        quantity=quantity,
        fee=fee,
        fee_asset=rules.margin_asset,
        realized_pnl=realized,
        is_maker=is_maker,
        time_ms=at_ms,
    )
    account.trades.setdefault(order.symbol, []).append(trade)
    state.book_income(account, "REALIZED_PNL", order.symbol, rules.margin_asset, realized, at_ms, trade=trade)
    state.book_income(account, "COMMISSION", order.symbol, rules.margin_asset, -fee, at_ms, trade=trade)
    _set_margin_aside(account, market, slot, before, price)
    _keep_holders(market, account)
    order.filled += quantity
    order.filled_quote += price * quantity
    order.status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.FILLED
    order.updated_ms = at_ms
    state.events.append(account_event(state, account, "ORDER", rules.margin_asset, at_ms, (slot,)))
    state.events.append(
        OrderEvent(account=order.account, time_ms=at_ms, execution=kind, order=replace(order), trade=trade)
    )
    if not order.is_open:
        _forget(state, market, account, order, at_ms)
    _drop_what_reduces_nothing(state, market, account, slot, at_ms)


def end_order(
    state: State,
    market: SymbolMarket,
    order: Order,
    status: OrderStatus,
    at_ms: int,
    *,
    reason: int = 0,
) -> None:
    """Take an open order out of the book: CANCELED or EXPIRED."""
    order.status, order.expiry_reason, order.updated_ms = status, reason, at_ms
    execution = "CANCELED" if status is OrderStatus.CANCELED else "EXPIRED"
    state.events.append(
        OrderEvent(account=order.account, time_ms=at_ms, execution=execution, order=replace(order), trade=None)
    )
    _forget(state, market, state.accounts[order.account], order, at_ms)


def _forget(state: State, market: SymbolMarket, account: Account, order: Order, at_ms: int) -> None:
    account.open_orders.pop(order.order_id, None)
    market.resting.pop(order.order_id, None)
    if order.algo_id is not None:
        finish_algo(state, account.algos[order.algo_id], order, at_ms)


def finish_algo(state: State, algo: AlgoOrder, child: Order, at_ms: int) -> None:
    """The child of a triggered conditional order has ended. Nothing before TRIGGERED has been told."""
    if algo.status is not AlgoStatus.TRIGGERED or child.is_open:
        return
    algo.filled, algo.price_average = child.filled, child.price_average
    set_algo_status(state, algo, AlgoStatus.FINISHED, at_ms)


def set_algo_status(state: State, algo: AlgoOrder, status: AlgoStatus, at_ms: int, reason: str = "") -> None:
    """Move a conditional order on, and tell."""
    algo.status, algo.updated_ms, algo.reason = status, at_ms, reason
    child_type = ""
    if algo.order_id is not None:
        child_type = "LIMIT" if algo.type in (AlgoType.STOP, AlgoType.TAKE_PROFIT) else "MARKET"
    state.events.append(AlgoEvent(account=algo.account, time_ms=at_ms, algo=replace(algo), child_type=child_type))


def end_algo(state: State, market: SymbolMarket, algo: AlgoOrder, status: AlgoStatus, at_ms: int) -> None:
    """Take a waiting conditional order away: CANCELED or EXPIRED."""
    market.waiting.pop(algo.algo_id, None)
    state.accounts[algo.account].open_algos.pop(algo.algo_id, None)
    set_algo_status(state, algo, status, at_ms)


def account_event(
    state: State,
    account: Account,
    reason: str,
    asset: str,
    at_ms: int,
    slots: tuple[Position, ...],
    change: Decimal = ZERO,
) -> AccountEvent:
    """ACCOUNT_UPDATE of one asset and some positions. `change` is what neither profit nor commission explains."""
    balance = BalanceState(
        asset=asset,
        wallet=account.wallets.get(asset, ZERO),
        cross_wallet=account.cross_wallet(asset),
        change=change,
    )
    positions = tuple(position_state(state, account, slot) for slot in slots)
    return AccountEvent(account=account.key, time_ms=at_ms, reason=reason, balances=(balance,), positions=positions)


def position_state(state: State, account: Account, slot: Position) -> PositionState:
    """A slot as ACCOUNT_UPDATE tells it."""
    return PositionState(
        symbol=slot.symbol,
        position_side=slot.position_side,
        quantity_signed=slot.quantity,
        price_entry=slot.price_entry,
        price_break_even=slot.price_break_even,
        realized=slot.realized,
        unrealized=slot.unrealized(state.mark(slot.symbol)),
        isolated=slot.symbol in account.isolated,
        isolated_wallet=slot.isolated_wallet,
        margin_asset=slot.margin_asset,
    )


def reducible(account: Account, symbol: str, side: Side, position_side: PositionSide) -> Decimal:
    """How much an order of that side can reduce, base; 0 when it would open or enlarge."""
    slot = account.positions.get((symbol, position_side))
    return abs(slot.quantity) if slot is not None and slot.sign == -side.sign else ZERO


def resting_reductions(account: Account, symbol: str, side: Side, position_side: PositionSide) -> list[Order]:
    """The account's resting orders that reduce that slot, oldest first."""
    return [
        order
        for order in account.open_orders.values()
        if order.symbol == symbol
        and order.side is side
        and order.position_side is position_side
        and reduces(order.reduce_only, side, position_side)
    ]


def knock_out(state: State, market: SymbolMarket, account: Account, taker: Order, at_ms: int) -> None:
    """A triggered stop or a liquidation goes before resting reduce-only orders: end those, the newest first, that
    would leave it too little of the position."""
    room = reducible(account, taker.symbol, taker.side, taker.position_side)
    resting = resting_reductions(account, taker.symbol, taker.side, taker.position_side)
    resting = [order for order in resting if order is not taker]
    taken = sum((order.remaining for order in resting), ZERO)
    while resting and taken + taker.remaining > room:
        order = resting.pop()
        taken -= order.remaining
        end_order(state, market, order, OrderStatus.EXPIRED, at_ms, reason=KNOCKED_OUT)


def _drop_what_reduces_nothing(
    state: State, market: SymbolMarket, account: Account, slot: Position, at_ms: int
) -> None:
    for side in Side:
        if reducible(account, slot.symbol, side, slot.position_side):
            continue
        for order in resting_reductions(account, slot.symbol, side, slot.position_side):
            end_order(state, market, order, OrderStatus.EXPIRED, at_ms, reason=KNOCKED_OUT)
        for algo in tuple(account.open_algos.values()):
            is_of_slot = algo.symbol == slot.symbol and algo.position_side is slot.position_side
            if algo.close_position and is_of_slot and algo.side is side:
                end_algo(state, market, algo, AlgoStatus.EXPIRED, at_ms)


def _set_margin_aside(account: Account, market: SymbolMarket, slot: Position, before: Decimal, price: Decimal) -> None:
    if slot.symbol not in account.isolated:
        return
    if slot.quantity == 0 or (before > 0) != (slot.quantity > 0):
        slot.isolated_wallet = ZERO
        before = ZERO
    if abs(slot.quantity) > abs(before):
        leverage = account.leverage_of(slot.symbol, market.rules)
        slot.isolated_wallet += booked((abs(slot.quantity) - abs(before)) * price / leverage)
    elif before:
        slot.isolated_wallet = booked(slot.isolated_wallet * slot.quantity / before)


def _keep_holders(market: SymbolMarket, account: Account) -> None:
    if any(slot.quantity for slot in account.slots(market.rules.symbol)):
        market.holders[account.key] = account
    else:
        market.holders.pop(account.key, None)
