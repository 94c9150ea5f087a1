"""Running a localbinance: the parts put together, listening on one port, until told to stop."""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp.web import Server, ServerRunner, TCPSite

from localbinance.core.exchange import Exchange
from localbinance.core.spot.exchange import SpotExchange
from localbinance.market.candles import CandleBook
from localbinance.market.disturbed import Disturbed
from localbinance.market.source import Market
from localbinance.rules.market_rules import MarketRules
from localbinance.rules.spot_rules import SpotRules, load_spot_rules
from localbinance.server.app import ROUTES, App
from localbinance.server.clock import ExchangeClock
from localbinance.server.conductor import Conductor
from localbinance.server.desk import Desk
from localbinance.server.faults import FaultBoard
from localbinance.server.feed import Feed
from localbinance.server.hub import Hub
from localbinance.server.listen_keys import ListenKeys
from localbinance.server.lockstep import Lockstep, Seat
from localbinance.server.past import Past
from localbinance.server.rate_limit import SPOT, RateLimits
from localbinance.server.request_log import RequestLog
from localbinance.server.script import Entry, Script
from localbinance.server.security import Account, Gate, registered
from localbinance.server.spot import frames_market as spot_frames
from localbinance.server.spot.floor import SpotFloor
from localbinance.server.spot.user_feed import SpotUserFeed
from localbinance.server.spot.ws_api import WebSocketApi
from localbinance.server.stage import Stage
from localbinance.server.stream_names import Kind, Product, Stream
from localbinance.server.stream_service import StreamService
from localbinance.server.switchboard import Switchboard
from localbinance.server.tape import SymbolTape
from localbinance.server.user_feed import UserFeed
from localbinance.server.venue import Venue

SHUTDOWN_S_MAX = 1.0
BACKLOG = 256


class CannotListen(Exception):
    """The address cannot be had. One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What to serve, and how."""

    market: Market
    rules: MarketRules
    spot_rules: SpotRules = field(default_factory=load_spot_rules)
    accounts: Mapping[str, Account] = field(repr=False)  # by API key
    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    speed: float | None = 1.0  # None: as fast as the lockstep's clients let go
    follow_wall: bool = False  # the exchange clock is the wall clock
    needs_client: bool = False  # stand still without a client in lockstep, at finite speeds too
    time_checked: bool = True  # refuse requests whose timestamps are out of their window
    rate_limited: bool = True
    compress: bool = False
    seed: int = 0  # of the faults that are drawn
    script: tuple[Entry, ...] = ()  # its acts are upon the first account


@dataclass(frozen=True, slots=True)
class Address:
    """Where it listens."""

    http: str
    ws: str


async def serve(options: ServeOptions, *, on_ready: Callable[[Address], None]) -> None:
    """Serve until cancelled.

    Raises: CannotListen.
    """
    app, conductor = build(options)
    # A client's thousands of small requests are no news to anybody: no access log.
    runner = ServerRunner(Server(app.handle, access_log=None), shutdown_timeout=SHUTDOWN_S_MAX)
    await runner.setup()
    try:
        site = TCPSite(runner, options.host, options.port, backlog=BACKLOG)
        try:
            await site.start()
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise CannotListen(
                f"{options.host}:{options.port} cannot be listened on: {why}; --port 0 takes a free one"
            ) from None
        host, port = runner.addresses[0][:2]
        name = f"[{host}]" if ":" in host else host
        conductor.catch_up()
        on_ready(Address(f"http://{name}:{port}", f"ws://{name}:{port}"))
        await conductor.run()
        await asyncio.Event().wait()  # the market has ended; questions are still answered
    finally:
        for connection in tuple(app.hub.connections):
            connection.close("the exchange goes down")
        await runner.cleanup()


