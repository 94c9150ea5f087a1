"""Spot's candles: those of the perpetual of the same name, told on the pair's own price tick."""

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

from localbinance.market.candles import Candle, CandleBook, DayStats


class SpotCandles:
    """One pair's candles; volumes are the perpetual's."""

    def __init__(self, book: CandleBook, price_tick: Decimal) -> None:
        self._book = book
        self._tick = price_tick

    def forming(self, interval: str, now_ms: int) -> Candle:
        """The candle that holds `now_ms` as far as it has come."""
        return self._on_tick(self._book.forming(interval, now_ms))

    def last_closed(self, interval: str, now_ms: int) -> Candle | None:
        """The newest closed candle."""
        candle = self._book.last_closed(interval, now_ms)
        return None if candle is None else self._on_tick(candle)

    def candles(
        self, interval: str, *, start_ms: int | None = None, end_ms: int | None = None, limit: int = 500, now_ms: int
    ) -> list[Candle]:
        """See `CandleBook.candles`."""
        found = self._book.candles(interval, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=now_ms)
        return [self._on_tick(candle) for candle in found]

    def day(self, now_ms: int) -> DayStats:
        """The rolling 24 hours."""
        day = self._book.day(now_ms)
        opened, high, low, last = (self._rounded(each) for each in (day.open, day.high, day.low, day.last))
        return replace(day, open=opened, high=high, low=low, last=last)

    def _on_tick(self, candle: Candle) -> Candle:
        opened, high, low, close = (
            self._rounded(each) for each in (candle.open, candle.high, candle.low, candle.close)
        )
        return replace(candle, open=opened, high=high, low=low, close=close)

    def _rounded(self, price: Decimal) -> Decimal:
        return (price / self._tick).to_integral_value(ROUND_HALF_EVEN) * self._tick
