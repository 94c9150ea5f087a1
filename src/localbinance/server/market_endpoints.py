"""Public market endpoints: tickers, books, trades, funding."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from localbinance.core.tick import Tick
from localbinance.rules import errors
from localbinance.server import refusals
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.frames_market import levels, price_average, price_change_percent
from localbinance.server.parameters import Parameters
from localbinance.server.rate_limit import DEPTH_WEIGHT, by_symbol
from localbinance.server.tape import SymbolTape
from localbinance.server.venue import Call, Venue
from localbinance.server.wire_numbers import ZERO, plain

Json = dict[str, object]
Traded = tuple[Tick, int]  # with the last trade id
Row = Callable[[Venue, str, Tick, int], Json]  # one symbol's row; the time is now, ms
DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1_000)
INTEREST_RATE = "0.00010000"


def ping(_venue: Venue, _call: Call) -> object:
    """GET /fapi/v1/ping."""
    return {}


def server_time(_venue: Venue, call: Call) -> object:
    """GET /fapi/v1/time."""
    return {"serverTime": call.now_ms + call.skew_ms}


def depth(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/depth."""
    symbol = call.symbol
    venue.listed(symbol)
    limit = call.parameters.integer("limit") or 500
    if limit not in DEPTH_LIMITS:
        raise refusals.invalid_data("limit")
    book = venue.exchange.book(venue.traded(symbol), limit)
    return {
        "lastUpdateId": book.update_id,
        "E": call.now_ms,
        "T": book.time_ms,
        "bids": levels(book.bids),
        "asks": levels(book.asks),
    }


