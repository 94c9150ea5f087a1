"""Conditional orders: the algo service, which holds them until their trigger and then hands a child to the book."""

from decimal import Decimal

from localbinance.core import matching
from localbinance.core.execution import end_algo, finish_algo, reducible, set_algo_status
from localbinance.core.in_force import use
from localbinance.core.margin import reduces
from localbinance.core.order import (
    ZERO,
    AlgoOrder,
    AlgoRequest,
    AlgoStatus,
    AlgoType,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
    WorkingType,
)
from localbinance.core.state import Account, State, Stuck, SymbolMarket
from localbinance.core.tick import Tick
from localbinance.rules import errors
from localbinance.rules.filters import check_price, check_price_trigger, check_quantity
from localbinance.rules.rejection import Rejection

OPEN_MAX = 200  # of an account, over all symbols
CALLBACK_RATE_MIN, CALLBACK_RATE_MAX = Decimal("0.1"), Decimal(20)  # percent
STOPS = frozenset((AlgoType.STOP, AlgoType.STOP_MARKET))
LIMITS = frozenset((AlgoType.STOP, AlgoType.TAKE_PROFIT))


def place(state: State, account: Account, request: AlgoRequest, now_ms: int) -> AlgoOrder:
    """Take a conditional order in. Its margin is not looked at before the trigger.

    Raises: Rejection.
    """
    market = state.market(request.symbol)
    if market.rules.status != "TRADING":
        raise errors.symbol_closed()
    matching.check_position_side(account, request.position_side, reduce_only=request.reduce_only)
    if request.client_algo_id in account.algos_by_client:
        known = account.algos_by_client[request.client_algo_id]
        if known.status is AlgoStatus.NEW or state.clients_ids_unique:
            raise errors.client_id_duplicated()
    if len(account.open_algos) >= OPEN_MAX:
        raise errors.stop_orders_exceeded()
    _check_numbers(account, market, request)
    algo = _record(state, account, request, now_ms)
    if _starts_active(algo):
        _activate(algo, market.tick)
    account.algos[algo.algo_id] = account.open_algos[algo.algo_id] = algo
    account.algos_by_client[algo.client_algo_id] = algo
    market.waiting[algo.algo_id] = algo
    set_algo_status(state, algo, AlgoStatus.NEW, now_ms)
    return algo


def cancel(state: State, algo: AlgoOrder, now_ms: int) -> AlgoOrder:
    """Cancel a waiting conditional order. Raises: Rejection -2011."""
    if algo.status is not AlgoStatus.NEW:
        raise errors.unknown_order()
    end_algo(state, state.markets[algo.symbol], algo, AlgoStatus.CANCELED, now_ms)
    return algo


def find(account: Account, algo_id: int | None, client_algo_id: str | None, no: Rejection) -> AlgoOrder:
    """A conditional order by its number or, without one, by its client id. Raises: `no`."""
    algo = None
    if algo_id is not None:
        algo = account.algos.get(algo_id)
    elif client_algo_id is not None:
        algo = account.algos_by_client.get(client_algo_id)
    if algo is None:
        raise no
    return algo


def on_tick(state: State, market: SymbolMarket, tick: Tick) -> None:
    """Trigger what the tick triggers, oldest first."""
    for algo in tuple(market.waiting.values()):
        if algo.status is AlgoStatus.NEW and _is_due(algo, market, tick):
            _trigger(state, market, algo, tick.time_ms)


def on_time(state: State, market: SymbolMarket, now_ms: int) -> None:
    """Let go what was stuck until now; expire what was good till a date that has come."""
    if market.stuck:
        due = [stuck for stuck in market.stuck if stuck.until_ms <= now_ms]
        market.stuck = [stuck for stuck in market.stuck if stuck.until_ms > now_ms]
        for stuck in due:
            _hand_over(state, stuck.algo, now_ms)
    for algo in tuple(market.waiting.values()):
        if 0 < algo.good_till_ms <= now_ms:
            end_algo(state, market, algo, AlgoStatus.EXPIRED, now_ms)


