"""Stream names: what a client may subscribe to, on which route, how often it is pushed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto

from localbinance.market.candles import INTERVALS_MS
from localbinance.server.listen_keys import LISTEN_KEY_LENGTH


class Product(StrEnum):
    """Which of the two exchanges a stream is of: both have streams of the same names."""

    FUTURES = "futures"
    SPOT = "spot"


LOCKSTEP = "!lockstep"  # localbinance's own: the step of the exchange clock waits for its subscribers


class Route(StrEnum):
    """The part of the stream service that a connection was opened to; ANY is the unrouted form."""

    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"
    ANY = "any"


class Kind(Enum):
    """What a stream tells."""

    AGG_TRADE = auto()
    TRADE = auto()
    KLINE = auto()
    CONTINUOUS_KLINE = auto()
    TICKER = auto()
    MINI_TICKER = auto()
    MARK_PRICE = auto()
    BOOK_TICKER = auto()
    DEPTH = auto()
    PARTIAL_DEPTH = auto()
    FORCE_ORDER = auto()
    QUIET = auto()  # a stream that Binance has and on which nothing ever happens here
    USER = auto()
    LOCKSTEP = auto()


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream by its name as asked for, which is also how wrapped frames call it."""

    name: str
    kind: Kind
    route: Route
    symbol: str = ""  # upper case; "" = all of the market
    interval: str = ""  # candles
    levels: int = 0  # partial depth
    period_ms: int = 0  # pushed at most once within; 0 = with every step that has news
    product: Product = Product.FUTURES

    @property
    def key(self) -> str:
        """A name that no stream of the other exchange has."""
        return self.name if self.product is Product.FUTURES else f"{self.product} {self.name}"


_BY_SYMBOL = {
    "aggTrade": (Kind.AGG_TRADE, Route.MARKET, 0),
    "trade": (Kind.TRADE, Route.PUBLIC, 0),
    "ticker": (Kind.TICKER, Route.MARKET, 2_000),
    "miniTicker": (Kind.MINI_TICKER, Route.MARKET, 2_000),
    "markPrice": (Kind.MARK_PRICE, Route.MARKET, 3_000),
    "markPrice@1s": (Kind.MARK_PRICE, Route.MARKET, 1_000),
    "bookTicker": (Kind.BOOK_TICKER, Route.PUBLIC, 0),
    "forceOrder": (Kind.FORCE_ORDER, Route.MARKET, 0),
    "compositeIndex": (Kind.QUIET, Route.MARKET, 0),
}
_OF_ALL = {
    "!ticker@arr": (Kind.TICKER, Route.MARKET, 1_000),
    "!miniTicker@arr": (Kind.MINI_TICKER, Route.MARKET, 1_000),
    "!markPrice@arr": (Kind.MARK_PRICE, Route.MARKET, 3_000),
    "!markPrice@arr@1s": (Kind.MARK_PRICE, Route.MARKET, 1_000),
    "!bookTicker": (Kind.BOOK_TICKER, Route.PUBLIC, 5_000),
    "!forceOrder@arr": (Kind.FORCE_ORDER, Route.MARKET, 0),
    "!contractInfo": (Kind.QUIET, Route.MARKET, 0),
    "!assetIndex@arr": (Kind.QUIET, Route.MARKET, 0),
    "tradingSession": (Kind.QUIET, Route.MARKET, 0),
    LOCKSTEP: (Kind.LOCKSTEP, Route.ANY, 0),
}
_SPOT_BY_SYMBOL = {
    "aggTrade": (Kind.AGG_TRADE, 0),
    "trade": (Kind.TRADE, 0),
    "ticker": (Kind.TICKER, 1_000),
    "miniTicker": (Kind.MINI_TICKER, 1_000),
    "bookTicker": (Kind.BOOK_TICKER, 0),
    "avgPrice": (Kind.QUIET, 0),
    "referencePrice": (Kind.QUIET, 0),
}
_SPOT_OF_ALL = {"!miniTicker@arr": (Kind.MINI_TICKER, 1_000), LOCKSTEP: (Kind.LOCKSTEP, 0)}
_SPOT_KLINE_PERIOD_MS = 2_000
_SPOT_DEPTH_PERIODS_MS = {"": 1_000, "@1000ms": 1_000, "@100ms": 100}
_DEPTH_PERIODS_MS = {"": 250, "@100ms": 100, "@250ms": 250, "@500ms": 500}
_PERPETUAL = "_perpetual"


