"""Names of streams and addresses of stream connections, in all the forms that clients use."""

import pytest

from localbinance.server.stream_names import Kind, Product, Route, parse_stream, parse_target

LISTEN_KEY = "k" * 64


@pytest.mark.parametrize(
    ("name", "kind", "symbol", "route"),
    [
        ("btcusdc@aggTrade", Kind.AGG_TRADE, "BTCUSDC", Route.MARKET),
        ("btcusdc@trade", Kind.TRADE, "BTCUSDC", Route.PUBLIC),
        ("btcusdc@markPrice", Kind.MARK_PRICE, "BTCUSDC", Route.MARKET),
        ("btcusdc@markPrice@1s", Kind.MARK_PRICE, "BTCUSDC", Route.MARKET),
        ("btcusdc@kline_5m", Kind.KLINE, "BTCUSDC", Route.MARKET),
        ("btcusdc_perpetual@continuousKline_1m", Kind.CONTINUOUS_KLINE, "BTCUSDC", Route.MARKET),
        ("btcusdc@bookTicker", Kind.BOOK_TICKER, "BTCUSDC", Route.PUBLIC),
        ("btcusdc@depth", Kind.DEPTH, "BTCUSDC", Route.PUBLIC),
        ("btcusdc@depth@100ms", Kind.DEPTH, "BTCUSDC", Route.PUBLIC),
        ("btcusdc@depth5@500ms", Kind.PARTIAL_DEPTH, "BTCUSDC", Route.PUBLIC),
        ("1000pepeusdc@ticker", Kind.TICKER, "1000PEPEUSDC", Route.MARKET),
        ("!ticker@arr", Kind.TICKER, "", Route.MARKET),
        ("!markPrice@arr@1s", Kind.MARK_PRICE, "", Route.MARKET),
        ("!bookTicker", Kind.BOOK_TICKER, "", Route.PUBLIC),
        ("!forceOrder@arr", Kind.FORCE_ORDER, "", Route.MARKET),
        ("!lockstep", Kind.LOCKSTEP, "", Route.ANY),
        (LISTEN_KEY, Kind.USER, "", Route.PRIVATE),
    ],
)
def test_names_that_are_streams(name: str, kind: Kind, symbol: str, route: Route) -> None:
    stream = parse_stream(name)
    assert stream is not None
    assert (stream.name, stream.kind, stream.symbol, stream.route) == (name, kind, symbol, route)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "btcusdc",
        "@aggTrade",
        "btcusdc@",
        "btcusdc@kline_7m",
        "btcusdc@kline",
        "btcusdc@continuousKline_1m",
        "btcusdc@depth7",
        "btcusdc@depth5@1s",
        "btcusdc@gossip",
        LISTEN_KEY[:-1],
        LISTEN_KEY[:-1] + "-",
    ],
)
def test_names_that_are_none(name: str) -> None:
    assert parse_stream(name) is None


@pytest.mark.parametrize(
    ("address", "wrapped", "period_ms"),
    [("btcusdc@depth", 0, 250), ("btcusdc@depth@100ms", 0, 100), ("btcusdc@depth20", 20, 250)],
)
def test_depth_has_its_levels_and_its_period(address: str, wrapped: int, period_ms: int) -> None:
    stream = parse_stream(address)
    assert stream is not None
    assert (stream.levels, stream.period_ms) == (wrapped, period_ms)


@pytest.mark.parametrize(
    ("path", "query", "route", "wrapped", "names"),
    [
        ("/ws", {}, Route.ANY, False, ()),
        ("/stream", {}, Route.ANY, True, ()),
        (f"/ws/{LISTEN_KEY}", {}, Route.ANY, False, (LISTEN_KEY,)),
        ("/ws/btcusdc@trade", {}, Route.ANY, False, ("btcusdc@trade",)),
        ("/ws/a@trade/b@trade", {}, Route.ANY, False, ("a@trade", "b@trade")),
        ("/stream", {"streams": "a@trade/b@trade"}, Route.ANY, True, ("a@trade", "b@trade")),
        ("/market/ws/0", {}, Route.MARKET, False, ()),
        ("/fstream/public/ws/12", {}, Route.PUBLIC, False, ()),
        ("/fstream/ws", {}, Route.ANY, False, ()),
        ("/private/ws", {"listenkey": LISTEN_KEY}, Route.PRIVATE, False, (LISTEN_KEY,)),
        ("/private/stream", {"listenkey": f"{LISTEN_KEY}/{'z' * 64}"}, Route.PRIVATE, True, (LISTEN_KEY, "z" * 64)),
    ],
)
def test_addresses_of_the_stream_service(
    path: str, query: dict[str, str], route: Route, wrapped: bool, names: tuple[str, ...]
) -> None:
    target = parse_target(path, query)
    assert target is not None
    assert (target.route, target.wrapped, target.names, target.events) == (route, wrapped, names, frozenset())


def test_an_address_may_ask_for_some_events_only() -> None:
    target = parse_target("/private/ws", {"listenkey": LISTEN_KEY, "events": "ORDER_TRADE_UPDATE/ACCOUNT_UPDATE"})
    assert target is not None
    assert target.events == {"ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"}


@pytest.mark.parametrize(
    ("path", "query", "wrapped", "names"),
    [
        ("/spot/ws/btcusdc@trade", {}, False, ("btcusdc@trade",)),
        ("/spot/stream", {"streams": "a@trade/b@trade"}, True, ("a@trade", "b@trade")),
        ("/stream/ws/3", {}, False, ()),  # as ccxt tells spot from contracts
    ],
)
def test_addresses_of_spots_streams(path: str, query: dict[str, str], wrapped: bool, names: tuple[str, ...]) -> None:
    target = parse_target(path, query)
    assert target is not None
    assert (target.product, target.wrapped, target.names) == (Product.SPOT, wrapped, names)


def test_a_stream_of_spot_is_another_than_that_of_futures_with_its_name() -> None:
    spot, futures = parse_stream("btcusdc@depth", Product.SPOT), parse_stream("btcusdc@depth")
    assert spot is not None
    assert futures is not None
    assert spot.key != futures.key
    assert (spot.period_ms, spot.route) == (1_000, Route.ANY)


@pytest.mark.parametrize("name", ["btcusdc@markPrice", "!ticker@arr", "x" * 64, "user local-key", "btcusdc@kline_7m"])
def test_what_spot_has_no_stream_of(name: str) -> None:
    assert parse_stream(name, Product.SPOT) is None


def test_the_websocket_api_is_not_a_stream() -> None:
    assert parse_target("/ws-fapi/v1", {}) is None
