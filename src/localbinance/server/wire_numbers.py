"""Numbers on the wire: Decimals as plain text, never in exponent form."""

from decimal import Decimal

ZERO = Decimal(0)
_PLACES_MAX = 8
_STEP = Decimal(1).scaleb(-_PLACES_MAX)


def plain(value: Decimal) -> str:
    """The value as Binance writes it: no exponent, at most eight decimal places (rounded half to even), no "-0"."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    point = text.find(".")
    if point >= 0 and len(text) - point - 1 > _PLACES_MAX:
        text = format(value.quantize(_STEP), "f")
    if text[0] == "-" and not any("1" <= digit <= "9" for digit in text):
        return text[1:]
    return text


def short(value: Decimal) -> str:
    """As `plain`, without trailing zeros: user stream frames have numbers so."""
    text = plain(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def eight(value: Decimal) -> str:
    """The value with exactly eight places: spot's orders, trades and balances have numbers so."""
    return format(value.quantize(_STEP), "f")
