"""Decimal arithmetic of prices and quantities: always `Decimal`, rounded on purpose and in a stated direction."""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, Decimal

ZERO = Decimal(0)
QUOTE = "USDC"  # the asset that everything is traded for, and margin
CREDITS = "BNFCR"  # what the exchange counts in, instead of it, for accounts in credits mode (EU): cross margin only


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` (> 0) not above a value ≥ 0 (towards zero for negative ones)."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` (> 0) not below `value`."""
    return (value / step).to_integral_value(ROUND_CEILING) * step


def nearest_to(value: Decimal, step: Decimal) -> Decimal:
    """The multiple of `step` (> 0) nearest to `value`, ties to the even one."""
    return (value / step).to_integral_value(ROUND_HALF_EVEN) * step


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether `value` lies on the grid of `step` (> 0)."""
    return value % step == 0


def exact(number: float) -> Decimal:
    """A float from outside (a candle file, an indicator) as the Decimal of its shortest text."""
    return Decimal(repr(number))


def plain(value: Decimal) -> str:
    """The value as text without exponent or trailing zeros, as Binance wants it: `0.01`, `100`; `0` has no sign."""
    return format(value.normalize(), "f") if value else "0"
