"""A trader that meets its end at a named point: the trading machine on the wire, its signals given by a test.

A nest has everything imported, and forks a process for each life, so that a start costs no import. It is told a life's
plan together with the socket by which that life then talks: JSON, one object a line.
"""

import asyncio
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiohttp
from aiohttp.client_proto import ResponseHandler

from ratchet.cli.event_loop import run
from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.config.settings import load_settings
from ratchet.domain.bracket import Bracket
from ratchet.domain.clock import Clock
from ratchet.domain.identity import ClientOrderId, TradeId
from ratchet.domain.order import LimitOrder, MarketOrder, OrderReport, Role, Side, StopOrder, StopReport
from ratchet.domain.position import Position
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import OrderChanged, UserEvent
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.user_stream import UserStream
from ratchet.ledger.ledger import Ledger
from ratchet.observe.log import logging_to
from ratchet.trading.engine import Engine, UserSide
from ratchet.trading.entries.market_side import MarketSide
from ratchet.trading.operators.emergency import flag_beside
from ratchet.trading.wiring import build_engine

PLAN_SIZE_MAX = 65_536
PIECE = 50_000_000  # bytes


class Point(StrEnum):
    """Where it happens."""

    INTENT_DURABLE = "intent_durable"  # the plan is on the disk, nothing has been sent
    ENTRY_SENT = "entry_sent"  # the request is out
    ENTRY_ANSWERED = "entry_answered"  # the exchange's first word after it has come in, and is not read
    ENTRY_ACKNOWLEDGED = "entry_acknowledged"  # the answer is read, nothing has followed from it
    ENTRY_FILLED = "entry_filled"  # the user stream has told of the fill, nothing has followed from that
    STOP_SENT = "stop_sent"
    STOP_ANSWERED = "stop_answered"
    STOP_STANDS = "stop_stands"
    BETWEEN_RUNGS = "between_rungs"  # the first is acknowledged
    RUNG_FILLED = "rung_filled"  # told of, nothing has followed from it
    SUCCESSOR_SENT = "successor_sent"  # of the stop, over what a rung has left
    SUCCESSOR_STANDS = "successor_stands"  # beside the old stop
    PREDECESSOR_CANCELLED = "predecessor_cancelled"


AFTER_A_RUNG = frozenset({Point.RUNG_FILLED, Point.SUCCESSOR_SENT, Point.SUCCESSOR_STANDS, Point.PREDECESSOR_CANCELLED})


class Deed(StrEnum):
    """What happens there."""

    KILL = "kill"
    FREEZE = "freeze"  # until somebody sends SIGCONT
    SPIN = "spin"  # the event loop never gets another turn
    STARVE = "starve"  # there is no memory any more


class Fate:
    """What becomes of this process, and where."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._point: Point | None = None
        self._deed = Deed.KILL
        self._on_written: Point | None = None
        self._on_received: Point | None = None
        self._is_out = False  # the request's bytes; before, what comes in is the answer to something else

    def arm(self, point: str, deed: str) -> None:
        """From now on the point is deadly."""
        self._point, self._deed = Point(point), Deed(deed)

    def tell(self, what: str, **more: object) -> None:
        """Say something to the test, with this machine's time in ms."""
        self._line.sendall(json.dumps({"told": what, "at_ms": time.time() * 1_000} | more).encode() + b"\n")

    def reach(self, point: Point) -> None:
        """The process is at a point."""
        if point is not self._point:
            return
        self._point = None
        self.tell("reached", point=point)
        match self._deed:
            case Deed.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            case Deed.FREEZE:
                os.kill(os.getpid(), signal.SIGSTOP)
            case Deed.SPIN:
                while True:
                    pass
            case Deed.STARVE:
                _eat_all_memory()

    @contextmanager
    def on_the_wire(self, written: Point | None, received: Point | None) -> Iterator[None]:
        """While a request is under way its bytes are points, too."""
        self._on_written, self._on_received, self._is_out = written, received, False
        try:
            yield
            if received is not None:
                self.reach(received)  # it was in before the request was seen to have left
        finally:
            self._on_written = self._on_received = None

    def _leaves(self, written: Point) -> None:
        self._is_out = True
        self.reach(written)

    @contextmanager
    def watching_the_wire(self) -> Iterator[None]:
        """Notice when an order's request has gone out, and when anything comes in, before it is read."""
        send, received = aiohttp.ClientRequest.send, ResponseHandler.data_received

        async def sending(request: aiohttp.ClientRequest, *arguments: Any) -> aiohttp.ClientResponse:
            response = await send(request, *arguments)
            if request.method == "POST" and self._on_written is not None:
                # It is written in the loop's next turn, and leaves at that turn's end.
                loop = asyncio.get_running_loop()
                loop.call_soon(loop.call_soon, self._leaves, self._on_written)
            return response

        def receiving(handler: ResponseHandler, data: bytes) -> None:
            if self._on_received is not None and self._is_out:
                self.reach(self._on_received)
            received(handler, data)

        with (
            patch.object(aiohttp.ClientRequest, "send", sending),
            patch.object(ResponseHandler, "data_received", receiving),
        ):
            yield


