"""Matching: spot's orders against the modelled depth when they come or trigger, and against ticks when they rest.

The depth, the queue and the ticks are those of any market here: see `core.resting` and `core.depth`.
"""

from decimal import Decimal

from localbinance.core import delayed as delays
from localbinance.core.order import ZERO, OrderStatus, Side, TimeInForce
from localbinance.core.resting import crosses, filled_by, priority, queue_at
from localbinance.core.spot.checks import accept, check_oco, wanted_lock, would_trigger
from localbinance.core.spot.execution import OCO_TRIGGERED, end_order, execute, needed, report, tell_list
from localbinance.core.spot.order import NO_LIST, Lock, OcoRequest, OrderList, SpotOrder, SpotRequest, SpotType
from localbinance.core.spot.state import SpotAccount, SpotMarket, SpotState, made_id
from localbinance.core.tick import Tick
from localbinance.rules import errors
from localbinance.rules.rejection import Rejection

IOC_REST = "UNFILLED_IOC_QUANTITY_EXPIRED"
FOK_REST = "UNFILLED_FOK_ORDER_EXPIRED"
MARKET_REST = "INSUFFICIENT_LIQUIDITY"


def place(state: SpotState, account: SpotAccount, request: SpotRequest, now_ms: int) -> SpotOrder:
    """Place an order and match it. Returns it in the state that it has then.

    Raises: Rejection.
    """
    quantity = accept(state, account, request)
    market = state.markets[request.symbol]
    lock = account.balances.lock(*wanted_lock(market, request, quantity))
    order = _record(state, account, request, quantity, lock, now_ms)
    _begin(state, market, order, now_ms)
    return order


def place_oco(state: SpotState, account: SpotAccount, request: OcoRequest, now_ms: int) -> OrderList:
    """Place both orders of an OCO, which share what is locked.

    Raises: Rejection.
    """
    quantity = check_oco(state, account, request)
    legs = (request.below, request.above)
    market = state.markets[request.above.symbol]
    asset, amount = max((wanted_lock(market, leg, quantity) for leg in legs), key=lambda each: each[1])
    lock = account.balances.lock(asset, amount)
    state.list_id += 1
    placed = OrderList(
        list_id=state.list_id,
        account=account.key,
        client_list_id=request.client_list_id or made_id(state.list_id, "list"),
        symbol=request.above.symbol,
        created_ms=now_ms,
    )
    account.lists[placed.list_id] = placed
    placed.orders = [_record(state, account, leg, quantity, lock, now_ms, placed.list_id) for leg in legs]
    tell_list(state, placed, now_ms)
    for order in placed.orders:
        _begin(state, market, order, now_ms)
    return placed


def check(state: SpotState, account: SpotAccount, request: SpotRequest) -> None:
    """Whether an order would be taken. Raises: Rejection."""
    quantity = accept(state, account, request)
    asset, amount = wanted_lock(state.markets[request.symbol], request, quantity)
    if amount > account.balances.free(asset):
        account.balances.spend(asset, amount)  # refuses


def cancel(state: SpotState, order: SpotOrder, cancel_id: str, now_ms: int) -> list[SpotOrder]:
    """Cancel an open order, and the other one of its OCO with it. Raises: Rejection -2011."""
    if not order.is_open:
        raise errors.unknown_order()
    sibling = state.sibling(order)
    ended = [order] if sibling is None else sorted((order, sibling), key=lambda each: each.order_id)
    for each in ended:
        end_order(state, state.markets[order.symbol], each, OrderStatus.CANCELED, now_ms, cancel_id=cancel_id)
    return ended


def on_tick(state: SpotState, market: SpotMarket, tick: Tick) -> None:
    """Trigger what waits and fill what rests, as far as the tick reaches it."""
    if market.rules.status != "TRADING":
        return
    for order in tuple(market.waiting.values()):
        if order.is_open and would_trigger(tick.last, order.price_stop, order.type, order.side):
            _trigger(state, market, order, tick.time_ms)
    volume = tick.quantity
    for order in sorted(market.resting.values(), key=priority):
        if not order.is_open:
            continue  # an earlier fill of this tick has ended it
        quantity = filled_by(order, tick, volume)
        quantity -= quantity % market.rules.quantity_step
        if quantity > 0:
            volume = max(ZERO, volume - quantity)
            execute(state, market, order, order.price, quantity, is_maker=True, at_ms=tick.time_ms)


def on_time(state: SpotState, market: SpotMarket, now_ms: int) -> None:
    """Match the parts of delayed orders that are due."""
    for delayed in tuple(market.delayed):
        order = delayed.order
        while (quantity := delayed.next_part(now_ms)) is not None:
            match_taker(state, market, order, quantity, now_ms)
        if order.is_open and not delayed.parts_left:
            _rest_or_expire(state, market, order, now_ms)
    market.delayed = [each for each in market.delayed if each.order.is_open and each.parts_left]


