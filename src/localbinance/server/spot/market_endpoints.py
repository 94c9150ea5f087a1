"""Spot's public endpoints: pairs, books, trades, candles, tickers."""

from collections.abc import Callable, Mapping

import orjson

from localbinance.core.tick import Tick
from localbinance.rules.spot_rules import SpotSymbolRules
from localbinance.server import refusals
from localbinance.server.candle_endpoints import candle_rows
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.frames_market import levels, price_average, price_change_percent
from localbinance.server.market_endpoints import agg_trades_of, ping, server_time, trades_of
from localbinance.server.parameters import Parameters
from localbinance.server.rate_limit import by_limit
from localbinance.server.spot.exchange_info import exchange_info
from localbinance.server.venue import Call, Venue
from localbinance.server.wire_numbers import ZERO, eight

Json = dict[str, object]
Row = Callable[[Venue, str, Tick, int], Json]  # one pair's row; the time is now, ms
DEPTH_MOST = 5_000
KLINES_MOST = 1_000
DEPTH_WEIGHT = by_limit(((100, 5), (500, 25), (1_000, 50), (10**9, 250)), 100)


def exchange_information(venue: Venue, call: Call) -> object:
    """GET /api/v3/exchangeInfo: of all pairs, of one, or of those that are named."""
    wanted = _named(call.parameters)
    pairs = [venue.spot.listed(symbol) for symbol in wanted] if wanted else list(venue.spot.rules.symbols.values())
    status = call.parameters.text("symbolstatus")
    pairs = [each for each in pairs if status in (None, each.status)]
    return exchange_info(pairs, venue.spot.rules.rate_limits, call.now_ms + call.skew_ms)


def _named(parameters: Parameters) -> list[str]:
    """The pairs that `symbol` or `symbols` name. Raises: Rejection -1128, -1130."""
    one, several = parameters.text("symbol"), parameters.text("symbols")
    if one is not None and several is not None:
        raise refusals.invalid_combination()
    if several is None:
        return [] if one is None else [one.upper()]
    try:
        names = orjson.loads(several)
    except orjson.JSONDecodeError:
        raise refusals.invalid_data("symbols") from None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise refusals.invalid_data("symbols")
    return [str(name).upper() for name in names]


def depth(venue: Venue, call: Call) -> object:
    """GET /api/v3/depth."""
    symbol = venue.spot.traded(call.symbol)
    book = venue.spot.exchange.book(symbol, call.parameters.limit(default=100, most=DEPTH_MOST))
    return {"lastUpdateId": book.update_id, "bids": levels(book.bids, eight), "asks": levels(book.asks, eight)}


def trades(venue: Venue, call: Call) -> object:
    """GET /api/v3/trades, historicalTrades: a tick's trades told as one."""
    tape = venue.spot.tapes[venue.spot.traded(call.symbol)]
    return [
        {
            "id": last_id,
            "price": eight(tick.last),
            "qty": eight(tick.quantity),
            "quoteQty": eight(tick.quantity * tick.last),
            "time": tick.time_ms,
            "isBuyerMaker": tick.buyer_is_maker,
            "isBestMatch": True,
        }
        for tick, last_id in trades_of(tape, call.parameters)
    ]


def agg_trades(venue: Venue, call: Call) -> object:
    """GET /api/v3/aggTrades."""
    tape = venue.spot.tapes[venue.spot.traded(call.symbol)]
    return [
        {
            "a": last_id,
            "p": eight(tick.last),
            "q": eight(tick.quantity),
            "f": last_id - max(1, tick.trades) + 1,
            "l": last_id,
            "T": tick.time_ms,
            "m": tick.buyer_is_maker,
            "M": True,
        }
        for tick, last_id in agg_trades_of(tape, call.parameters)
    ]


def klines(venue: Venue, call: Call) -> object:
    """GET /api/v3/klines, uiKlines."""
    book = venue.spot.books[venue.spot.traded(call.symbol)]
    return candle_rows(book, call, venue.clock.stepped_ms, most=KLINES_MOST, number=eight)


def average_price(venue: Venue, call: Call) -> object:
    """GET /api/v3/avgPrice."""
    rules: SpotSymbolRules = venue.spot.listed(call.symbol)
    average = venue.spot.exchange.average_price(venue.spot.traded(rules.symbol))
    return {"mins": rules.average_minutes, "price": eight(average.price), "closeTime": average.time_ms}