# Checks --------------------------------------------------------------------------------------------------------------


def _check_numbers(account: Account, market: SymbolMarket, request: AlgoRequest) -> None:
    rules, is_trailing = market.rules, request.type is AlgoType.TRAILING_STOP_MARKET
    if request.close_position:
        _check_close_position(account, request)
    elif request.quantity is None:
        raise errors.missing("quantity")
    else:
        check_quantity(request.quantity, rules, market=request.type not in LIMITS)
    if request.type in LIMITS and request.price_match == "NONE":
        if request.price is None:
            raise errors.missing("price")
        check_price(request.price, rules)
    if is_trailing:
        _check_trailing(market.tick, request)
        return
    if request.price_trigger is None:
        raise errors.missing("triggerprice")
    check_price_trigger(request.price_trigger, rules)
    price = _working_price(request.working_type, market.tick)
    if _is_reached(request.type, request.side, request.price_trigger, price):
        raise errors.would_immediately_trigger()


def _check_close_position(account: Account, request: AlgoRequest) -> None:
    if request.type in LIMITS or request.type is AlgoType.TRAILING_STOP_MARKET:
        raise errors.close_position_unsupported(request.type)
    if request.quantity:
        raise errors.close_position_with_quantity()
    if request.reduce_only:
        raise errors.close_position_with_reduce_only()
    if not reducible(account, request.symbol, request.side, request.position_side):
        raise errors.close_position_without_position()
    for algo in account.open_algos.values():
        is_same_slot = algo.symbol == request.symbol and algo.position_side is request.position_side
        if algo.close_position and is_same_slot and algo.side is request.side and algo.type is request.type:
            raise errors.close_position_exists()


def _check_trailing(tick: Tick, request: AlgoRequest) -> None:
    if request.callback_rate is None:
        raise errors.missing("callbackrate")
    if not CALLBACK_RATE_MIN <= request.callback_rate <= CALLBACK_RATE_MAX:
        raise errors.missing("callbackrate")
    if request.price_trigger:
        raise errors.would_immediately_trigger()
    if request.price_activate is not None:
        if request.price_activate <= 0:
            raise errors.activation_price_invalid()
        last = _working_price(request.working_type, tick)
        if request.side.sign * (request.price_activate - last) >= 0:
            raise errors.would_immediately_trigger()


# Triggers ------------------------------------------------------------------------------------------------------------


def _working_price(working_type: WorkingType, tick: Tick) -> Decimal:
    return tick.mark if working_type is WorkingType.MARK_PRICE else tick.last


def _is_reached(kind: AlgoType, side: Side, trigger: Decimal, price: Decimal) -> bool:
    rises = (side is Side.BUY) is (kind in STOPS)
    return price >= trigger if rises else price <= trigger


def _is_due(algo: AlgoOrder, market: SymbolMarket, tick: Tick) -> bool:
    price = _working_price(algo.working_type, tick)
    if algo.type is AlgoType.TRAILING_STOP_MARKET:
        due = _trails(algo, tick, price)
    else:
        due = _is_reached(algo.type, algo.side, algo.price_trigger, price)
    if due and algo.price_protect:
        return abs(tick.mark - tick.last) <= tick.mark * market.rules.trigger_protect
    return due


def _starts_active(algo: AlgoOrder) -> bool:
    return algo.type is AlgoType.TRAILING_STOP_MARKET and not algo.price_activate


def _activate(algo: AlgoOrder, tick: Tick) -> None:
    algo.activated = True
    algo.price_extreme = _working_price(algo.working_type, tick)


