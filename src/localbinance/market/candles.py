"""Candles: what one interval of a market did, and the book that makes them from ticks."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from localbinance.core.tick import Tick

ZERO = Decimal(0)
MINUTE_MS = 60_000
DAY_MS = 86_400_000
INTERVALS_MS: dict[str, int] = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
}
MONDAY_MS = 4 * DAY_MS  # weeks begin on Monday; the epoch was a Thursday


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One interval: [open_ms, close_ms], close_ms being its last millisecond. Volumes are base and quote asset."""

    open_ms: int
    close_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    volume_quote: Decimal
    trades: int
    taker_buy_volume: Decimal
    taker_buy_volume_quote: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStats:
    """The last 24 hours."""

    first_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    volume: Decimal
    volume_quote: Decimal
    trades: int


def interval_start(at_ms: int, interval_ms: int) -> int:
    """When the interval that holds an instant began."""
    shift_ms = MONDAY_MS if interval_ms == INTERVALS_MS["1w"] else 0
    return (at_ms - shift_ms) // interval_ms * interval_ms + shift_ms


def joined(before: Candle, after: Candle, close_ms: int) -> Candle:
    """Two adjacent candles as one. One without a trade has no price of its own to add."""
    if not after.volume:
        return widened(before, before.open_ms, close_ms)
    if not before.volume:
        return widened(after, before.open_ms, close_ms)
    return Candle(
        open_ms=before.open_ms,
        close_ms=close_ms,
        open=before.open,
        high=max(before.high, after.high),
        low=min(before.low, after.low),
        close=after.close,
        volume=before.volume + after.volume,
        volume_quote=before.volume_quote + after.volume_quote,
        trades=before.trades + after.trades,
        taker_buy_volume=before.taker_buy_volume + after.taker_buy_volume,
        taker_buy_volume_quote=before.taker_buy_volume_quote + after.taker_buy_volume_quote,
    )


def widened(candle: Candle, open_ms: int, close_ms: int) -> Candle:
    """The same trading, told of a longer interval."""
    return Candle(
        open_ms=open_ms,
        close_ms=close_ms,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=candle.volume,
        volume_quote=candle.volume_quote,
        trades=candle.trades,
        taker_buy_volume=candle.taker_buy_volume,
        taker_buy_volume_quote=candle.taker_buy_volume_quote,
    )


