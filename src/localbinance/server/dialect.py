"""Dialects: the frames of market streams that the two exchanges word differently. A module of frames is one."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from localbinance.core.exchange import BookView
from localbinance.core.tick import Tick
from localbinance.market.candles import Candle, DayStats

Json = dict[str, object]
Level = tuple[Decimal, Decimal]


class Dialect(Protocol):
    """How one exchange tells its market. Times are ms; `now_ms` is that of the push."""

    def kline(self, symbol: str, interval: str, candle: Candle, now_ms: int, *, closed: bool) -> Json:
        """A candle."""

    def mini_ticker(self, symbol: str, day: DayStats, now_ms: int) -> Json:
        """The day in short."""

    def ticker(self, tick: Tick, day: DayStats, last_quantity: Decimal, last_id: int, now_ms: int) -> Json:
        """The day; the quantity and id are those of the last trade."""

    def book_ticker(self, tick: Tick, update_id: int, now_ms: int) -> Json:
        """Best bid and ask."""

    def agg_trade(self, tick: Tick, last_id: int, now_ms: int) -> Json:
        """All trades of a tick as one."""

    def trade(self, tick: Tick, last_id: int, now_ms: int) -> Json:
        """A trade."""

    def partial_depth(self, symbol: str, book: BookView, id_before: int, now_ms: int) -> Json:
        """The best levels; `id_before` is the update id of the frame before."""

    def depth_update(
        self, symbol: str, bids: Sequence[Level], asks: Sequence[Level], ids: tuple[int, int, int], now_ms: int
    ) -> Json:
        """Changed levels. `ids`: first update in it, last update in it, last update of the event before."""


class CandleSource(Protocol):
    """Candles of one symbol; see `market.candles.CandleBook`."""

    def forming(self, interval: str, now_ms: int) -> Candle:
        """The candle that holds `now_ms` as far as it has come."""

    def last_closed(self, interval: str, now_ms: int) -> Candle | None:
        """The newest closed candle."""

    def candles(
        self, interval: str, *, start_ms: int | None = None, end_ms: int | None = None, limit: int = 500, now_ms: int
    ) -> list[Candle]:
        """Candles that open within [start_ms, end_ms], oldest first."""

    def day(self, now_ms: int) -> DayStats:
        """The rolling 24 hours."""


class BookSource(Protocol):
    """The depth of an exchange's symbols."""

    def book(self, symbol: str, limit: int) -> BookView:
        """At most `limit` levels a side."""