def trades(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/trades, historicalTrades: a tick's trades told as one."""
    tape = venue.tapes[venue.traded(call.symbol)]
    return [_trade_row(tick, last_id) for tick, last_id in trades_of(tape, call.parameters)]


def trades_of(tape: SymbolTape, parameters: Parameters) -> Sequence[Traded]:
    """The newest trades of a tape, or from an id on."""
    from_id = parameters.integer("fromid")
    found = [(tick, last_id) for tick, last_id in tape.traded if from_id is None or last_id >= from_id]
    limit = parameters.limit(default=500, most=1_000)
    return found[-limit:] if from_id is None else found[:limit]


def _trade_row(tick: Tick, last_id: int) -> Json:
    return {
        "id": last_id,
        "price": plain(tick.last),
        "qty": plain(tick.quantity),
        "quoteQty": plain(tick.quantity * tick.last),
        "time": tick.time_ms,
        "isBuyerMaker": tick.buyer_is_maker,
        "isRPITrade": False,
    }


def agg_trades(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/aggTrades."""
    tape = venue.tapes[venue.traded(call.symbol)]
    return [_agg_trade_row(tick, last_id) for tick, last_id in agg_trades_of(tape, call.parameters)]


def agg_trades_of(tape: SymbolTape, parameters: Parameters) -> Sequence[Traded]:
    """The newest trades of a tape, or from an id or within times."""
    from_id = parameters.integer("fromid")
    start_ms, end_ms = parameters.integer("starttime"), parameters.integer("endtime")
    found = [
        (tick, last_id)
        for tick, last_id in tape.traded
        if (from_id is None or last_id >= from_id)
        and (start_ms is None or tick.time_ms >= start_ms)
        and (end_ms is None or tick.time_ms <= end_ms)
    ]
    limit = parameters.limit(default=500, most=1_000)
    return found[-limit:] if from_id is None and start_ms is None else found[:limit]


def _agg_trade_row(tick: Tick, last_id: int) -> Json:
    return {
        "a": last_id,
        "p": plain(tick.last),
        "q": plain(tick.quantity),
        "nq": plain(tick.quantity),
        "f": last_id - max(1, tick.trades) + 1,
        "l": last_id,
        "T": tick.time_ms,
        "m": tick.buyer_is_maker,
    }


def _of_one_or_all(venue: Venue, call: Call, row: Row) -> object:
    symbol = call.symbol_or_none
    if symbol is None:
        return [row(venue, each, tick, call.now_ms) for each, tape in venue.tapes.items() if (tick := tape.latest)]
    venue.listed(symbol)
    tick = venue.tapes[venue.traded(symbol)].latest
    if tick is None:
        raise errors.invalid_symbol()
    return row(venue, symbol, tick, call.now_ms)


def _day_row(venue: Venue, symbol: str, _tick: Tick, now_ms: int) -> Json:
    day, tape = venue.books[symbol].day(venue.clock.stepped_ms), venue.tapes[symbol]
    return {
        "symbol": symbol,
        "priceChange": plain(day.last - day.open),
        "priceChangePercent": plain(price_change_percent(day)),
        "weightedAvgPrice": plain(price_average(day)),
        "lastPrice": plain(day.last),
        "lastQty": plain(tape.traded[-1][0].quantity if tape.traded else ZERO),
        "openPrice": plain(day.open),
        "highPrice": plain(day.high),
        "lowPrice": plain(day.low),
        "volume": plain(day.volume),
        "quoteVolume": plain(day.volume_quote),
        "openTime": day.first_ms,
        "closeTime": now_ms,
        "firstId": max(0, tape.last_trade_id - day.trades + 1),
        "lastId": tape.last_trade_id,
        "count": day.trades,
    }


def ticker_24h(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/ticker/24hr. It has no bid and ask, unlike the spot one."""
    return _of_one_or_all(venue, call, _day_row)


def _price_row(_venue: Venue, symbol: str, tick: Tick, _now_ms: int) -> Json:
    return {"symbol": symbol, "price": plain(tick.last), "time": tick.time_ms}


def ticker_price(venue: Venue, call: Call) -> object:
    """GET /fapi/v2/ticker/price."""
    return _of_one_or_all(venue, call, _price_row)


def _book_ticker_row(venue: Venue, symbol: str, tick: Tick, _now_ms: int) -> Json:
    return {
        "symbol": symbol,
        "bidPrice": plain(tick.bid),
        "bidQty": plain(tick.bid_quantity),
        "askPrice": plain(tick.ask),
        "askQty": plain(tick.ask_quantity),
        "time": tick.time_ms,
        "lastUpdateId": venue.tapes[symbol].update_id,
    }


def ticker_book(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/ticker/bookTicker."""
    return _of_one_or_all(venue, call, _book_ticker_row)


def _premium_row(venue: Venue, symbol: str, tick: Tick, now_ms: int) -> Json:
    funding = venue.exchange.funding(symbol)
    return {
        "symbol": symbol,
        "markPrice": plain(tick.mark),
        "indexPrice": plain(tick.index),
        "estimatedSettlePrice": plain(tick.index),
        "lastFundingRate": plain(funding.rate),
        "interestRate": INTEREST_RATE,
        "nextFundingTime": funding.next_ms,
        "time": now_ms,
    }


def premium_index(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/premiumIndex."""
    return _of_one_or_all(venue, call, _premium_row)


def funding_rates(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/fundingRate, oldest first."""
    symbol = call.symbol_or_none
    symbols = list(venue.books) if symbol is None else [venue.traded(symbol)]
    start_ms, end_ms = call.parameters.integer("starttime"), call.parameters.integer("endtime")
    rows = [
        (paid.time_ms, each, paid)
        for each in symbols
        for paid in venue.exchange.funding_history(each)
        if (start_ms is None or paid.time_ms >= start_ms) and (end_ms is None or paid.time_ms <= end_ms)
    ]
    rows.sort(key=lambda row: row[:2])
    limit = call.parameters.limit(default=100, most=1_000)
    return [
        {
            "symbol": each,
            "fundingRate": plain(paid.rate),
            "fundingTime": time_ms,
            "markPrice": plain(paid.mark),
            "rateType": "Regular",
        }
        for time_ms, each, paid in (rows[-limit:] if start_ms is None else rows[:limit])
    ]


def funding_info(venue: Venue, _call: Call) -> object:
    """GET /fapi/v1/fundingInfo: only the symbols whose terms differ from every 8 hours."""
    return [
        {
            "symbol": symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": rules.funding_interval_hours,
            "disclaimer": False,
        }
        for symbol, rules in venue.rules.symbols.items()
        if rules.funding_interval_hours != 8
    ]


def open_interest(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/openInterest: not modelled; the day's volume stands in."""
    symbol = venue.traded(call.symbol)
    volume: Decimal = venue.books[symbol].day(venue.clock.stepped_ms).volume
    return {"openInterest": plain(volume), "symbol": symbol, "time": call.now_ms}


def nothing(_venue: Venue, _call: Call) -> object:
    """An endpoint of which there is never anything to tell here."""
    return []


ROUTES: Routes = {
    ("GET", "/fapi/v1/ping"): Endpoint(ping),
    ("GET", "/fapi/v1/time"): Endpoint(server_time),
    ("GET", "/fapi/v1/depth"): Endpoint(depth, weight=DEPTH_WEIGHT),
    ("GET", "/fapi/v1/trades"): Endpoint(trades, weight=5),
    ("GET", "/fapi/v1/historicalTrades"): Endpoint(trades, weight=200),
    ("GET", "/fapi/v1/aggTrades"): Endpoint(agg_trades, weight=20),
    ("GET", "/fapi/v1/ticker/24hr"): Endpoint(ticker_24h, weight=by_symbol(1, 40)),
    ("GET", "/fapi/v1/ticker/price"): Endpoint(ticker_price, weight=by_symbol(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): Endpoint(ticker_price, weight=by_symbol(1, 2)),
    ("GET", "/fapi/v1/ticker/bookTicker"): Endpoint(ticker_book, weight=by_symbol(2, 5)),
    ("GET", "/fapi/v1/premiumIndex"): Endpoint(premium_index, weight=by_symbol(1, 10)),
    ("GET", "/fapi/v1/fundingRate"): Endpoint(funding_rates),
    ("GET", "/fapi/v1/fundingInfo"): Endpoint(funding_info),
    ("GET", "/fapi/v1/openInterest"): Endpoint(open_interest),
    ("GET", "/fapi/v1/indexInfo"): Endpoint(nothing),
}
