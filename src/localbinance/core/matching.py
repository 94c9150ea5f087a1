"""Matching: plain orders against the modelled depth when they come, and against the market's ticks when they rest.

A resting order is filled when the market trades through its price, by at most what was traded or stands across it, and
at its price once the queue that stood before it is traded away. Both err against the user: volume of a tick is shared
out once, and a queue only shrinks by trades.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from localbinance.core import delayed as delays
from localbinance.core.events import OrderEvent
from localbinance.core.execution import (
    end_order,
    execute,
    knock_out,
    reducible,
    resting_reductions,
)
from localbinance.core.margin import check_margin, reduces
from localbinance.core.order import (
    ZERO,
    AlgoOrder,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    WorkingType,
)
from localbinance.core.resting import crosses, filled_by, priority, queue_at
from localbinance.core.state import Account, State, SymbolMarket
from localbinance.core.tick import Tick
from localbinance.rules import errors
from localbinance.rules.filters import check_notional, check_percent_price, check_price, check_quantity
from localbinance.rules.rejection import Rejection
from localbinance.rules.symbol_rules import SymbolRules

GTD_AHEAD_MS = 600_000
GTD_MAX_MS = 253_402_300_799_000
IOC_REST, MARKET_REST, FOK_REST = 2, 9, 10  # `er`: why the rest of an order is taken back at once
PRICE_MATCH_LEVELS = {"": 1, "_5": 5, "_10": 10, "_20": 20}


@dataclass(frozen=True, slots=True)
class Accepted:
    """What of a request goes into the book."""

    quantity: Decimal  # cut to what can be reduced
    price: Decimal  # 0 for MARKET


def accept(
    state: State, account: Account, request: OrderRequest, now_ms: int, *, has_priority: bool = False
) -> Accepted:
    """Check a request as the exchange does.

    Args: has_priority, for the child of a conditional order: resting reduce-only orders do not stand in its way.
    Raises: Rejection.
    """
    rules = state.listed(request.symbol)
    _check_shape(account, request, now_ms)
    if rules.status != "TRADING":
        raise errors.symbol_closed()
    quantity = request.quantity
    if quantity is None:
        raise errors.missing("quantity")
    market = state.market(request.symbol)
    is_market = request.type is OrderType.MARKET
    check_quantity(quantity, rules, market=is_market)
    price = ZERO if is_market else _price(market, request)
    if not is_market:
        check_price(price, rules)
    _check_client_id(state, account, request)
    if len([order for order in account.open_orders.values() if order.symbol == request.symbol]) >= rules.orders_max:
        raise errors.open_orders_exceeded()
    mark = market.tick.mark
    if is_market:
        _check_counter_price(market, request.side)
    else:
        check_percent_price(request.side.sign, price, mark, rules)
    if reduces(request.reduce_only, request.side, request.position_side):
        quantity = _reduced(account, request, quantity, has_priority=has_priority)
    else:
        check_notional(quantity, mark if is_market else price, rules)
        touch = market.tick.ask if request.side is Side.BUY else market.tick.bid
        check_margin(state, account, request, quantity, touch if is_market else price)
    _check_time_in_force(market, request, quantity, price)
    return Accepted(quantity.quantize(rules.quantity_step), price if is_market else price.quantize(rules.price_tick))


def place(
    state: State,
    account: Account,
    request: OrderRequest,
    now_ms: int,
    *,
    origin: AlgoOrder | None = None,
    held_ms: int = 0,
) -> Order:
    """Place an order and match it. Returns it in the state that it has then.

    Args: origin, the conditional order that has become this one; held_ms, how long nothing fills it.
    Raises: Rejection.
    """
    accepted = accept(state, account, request, now_ms, has_priority=origin is not None)
    market = state.markets[request.symbol]
    order = _record(state, account, request, accepted, now_ms, origin)
    state.events.append(
        OrderEvent(account=account.key, time_ms=now_ms, execution="NEW", order=replace(order), trade=None)
    )
    if origin is not None:
        knock_out(state, market, account, order, now_ms)
    delayed = _delayed(state, market, order, now_ms, held_ms)
    if delayed is None:
        match_taker(state, market, order, order.remaining, now_ms)
        if order.is_open:
            _rest_or_expire(state, market, order, now_ms)
    else:
        market.delayed.append(delayed)
        go_on(state, market, now_ms)
    return order


def go_on(state: State, market: SymbolMarket, at_ms: int) -> None:
    """Match the parts of delayed orders that are due."""
    for delayed in tuple(market.delayed):
        order = delayed.order
        while (quantity := delayed.next_part(at_ms)) is not None:
            match_taker(state, market, order, _still_reducible(state, order, quantity), at_ms)
        if order.is_open and not delayed.parts_left:
            _rest_or_expire(state, market, order, at_ms)
    market.delayed = [each for each in market.delayed if each.order.is_open and each.parts_left]


def match_taker(state: State, market: SymbolMarket, order: Order, quantity: Decimal, at_ms: int) -> None:
    """Let an order take up to `quantity` of what the depth has for it."""
    worst = order.price
    if order.type is OrderType.MARKET:
        worst = _market_bound(market, order.side)
    elif not crosses(market.tick, order.side, order.price):
        return
    for price, piece in market.depth.take(order.side, quantity, worst):
        if order.is_open:
            execute(state, market, order, price, piece, is_maker=False, at_ms=at_ms)


def on_tick(state: State, market: SymbolMarket, tick: Tick) -> None:
    """Fill what rests in the book as far as the tick reaches it."""
    volume = tick.quantity
    for order in sorted(market.resting.values(), key=priority):
        if not order.is_open:
            continue  # an earlier fill of this tick has ended it
        quantity = _still_reducible(state, order, filled_by(order, tick, volume))
        quantity -= quantity % market.rules.quantity_step
        if quantity > 0:
            volume = max(ZERO, volume - quantity)
            execute(state, market, order, order.price, quantity, is_maker=True, at_ms=tick.time_ms)


def on_time(state: State, market: SymbolMarket, now_ms: int) -> None:
    """Go on with what is delayed; expire what was good till a date that has come."""
    if market.delayed:
        go_on(state, market, now_ms)
    for order in tuple(market.resting.values()):
        if 0 < order.good_till_ms <= now_ms:
            end_order(state, market, order, OrderStatus.EXPIRED, now_ms)


def cancel(state: State, order: Order, now_ms: int) -> Order:
    """Cancel an open order. Raises: Rejection -2011."""
    if not order.is_open:
        raise errors.unknown_order()
    end_order(state, state.markets[order.symbol], order, OrderStatus.CANCELED, now_ms)
    return order


def modify(
    state: State, account: Account, order: Order, side: Side, quantity: Decimal, price: Decimal, now_ms: int
) -> Order:
    """Give a resting limit order another price and quantity; it loses its place in the queue.

    Raises: Rejection -2013, -5025, -5027, and those of the filters.
    """
    market = state.markets[order.symbol]
    if not order.is_open or side is not order.side:
        raise errors.order_does_not_exist()
    if order.type is not OrderType.LIMIT:
        raise errors.modify_limit_only()
    if (quantity, price) == (order.quantity, order.price):
        raise errors.modify_unchanged()
    check_quantity(quantity, market.rules, market=False)
    check_price(price, market.rules)
    check_percent_price(side.sign, price, market.tick.mark, market.rules)
    if not order.reduce_only:
        check_notional(quantity, price, market.rules)
    takes = order.time_in_force is TimeInForce.GTX and crosses(market.tick, side, price)
    if quantity <= order.filled or takes:
        return cancel(state, order, now_ms)
    order.quantity, order.price, order.updated_ms = quantity, price, now_ms
    state.events.append(
        OrderEvent(account=account.key, time_ms=now_ms, execution="AMENDMENT", order=replace(order), trade=None)
    )
    market.resting.pop(order.order_id, None)
    market.delayed = [each for each in market.delayed if each.order is not order]
    match_taker(state, market, order, order.remaining, now_ms)
    if order.is_open:
        _rest_or_expire(state, market, order, now_ms)
    return order


# Checks --------------------------------------------------------------------------------------------------------------


def _check_shape(account: Account, request: OrderRequest, now_ms: int) -> None:
    check_position_side(account, request.position_side, reduce_only=request.reduce_only)
    if request.type is OrderType.MARKET:
        if request.price is not None:
            raise errors.not_required("price")
        if request.time_in_force is not None:
            raise errors.not_required("timeinforce")
        return
    if request.time_in_force is None:
        raise errors.missing("timeinforce")
    if request.price_match != "NONE" and request.price is not None:
        raise errors.price_match_with_price()
    if request.time_in_force is TimeInForce.GTD and not now_ms + GTD_AHEAD_MS < request.good_till_ms < GTD_MAX_MS:
        raise errors.good_till_invalid()


def check_position_side(account: Account, side: PositionSide, *, reduce_only: bool) -> None:
    """Whether an order's position side goes with the account's mode. Raises: Rejection -4061, -1106."""
    if account.dual_side is (side is PositionSide.BOTH):
        raise errors.position_side_mismatch()
    if account.dual_side and reduce_only:
        raise errors.not_required("reduceonly")


def _check_client_id(state: State, account: Account, request: OrderRequest) -> None:
    if request.client_order_id is None:
        return
    known = account.orders_by_client.get((request.symbol, request.client_order_id))
    if known is not None and (known.is_open or state.clients_ids_unique):
        raise errors.client_id_duplicated()


def _reduced(account: Account, request: OrderRequest, quantity: Decimal, *, has_priority: bool) -> Decimal:
    room = reducible(account, request.symbol, request.side, request.position_side)
    if room == 0:
        raise errors.reduce_only_rejected()
    if not has_priority:
        resting = resting_reductions(account, request.symbol, request.side, request.position_side)
        room -= sum((order.remaining for order in resting), ZERO)
        if room <= 0:
            raise errors.reduce_only_failed()
    return min(quantity, room)


def _check_counter_price(market: SymbolMarket, side: Side) -> None:
    tick, bound = market.tick, _market_bound(market, side)
    touch = tick.ask if side is Side.BUY else tick.bid
    if side.sign * (touch - bound) > 0:
        raise errors.counter_price_outside()


def _check_time_in_force(market: SymbolMarket, request: OrderRequest, quantity: Decimal, price: Decimal) -> None:
    if request.time_in_force is TimeInForce.GTX and crosses(market.tick, request.side, price):
        raise errors.post_only_rejected()
    if request.time_in_force is TimeInForce.FOK:
        pieces = market.depth.take(request.side, quantity, price, keep=False)
        if sum((piece for _, piece in pieces), ZERO) < quantity:
            raise errors.fill_or_kill_rejected()


# Prices --------------------------------------------------------------------------------------------------------------


def _price(market: SymbolMarket, request: OrderRequest) -> Decimal:
    if request.price_match == "NONE":
        if request.price is None:
            raise errors.missing("price")
        return request.price
    kind, _, number = request.price_match.partition("_")
    own, other = (Side.BUY, Side.SELL) if request.side is Side.BUY else (Side.SELL, Side.BUY)
    wanted = int(number or 1)
    for position, (price, _) in enumerate(market.depth.levels(other if kind == "OPPONENT" else own), start=1):
        if position == wanted:
            return price
    raise errors.no_depth_for_price_match()


def _market_bound(market: SymbolMarket, side: Side) -> Decimal:
    rules: SymbolRules = market.rules
    factor = rules.multiplier_up if side is Side.BUY else rules.multiplier_down
    return market.tick.mark * factor


# Resting orders ------------------------------------------------------------------------------------------------------


def _record(
    state: State,
    account: Account,
    request: OrderRequest,
    accepted: Accepted,
    now_ms: int,
    origin: AlgoOrder | None,
) -> Order:
    state.order_id += 1
    order = Order(
        order_id=state.order_id,
        account=account.key,
        client_order_id=request.client_order_id or f"x-{state.order_id}",
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force or TimeInForce.GTC,
        position_side=request.position_side,
        quantity=accepted.quantity,
        price=accepted.price,
        reduce_only=request.reduce_only,
        close_position=origin is not None and origin.close_position,
        working_type=WorkingType.CONTRACT_PRICE if origin is None else origin.working_type,
        price_protect=origin is not None and origin.price_protect,
        price_match=request.price_match,
        stp_mode=request.stp_mode,
        good_till_ms=request.good_till_ms,
        created_ms=now_ms,
        updated_ms=now_ms,
        original_type=request.type if origin is None else origin.type,
        price_stop=ZERO if origin is None else origin.price_trigger,
        algo_id=None if origin is None else origin.algo_id,
    )
    account.orders[order.order_id] = order
    account.orders_by_client[order.symbol, order.client_order_id] = order
    account.open_orders[order.order_id] = order
    return order


def _rest_or_expire(state: State, market: SymbolMarket, order: Order, at_ms: int) -> None:
    if order.type is OrderType.MARKET:
        end_order(state, market, order, OrderStatus.EXPIRED, at_ms, reason=MARKET_REST)
        return
    if order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        reason = IOC_REST if order.time_in_force is TimeInForce.IOC else FOK_REST
        end_order(state, market, order, OrderStatus.EXPIRED, at_ms, reason=reason)
        return
    order.queue_ahead = queue_at(market.tick, order)
    market.resting[order.order_id] = order


def _delayed(
    state: State, market: SymbolMarket, order: Order, now_ms: int, held_ms: int
) -> delays.Delayed[Order] | None:
    """How an order is held back, if it is."""
    if held_ms:
        return delays.held(order, now_ms, held_ms)
    slow = state.in_force.slow_fills.get(order.symbol)
    if slow is None or order.type is not OrderType.MARKET:
        return None
    return delays.slowed(order, slow, market.rules.quantity_step, now_ms)


def _still_reducible(state: State, order: Order, quantity: Decimal) -> Decimal:
    """A quantity, cut to what is left of the position where the order may only reduce it."""
    if not reduces(order.reduce_only, order.side, order.position_side):
        return quantity
    account = state.accounts[order.account]
    return min(quantity, reducible(account, order.symbol, order.side, order.position_side))


def orders_of(account: Account, symbol: str | None) -> Iterable[Order]:
    """All orders of an account, or those of a symbol, oldest first."""
    return (order for order in account.orders.values() if symbol is None or order.symbol == symbol)


def find(account: Account, symbol: str, order_id: int | None, client_order_id: str | None, no: Rejection) -> Order:
    """An order by its number or, without one, by its client id. Raises: `no`."""
    order = None
    if order_id is not None:
        order = account.orders.get(order_id)
    elif client_order_id is not None:
        order = account.orders_by_client.get((symbol, client_order_id))
    if order is None or order.symbol != symbol:
        raise no
    return order
