"""Spot's filters: whether the numbers of an order are ones that its pair takes. Source: spot's documentation."""

from decimal import Decimal

from localbinance.rules import spot_errors
from localbinance.rules.spot_rules import SpotSymbolRules

PLACES_MAX = 8  # of every asset


def check_places(name: str, value: Decimal) -> None:
    """Raises: Rejection -1111."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > PLACES_MAX and value != round(value, PLACES_MAX):
        raise spot_errors.too_precise(name)


def check_price(name: str, price: Decimal, rules: SpotSymbolRules) -> None:
    """PRICE_FILTER of a price or stop price. Raises: Rejection -1013, -1111."""
    check_places(name, price)
    if price <= 0:
        raise spot_errors.invalid_price()
    if not rules.price_min <= price <= rules.price_max or price % rules.price_tick:
        raise spot_errors.filter_failure("PRICE_FILTER")


def check_quantity(quantity: Decimal, rules: SpotSymbolRules, *, market: bool) -> None:
    """LOT_SIZE, and MARKET_LOT_SIZE for a market order. Raises: Rejection -1013, -1111."""
    check_places("quantity", quantity)
    if quantity <= 0:
        raise spot_errors.invalid_quantity()
    if not rules.quantity_min <= quantity <= rules.quantity_max or quantity % rules.quantity_step:
        raise spot_errors.filter_failure("LOT_SIZE")
    if market and quantity > rules.quantity_market_max:
        raise spot_errors.filter_failure("MARKET_LOT_SIZE")


def check_notional(notional: Decimal, rules: SpotSymbolRules, *, market: bool) -> None:
    """NOTIONAL; of a market order the average price makes it, and it has no upper end. Raises: Rejection -1013."""
    if notional < rules.notional_min or (not market and notional > rules.notional_max):
        raise spot_errors.filter_failure("NOTIONAL")


def check_percent_price(side_sign: int, price: Decimal, average: Decimal, rules: SpotSymbolRules) -> None:
    """PERCENT_PRICE_BY_SIDE of a limit price. Raises: Rejection -1013."""
    up, down = rules.bid_multiplier_up, rules.bid_multiplier_down
    if side_sign < 0:
        up, down = rules.ask_multiplier_up, rules.ask_multiplier_down
    if not average * down <= price <= average * up:
        raise spot_errors.filter_failure("PERCENT_PRICE_BY_SIDE")