def _eat_all_memory() -> None:
    """Take what there is, the small pieces as well, and keep it for good."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + PIECE, used + PIECE))
    piece = PIECE
    while piece:
        try:
            _EATEN.append(bytearray(piece))
        except MemoryError:
            piece //= 2


_EATEN: list[bytearray] = []


class MortalClient(BinanceClient):
    """The client, with points at what it does."""

    def __init__(self, settings: ExchangeSettings, clock: Clock, fate: Fate) -> None:
        super().__init__(settings, clock)
        self._fate = fate
        self._has_account = False
        self._stops: set[Symbol] = set()  # symbols that have had one

    async def fetch_positions(self) -> list[Position]:
        positions = await super().fetch_positions()
        if not self._has_account:
            self._has_account = True
            self._fate.tell("account")
        return positions

    async def place(self, order: MarketOrder | LimitOrder) -> OrderReport:
        if isinstance(order, LimitOrder):
            report = await super().place(order)
            self._fate.reach(Point.BETWEEN_RUNGS)
            return report
        if order.reduce_only:
            return await super().place(order)
        self._fate.tell("entering")
        with self._fate.on_the_wire(Point.ENTRY_SENT, Point.ENTRY_ANSWERED):
            report = await super().place(order)
        self._fate.reach(Point.ENTRY_ACKNOWLEDGED)
        return report

    async def place_stop(self, order: StopOrder) -> StopReport:
        if order.symbol in self._stops:
            with self._fate.on_the_wire(Point.SUCCESSOR_SENT, None):
                return await super().place_stop(order)
        with self._fate.on_the_wire(Point.STOP_SENT, Point.STOP_ANSWERED):
            report = await super().place_stop(order)
        self._stops.add(order.symbol)
        self._fate.reach(Point.STOP_STANDS)
        return report

    async def cancel_stop(self, symbol: Symbol, client_order_id: ClientOrderId) -> bool:
        self._fate.reach(Point.SUCCESSOR_STANDS)
        is_cancelled = await super().cancel_stop(symbol, client_order_id)
        self._fate.reach(Point.PREDECESSOR_CANCELLED)
        return is_cancelled


class MortalLedger(Ledger):
    """The ledger, with a point after the plan is durable."""

    fate: Fate

    async def record_trade(
        self,
        trade_id: TradeId,
        bracket: Bracket,
        strategy: str,
        orders: Any,
        *,
        profile: str,
        at_ms: int,
        leverage: int | None = None,
    ) -> None:
        await super().record_trade(trade_id, bracket, strategy, orders, profile=profile, at_ms=at_ms, leverage=leverage)
        self.fate.reach(Point.INTENT_DURABLE)


class ToldSignals:
    """A market side whose strategy is the test."""

    def __init__(
        self, client: BinanceClient, engine: Engine, lines: asyncio.StreamReader, fate: Fate, stop: asyncio.Event
    ) -> None:
        self._client = client
        self._engine = engine
        self._lines = lines
        self._fate = fate
        self._stop = stop

    async def prepare(self) -> None:
        """Nothing to do."""

    async def ready(self) -> None:
        """At once."""

    def candles(self, _symbol: Symbol) -> None:
        """There are none."""

    async def run(self) -> None:
        """Do as told until cancelled; the end of the line is the end."""
        while line := await self._lines.readline():
            match json.loads(line):
                case {"arm": point, "deed": deed}:
                    self._fate.arm(point, deed)
                case {"enter": symbol, "side": side}:
                    price = (await self._client.fetch_mark_prices())[Symbol(symbol)]
                    wish = Signal(
                        strategy="told",
                        symbol=Symbol(symbol),
                        side=Side(side),
                        candle_close_ms=int(time.time() * 1_000),
                        price=price,
                        atr_fraction=0.001,
                        breakdown=(),
                    )
                    self._fate.tell("considered", outcome=self._engine.consider(wish).reason)
                case {"panic": who, "patience_s": patience_s}:
                    report = await self._engine.operations.panic(who, patience_s)
                    left = [[each.symbol, each.what, each.reason] for each in report.left]
                    cancelled = [name for _, name in report.cancelled]
                    closed = [symbol for symbol, _ in report.closed]
                    more = {"left": left, "cancelled": cancelled, "closed": closed, "waits_for": report.waits_for}
                    self._fate.tell("panicked", is_flat=report.is_flat, took_ms=report.took_ms, **more)
                case {"close": symbol, "by": who}:
                    closed_report = await self._engine.operations.close(Symbol(symbol), who)
                    self._fate.tell("closed", is_flat=closed_report.is_flat, held=str(closed_report.held_before))
                case {"pause": who}:
                    self._fate.tell("paused", is_written=await self._engine.operations.pause(who))
                case {"resume": who}:
                    await self._engine.operations.resume(who)
                    self._fate.tell("resumed")
        self._stop.set()
        await asyncio.Event().wait()


async def live(line: socket.socket, plan: Mapping[str, Any]) -> None:
    """One life."""
    fate, clock, stop = Fate(line), SystemClock(), asyncio.Event()
    settings = load_settings(env_file=os.devnull, runtime_file=os.devnull, environ={}, overrides=plan["settings"])
    lines, _ = await asyncio.open_connection(sock=line.dup())
    ledger = await MortalLedger.open(plan["ledger"])
    ledger.fate = fate
    with fate.watching_the_wire():
        async with MortalClient(settings.exchange, clock, fate) as client:
            rules = await client.load_rules()

            def make_market(engine: Engine) -> MarketSide:
                return ToldSignals(client, engine, lines, fate, stop)

            def make_user_side(engine: Engine) -> UserSide:
                return UserStream(
                    client, settings.exchange, clock, on_event=partial(_heard, fate, engine.on_user_event)
                )

            flag = flag_beside(plan["ledger"])
            engine = build_engine(settings, clock, client, ledger, rules, make_market, make_user_side, flag=flag)
            async with asyncio.TaskGroup() as tasks:
                telling = tasks.create_task(_tell_progress(engine, fate))
                await engine.run(None, stop)
                telling.cancel()
    await ledger.close()
    fate.tell("ended")


def _heard(fate: Fate, on_event: Callable[[UserEvent], None], event: UserEvent) -> None:
    if isinstance(event, OrderChanged) and event.fill is not None:
        if f"-{Role.ENTRY.value}" in event.report.client_order_id:
            fate.reach(Point.ENTRY_FILLED)
        elif f"-{Role.RUNG.value}" in event.report.client_order_id:
            fate.reach(Point.RUNG_FILLED)
    on_event(event)


async def _tell_progress(engine: Engine, fate: Fate) -> None:
    await engine.protected.wait()
    fate.tell("protected")
    await engine.started.wait()
    fate.tell("started")


def nest() -> None:
    """Fork a life for every plan that comes by the socket named in the arguments, until nobody is there to send one."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for them
    while True:
        text, descriptors, _, _ = socket.recv_fds(control, PLAN_SIZE_MAX, 1)
        if not text:
            return
        [descriptor] = descriptors
        if os.fork():
            os.close(descriptor)
            continue
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _live_and_leave(socket.socket(fileno=descriptor), json.loads(text))


def _live_and_leave(line: socket.socket, plan: Mapping[str, Any]) -> None:
    line.sendall(json.dumps({"told": "born", "at_ms": time.time() * 1_000, "pid": os.getpid()}).encode() + b"\n")
    code = 1
    try:
        with logging_to(Path(plan["settings"]["log_dir"]), console=False):
            run(live(line, plan))
        code = 0
    except BaseException as error:  # noqa: BLE001 - this process ends here, and its test is to know of what
        line.sendall(json.dumps({"told": "failed", "at_ms": 0, "why": repr(error)}).encode() + b"\n")
    finally:
        os._exit(code)
