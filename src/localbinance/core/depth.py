"""The modelled depth: the levels behind the touch of one tick, and what takers have eaten of them.

Assumed: levels lie half a basis point apart, on the tick; the k-th holds (1 + k / 2) times what rests at the touch, at
most twenty times. That is thin against real books beyond a few levels, so that larger market orders slip rather more
than they would. What is eaten stays eaten until the market's next tick. Orders of accounts do not stand in this book,
and do not meet each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from localbinance.core.order import ZERO, Side
from localbinance.core.tick import Tick

SPACING_FRACTION = Decimal("0.00005")
GROWTH_MAX = 20
LEVELS_MAX = 1_000


@dataclass(slots=True)
class Depth:
    """One symbol's book as of a tick."""

    price_tick: Decimal
    quantity_step: Decimal
    tick: Tick
    eaten: dict[Decimal, Decimal] = field(default_factory=dict)  # base quantity by price; the sides' prices differ
    quantity_max: Decimal | None = None  # base quantity of all levels of a side; None: as modelled

    def renew(self, tick: Tick) -> None:
        """The market has gone on: the book is whole again."""
        self.tick = tick
        if self.eaten:
            self.eaten.clear()

    def best(self, resting: Side, limit: int) -> list[tuple[Decimal, Decimal]]:
        """The first levels of a side, at most `limit`."""
        return list(islice(self.levels(resting), limit))

    def levels(self, resting: Side) -> Iterator[tuple[Decimal, Decimal]]:
        """(price, quantity left) of the bids (BUY) or asks (SELL), best first."""
        touch = self.tick.bid if resting is Side.BUY else self.tick.ask
        quantity = self.tick.bid_quantity if resting is Side.BUY else self.tick.ask_quantity
        steps = max(1, int(touch * SPACING_FRACTION / self.price_tick))
        spacing = -resting.sign * steps * self.price_tick
        room = self.quantity_max
        for number in range(LEVELS_MAX):
            price = touch + number * spacing
            if price <= 0:
                return
            growth = min(2 + number, 2 * GROWTH_MAX)
            left = quantity * growth / 2
            if room is not None:
                if room <= 0:
                    return
                left = min(left, room)
                room -= left
            left -= self.eaten.get(price, ZERO)
            left -= left % self.quantity_step
            if left > 0:
                yield price, left

    def take(
        self,
        side: Side,
        quantity: Decimal | None,
        price_worst: Decimal | None,
        *,
        quote: Decimal | None = None,
        keep: bool = True,
    ) -> list[tuple[Decimal, Decimal]]:
        """Let a taker eat up to `quantity`, at no worse than `price_worst`. Returns (price, quantity) pieces.

        Args: quantity, base asset, None for any; quote, what all pieces together may be worth; keep, False to see what
            would be taken and leave the book as it is.
        """
        pieces: list[tuple[Decimal, Decimal]] = []
        resting = Side.SELL if side is Side.BUY else Side.BUY
        for price, there in self.levels(resting):
            if price_worst is not None and side.sign * (price - price_worst) > 0:
                break
            piece = there if quantity is None else min(quantity, there)
            if quote is not None:
                worth = quote / price
                piece = min(piece, worth - worth % self.quantity_step)
            if piece <= 0:
                break
            pieces.append((price, piece))
            quantity = None if quantity is None else quantity - piece
            quote = None if quote is None else quote - piece * price
        if keep:
            for price, piece in pieces:
                self.eaten[price] = self.eaten.get(price, ZERO) + piece
        return pieces
