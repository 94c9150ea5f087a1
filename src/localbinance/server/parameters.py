"""Parameters of one request: query string and form body read as one, names without regard to case."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from urllib.parse import unquote_plus

from localbinance.rules import errors
from localbinance.rules.rejection import Rejection
from localbinance.server import refusals

NUMBER_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
INTEGER_RANGE = "^[0-9]{1,20}$"
LONG_MAX = 2**63 - 1  # an id or a time is a signed number of 64 bits
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{0,20})?|-?\.[0-9]{1,20}")
_INTEGER = re.compile(r"-?[0-9]{1,20}")

Choice = TypeVar("Choice", bound=StrEnum)


def parse_pairs(text: str, into: dict[str, str]) -> None:
    """Add the `name=value` pairs of a query string or form to `into`; a name that is there already keeps its value."""
    for part in text.split("&"):
        name, separator, value = part.partition("=")
        if not separator:
            continue
        if "%" in part or "+" in part:
            name, value = unquote_plus(name), unquote_plus(value)
        into.setdefault(name.lower(), value)


class Parameters:
    """What a request asked with. Names are given in lower case; an empty value counts as absent.

    Raises (all readers): Rejection -1102, -1100 or -1130, with the parameter's name in lower case as Binance prints it.
    """

    __slots__ = ("values",)

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values

    @classmethod
    def read(cls, query: str, form: str = "") -> "Parameters":
        """Both sources at once. A name that both have: the query's value counts."""
        values: dict[str, str] = {}
        if query:
            parse_pairs(query, values)
        if form:
            parse_pairs(form, values)
        return cls(values)

    def text(self, name: str) -> str | None:
        """The value, or None where it was not sent or is empty."""
        return self.values.get(name) or None

    def required(self, name: str) -> str:
        """The value; -1102 without one."""
        value = self.values.get(name)
        if not value:
            raise errors.missing(name)
        return value

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """true and false in any case: Python clients print `True`."""
        value = self.values.get(name)
        if not value:
            return default
        match value.lower():
            case "true":
                return True
            case "false":
                return False
            case _:
                raise refusals.invalid_data(name)

    def number(self, name: str) -> Decimal | None:
        """A plain decimal number; no exponent, no infinity."""
        value = self.values.get(name)
        if not value:
            return None
        if _NUMBER.fullmatch(value) is None:
            raise refusals.illegal_characters(name, NUMBER_RANGE)
        return Decimal(value)

    def integer(self, name: str) -> int | None:
        """An id, a count or a time in ms."""
        value = self.values.get(name)
        if not value:
            return None
        if _INTEGER.fullmatch(value) is None:
            raise refusals.illegal_characters(name, INTEGER_RANGE)
        number = int(value)
        if not -LONG_MAX <= number <= LONG_MAX:
            raise errors.missing(name)
        return number

    def limit(self, *, default: int, most: int) -> int:
        """`limit`, cut to what the endpoint gives at most."""
        value = self.integer("limit")
        if value is None:
            return default
        if value <= 0:
            raise refusals.invalid_data("limit")
        return min(value, most)

    def choice(self, name: str, kind: type[Choice], otherwise: Rejection | None = None) -> Choice | None:
        """One of an enumeration's values; what it is not is refused with `otherwise`, or -1130."""
        value = self.values.get(name)
        if not value:
            return None
        try:
            return kind(value)
        except ValueError:
            raise otherwise or refusals.invalid_data(name) from None
