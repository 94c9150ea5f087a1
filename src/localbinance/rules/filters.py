"""The filters: whether the numbers of an order are ones that its symbol takes. Source: `exchangeInfo`."""

from decimal import Decimal

from localbinance.rules import errors
from localbinance.rules.symbol_rules import SymbolRules


def check_price(price: Decimal, rules: SymbolRules) -> None:
    """PRICE_FILTER. Raises: Rejection -4001, -4002, -4013, -1111, -4014."""
    if price <= 0:
        raise errors.price_not_positive()
    if price > rules.price_max:
        raise errors.price_above_max()
    if price < rules.price_min:
        raise errors.price_below_min()
    if _has_more_places(price, rules.price_precision):
        raise errors.precision_exceeded()
    if (price - rules.price_min) % rules.price_tick:
        raise errors.price_off_tick()


def check_price_trigger(price: Decimal, rules: SymbolRules) -> None:
    """A trigger price: the algo service does not enforce the tick. Raises: Rejection -4006, -4007."""
    if price <= 0:
        raise errors.price_stop_not_positive()
    if price > rules.price_max:
        raise errors.price_stop_above_max()


def check_quantity(quantity: Decimal, rules: SymbolRules, *, market: bool) -> None:
    """LOT_SIZE, or MARKET_LOT_SIZE for a market order. Raises: Rejection -4003, -1111, -4004, -4005, -4023."""
    if quantity <= 0:
        raise errors.quantity_not_positive()
    if _has_more_places(quantity, rules.quantity_precision):
        raise errors.precision_exceeded()
    least, most, step = rules.quantity_min, rules.quantity_max, rules.quantity_step
    if market:
        least, most, step = rules.quantity_market_min, rules.quantity_market_max, rules.quantity_market_step
    if quantity < least:
        raise errors.quantity_below_min()
    if quantity > most:
        raise errors.quantity_above_max()
    if step and quantity % step:
        raise errors.quantity_off_step()


def check_notional(quantity: Decimal, price: Decimal, rules: SymbolRules) -> None:
    """MIN_NOTIONAL; `price` is the mark price for a market order. Raises: Rejection -4164."""
    if quantity * price < rules.notional_min:
        raise errors.notional_below_min(rules.notional_min)


def check_percent_price(side_sign: int, price: Decimal, mark: Decimal, rules: SymbolRules) -> None:
    """PERCENT_PRICE of a limit price. Raises: Rejection -4016, -4024."""
    ceiling, floor = mark * rules.multiplier_up, mark * rules.multiplier_down
    if side_sign > 0 and price > ceiling:
        raise errors.price_above_multiplier(ceiling.quantize(rules.price_tick))
    if side_sign < 0 and price < floor:
        raise errors.price_below_multiplier(floor.quantize(rules.price_tick))


def _has_more_places(value: Decimal, places: int) -> bool:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent <= places:
        return False
    return value != round(value, places)
