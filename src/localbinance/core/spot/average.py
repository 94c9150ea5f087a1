"""The average price of the last minutes, weighted by volume: what filters measure prices against."""

from collections import deque
from decimal import Decimal

from localbinance.core.order import ZERO
from localbinance.core.tick import Tick

PLACES = Decimal("0.00000001")


class AveragePrice:
    """One symbol's. Without a trade in the span it is the last price."""

    def __init__(self, span_ms: int) -> None:
        self._span_ms = span_ms
        self._traded: deque[tuple[int, Decimal, Decimal]] = deque()  # (time, quantity, quote)
        self._quantity = ZERO
        self._quote = ZERO
        self._last = ZERO
        self.time_ms = 0  # of the last trade

    def on_tick(self, tick: Tick) -> None:
        """Count a tick in, and out what is too old."""
        self._last = tick.last
        if tick.quantity:
            quote = tick.quantity * tick.last
            self._traded.append((tick.time_ms, tick.quantity, quote))
            self._quantity += tick.quantity
            self._quote += quote
            self.time_ms = tick.time_ms
        while self._traded and self._traded[0][0] <= tick.time_ms - self._span_ms:
            _, quantity, quote = self._traded.popleft()
            self._quantity -= quantity
            self._quote -= quote

    @property
    def price(self) -> Decimal:
        """Quote per base, to eight places."""
        return (self._quote / self._quantity).quantize(PLACES) if self._quantity else self._last