def parse_stream(name: str, product: Product = Product.FUTURES) -> Stream | None:
    """What a name asks for; None where no such stream can exist. Whether the symbol is listed is not looked at."""
    if product is Product.SPOT:
        return _parse_spot(name)
    if name in _OF_ALL:
        kind, route, period_ms = _OF_ALL[name]
        return Stream(name, kind, route, period_ms=period_ms)
    symbol, separator, what = name.partition("@")
    if not separator:
        is_key = len(name) == LISTEN_KEY_LENGTH and name.isalnum()
        return Stream(name, Kind.USER, Route.PRIVATE) if is_key else None
    if not symbol:
        return None
    if what in _BY_SYMBOL:
        kind, route, period_ms = _BY_SYMBOL[what]
        return Stream(name, kind, route, symbol.upper(), period_ms=period_ms)
    return _parse_candles(name, symbol, what) or _parse_depth(name, symbol, what, _DEPTH_PERIODS_MS)


def _parse_spot(name: str) -> Stream | None:
    """Spot has no routes, and no user streams beside the market's."""
    if name in _SPOT_OF_ALL:
        kind, period_ms = _SPOT_OF_ALL[name]
        return Stream(name, kind, Route.ANY, period_ms=period_ms, product=Product.SPOT)
    symbol, _, what = name.partition("@")
    if not symbol or not what:
        return None
    if what in _SPOT_BY_SYMBOL:
        kind, period_ms = _SPOT_BY_SYMBOL[what]
        return Stream(name, kind, Route.ANY, symbol.upper(), period_ms=period_ms, product=Product.SPOT)
    interval = what.removeprefix("kline_")
    if interval != what and interval in INTERVALS_MS:
        period_ms = _SPOT_KLINE_PERIOD_MS
        return Stream(name, Kind.KLINE, Route.ANY, symbol.upper(), interval, period_ms=period_ms, product=Product.SPOT)
    depth = _parse_depth(name, symbol, what, _SPOT_DEPTH_PERIODS_MS)
    return None if depth is None else replace(depth, route=Route.ANY, product=Product.SPOT)


def _parse_candles(name: str, symbol: str, what: str) -> Stream | None:
    kind_name, _, interval = what.partition("_")
    if interval not in INTERVALS_MS:
        return None
    if kind_name == "kline":
        return Stream(name, Kind.KLINE, Route.MARKET, symbol.upper(), interval, period_ms=250)
    if kind_name == "continuousKline" and symbol.lower().endswith(_PERPETUAL):
        pair = symbol[: -len(_PERPETUAL)].upper()
        return Stream(name, Kind.CONTINUOUS_KLINE, Route.MARKET, pair, interval, period_ms=250)
    return None


def _parse_depth(name: str, symbol: str, what: str, periods_ms: Mapping[str, int]) -> Stream | None:
    for prefix, levels in (("depth5", 5), ("depth10", 10), ("depth20", 20), ("depth", 0)):
        period_ms = periods_ms.get(what.removeprefix(prefix)) if what.startswith(prefix) else None
        if period_ms is not None:
            kind = Kind.PARTIAL_DEPTH if levels else Kind.DEPTH
            return Stream(name, kind, Route.PUBLIC, symbol.upper(), levels=levels, period_ms=period_ms)
    return None


@dataclass(frozen=True, slots=True)
class Target:
    """What the address of a stream connection says."""

    route: Route
    wrapped: bool
    names: tuple[str, ...]  # of streams to begin with, listen keys among them
    events: frozenset[str]  # of the user stream; empty = all
    product: Product = Product.FUTURES


def parse_target(path: str, query: dict[str, str]) -> Target | None:
    """Read `[/prefix]/{public|market|private}/{ws|stream}[/<streams or index>]` and its unrouted form.

    `query` has names in lower case: `streams`, `listenkey` (several joined by `/`), `events`. A purely numeric last
    segment is a client's own connection index and names no stream. Spot's streams are those below `/spot`, or below
    `/stream/ws`, by which ccxt tells spot from contracts. None for an address that is no stream service.
    """
    segments = [segment for segment in path.split("/") if segment]
    if any(segment.startswith("ws-") for segment in segments):
        return None  # the WebSocket API
    doors = [index for index, segment in enumerate(segments) if segment in ("ws", "stream")]
    door = doors[-1] if doors else len(segments)
    before, after = segments[: door + 1], segments[door + 1 :]
    route = next(
        (Route(segment) for segment in before if segment in (Route.PUBLIC, Route.MARKET, Route.PRIVATE)), Route.ANY
    )
    names = [segment for segment in after if not segment.isdigit()]
    names += [name for field in ("streams", "listenkey") for name in query.get(field, "").split("/") if name]
    wrapped = door < len(segments) and segments[door] == "stream"
    is_spot = Product.SPOT in before or before[-2:] == ["stream", "ws"]
    return Target(
        route,
        wrapped,
        tuple(names),
        frozenset(filter(None, query.get("events", "").split("/"))),
        Product.SPOT if is_spot else Product.FUTURES,
    )
