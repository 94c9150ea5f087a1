"""Order books: what rests on both sides of a symbol's price, and how far and how deep it lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.money import ZERO
from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True)
class Level:
    """What rests at one price."""

    price: Decimal
    quantity: Decimal  # base asset


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBook:
    """The best levels of both sides, best first; either may be empty."""

    symbol: Symbol
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    @property
    def mid(self) -> Decimal | None:
        """Half way between the best bid and the best ask; None where a side is empty."""
        return (self.bids[0].price + self.asks[0].price) / 2 if self.bids and self.asks else None

    @property
    def spread_fraction(self) -> Decimal | None:
        """From the best bid to the best ask, of the mid; None where a side is empty."""
        mid = self.mid
        return None if mid is None else (self.asks[0].price - self.bids[0].price) / mid

    def depth_quote(self, reach_fraction: Decimal) -> Decimal:
        """USDC that rests within so much of the mid, on the side where it is less."""
        mid = self.mid
        if mid is None:
            return ZERO
        reach = mid * reach_fraction
        return min(_resting(self.bids, mid, reach), _resting(self.asks, mid, reach))


def _resting(levels: Sequence[Level], mid: Decimal, reach: Decimal) -> Decimal:
    return sum((level.price * level.quantity for level in levels if abs(level.price - mid) <= reach), ZERO)
