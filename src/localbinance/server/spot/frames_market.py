"""Frames of spot's market streams. What is as on futures is told by the same functions."""

from collections.abc import Sequence
from decimal import Decimal

from localbinance.core.exchange import BookView
from localbinance.core.tick import Tick
from localbinance.market.candles import Candle, DayStats
from localbinance.server import frames_market as futures
from localbinance.server.wire_numbers import eight

Json = dict[str, object]
Level = tuple[Decimal, Decimal]


def kline(symbol: str, interval: str, candle: Candle, now_ms: int, *, closed: bool) -> Json:
    """kline."""
    body = futures.candle_body(symbol, interval, candle, closed=closed)
    return {"e": "kline", "E": now_ms, "s": symbol, "k": _with_eight(body, "ochlvqVQ")}


def mini_ticker(symbol: str, day: DayStats, now_ms: int) -> Json:
    """24hrMiniTicker."""
    return _with_eight(futures.mini_ticker(symbol, day, now_ms), "cohlvq")


def ticker(tick: Tick, day: DayStats, last_quantity: Decimal, last_id: int, now_ms: int) -> Json:
    """24hrTicker: with the best bid and ask, and the close before."""
    return {
        **_with_eight(futures.ticker(tick, day, last_quantity, last_id, now_ms), "pwcQohlvq"),
        "x": eight(day.open),
        "b": eight(tick.bid),
        "B": eight(tick.bid_quantity),
        "a": eight(tick.ask),
        "A": eight(tick.ask_quantity),
    }


def book_ticker(tick: Tick, update_id: int, _now_ms: int) -> Json:
    """The best bid and ask: on spot the event has neither a name nor a time."""
    return {
        "u": update_id,
        "s": tick.symbol,
        "b": eight(tick.bid),
        "B": eight(tick.bid_quantity),
        "a": eight(tick.ask),
        "A": eight(tick.ask_quantity),
    }


def agg_trade(tick: Tick, last_id: int, now_ms: int) -> Json:
    """aggTrade."""
    frame = _with_eight(futures.agg_trade(tick, last_id, now_ms), "pq")
    del frame["nq"]
    return {**frame, "M": True}


def trade(tick: Tick, last_id: int, now_ms: int) -> Json:
    """trade."""
    return {
        "e": "trade",
        "E": now_ms,
        "s": tick.symbol,
        "t": last_id,
        "p": eight(tick.last),
        "q": eight(tick.quantity),
        "T": tick.time_ms,
        "m": tick.buyer_is_maker,
        "M": True,
    }


def partial_depth(_symbol: str, book: BookView, _id_before: int, _now_ms: int) -> Json:
    """The best levels: without a name, a symbol or a time."""
    return {
        "lastUpdateId": book.update_id,
        "bids": futures.levels(book.bids, eight),
        "asks": futures.levels(book.asks, eight),
    }


def depth_update(
    symbol: str, bids: Sequence[Level], asks: Sequence[Level], ids: tuple[int, int, int], now_ms: int
) -> Json:
    """depthUpdate: on spot each event follows the one before without a gap in `U` and `u`."""
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "s": symbol,
        "U": ids[0],
        "u": ids[1],
        "b": futures.levels(bids, eight),
        "a": futures.levels(asks, eight),
    }


def _with_eight(frame: Json, names: str) -> Json:
    """A frame of futures with these numbers, each named by a letter, as spot writes them."""
    return {**frame, **{name: eight(Decimal(str(frame[name]))) for name in names}}