@dataclass(slots=True)
class _Forming:
    """The finest candle that is not closed yet."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    volume_quote: Decimal = ZERO
    trades: int = 0
    taker_buy_volume: Decimal = ZERO
    taker_buy_volume_quote: Decimal = ZERO
    traded: bool = False

    def frozen(self, interval_ms: int) -> Candle:
        return Candle(
            open_ms=self.open_ms,
            close_ms=self.open_ms + interval_ms - 1,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            volume_quote=self.volume_quote,
            trades=self.trades,
            taker_buy_volume=self.taker_buy_volume,
            taker_buy_volume_quote=self.taker_buy_volume_quote,
        )


@dataclass(slots=True)
class _Series:
    """The candles of one longer interval, as far as the finest ones have been looked at."""

    interval_ms: int
    closed: list[Candle] = field(default_factory=list)
    partial: Candle | None = None  # of the interval that is not over
    looked_at: int = 0  # finest candles

    def catch_up(self, finest: Sequence[Candle]) -> None:
        for candle in finest[self.looked_at :]:
            open_ms = interval_start(candle.open_ms, self.interval_ms)
            close_ms = open_ms + self.interval_ms - 1
            if self.partial is None:
                self.partial = widened(candle, open_ms, close_ms)
            else:
                self.partial = joined(self.partial, candle, close_ms)
            if candle.close_ms == close_ms:
                self.closed.append(self.partial)
                self.partial = None
        self.looked_at = len(finest)


class CandleBook:
    """Every candle of one symbol, of every interval that is a multiple of the finest.

    A tick belongs to the candle in which its trades were made: one at an interval's very end belongs to that interval.
    """

    def __init__(self, symbol: str, history: Sequence[Candle], interval_ms: int, start_ms: int) -> None:
        """`history`: closed candles of the finest interval, oldest first, without a hole, up to `start_ms`.

        Raises: ValueError when there are none: a book has to know a price.
        """
        if not history:
            raise ValueError(f"{symbol}: no candle before {start_ms}")
        self.symbol = symbol
        self.interval_ms = interval_ms
        self._start_ms = start_ms
        self._history = history  # until candles are asked for: a market may make them only then
        self._known: list[Candle] = []
        self._forming = self._next(history[-1].close_ms + 1, history[-1].close)
        self._series: dict[int, _Series] = {}
        self._day: tuple[int, DayStats] | None = None  # with the number of closed candles that it was made from

    def on_tick(self, tick: Tick) -> None:
        """Count a tick in. What is not traded moves no candle."""
        if not tick.quantity or tick.time_ms <= self._start_ms:
            return
        if tick.time_ms > self._forming.open_ms + self.interval_ms:
            self.on_time(tick.time_ms - 1)
        forming, last = self._forming, tick.last
        if not forming.traded:
            forming.traded = True
            forming.open = forming.high = forming.low = last
        elif last > forming.high:
            forming.high = last
        elif last < forming.low:
            forming.low = last
        quote = last * tick.quantity
        forming.close = last
        forming.volume += tick.quantity
        forming.volume_quote += quote
        forming.trades += tick.trades
        if not tick.buyer_is_maker:
            forming.taker_buy_volume += tick.quantity
            forming.taker_buy_volume_quote += quote

    def on_time(self, now_ms: int) -> None:
        """Close what has ended. An interval without a trade is a flat candle."""
        while self._forming.open_ms + self.interval_ms <= now_ms:
            candle = self._forming.frozen(self.interval_ms)
            self._known.append(candle)
            self._forming = self._next(candle.close_ms + 1, candle.close)

    def forming(self, interval: str, now_ms: int) -> Candle:
        """The candle that holds `now_ms` as far as it has come."""
        self.on_time(now_ms)
        finest = self._forming.frozen(self.interval_ms)
        interval_ms = self._checked(interval)
        if interval_ms == self.interval_ms:
            return finest
        series = self._caught_up(interval_ms)
        open_ms = interval_start(finest.open_ms, interval_ms)
        close_ms = open_ms + interval_ms - 1
        if series.partial is None:
            return widened(finest, open_ms, close_ms)
        return joined(series.partial, finest, close_ms) if self._forming.traded else series.partial

    def last_closed(self, interval: str, now_ms: int) -> Candle | None:
        """The newest closed candle."""
        closed = self._all_closed(interval, now_ms)
        return closed[-1] if closed else None

    def candles(
        self,
        interval: str,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
        now_ms: int,
    ) -> list[Candle]:
        """Candles that open within [start_ms, end_ms], the forming one last, oldest first.

        The newest `limit` ones, or the oldest when `start_ms` is given, as Binance does.
        """
        closed = self._all_closed(interval, now_ms)
        first = 0 if start_ms is None else bisect_left(closed, start_ms, key=_opened)
        end = len(closed) if end_ms is None else bisect_right(closed, end_ms, key=_opened)
        end = end if start_ms is None else min(end, first + limit)
        found = closed[max(first, end - limit) : end]
        forming = self.forming(interval, now_ms)
        is_wanted = (start_ms is None or forming.open_ms >= start_ms) and (end_ms is None or forming.open_ms <= end_ms)
        if is_wanted:
            found.append(forming)
        return found[:limit] if start_ms is not None else found[-limit:]

    def day(self, now_ms: int) -> DayStats:
        """The rolling 24 hours, to the finest interval."""
        self.on_time(now_ms)
        closed = self._closed
        if self._day is None or self._day[0] != len(closed):
            self._day = (len(closed), _day_of(closed[-(DAY_MS // self.interval_ms) :]))
        day, forming = self._day[1], self._forming
        if not forming.traded:
            return day
        return DayStats(
            first_ms=day.first_ms,
            open=day.open,
            high=max(day.high, forming.high),
            low=min(day.low, forming.low),
            last=forming.close,
            volume=day.volume + forming.volume,
            volume_quote=day.volume_quote + forming.volume_quote,
            trades=day.trades + forming.trades,
        )

    @property
    def _closed(self) -> list[Candle]:
        """Those of the finest interval, oldest first."""
        if self._history:
            self._known[:0] = self._history
            self._history = ()
        return self._known

    def _all_closed(self, interval: str, now_ms: int) -> list[Candle]:
        self.on_time(now_ms)
        interval_ms = self._checked(interval)
        return self._closed if interval_ms == self.interval_ms else self._caught_up(interval_ms).closed

    def _caught_up(self, interval_ms: int) -> _Series:
        closed, series = self._closed, self._series.get(interval_ms)
        if series is None:
            series = self._series[interval_ms] = _Series(interval_ms)
            # A first interval of which the beginning is not known would be told wrongly.
            while series.looked_at < len(closed):
                open_ms = closed[series.looked_at].open_ms
                if interval_start(open_ms, interval_ms) == open_ms:
                    break
                series.looked_at += 1
        series.catch_up(closed)
        return series

    def _checked(self, interval: str) -> int:
        """Raises: ValueError for an interval that is no multiple of the finest one."""
        interval_ms = INTERVALS_MS[interval]
        if interval_ms % self.interval_ms:
            raise ValueError(f"{self.symbol}: {interval} candles cannot be made of {self.interval_ms} ms ones")
        return interval_ms

    @staticmethod
    def _next(open_ms: int, price: Decimal) -> _Forming:
        return _Forming(open_ms, price, price, price, price)


def _opened(candle: Candle) -> int:
    return candle.open_ms


def _day_of(candles: Sequence[Candle]) -> DayStats:
    return DayStats(
        first_ms=candles[0].open_ms,
        open=candles[0].open,
        high=max(candle.high for candle in candles),
        low=min(candle.low for candle in candles),
        last=candles[-1].close,
        volume=sum((candle.volume for candle in candles), ZERO),
        volume_quote=sum((candle.volume_quote for candle in candles), ZERO),
        trades=sum(candle.trades for candle in candles),
    )
