"""Frames of the market streams: ticks, candles and books as the JSON objects that Binance sends.

Numbers are strings, ids and times integers. `E` is the time of the push. Trade ids of the market's own trades are
counted by this server; candles do not know theirs, so `f` and `L` of a candle are 0.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from localbinance.core.exchange import BookView
from localbinance.core.tick import Tick
from localbinance.market.candles import INTERVALS_MS, Candle, DayStats
from localbinance.server.wire_numbers import ZERO, plain

Json = dict[str, object]
Level = tuple[Decimal, Decimal]
_HUNDRED = Decimal(100)


def candle_body(symbol: str, interval: str, candle: Candle, *, closed: bool) -> Json:
    """The `k` of kline frames."""
    return {
        "t": candle.open_ms,
        "T": candle.open_ms + INTERVALS_MS[interval] - 1,
        "s": symbol,
        "i": interval,
        "f": 0,
        "L": 0,
        "o": plain(candle.open),
        "c": plain(candle.close),
        "h": plain(candle.high),
        "l": plain(candle.low),
        "v": plain(candle.volume),
        "n": candle.trades,
        "x": closed,
        "q": plain(candle.volume_quote),
        "V": plain(candle.taker_buy_volume),
        "Q": plain(candle.taker_buy_volume_quote),
        "B": "0",
    }


def kline(symbol: str, interval: str, candle: Candle, now_ms: int, *, closed: bool) -> Json:
    """kline."""
    return {"e": "kline", "E": now_ms, "s": symbol, "k": candle_body(symbol, interval, candle, closed=closed)}


def continuous_kline(symbol: str, interval: str, candle: Candle, now_ms: int, *, closed: bool) -> Json:
    """continuous_kline of a perpetual, whose pair is its symbol."""
    body = candle_body(symbol, interval, candle, closed=closed)
    del body["s"]
    return {"e": "continuous_kline", "E": now_ms, "ps": symbol, "ct": "PERPETUAL", "k": body}


def mini_ticker(symbol: str, day: DayStats, now_ms: int) -> Json:
    """24hrMiniTicker."""
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": symbol,
        "c": plain(day.last),
        "o": plain(day.open),
        "h": plain(day.high),
        "l": plain(day.low),
        "v": plain(day.volume),
        "q": plain(day.volume_quote),
    }


def price_change_percent(day: DayStats) -> Decimal:
    """The change over the day in percent, to three places as Binance gives it."""
    return ((day.last - day.open) / day.open * _HUNDRED).quantize(Decimal("0.001")) if day.open else ZERO


def price_average(day: DayStats) -> Decimal:
    """The day's price weighted by volume; the last one where nothing was traded."""
    return day.volume_quote / day.volume if day.volume else day.last


def ticker(tick: Tick, day: DayStats, last_quantity: Decimal, last_id: int, now_ms: int) -> Json:
    """24hrTicker."""
    return {
        "e": "24hrTicker",
        "E": now_ms,
        "s": tick.symbol,
        "p": plain(day.last - day.open),
        "P": plain(price_change_percent(day)),
        "w": plain(price_average(day)),
        "c": plain(day.last),
        "Q": plain(last_quantity),
        "o": plain(day.open),
        "h": plain(day.high),
        "l": plain(day.low),
        "v": plain(day.volume),
        "q": plain(day.volume_quote),
        "O": day.first_ms,
        "C": now_ms,
        "F": max(0, last_id - day.trades + 1),
        "L": last_id,
        "n": day.trades,
    }


def mark_price(tick: Tick, rate: Decimal, next_funding_ms: int, now_ms: int) -> Json:
    """markPriceUpdate."""
    return {
        "e": "markPriceUpdate",
        "E": now_ms,
        "s": tick.symbol,
        "p": plain(tick.mark),
        "ap": plain(tick.mark),
        "i": plain(tick.index),
        "P": plain(tick.index),
        "r": plain(rate),
        "T": next_funding_ms,
    }


def book_ticker(tick: Tick, update_id: int, now_ms: int) -> Json:
    """bookTicker."""
    return {
        "e": "bookTicker",
        "u": update_id,
        "E": now_ms,
        "T": tick.time_ms,
        "s": tick.symbol,
        "b": plain(tick.bid),
        "B": plain(tick.bid_quantity),
        "a": plain(tick.ask),
        "A": plain(tick.ask_quantity),
    }


def agg_trade(tick: Tick, last_id: int, now_ms: int) -> Json:
    """aggTrade: all trades of a tick as one, at its last price."""
    return {
        "e": "aggTrade",
        "E": now_ms,
        "s": tick.symbol,
        "a": last_id,
        "p": plain(tick.last),
        "q": plain(tick.quantity),
        "nq": plain(tick.quantity),
        "f": last_id - max(1, tick.trades) + 1,
        "l": last_id,
        "T": tick.time_ms,
        "m": tick.buyer_is_maker,
    }


def trade(tick: Tick, last_id: int, now_ms: int) -> Json:
    """trade: the tick's trades told as one."""
    return {
        "e": "trade",
        "E": now_ms,
        "T": tick.time_ms,
        "s": tick.symbol,
        "t": last_id,
        "p": plain(tick.last),
        "q": plain(tick.quantity),
        "X": "MARKET",
        "m": tick.buyer_is_maker,
    }


def levels(side: Sequence[Level], number: Callable[[Decimal], str] = plain) -> list[list[str]]:
    """Book levels as pairs of strings."""
    return [[number(price), number(quantity)] for price, quantity in side]


def partial_depth(symbol: str, book: BookView, id_before: int, now_ms: int) -> Json:
    """depthUpdate with all of the best levels. `id_before`: the update id of the frame before."""
    ids = (id_before + 1, book.update_id, id_before)
    return depth_update(symbol, book.bids, book.asks, ids, now_ms)


def depth_update(
    symbol: str, bids: Sequence[Level], asks: Sequence[Level], ids: tuple[int, int, int], now_ms: int
) -> Json:
    """depthUpdate. `ids`: first update in it, last update in it, last update of the event before."""
    first, last, previous = ids
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "T": now_ms,
        "s": symbol,
        "U": first,
        "u": last,
        "pu": previous,
        "b": levels(bids),
        "a": levels(asks),
    }


def book_changes(before: dict[Decimal, Decimal], after: dict[Decimal, Decimal]) -> list[Level]:
    """What changed in one side of a book: new quantities, 0 for levels that are gone."""
    changed = [(price, quantity) for price, quantity in after.items() if before.get(price) != quantity]
    return changed + [(price, ZERO) for price in before if price not in after]
