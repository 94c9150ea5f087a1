"""Endpoints of candles."""

from collections.abc import Callable
from decimal import Decimal

from localbinance.market.candles import INTERVALS_MS, Candle
from localbinance.server import refusals
from localbinance.server.dialect import CandleSource
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.rate_limit import KLINES_WEIGHT
from localbinance.server.venue import Call, Venue
from localbinance.server.wire_numbers import plain

KLINES_MOST = 1_500


def _candle_row(candle: Candle, interval_ms: int, number: Callable[[Decimal], str]) -> list[object]:
    return [
        candle.open_ms,
        number(candle.open),
        number(candle.high),
        number(candle.low),
        number(candle.close),
        number(candle.volume),
        candle.open_ms + interval_ms - 1,
        number(candle.volume_quote),
        candle.trades,
        number(candle.taker_buy_volume),
        number(candle.taker_buy_volume_quote),
        "0",
    ]


def _candles(venue: Venue, call: Call, symbol: str) -> list[list[object]]:
    venue.listed(symbol)
    return candle_rows(venue.books.get(symbol), call, venue.clock.stepped_ms, most=KLINES_MOST)


def candle_rows(
    book: CandleSource | None, call: Call, now_ms: int, *, most: int, number: Callable[[Decimal], str] = plain
) -> list[list[object]]:
    """The candles that a call asks for, at most so many. Raises: Rejection -1102, -1120."""
    interval = call.parameters.required("interval")
    if interval not in INTERVALS_MS:
        raise refusals.invalid_interval()
    if book is None:
        return []
    candles = book.candles(
        interval,
        start_ms=call.parameters.integer("starttime"),
        end_ms=call.parameters.integer("endtime"),
        limit=call.parameters.limit(default=500, most=most),
        now_ms=now_ms,
    )
    interval_ms = INTERVALS_MS[interval]
    return [_candle_row(candle, interval_ms, number) for candle in candles]


def klines(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/klines."""
    return _candles(venue, call, call.symbol)


def klines_of_pair(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/continuousKlines: a perpetual's pair is its symbol."""
    return _candles(venue, call, call.parameters.required("pair").upper())


def derived_klines(venue: Venue, call: Call) -> object:
    """GET markPriceKlines, indexPriceKlines: the last prices stand in, volumes are 0 as Binance gives them."""
    symbol = call.parameters.text("symbol") or call.parameters.required("pair")
    rows = _candles(venue, call, symbol.upper())
    for row in rows:
        row[5] = row[7] = row[9] = row[10] = "0"
    return rows


ROUTES: Routes = {
    ("GET", "/fapi/v1/klines"): Endpoint(klines, weight=KLINES_WEIGHT),
    ("GET", "/fapi/v1/continuousKlines"): Endpoint(klines_of_pair, weight=KLINES_WEIGHT),
    ("GET", "/fapi/v1/markPriceKlines"): Endpoint(derived_klines, weight=KLINES_WEIGHT),
    ("GET", "/fapi/v1/indexPriceKlines"): Endpoint(derived_klines, weight=KLINES_WEIGHT),
}
