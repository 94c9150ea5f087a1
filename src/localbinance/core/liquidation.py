"""Liquidation: the margin balance has fallen to the maintenance margin, and the exchange closes what is held.

Positions are closed against the modelled depth; what it cannot take goes at its last price. The insurance fund pays
what the wallet cannot. Partial liquidation by brackets and auto-deleveraging are not modelled.
"""

from dataclasses import replace
from decimal import Decimal

from localbinance.core.events import MarginCallEvent, OrderEvent
from localbinance.core.execution import account_event, end_algo, end_order, execute, knock_out, position_state
from localbinance.core.margin import maintenance_margin, slots_of_asset
from localbinance.core.order import (
    ZERO,
    AlgoStatus,
    Order,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
    WorkingType,
)
from localbinance.core.position import Position, booked
from localbinance.core.state import Account, State, SymbolMarket

MARGIN_CALL_FRACTION = Decimal("0.8")  # maintenance / balance from which the account is warned


def on_tick(state: State, market: SymbolMarket, at_ms: int) -> None:
    """Look at every account that holds the symbol."""
    for account in tuple(market.holders.values()):
        if market.rules.symbol in account.isolated:
            for slot in account.slots(market.rules.symbol):
                _check_isolated(state, account, slot, at_ms)
        else:
            _check_cross(state, account, market.rules.margin_asset, at_ms)


def _check_cross(state: State, account: Account, asset: str, at_ms: int) -> None:
    held = cross_held(account, asset)
    balance = account.cross_wallet(asset)
    maintenance = ZERO
    for slot in held:
        balance += slot.unrealized(state.mark(slot.symbol))
        maintenance += maintenance_margin(state, slot)
    if balance <= maintenance:
        liquidate(state, account, asset, held, at_ms)
    elif maintenance < balance * MARGIN_CALL_FRACTION:
        account.margin_called = False
    elif not account.margin_called:
        account.margin_called = True
        state.events.append(
            MarginCallEvent(
                account=account.key,
                time_ms=at_ms,
                cross_wallet=account.cross_wallet(asset),
                positions=tuple(position_state(state, account, slot) for slot in held),
            )
        )


def cross_held(account: Account, asset: str) -> list[Position]:
    """The positions that the wallet of a margin asset stands for."""
    return [slot for slot in slots_of_asset(account, asset) if slot.quantity and slot.symbol not in account.isolated]


def liquidate(state: State, account: Account, asset: str, held: list[Position], at_ms: int) -> None:
    """End the orders and close the cross positions of a margin asset, whatever their margin."""
    _end_all_orders(state, account, asset, at_ms)
    for slot in held:
        _close(state, account, slot, at_ms)
    _clear(state, account, asset, account.cross_wallet(asset), at_ms)
    account.margin_called = False


def _check_isolated(state: State, account: Account, slot: Position, at_ms: int) -> None:
    if not slot.quantity:
        return
    balance = slot.isolated_wallet + slot.unrealized(state.mark(slot.symbol))
    if balance > maintenance_margin(state, slot):
        return
    market, aside = state.markets[slot.symbol], slot.isolated_wallet
    for order in tuple(account.open_orders.values()):
        if order.symbol == slot.symbol:
            end_order(state, market, order, OrderStatus.CANCELED, at_ms)
    wallet = account.wallets[slot.margin_asset]
    _close(state, account, slot, at_ms)
    lost = wallet - account.wallets[slot.margin_asset]
    _clear(state, account, slot.margin_asset, aside - lost, at_ms)


def _end_all_orders(state: State, account: Account, asset: str, at_ms: int) -> None:
    for order in tuple(account.open_orders.values()):
        market = state.markets[order.symbol]
        if market.rules.margin_asset == asset and order.symbol not in account.isolated:
            end_order(state, market, order, OrderStatus.CANCELED, at_ms)
    for algo in tuple(account.open_algos.values()):
        market = state.markets[algo.symbol]
        if market.rules.margin_asset == asset and algo.symbol not in account.isolated:
            end_algo(state, market, algo, AlgoStatus.EXPIRED, at_ms)


def _close(state: State, account: Account, slot: Position, at_ms: int) -> None:
    market = state.markets[slot.symbol]
    order = closing_order(state, account, slot, "autoclose", at_ms)
    knock_out(state, market, account, order, at_ms)
    notional, price = ZERO, market.tick.last
    for price, quantity in market.depth.take(order.side, order.remaining, None):
        notional += price * quantity
        execute(state, market, order, price, quantity, is_maker=False, at_ms=at_ms, kind="CALCULATED")
    if order.is_open:
        notional += price * order.remaining
        execute(state, market, order, price, order.remaining, is_maker=False, at_ms=at_ms, kind="CALCULATED")
    fee = booked(notional * market.rules.liquidation_fee)
    state.book_income(account, "INSURANCE_CLEAR", slot.symbol, slot.margin_asset, -fee, at_ms)


def closing_order(state: State, account: Account, slot: Position, name: str, at_ms: int) -> Order:
    """The exchange's own order over a whole position, told as NEW. `name` begins its client id."""
    tick = state.markets[slot.symbol].tick
    state.order_id += 1
    side = Side.SELL if slot.quantity > 0 else Side.BUY
    order = Order(
        order_id=state.order_id,
        account=account.key,
        client_order_id=f"{name}-{state.order_id}",
        symbol=slot.symbol,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        position_side=slot.position_side,
        quantity=abs(slot.quantity),
        price=tick.bid if side is Side.SELL else tick.ask,
        reduce_only=True,
        close_position=False,
        working_type=WorkingType.CONTRACT_PRICE,
        price_protect=False,
        price_match="NONE",
        stp_mode="NONE",
        good_till_ms=0,
        created_ms=at_ms,
        updated_ms=at_ms,
        original_type=OrderType.LIMIT,
    )
    account.orders[order.order_id] = account.open_orders[order.order_id] = order
    account.orders_by_client[order.symbol, order.client_order_id] = order
    state.events.append(
        OrderEvent(account=account.key, time_ms=at_ms, execution="NEW", order=replace(order), trade=None)
    )
    return order


def _clear(state: State, account: Account, asset: str, left: Decimal, at_ms: int) -> None:
    """The insurance fund makes good what is below 0."""
    change = max(ZERO, -left)
    state.book_income(account, "INSURANCE_CLEAR", "", asset, change, at_ms)
    state.events.append(account_event(state, account, "INSURANCE_CLEAR", asset, at_ms, (), change=change))