def match_taker(state: SpotState, market: SpotMarket, order: SpotOrder, quantity: Decimal, at_ms: int) -> None:
    """Let an order take up to `quantity` of what the depth has for it and its balance pays."""
    worst = order.price or None
    if worst is not None and not crosses(market.tick, order.side, worst):
        return
    pieces = market.depth.take(order.side, quantity, worst, quote=_affordable(state, order))
    for price, piece in pieces:
        execute(state, market, order, price, piece, is_maker=False, at_ms=at_ms)


def find(
    account: SpotAccount, symbol: str, order_id: int | None, client_order_id: str | None, no: Rejection
) -> SpotOrder:
    """An order by its number or, without one, by its client id. Raises: `no`."""
    order = None
    if order_id is not None:
        order = account.orders.get(order_id)
    elif client_order_id is not None:
        order = account.orders_by_client.get((symbol, client_order_id))
    if order is None or order.symbol != symbol:
        raise no
    return order


def _record(
    state: SpotState,
    account: SpotAccount,
    request: SpotRequest,
    quantity: Decimal,
    lock: Lock,
    now_ms: int,
    list_id: int = NO_LIST,
) -> SpotOrder:
    state.order_id += 1
    order = SpotOrder(
        order_id=state.order_id,
        account=account.key,
        client_order_id=request.client_order_id or made_id(state.order_id, "order"),
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force or TimeInForce.GTC,
        quantity=quantity,
        quote_quantity=request.quote_quantity or ZERO,
        price=request.price or ZERO,
        price_stop=request.price_stop or ZERO,
        lock=lock,
        stp_mode=request.stp_mode,
        created_ms=now_ms,
        updated_ms=now_ms,
        list_id=list_id,
        working_ms=None if request.type.has_stop else now_ms,
    )
    account.orders[order.order_id] = order
    account.orders_by_client[order.symbol, order.client_order_id] = order
    account.open_orders[order.order_id] = order
    return order


def _begin(state: SpotState, market: SpotMarket, order: SpotOrder, now_ms: int) -> None:
    report(state, order, "NEW", now_ms)
    state.tell_balances(state.accounts[order.account], now_ms)
    if order.type.has_stop:
        market.waiting[order.order_id] = order
    else:
        _work(state, market, order, now_ms)


def _work(state: SpotState, market: SpotMarket, order: SpotOrder, now_ms: int) -> None:
    """The order meets the book."""
    slow = state.slow_fills.get(order.symbol)
    if slow is not None and order.type is SpotType.MARKET:
        market.delayed.append(delays.slowed(order, slow, market.rules.quantity_step, now_ms))
        on_time(state, market, now_ms)
        return
    if order.time_in_force is not TimeInForce.FOK or _fills_wholly(market, order):
        match_taker(state, market, order, order.remaining, now_ms)
    if order.is_open:
        _rest_or_expire(state, market, order, now_ms)


def _trigger(state: SpotState, market: SpotMarket, order: SpotOrder, at_ms: int) -> None:
    """The stop price was reached. The other order of an OCO goes first: it stands for the same balance."""
    sibling = state.sibling(order)
    if sibling is not None:
        end_order(state, market, sibling, OrderStatus.EXPIRED, at_ms, reason=OCO_TRIGGERED)
    market.waiting.pop(order.order_id)
    order.working_ms = order.updated_ms = at_ms
    if order.price:
        state.accounts[order.account].balances.release(order.lock, down_to=needed(order))
    report(state, order, "NEW", at_ms)
    state.tell_balances(state.accounts[order.account], at_ms)
    _work(state, market, order, at_ms)


def _rest_or_expire(state: SpotState, market: SpotMarket, order: SpotOrder, at_ms: int) -> None:
    if not order.price:
        end_order(state, market, order, OrderStatus.EXPIRED, at_ms, reason=MARKET_REST)
    elif order.time_in_force is not TimeInForce.GTC:
        reason = IOC_REST if order.time_in_force is TimeInForce.IOC else FOK_REST
        end_order(state, market, order, OrderStatus.EXPIRED, at_ms, reason=reason)
    else:
        order.queue_ahead = queue_at(market.tick, order)
        market.resting[order.order_id] = order


def _affordable(state: SpotState, order: SpotOrder) -> Decimal | None:
    """What an order may spend of the quote asset; None where a price and a lock see to it."""
    if order.quote_quantity:
        return order.quote_quantity - order.filled_quote
    if order.side is Side.SELL or order.price:
        return None
    return order.lock.amount + state.accounts[order.account].balances.free(order.lock.asset)


def _fills_wholly(market: SpotMarket, order: SpotOrder) -> bool:
    if not crosses(market.tick, order.side, order.price):
        return False
    pieces = market.depth.take(order.side, order.remaining, order.price, keep=False)
    return sum((piece for _, piece in pieces), ZERO) >= order.remaining
