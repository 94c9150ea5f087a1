"""The bracket: entry, stop loss and take-profit ladder as one intent."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the take-profit ladder."""

    price: Decimal  # on the tick
    quantity: Decimal  # base asset, on the step


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """Entry, stop loss and take-profit ladder as one intent, all prices already on the symbol's tick."""

    symbol: Symbol
    side: Side
    quantity: Decimal  # base asset
    price_entry: Decimal  # expected: the market decides
    price_stop: Decimal
    rungs: tuple[Rung, ...]  # nearest first; none: only the stop ends it
    hold_ms_max: int | None  # None: for as long as it takes

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise ValueError(f"{self.symbol}: quantity {self.quantity} is not above 0")
        if self.side.sign * (self.price_entry - self.price_stop) <= 0:
            raise ValueError(f"{self.symbol}: stop {self.price_stop} is not on the losing side of {self.price_entry}")
        ladder = [self.side.sign * price for price in (self.price_entry, *(rung.price for rung in self.rungs))]
        if any(after <= before for before, after in pairwise(ladder)):
            raise ValueError(f"{self.symbol}: rungs do not climb away from {self.price_entry} on the winning side")
        if self.rungs and sum(rung.quantity for rung in self.rungs) != self.quantity:
            raise ValueError(f"{self.symbol}: the rungs do not add up to {self.quantity}")
        if self.hold_ms_max is not None and self.hold_ms_max <= 0:
            raise ValueError(f"{self.symbol}: a maximum hold of {self.hold_ms_max} ms is none")
