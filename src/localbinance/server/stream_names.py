"""Stream names: what a client may subscribe to, on which route, how often it is pushed."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from localbinance.market.candles import INTERVALS_MS
from localbinance.server.listen_keys import LISTEN_KEY_LENGTH

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
_DEPTH_PERIODS_MS = {"": 250, "@100ms": 100, "@250ms": 250, "@500ms": 500}
_PERPETUAL = "_perpetual"


def parse_stream(name: str) -> Stream | None:
    """What a name asks for; None where no such stream can exist. Whether the symbol is listed is not looked at."""
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
    return _parse_candles(name, symbol, what) or _parse_depth(name, symbol, what)


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


def _parse_depth(name: str, symbol: str, what: str) -> Stream | None:
    for prefix, levels in (("depth5", 5), ("depth10", 10), ("depth20", 20), ("depth", 0)):
        period_ms = _DEPTH_PERIODS_MS.get(what.removeprefix(prefix)) if what.startswith(prefix) else None
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


def parse_target(path: str, query: dict[str, str]) -> Target | None:
    """Read `[/prefix]/{public|market|private}/{ws|stream}[/<streams or index>]` and its unrouted form.

    `query` has names in lower case: `streams`, `listenkey` (several joined by `/`), `events`. A purely numeric last
    segment is a client's own connection index and names no stream. None for an address that is no stream service.
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
    return Target(route, wrapped, tuple(names), frozenset(filter(None, query.get("events", "").split("/"))))