# Tickers -------------------------------------------------------------------------------------------------------------


def _day_row(venue: Venue, symbol: str, tick: Tick, now_ms: int) -> Json:
    day, tape = venue.spot.books[symbol].day(venue.clock.stepped_ms), venue.spot.tapes[symbol]
    return {
        "symbol": symbol,
        "priceChange": eight(day.last - day.open),
        "priceChangePercent": str(price_change_percent(day)),
        "weightedAvgPrice": eight(price_average(day)),
        "prevClosePrice": eight(day.open),
        "lastPrice": eight(day.last),
        "lastQty": eight(tape.traded[-1][0].quantity if tape.traded else ZERO),
        "bidPrice": eight(tick.bid),
        "bidQty": eight(tick.bid_quantity),
        "askPrice": eight(tick.ask),
        "askQty": eight(tick.ask_quantity),
        "openPrice": eight(day.open),
        "highPrice": eight(day.high),
        "lowPrice": eight(day.low),
        "volume": eight(day.volume),
        "quoteVolume": eight(day.volume_quote),
        "openTime": day.first_ms,
        "closeTime": now_ms,
        "firstId": max(0, tape.last_trade_id - day.trades + 1),
        "lastId": tape.last_trade_id,
        "count": day.trades,
    }


def _price_row(_venue: Venue, symbol: str, tick: Tick, _now_ms: int) -> Json:
    return {"symbol": symbol, "price": eight(tick.last)}


def _book_row(_venue: Venue, symbol: str, tick: Tick, _now_ms: int) -> Json:
    return {
        "symbol": symbol,
        "bidPrice": eight(tick.bid),
        "bidQty": eight(tick.bid_quantity),
        "askPrice": eight(tick.ask),
        "askQty": eight(tick.ask_quantity),
    }


def _rows(row: Row) -> Callable[[Venue, Call], object]:
    """An endpoint that gives one pair's row, those of the pairs that are named, or all."""

    def endpoint(venue: Venue, call: Call) -> object:
        wanted = _named(call.parameters)
        if not wanted:
            venue.spot.wake_all()
        symbols = [venue.spot.traded(symbol) for symbol in wanted] if wanted else venue.spot.symbols
        ticks = [(symbol, venue.spot.tapes[symbol].latest) for symbol in symbols]
        rows = [row(venue, symbol, tick, call.now_ms) for symbol, tick in ticks if tick is not None]
        return rows[0] if call.parameters.text("symbol") else rows

    return endpoint


def _by_pairs(one: int, few: int, all_of_them: int) -> Callable[[Mapping[str, str]], int]:
    """The weight of a ticker: of one pair, of up to 20, of more."""

    def weight(values: Mapping[str, str]) -> int:
        if values.get("symbol"):
            return one
        named = (values.get("symbols") or "").count(",") + 1 if values.get("symbols") else 0
        return few if 0 < named <= 20 else all_of_them

    return weight


ROUTES: Routes = {
    ("GET", "/api/v3/ping"): Endpoint(ping),
    ("GET", "/api/v3/time"): Endpoint(server_time),
    ("GET", "/api/v3/exchangeInfo"): Endpoint(exchange_information, weight=20),
    ("GET", "/api/v3/depth"): Endpoint(depth, weight=DEPTH_WEIGHT),
    ("GET", "/api/v3/trades"): Endpoint(trades, weight=25),
    ("GET", "/api/v3/historicalTrades"): Endpoint(trades, weight=25),
    ("GET", "/api/v3/aggTrades"): Endpoint(agg_trades, weight=4),
    ("GET", "/api/v3/klines"): Endpoint(klines, weight=2),
    ("GET", "/api/v3/uiKlines"): Endpoint(klines, weight=2),
    ("GET", "/api/v3/avgPrice"): Endpoint(average_price, weight=2),
    ("GET", "/api/v3/ticker/24hr"): Endpoint(_rows(_day_row), weight=_by_pairs(2, 2, 80)),
    ("GET", "/api/v3/ticker/price"): Endpoint(_rows(_price_row), weight=_by_pairs(2, 4, 4)),
    ("GET", "/api/v3/ticker/bookTicker"): Endpoint(_rows(_book_row), weight=_by_pairs(2, 4, 4)),
}
