"""The engine: owns every task of a trader, from the streams to the keepers of its trades."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal

import structlog

from ratchet.domain.bracket import Bracket
from ratchet.domain.candle import Candle
from ratchet.domain.clock import Clock
from ratchet.domain.identity import ClientOrderId, TradeId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import ZERO
from ratchet.domain.order import Side, StopOrder
from ratchet.domain.position import Balance
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import (
    FundingBooked,
    OrderChanged,
    PositionChanged,
    StopChanged,
    StreamRestarted,
    UserEvent,
)
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.market_stream import MarketStream
from ratchet.exchange.user_stream import UserStream
from ratchet.ledger.ledger import Ledger
from ratchet.market.feed import CandleFeed
from ratchet.risk.guard import Approved
from ratchet.trading.accounting import Accountant
from ratchet.trading.inbox import Inbox
from ratchet.trading.keeper import CloseWanted, Keeper, KeeperParts, LeaveWanted, LookAgain
from ratchet.trading.planner import Planner
from ratchet.trading.scanner import Scanner
from ratchet.trading.trade_state import TradeState

ACCOUNT_INTERVAL_MS = 60_000
SWEEP_INTERVAL_MS = 30_000
DAY_MS = 86_400_000
CONNECT_TIMEOUT_S = 20.0
KEEPERS_END_TIMEOUT_S = 30.0
EVENTS_WAITING_MAX = 5_000
SIGNALS_SHOWN = 6

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """One open trade as an operator sees it."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    price_entry: Decimal
    stop: StopOrder | None
    opened_ms: int
    naked_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The engine at a glance."""

    now_ms: int
    balance: Balance
    positions: tuple[PositionLine, ...]
    signals: tuple[tuple[Signal, str], ...]  # the last ones with what became of them
    trades_closed: int
    naked_ms_max: float | None
    entries_halted: str  # why, empty while entries are on


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineParts:
    """What the engine is built from; `wiring` makes it."""

    clock: Clock
    client: BinanceClient
    ledger: Ledger
    feed: CandleFeed
    market_stream: MarketStream
    keeper_parts: KeeperParts
    planner: Planner
    rules: Mapping[Symbol, SymbolRules]
    balance: Balance
    profile: str


class Engine:
    """Runs until told to stop. One part failing cancels the rest; the stops stay on the exchange."""

    def __init__(
        self,
        parts: EngineParts,
        make_scanner: Callable[["Engine"], Scanner],
        make_user_stream: Callable[["Engine"], UserStream],
    ) -> None:
        self._parts = parts
        self._clock = parts.clock
        self._client = parts.client
        self._ledger = parts.ledger
        self._balance = parts.balance
        self._day = parts.clock.now_ms() // DAY_MS
        self._equity_day_start = parts.balance.equity
        self._keepers: dict[Symbol, Keeper] = {}
        self._keeper_tasks: set[asyncio.Task[None]] = set()
        self._keeper_of: dict[ClientOrderId, Keeper] = {}
        self._last_trade: dict[Symbol, TradeId] = {}
        self._all_kept = asyncio.Event()
        self._all_kept.set()
        self._user_connected = asyncio.Event()
        self._events: Inbox[UserEvent] = Inbox(parts.clock, size_max=EVENTS_WAITING_MAX)
        self._signals: deque[tuple[Signal, str]] = deque(maxlen=SIGNALS_SHOWN)
        self._halted = "starting"
        self._trades_closed = 0
        self._naked_ms_max: float | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._scanner = make_scanner(self)
        self._user_stream = make_user_stream(self)
        self.accountant = Accountant(parts.client, parts.ledger, parts.clock.now_ms(), self._last_trade.get)

    # running ----------------------------------------------------------------------------------------------

    async def run(self, until_ms: int | None, stop: asyncio.Event, on_ending: str = "run_ended") -> None:
        """Trade until exchange time reaches `until_ms`, when open trades are closed at market, or until `stop` is set,
        when they are left to their stops on the exchange.

        Raises: ExceptionGroup of whatever a part died of; TimeoutError when a stream does not connect.
        """
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            owned = await self._start(tasks)
            ended = tasks.create_task(self._ended(until_ms), name="end of the run")
            stopped = tasks.create_task(stop.wait(), name="stop wanted")
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
            self.halt("ending")
            with self._clock.working():
                await self._let_go(CloseWanted(on_ending) if ended.done() else LeaveWanted())
                await self._refresh_account()
                # Within the hold: an accelerated exchange must not go on between the last look and the streams' end.
                for task in (*owned, ended, stopped):
                    task.cancel()
                await asyncio.wait((*owned, ended, stopped))

    async def _start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        # Time is held until both streams deliver: an accelerated exchange would run away from a half-connected trader.
        with self._clock.working():
            owned = [
                tasks.create_task(self._user_stream.run(), name="user stream"),
                tasks.create_task(self._react(), name="user events"),
            ]
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._user_connected.wait()
            owned += [
                tasks.create_task(self._parts.market_stream.run(), name="market stream"),
                tasks.create_task(self._parts.feed.run(), name="candle feed"),
                tasks.create_task(self._scanner.scan(), name="scanner"),
                tasks.create_task(self._scanner.write(), name="decisions"),
                tasks.create_task(self._watch_account(), name="account"),
                tasks.create_task(self._sweep(), name="sweep"),
            ]
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._parts.market_stream.connected.wait()
            self._halted = ""
        return owned

    async def _ended(self, until_ms: int | None) -> None:
        if until_ms is None:
            await asyncio.Event().wait()
        else:
            await self._clock.sleep_until(until_ms)

    async def _let_go(self, event: CloseWanted | LeaveWanted) -> None:
        for keeper in tuple(self._keepers.values()):
            keeper.on_event(event)
        try:
            async with asyncio.timeout(KEEPERS_END_TIMEOUT_S):
                await self._all_kept.wait()
        except TimeoutError:
            # Their positions stay with their stops on the exchange.
            log.error("trades_not_ended", symbols=sorted(self._keepers))
            for task in tuple(self._keeper_tasks):
                task.cancel()

    def halt(self, reason: str) -> None:
        """No entries from now on. Protection and exits go on."""
        if not self._halted:
            log.warning("entries_halted", reason=reason)
        self._halted = self._halted or reason

    # signals ----------------------------------------------------------------------------------------------

    def on_candle_closed(self, symbol: Symbol) -> None:
        """From the feed: this symbol's newest candle is complete and in the store."""
        self._scanner.on_closed(symbol)

    def on_candle(self, symbol: Symbol, candle: Candle) -> None:
        """From the stream."""
        self._parts.feed.on_candle(symbol, candle)

    def consider(self, signal: Signal) -> str:
        """Decide on a signal, now, and start its trade if it is approved. Returns what became of it."""
        outcome = self._decide(signal)
        self._signals.append((signal, outcome))
        log.info("signal", symbol=signal.symbol, side=signal.side, outcome=outcome)
        return outcome

    def _decide(self, signal: Signal) -> str:
        if self._halted:
            return f"entries halted: {self._halted}"
        if self._tasks is None:
            return "not running"
        if signal.symbol in self._keepers:
            return "a trade is open on it"
        answer = self._parts.planner.plan(
            signal,
            balance=self._balance,
            equity_day_start=self._equity_day_start,
            open_brackets=self._open_brackets(),
        )
        if not isinstance(answer, Approved):
            return answer
        self._begin(answer, signal)
        return "entry"

    def _open_brackets(self) -> Sequence[Bracket]:
        return [keeper.state.bracket for keeper in self._keepers.values()]

    # trades -----------------------------------------------------------------------------------------------

    def _begin(self, approved: Approved, signal: Signal) -> None:
        if self._tasks is None:
            raise RuntimeError("a trade cannot begin before the engine runs")
        state = TradeState(
            trade_id=self._ledger.next_trade_id(), bracket=approved.bracket, opened_ms=self._clock.now_ms()
        )
        self._last_trade[state.symbol] = state.trade_id
        keeper = Keeper(
            state,
            self._parts.rules[signal.symbol],
            self._parts.keeper_parts,
            lambda name: self._own(name, state.symbol),
        )
        self._keepers[signal.symbol] = keeper
        self._all_kept.clear()
        hold = ExitStack()
        hold.enter_context(self._clock.working())  # from now on, not from when the task gets its turn
        task = self._tasks.create_task(self._keep(keeper, approved, signal, hold), name=f"trade {signal.symbol}")
        self._keeper_tasks.add(task)
        task.add_done_callback(self._keeper_tasks.discard)

    async def _keep(self, keeper: Keeper, approved: Approved, signal: Signal, hold: ExitStack) -> None:
        state = keeper.state
        try:
            with hold:
                entered = await keeper.open(approved, signal, self._parts.profile)
            if entered:
                await keeper.keep()
        except Exception:
            # One trade's failure must not take the others' keepers with it. Its stop stands on the exchange.
            log.exception("keeper_failed", symbol=state.symbol, trade_id=state.trade_id)
            self.halt(f"the keeper of {state.symbol} failed")
        finally:
            self._forget(keeper)

    def _forget(self, keeper: Keeper) -> None:
        state = keeper.state
        self._trades_closed += bool(state.fills) and state.quantity_held == 0
        if state.naked_ms is not None:
            self._naked_ms_max = max(self._naked_ms_max or 0.0, state.naked_ms)
        self._keepers.pop(state.symbol, None)
        for name in state.roles:
            self._keeper_of.pop(name, None)
        if not self._keepers:
            self._all_kept.set()

    def _own(self, name: ClientOrderId, symbol: Symbol) -> None:
        self._keeper_of[name] = self._keepers[symbol]

    # what the exchange tells --------------------------------------------------------------------------------

    def on_user_event(self, event: UserEvent) -> None:
        """From the user stream. Events of a trade go straight to its keeper, the others to the engine's own task."""
        match event:
            case OrderChanged(report=report) | StopChanged(report=report):
                keeper = self._keeper_of.get(report.client_order_id)
                if keeper is not None:
                    keeper.on_event(event)
                else:
                    log.info("order_of_others", symbol=report.symbol, client_order_id=report.client_order_id)
            case PositionChanged():
                pass  # the fills say the same, and more
            case FundingBooked() | StreamRestarted():
                if not self._events.put(event):
                    log.error("event_dropped", event=type(event).__name__)

    async def _react(self) -> None:
        while True:
            async with self._events.take() as event:
                match event:
                    case StreamRestarted():
                        self._user_connected.set()
                        for keeper in tuple(self._keepers.values()):
                            keeper.on_event(LookAgain())
                    case FundingBooked():
                        await self.accountant.book_funding()
                    case _:
                        pass

    async def _watch_account(self) -> None:
        while True:
            with self._clock.working():
                await self._refresh_account()
            await self._clock.sleep_until((self._clock.now_ms() // ACCOUNT_INTERVAL_MS + 1) * ACCOUNT_INTERVAL_MS)

    async def _refresh_account(self) -> None:
        try:
            self._balance = await self._client.fetch_balance()
        except ExchangeError as error:
            log.warning("balance_not_fetched", error=str(error))
            return
        now_ms = self._clock.now_ms()
        if now_ms // DAY_MS != self._day:
            self._day = now_ms // DAY_MS
            self._equity_day_start = self._balance.equity
        await self._ledger.record_equity(now_ms, self._balance.equity, self._balance.wallet)

    async def _sweep(self) -> None:
        """Hold what the keepers believe against what the exchange says, by REST: streams may lie by silence."""
        while True:
            await self._clock.sleep_until((self._clock.now_ms() // SWEEP_INTERVAL_MS + 1) * SWEEP_INTERVAL_MS)
            if not self._keepers:
                continue
            with self._clock.working():
                try:
                    positions = {p.symbol: p.quantity for p in await self._client.fetch_positions()}
                    stops = {stop.client_order_id for stop in await self._client.fetch_open_stops()}
                except ExchangeError as error:
                    log.warning("sweep_failed", error=str(error))
                    continue
                for symbol, keeper in tuple(self._keepers.items()):
                    state = keeper.state
                    stop_stands = state.stop is None or state.stop.client_order_id in stops
                    if positions.get(symbol, ZERO) != state.quantity_held or not stop_stands:
                        keeper.on_event(LookAgain())

    # what an operator sees ----------------------------------------------------------------------------------

    def status(self) -> Status:
        """The state right now."""
        lines = tuple(
            PositionLine(
                symbol=keeper.state.symbol,
                side=keeper.state.bracket.side,
                quantity=keeper.state.quantity_held,
                price_entry=keeper.state.price_entry,
                stop=keeper.state.stop,
                opened_ms=keeper.state.opened_ms,
                naked_ms=keeper.state.naked_ms,
            )
            for keeper in self._keepers.values()
        )
        return Status(
            now_ms=self._clock.now_ms(),
            balance=self._balance,
            positions=lines,
            signals=tuple(self._signals),
            trades_closed=self._trades_closed,
            naked_ms_max=self._naked_ms_max,
            entries_halted=self._halted,
        )
