"""Fields of raw answers and frames: read with their type checked, numbers as Decimals from their text."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ratchet.exchange.errors import BadReply

Raw = Mapping[str, Any]


def text(raw: Raw, name: str) -> str:
    """A string. Raises: BadReply (all readers)."""
    value = _value(raw, name)
    if not isinstance(value, str):
        raise BadReply(f"{name} is {value!r}, a string is wanted")
    return value


def number(raw: Raw, name: str) -> Decimal:
    """A decimal number, sent as a string."""
    value = _value(raw, name)
    try:
        found = Decimal(value) if isinstance(value, (str, int)) else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite():
        raise BadReply(f"{name} is {value!r}, a number in a string is wanted")
    return found


def number_bare(raw: Raw, name: str) -> Decimal:
    """A decimal number, sent without quotes as a few endpoints do: the one that its shortest digits name."""
    value = _value(raw, name)
    return number({name: repr(value) if isinstance(value, float) else value}, name)


def integer(raw: Raw, name: str) -> int:
    """An id or a time; strings of digits are taken too: Binance sends both."""
    value = _value(raw, name)
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value.isdigit())):
        raise BadReply(f"{name} is {value!r}, an integer is wanted")
    return int(value)


def flag(raw: Raw, name: str) -> bool:
    """true or false."""
    value = _value(raw, name)
    if not isinstance(value, bool):
        raise BadReply(f"{name} is {value!r}, true or false is wanted")
    return value


def rows(raw: object, what: str) -> list[Any]:
    """A list."""
    if not isinstance(raw, list):
        raise BadReply(f"{what} is a {type(raw).__name__}, a list is wanted")
    return raw


def records(raw: object, what: str) -> list[Raw]:
    """A list of objects."""
    return [record(each, f"a row of {what}") for each in rows(raw, what)]


def record(raw: object, what: str) -> Raw:
    """An object."""
    if not isinstance(raw, dict):
        raise BadReply(f"{what} is a {type(raw).__name__}, an object is wanted")
    return raw


def _value(raw: Raw, name: str) -> Any:
    try:
        return raw[name]
    except KeyError:
        raise BadReply(f"{name} is missing") from None