def build(options: ServeOptions) -> tuple[App, Conductor]:
    """All parts of one exchange, at the start of its market."""
    rules, market = options.rules, Disturbed(options.market, options.rules.symbols)
    exchange, spot_exchange = Exchange(rules), SpotExchange(options.spot_rules)
    for key, account in options.accounts.items():
        exchange.open_account(key, account.balances, market.start_ms)
        spot_exchange.open_account(key, account.spot, market.start_ms)
    clock = ExchangeClock(market.start_ms, market.step_ms, options.speed, follow_wall=options.follow_wall)
    lockstep = Lockstep(on_change=lambda: conductor.on_change(), now_ms=market.start_ms)
    board = FaultBoard(options.seed)
    hub = Hub(lockstep, board, clock.now_ms)

    def make_step(from_ms: int, to_ms: int) -> None:
        stage.step(from_ms, to_ms)

    def dismiss(seat: Seat, reason: str) -> None:
        for connection in tuple(hub.connections):
            if connection.seat is seat:
                lockstep.leave(seat)
                connection.close(reason)

    conductor = Conductor(clock, lockstep, market.end_ms, make_step, dismiss, needs_client=options.needs_client)
    keys = ListenKeys()
    user_feed, spot_user_feed = UserFeed(hub, keys, rules), SpotUserFeed(hub)
    books = {each: _book(market, each) for each in market.symbols}
    tapes = {each: SymbolTape() for each in market.symbols}
    spot = SpotFloor(spot_exchange, rules.symbols, tapes, books, _spot_limits(options))
    venue = Venue(
        exchange=exchange,
        spot=spot,
        market=market,
        market_name=market.name,
        start_ms=market.start_ms,
        end_ms=market.end_ms,
        clock=clock,
        conductor=conductor,
        listen_keys=keys,
        switchboard=Switchboard(
            board=board,
            hub=hub,
            user_feed=user_feed,
            spot_user_feed=spot_user_feed,
            past=Past(exchange, spot_exchange, tuple(options.accounts)),
            script=Script(options.script, market.start_ms),
            exchange=exchange,
            spot=spot,
            market=market,
            account=next(iter(options.accounts), ""),
        ),
        log=RequestLog(),
        books=books,
        tapes=tapes,
    )
    feed = Feed(hub, exchange, books, tapes)
    spot_feed = Feed(hub, spot_exchange, spot.books, spot.tapes, product=Product.SPOT, dialect=spot_frames)

    def on_first(stream: Stream) -> None:
        if stream.product is Product.SPOT:
            _wake(spot, stream)
            spot_feed.begin(stream)
        else:
            feed.begin(stream)

    hub.on_first = on_first
    stage = Stage(venue, market, feed, user_feed, spot_feed, spot_user_feed)
    stage.open()
    desk = Desk(
        venue=venue,
        stage=stage,
        hub=hub,
        gate=Gate(
            keys=registered(options.accounts),
            time_scale=max(1.0, options.speed or 1.0),
            time_checked=options.time_checked,
        ),
        limits=_limits(options),
        spot_limits=spot.limits,
        routes=ROUTES,
    )
    streams = StreamService(hub, compress=options.compress)
    return App(desk, streams, WebSocketApi(desk, streams)), conductor


def _wake(spot: SpotFloor, stream: Stream) -> None:
    if stream.symbol:
        spot.wake(stream.symbol)
    elif stream.kind is Kind.MINI_TICKER:
        spot.wake_all()


def _book(market: Market, symbol: str) -> CandleBook:
    return CandleBook(symbol, market.history(symbol), market.interval_ms, market.start_ms)


def _limits(options: ServeOptions) -> RateLimits:
    if not options.rate_limited:
        return RateLimits(0, 0, 0)
    limits = options.rules.rate_limits
    return RateLimits(limits.weight_per_minute, limits.orders_per_10s, limits.orders_per_minute)


def _spot_limits(options: ServeOptions) -> RateLimits:
    if not options.rate_limited:
        return RateLimits(0, 0, 0, SPOT)
    limits = options.spot_rules.rate_limits
    return RateLimits(limits.weight_per_minute, limits.orders_per_10s, limits.orders_per_day, SPOT)