def _trails(algo: AlgoOrder, tick: Tick, price: Decimal) -> bool:
    """Follow the price, and say whether it has come back by the callback rate."""
    sign = -algo.side.sign  # a SELL trails a long: the best price is the highest
    if not algo.activated:
        if sign * (price - algo.price_activate) < 0:
            return False
        _activate(algo, tick)
    if sign * (price - algo.price_extreme) > 0:
        algo.price_extreme = price
    algo.price_trigger = algo.price_extreme * (1 - sign * algo.callback_rate / 100)
    return sign * (price - algo.price_trigger) <= 0


def _trigger(state: State, market: SymbolMarket, algo: AlgoOrder, at_ms: int) -> None:
    market.waiting.pop(algo.algo_id, None)
    state.accounts[algo.account].open_algos.pop(algo.algo_id, None)
    algo.triggered_ms = at_ms
    set_algo_status(state, algo, AlgoStatus.TRIGGERING, at_ms)
    refusal = use(state.in_force.trigger_refusals, algo.symbol)
    if refusal is not None:
        set_algo_status(state, algo, AlgoStatus.REJECTED, at_ms, reason=refusal.reason)
        return
    stick = use(state.in_force.trigger_sticks, algo.symbol)
    if stick is not None and stick.stage == "TRIGGERING":
        market.stuck.append(Stuck(algo, at_ms + stick.for_ms))
        return
    _hand_over(state, algo, at_ms, held_ms=0 if stick is None else stick.for_ms)


def _hand_over(state: State, algo: AlgoOrder, at_ms: int, *, held_ms: int = 0) -> None:
    """Give the child to the book, or be rejected by it."""
    account = state.accounts[algo.account]
    try:
        child = matching.place(state, account, _child(account, algo), at_ms, origin=algo, held_ms=held_ms)
    except Rejection as no:
        set_algo_status(state, algo, AlgoStatus.REJECTED, at_ms, reason=no.message)
        return
    algo.order_id = child.order_id
    set_algo_status(state, algo, AlgoStatus.TRIGGERED, at_ms)
    finish_algo(state, algo, child, at_ms)


def _child(account: Account, algo: AlgoOrder) -> OrderRequest:
    is_limit = algo.type in LIMITS
    quantity = algo.quantity
    if algo.close_position:
        quantity = reducible(account, algo.symbol, algo.side, algo.position_side)
    in_one_way = not account.dual_side
    return OrderRequest(
        symbol=algo.symbol,
        side=algo.side,
        type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        quantity=quantity,
        price=algo.price if is_limit and algo.price_match == "NONE" else None,
        time_in_force=TimeInForce(algo.time_in_force) if is_limit else None,
        reduce_only=in_one_way and reduces(algo.reduce_only or algo.close_position, algo.side, algo.position_side),
        position_side=algo.position_side,
        client_order_id=algo.client_algo_id,
        price_match=algo.price_match if is_limit else "NONE",
        stp_mode=algo.stp_mode,
        good_till_ms=algo.good_till_ms if is_limit else 0,
    )


def _record(state: State, account: Account, request: AlgoRequest, now_ms: int) -> AlgoOrder:
    state.algo_id += 1
    time_in_force = "GTE_GTC" if request.close_position else (request.time_in_force or TimeInForce.GTC)
    return AlgoOrder(
        algo_id=state.algo_id,
        account=account.key,
        client_algo_id=request.client_algo_id or f"x-a{state.algo_id}",
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        time_in_force=time_in_force,
        position_side=request.position_side,
        quantity=request.quantity or ZERO,
        price=request.price or ZERO,
        price_trigger=request.price_trigger or ZERO,
        price_activate=request.price_activate or ZERO,
        callback_rate=request.callback_rate or ZERO,
        reduce_only=request.reduce_only or request.close_position,
        close_position=request.close_position,
        price_protect=request.price_protect,
        working_type=request.working_type,
        price_match=request.price_match,
        stp_mode=request.stp_mode,
        good_till_ms=request.good_till_ms,
        created_ms=now_ms,
        updated_ms=now_ms,
    )
