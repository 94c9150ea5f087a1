"""Checks: whether an order may be placed at all, in the order in which they are made. They change nothing."""

from decimal import Decimal

from localbinance.core.order import ZERO, Side, TimeInForce
from localbinance.core.resting import crosses
from localbinance.core.spot.order import OcoRequest, SpotRequest, SpotType
from localbinance.core.spot.state import SpotAccount, SpotMarket, SpotState
from localbinance.rules import errors, spot_errors
from localbinance.rules.spot_filters import (
    check_notional,
    check_percent_price,
    check_places,
    check_price,
    check_quantity,
)

STOPS = frozenset((SpotType.STOP_LOSS, SpotType.STOP_LOSS_LIMIT))
TAKERS_OF_PROFIT = frozenset((SpotType.LIMIT_MAKER, SpotType.TAKE_PROFIT, SpotType.TAKE_PROFIT_LIMIT))
TIMES_IN_FORCE = frozenset((TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK))


def accept(state: SpotState, account: SpotAccount, request: SpotRequest) -> Decimal:
    """Check a request, but for its balance, as the exchange does. Returns its base quantity.

    Raises: Rejection.
    """
    rules = state.listed(request.symbol)
    _check_shape(request)
    if rules.status != "TRADING":
        raise spot_errors.market_closed()
    market = state.market(request.symbol)
    if request.quantity is not None:
        check_quantity(request.quantity, rules, market=not request.type.has_price)
    if request.price is not None:
        check_price("price", request.price, rules)
    if request.price_stop is not None:
        check_price("stopPrice", request.price_stop, rules)
    average = market.average.price
    if request.price is not None:
        check_percent_price(request.side.sign, request.price, average, rules)
    quantity = _quantity(market, request)
    worth = request.quote_quantity or quantity * (request.price or request.price_stop or average)
    check_notional(worth, rules, market=request.type is SpotType.MARKET)
    _check_counts(state, account, request)
    _check_against_market(market, request)
    return quantity


def wanted_lock(market: SpotMarket, request: SpotRequest, quantity: Decimal) -> tuple[str, Decimal]:
    """The asset and amount that an order has set aside: what it can cost at most, of a market order what it costs."""
    if request.side is Side.SELL:
        return market.rules.base_asset, quantity
    price = request.price or request.price_stop
    if price is not None:
        return market.rules.quote_asset, quantity * price
    if request.quote_quantity is not None:
        return market.rules.quote_asset, request.quote_quantity
    pieces = market.depth.take(request.side, quantity, None, keep=False)
    return market.rules.quote_asset, sum((price * piece for price, piece in pieces), ZERO)


def check_oco(state: SpotState, account: SpotAccount, request: OcoRequest) -> Decimal:
    """The same of both orders of an OCO, and how they stand to each other and to the market.

    Raises: Rejection.
    """
    above, below = request.above, request.below
    rules = state.listed(above.symbol)
    market = state.market(above.symbol)
    takes_profit, stops = (above, below) if above.side is Side.SELL else (below, above)
    if takes_profit.type not in TAKERS_OF_PROFIT or stops.type not in STOPS:
        raise errors.invalid_order_type()
    higher, lower = _level(above), _level(below)
    if not lower < market.tick.last < higher:
        raise spot_errors.prices_related_wrongly()
    if len([each for each in account.lists.values() if each.is_open]) >= rules.lists_max:
        raise spot_errors.filter_failure("MAX_NUM_ORDER_LISTS")
    if above.client_order_id is not None and above.client_order_id == below.client_order_id:
        raise spot_errors.duplicate()
    accept(state, account, above)
    return accept(state, account, below)


def would_trigger(last: Decimal, price_stop: Decimal, request_type: SpotType, side: Side) -> bool:
    """Whether the last price has reached a stop price."""
    return last >= price_stop if request_type.waits_above(side) else last <= price_stop


def _level(request: SpotRequest) -> Decimal:
    level = request.price_stop if request.type.has_stop else request.price
    if level is None:
        raise errors.missing("stopPrice" if request.type.has_stop else "price")
    return level


def _check_shape(request: SpotRequest) -> None:
    kind = request.type
    if kind.has_time_in_force and request.time_in_force is None:
        raise errors.missing("timeInForce")
    if request.time_in_force is not None and (
        not kind.has_time_in_force or request.time_in_force not in TIMES_IN_FORCE
    ):
        raise errors.not_required("timeInForce")
    if request.quantity is None and (kind is not SpotType.MARKET or request.quote_quantity is None):
        raise errors.missing("quantity")
    if request.quote_quantity is not None:
        if kind is not SpotType.MARKET or request.quantity is not None:
            raise errors.not_required("quoteOrderQty")
        check_places("quoteOrderQty", request.quote_quantity)
        if request.quote_quantity <= 0:
            raise spot_errors.invalid_quantity()
    for name, price, is_wanted in (
        ("price", request.price, kind.has_price),
        ("stopPrice", request.price_stop, kind.has_stop),
    ):
        if is_wanted and price is None:
            raise errors.missing(name)
        if not is_wanted and price is not None:
            raise errors.not_required(name)


def _quantity(market: SpotMarket, request: SpotRequest) -> Decimal:
    if request.quantity is not None:
        return request.quantity.quantize(market.rules.quantity_step)
    pieces = market.depth.take(request.side, None, None, quote=request.quote_quantity, keep=False)
    quantity = sum((piece for _, piece in pieces), ZERO)
    if not quantity:
        raise spot_errors.no_liquidity()
    check_quantity(quantity, market.rules, market=True)
    return quantity


def _check_counts(state: SpotState, account: SpotAccount, request: SpotRequest) -> None:
    known = account.orders_by_client.get((request.symbol, request.client_order_id or ""))
    if known is not None and known.is_open:
        raise spot_errors.duplicate()
    rules = state.listed(request.symbol)
    of_symbol = [order for order in account.open_orders.values() if order.symbol == request.symbol]
    if len(of_symbol) >= rules.orders_max:
        raise spot_errors.filter_failure("MAX_NUM_ORDERS")
    if request.type.has_stop and len([order for order in of_symbol if order.type.has_stop]) >= rules.stops_max:
        raise spot_errors.filter_failure("MAX_NUM_ALGO_ORDERS")


def _check_against_market(market: SpotMarket, request: SpotRequest) -> None:
    stop, price = request.price_stop, request.price
    if stop is not None and would_trigger(market.tick.last, stop, request.type, request.side):
        raise spot_errors.would_trigger()
    if request.type is SpotType.LIMIT_MAKER and price is not None and crosses(market.tick, request.side, price):
        raise spot_errors.would_take()
