"""What the exchange tells of the account by itself, read off the user data stream."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from ratchet.domain.fill import Fill
from ratchet.domain.order import OrderReport, StopReport
from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """An order's state moved; `fill` is there when it was an execution."""

    report: OrderReport
    fill: Fill | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopChanged:
    """A conditional order's state moved."""

    report: StopReport


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChanged:
    """What is now held of a symbol; 0 = flat."""

    symbol: Symbol
    quantity_signed: Decimal
    price_entry: Decimal  # average; 0 when flat
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeBooked:
    """The balance changed without an order: funding, a liquidation's fee. The income history says what and how much."""

    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRestarted:
    """The stream was (re)connected: events may have been missed, so the truth has to be asked for."""

    at_ms: int


UserEvent: TypeAlias = OrderChanged | StopChanged | PositionChanged | IncomeBooked | StreamRestarted
