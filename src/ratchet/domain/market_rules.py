"""The exchange's filters of one symbol, and the check of an order against them before it is sent."""

from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.money import is_multiple
from ratchet.domain.order import LimitOrder, MarketOrder, StopOrder
from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRules:
    """What Binance's `exchangeInfo` demands of orders on one perpetual."""

    symbol: Symbol
    price_tick: Decimal
    price_min: Decimal
    price_max: Decimal
    quantity_step: Decimal
    quantity_min: Decimal
    quantity_max: Decimal
    quantity_market_max: Decimal  # MARKET_LOT_SIZE: much smaller than quantity_max
    notional_min: Decimal  # quote; reduce-only orders are exempt
    multiplier_up: Decimal  # PERCENT_PRICE against the mark price
    multiplier_down: Decimal


class FilterBroken(ValueError):
    """An order that the exchange would refuse. `name` is the filter's, as Binance calls it."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name


def check_order(order: MarketOrder | LimitOrder | StopOrder, rules: SymbolRules, price_mark: Decimal) -> None:
    """Check an order against every filter that the exchange applies to it.

    Raises: FilterBroken with the name of the first broken filter.
    """
    _check_quantity(order, rules)
    price = price_mark
    if isinstance(order, LimitOrder):
        price = order.price
        _check_price(price, rules)
        ceiling, floor = price_mark * rules.multiplier_up, price_mark * rules.multiplier_down
        if (order.side.sign > 0 and price > ceiling) or (order.side.sign < 0 and price < floor):
            raise FilterBroken(
                "PERCENT_PRICE",
                f"{rules.symbol} price {price} is outside {floor} to {ceiling} around mark {price_mark}",
            )
    elif isinstance(order, StopOrder):
        price = order.price_trigger
        _check_price(price, rules)
    reduces = isinstance(order, StopOrder) or order.reduce_only
    if not reduces and price * order.quantity < rules.notional_min:
        raise FilterBroken("MIN_NOTIONAL", f"{rules.symbol} {order.quantity} at {price} is below {rules.notional_min}")


def _check_quantity(order: MarketOrder | LimitOrder | StopOrder, rules: SymbolRules) -> None:
    # A stop becomes a market order at its trigger: its quantity must pass then, when it is too late to mend it.
    is_market = isinstance(order, MarketOrder | StopOrder)
    name = "MARKET_LOT_SIZE" if is_market else "LOT_SIZE"
    most = min(rules.quantity_max, rules.quantity_market_max) if is_market else rules.quantity_max
    if not rules.quantity_min <= order.quantity <= most:
        raise FilterBroken(name, f"{rules.symbol} quantity {order.quantity} is outside {rules.quantity_min} to {most}")
    if not is_multiple(order.quantity, rules.quantity_step):
        raise FilterBroken(name, f"{rules.symbol} quantity {order.quantity} is not a multiple of {rules.quantity_step}")


def _check_price(price: Decimal, rules: SymbolRules) -> None:
    if not rules.price_min <= price <= rules.price_max:
        raise FilterBroken(
            "PRICE_FILTER", f"{rules.symbol} price {price} is outside {rules.price_min} to {rules.price_max}"
        )
    if not is_multiple(price - rules.price_min, rules.price_tick):
        raise FilterBroken("PRICE_FILTER", f"{rules.symbol} price {price} is not on the tick {rules.price_tick}")
