"""The engine: owns every task of a trader, from the streams to the keepers of its trades."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar

import structlog

from ratchet.domain.bracket import Bracket
from ratchet.domain.clock import Clock
from ratchet.domain.identity import ClientOrderId, TradeId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import Role, Side
from ratchet.domain.position import Balance
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import (
    IncomeBooked,
    OrderChanged,
    PositionChanged,
    StopChanged,
    StreamRestarted,
    UserEvent,
)
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError, Rejected
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.risk.guard import Approved
from ratchet.trading.accounting import Accountant
from ratchet.trading.admission import Admission
from ratchet.trading.audit import Auditor
from ratchet.trading.halts import Halts
from ratchet.trading.hourly_audit import HourlyAudit
from ratchet.trading.inbox import Inbox
from ratchet.trading.keeper import CloseWanted, Keeper, KeeperParts, LeaveWanted, LookAgain
from ratchet.trading.market_side import CannotTrade, MarketSide, raise_cannot_trade
from ratchet.trading.notebook import Notebook
from ratchet.trading.planner import Planner
from ratchet.trading.protector import Protector
from ratchet.trading.reconciler import Found, Reconciler
from ratchet.trading.trade_state import TradeState

ACCOUNT_INTERVAL_MS = 60_000
DAY_MS = 86_400_000
CONNECT_TIMEOUT_S = 20.0
CONNECT_PAUSE_S = 5.0
KEEPERS_END_TIMEOUT_S = 30.0
WRITTEN_TIMEOUT_S = 20.0
PREPARE_PAUSE_S = 5.0
EVENTS_WAITING_MAX = 5_000
SIGNALS_SHOWN = 6
SILENT_MS = 1_000  # by so much the account's own word may run ahead of the stream that should have told it

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class UserSide(Protocol):
    """Where events of the account come from."""

    async def run(self) -> None:
        """Deliver until cancelled."""

    async def rebuild(self) -> None:
        """Give up a connection that stands and tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """One open trade as an operator sees it."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    price_entry: Decimal
    price_stop: Decimal | None  # of the stop that stands; None: none does
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
    audited_ms: int | None  # up to when the ledger was compared with the exchange's books
    books_disagree: str  # on what, in two audits in a row; empty while they agree


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineParts:
    """What the engine is built from; `wiring` makes it."""

    clock: Clock
    client: BinanceClient
    ledger: Ledger
    notebook: Notebook
    protector: Protector
    reconciler: Reconciler
    keeper_parts: KeeperParts
    planner: Planner
    auditor: Auditor
    rules: Mapping[Symbol, SymbolRules]
    halts: Halts
    profile: str
    sweep_interval_ms: int
    admission: Admission | None = None  # without one, entries need nobody's leave


class Engine:
    """Runs until told to stop. One part failing cancels the rest; the stops stay on the exchange."""

    def __init__(
        self,
        parts: EngineParts,
        make_market: Callable[["Engine"], MarketSide],
        make_user_side: Callable[["Engine"], UserSide],
    ) -> None:
        self._parts = parts
        self._clock = parts.clock
        self._client = parts.client
        self._ledger = parts.ledger
        self._protector = parts.protector
        self._reconciler = parts.reconciler
        self.halts = parts.halts
        self._balance = Balance(wallet=Decimal(0), available=Decimal(0), unrealized_pnl=Decimal(0))
        self._day = parts.clock.now_ms() // DAY_MS
        self._equity_day_start = Decimal(0)
        self.start_balance = Decimal(0)  # wallet, USDC, once it has been asked for
        self._keepers: dict[Symbol, Keeper] = {}
        self._keeper_tasks: set[asyncio.Task[None]] = set()
        self._keeper_of: dict[ClientOrderId, Keeper] = {}
        self._last_trade: dict[Symbol, TradeId] = {}
        self._all_kept = asyncio.Event()
        self._all_kept.set()
        self._user_connected = asyncio.Event()
        self._is_recalled = False  # before, nobody knows which positions are of trades
        self._events: Inbox[UserEvent] = Inbox(parts.clock, size_max=EVENTS_WAITING_MAX)
        self._signals: deque[tuple[Signal, str]] = deque(maxlen=SIGNALS_SHOWN)
        self._trades_closed = 0
        self._naked_ms_max: float | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._owned: list[asyncio.Task[None]] = []
        self.started = asyncio.Event()  # entries are on, or would be if nothing else halted them
        self.protected = asyncio.Event()  # what was found at the start is covered
        self.halts.set("starting", "starting")
        self._market = make_market(self)
        self._user_side = make_user_side(self)
        self._audit = HourlyAudit(parts.auditor, parts.ledger, parts.clock)
        self.accountant = Accountant(parts.client, parts.ledger, parts.clock, self._last_trade.get)

    # running ----------------------------------------------------------------------------------------------

    async def run(self, until_ms: int | None, stop: asyncio.Event, on_ending: str = "run_ended") -> None:
        """Trade until exchange time reaches `until_ms`, when open trades are closed at market, or until `stop` is set,
        when they are left to their stops on the exchange.

        Raises: CannotTrade when there is nothing to trade and nothing to protect; ExceptionGroup of whatever a part
        died of; TimeoutError when a stream does not connect.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                # Stopped at any moment, also of the start: what is held has its stops.
                running = tasks.create_task(self._run(tasks, until_ms), name="the run")
                stopped = tasks.create_task(stop.wait(), name="stop wanted")
                await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
                ended = running.done()
                if ended:
                    running.result()
                self.halts.set("ending", "ending")
                with self._clock.working():
                    await self._let_go(CloseWanted(on_ending) if ended else LeaveWanted())
                    await self._parts.notebook.written(WRITTEN_TIMEOUT_S)
                    await self._refresh_account()
                    # Within the hold: an accelerated exchange must not go on between the last look and the end.
                    owned = [task for task in self._owned if not task.done()]
                    for task in (*owned, running, stopped):
                        task.cancel()
                    await asyncio.wait((*owned, running, stopped))
                    if self._parts.admission is not None:
                        await self._parts.admission.end()
        except BaseExceptionGroup as group:
            raise_cannot_trade(group)
            raise

    async def _run(self, tasks: asyncio.TaskGroup, until_ms: int | None) -> None:
        await self._start(tasks)
        await self._ended(until_ms)

    async def _start(self, tasks: asyncio.TaskGroup) -> None:
        # Time is held until all of it works: an accelerated exchange would run away from a half-connected trader.
        with self._clock.working():
            self._own(tasks, self._parts.notebook.run(), "notebook")
            await self._until_answered(self._reconciler.protect, "account")
            self.protected.set()
            self._own(tasks, self._protector.run(), "protector")
            self._own(tasks, self._user_side.run(), "user stream")
            await self._until_connected()
            for found in await self._until_answered(self._reconciler.recall, "ledger"):
                self._take_up(found)
            self._is_recalled = True
            self._own(tasks, self._react(), "user events")
            self._balance = await self._until_answered(self._client.fetch_balance, "balance")
            self.start_balance, self._equity_day_start = self._balance.wallet, self._balance.equity
            self._own(tasks, self._watch_account(), "account")
            self._own(tasks, self._sweep(), "sweep")
            self._own(tasks, self._audit.run(), "audit")
            if (admission := self._parts.admission) is not None:
                await admission.obtain(lambda: bool(self._protector.held()))
                self._own(tasks, admission.watch(), "lease")
            await self._prepare_market()
            self._own(tasks, self._market.run(), "market")
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._market.ready()
            self.halts.lift("starting")
            self.started.set()

    def _own(self, tasks: asyncio.TaskGroup, work: Coroutine[None, None, None], name: str) -> None:
        self._owned.append(tasks.create_task(work, name=name))

    async def _until_connected(self) -> None:
        """The sweep protects meanwhile: the exchange may answer requests while its streams are down."""
        while not self._user_connected.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_PAUSE_S):
                    await self._user_connected.wait()
            if not self._user_connected.is_set():
                log.warning("start_delayed", waiting_for="user stream")
                await self._until_answered(self._look, "account")

    async def _until_answered(self, ask: Callable[[], Awaitable[Answer]], what: str) -> Answer:
        """Nothing else is worth doing before this is known."""
        while True:
            try:
                return await ask()
            except ExchangeError as error:
                log.warning("start_delayed", waiting_for=what, error=str(error))
                await asyncio.sleep(PREPARE_PAUSE_S / 5)

    async def _prepare_market(self) -> None:
        """What cannot be traded on ends the run, unless something is held: then that is kept, and it is tried again, as
        it is while the exchange does not answer."""
        while True:
            try:
                await self._market.prepare()
            except (CannotTrade, ExchangeError) as error:
                if isinstance(error, CannotTrade | Rejected) and not self._keepers:
                    raise
                self.halts.set("starting", str(error))
                await asyncio.sleep(PREPARE_PAUSE_S)
            else:
                return

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

    # signals ----------------------------------------------------------------------------------------------

    def consider(self, signal: Signal) -> str:
        """Decide on a signal, now, and start its trade if it is approved. Returns what became of it."""
        outcome = self._decide(signal)
        self._signals.append((signal, outcome))
        log.info("signal", symbol=signal.symbol, side=signal.side, outcome=outcome)
        return outcome

    def _decide(self, signal: Signal) -> str:
        if self._parts.admission is not None:
            self._parts.admission.check()
        if self.halts:
            return f"entries halted: {self.halts.reason}"
        if self._tasks is None:
            return "not running"
        if signal.symbol in self._keepers:
            return "a trade is open on it"
        if self._protector.ward(signal.symbol).held:
            return "a position is held on it"
        answer = self._parts.planner.plan(
            signal,
            now_ms=self._clock.now_ms(),
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
        state = TradeState(
            trade_id=self._ledger.next_trade_id(), bracket=approved.bracket, opened_ms=self._clock.now_ms()
        )
        keeper = self._keeper(state)
        self._keep(keeper, lambda: keeper.open(approved, signal.strategy, self._parts.profile))

    def _take_up(self, found: Found) -> None:
        """A trade of before, or of another hand."""
        if found.state.symbol in self._keepers:
            log.error("trade_beside_trade", symbol=found.state.symbol, trade_id=found.state.trade_id)
            return
        keeper = self._keeper(found.state)
        if found.close:
            keeper.on_event(CloseWanted(found.close))
        self._keep(keeper, lambda: keeper.take_up(found.price_stop))

    def close(self, symbol: Symbol, reason: str) -> None:
        """Have the trade on a symbol closed at market. Nothing happens where none is open."""
        if (keeper := self._keepers.get(symbol)) is not None:
            keeper.on_event(CloseWanted(reason))

    def _keeper(self, state: TradeState) -> Keeper:
        keeper = Keeper(
            state,
            self._parts.rules[state.symbol],
            self._parts.keeper_parts,
            lambda name: self._keeper_of.__setitem__(name, keeper),
        )
        self._last_trade[state.symbol] = state.trade_id
        self._keepers[state.symbol] = keeper
        self._all_kept.clear()
        return keeper

    def _keep(self, keeper: Keeper, begin: Callable[[], Awaitable[bool]]) -> None:
        if self._tasks is None:
            raise RuntimeError("a trade cannot begin before the engine runs")
        hold = ExitStack()
        hold.enter_context(self._clock.working())  # from now on, not from when the task gets its turn
        task = self._tasks.create_task(self._kept(keeper, begin, hold), name=f"trade {keeper.state.symbol}")
        self._keeper_tasks.add(task)
        task.add_done_callback(self._keeper_tasks.discard)

    async def _kept(self, keeper: Keeper, begin: Callable[[], Awaitable[bool]], hold: ExitStack) -> None:
        state = keeper.state
        try:
            with hold:
                has_begun = await begin()
            if has_begun:
                await keeper.keep()
        except LedgerError as error:
            log.error("trade_not_begun", symbol=state.symbol, error=str(error))
        except Exception:
            # One trade's failure must not take the others' keepers with it. The protector holds its stop.
            log.exception("keeper_failed", symbol=state.symbol, trade_id=state.trade_id)
            self.halts.set(f"keeper {state.symbol}", f"the keeper of {state.symbol} failed")
        finally:
            self._forget(keeper)

    def _forget(self, keeper: Keeper) -> None:
        state = keeper.state
        self._trades_closed += bool(state.fills) and state.quantity_held == 0
        if state.naked_ms is not None:
            self._naked_ms_max = max(self._naked_ms_max or 0.0, state.naked_ms)
        if self._keepers.get(state.symbol) is keeper:
            del self._keepers[state.symbol]
        for name in state.orders:
            self._keeper_of.pop(name, None)
        if not self._keepers:
            self._all_kept.set()

    # what the protector tells -------------------------------------------------------------------------------

    def on_trouble(self, symbol: Symbol, cause: str, detail: str) -> None:
        """Protection did not go as planned: no entries until what caused it is gone."""
        log.error("protection_trouble", symbol=symbol, cause=cause, detail=detail)
        self.halts.set(f"protection of {symbol}", f"{cause} on {symbol}: {detail}")

    def on_closing(self, symbol: Symbol, reason: str) -> None:
        """What is held is being closed at market."""
        if (keeper := self._keepers.get(symbol)) is not None:
            keeper.on_closing(reason)

    def on_naked(self, symbol: Symbol, naked_ms: float) -> None:
        """A spell without a confirmed stop has ended."""
        if (keeper := self._keepers.get(symbol)) is not None:
            keeper.on_naked(naked_ms)

    def on_sending(self, symbol: Symbol, name: ClientOrderId, role: Role) -> None:
        """The protector sends an order."""
        if (keeper := self._keepers.get(symbol)) is not None:
            keeper.on_sending(name, role)

    # what the exchange tells --------------------------------------------------------------------------------

    def on_user_event(self, event: UserEvent) -> None:
        """From the user stream. What concerns protection goes there at once, a trade's events to its keeper."""
        match event:
            case OrderChanged(report=report, fill=fill):
                keeper = self._keeper_of.get(report.client_order_id) or self._keepers.get(report.symbol)
                if keeper is not None:
                    keeper.on_event(event)
                elif fill is not None:
                    self._put(event)
            case StopChanged(report=stop):
                self._protector.on_stop(stop)
                if (keeper := self._keeper_of.get(stop.client_order_id)) is not None:
                    keeper.on_event(event)
            case PositionChanged():
                self._protector.on_position(event.symbol, event.quantity_signed, event.price_entry, event.at_ms)
            case StreamRestarted():
                self._user_connected.set()
                self._put(event)
            case IncomeBooked():
                self._put(event)

    def _put(self, event: UserEvent) -> None:
        if not self._events.put(event):
            log.error("event_dropped", kind=type(event).__name__)

    async def _react(self) -> None:
        while True:
            async with self._events.take() as event:
                try:
                    await self._on_event(event)
                except (ExchangeError, LedgerError) as error:
                    log.warning("event_not_worked_off", kind=type(event).__name__, error=str(error))

    async def _on_event(self, event: UserEvent) -> None:
        match event:
            case StreamRestarted():
                await self._look()
            case IncomeBooked():
                await self.accountant.book_income(event.at_ms)
            case OrderChanged():
                await self._on_stray(event)
            case _:
                pass

    async def _on_stray(self, event: OrderChanged) -> None:
        """An execution on a symbol that has no trade: one given up too early, or another hand's."""
        symbol = event.report.symbol
        if (keeper := self._keepers.get(symbol)) is None:
            owner = await self._reconciler.owner_of(event.report.client_order_id)
            if owner is not None:
                self._take_up(await self._reconciler.reopen(owner))
            else:
                await self._adopt(symbol)
            keeper = self._keepers.get(symbol)
        if keeper is not None:
            keeper.on_event(event)

    async def _adopt(self, symbol: Symbol) -> None:
        if (found := await self._reconciler.adopt(symbol)) is not None and symbol not in self._keepers:
            self._take_up(found)

    # looking ------------------------------------------------------------------------------------------------

    async def _watch_account(self) -> None:
        while True:
            await self._clock.sleep_until((self._clock.now_ms() // ACCOUNT_INTERVAL_MS + 1) * ACCOUNT_INTERVAL_MS)
            with self._clock.working():
                await self._refresh_account()

    async def _refresh_account(self) -> None:
        try:
            self._balance = await self._client.fetch_balance()
            now_ms = self._clock.now_ms()
            if now_ms // DAY_MS != self._day:
                self._day = now_ms // DAY_MS
                self._equity_day_start = self._balance.equity
            await self._ledger.record_equity(now_ms, self._balance.equity, self._balance.wallet)
        except (ExchangeError, LedgerError) as error:
            log.warning("account_not_refreshed", error=str(error))

    async def _sweep(self) -> None:
        """Hold what is believed against what the exchange says, by REST: streams may lie by silence."""
        interval_ms = self._parts.sweep_interval_ms
        while True:
            await self._clock.sleep_until((self._clock.now_ms() // interval_ms + 1) * interval_ms)
            with self._clock.working():
                try:
                    await self._look()
                except (ExchangeError, LedgerError) as error:
                    log.warning("sweep_failed", error=str(error))

    async def _look(self) -> None:
        asked, asked_ms = self._clock.elapsed_ms(), self._clock.now_ms()
        positions = await self._client.fetch_positions()
        news = self._protector.on_positions(positions, asked)
        untold = [each.symbol for each in positions if each.symbol in news and each.updated_ms < asked_ms - SILENT_MS]
        if untold and self.started.is_set():
            log.warning("stream_silent", symbols=untold)
            await self._user_side.rebuild()
        for symbol in sorted({*self._protector.held(), *self._keepers}):
            asked = self._clock.elapsed_ms()
            await self._protector.on_stops(symbol, await self._client.fetch_open_stops(symbol), asked)
        for symbol, keeper in tuple(self._keepers.items()):
            if self._protector.ward(symbol).held != keeper.state.bracket.side.sign * keeper.state.quantity_held:
                keeper.on_event(LookAgain())
        if self._is_recalled:
            for symbol in self._protector.held():
                if symbol not in self._keepers:
                    await self._adopt(symbol)
        self._clear_troubles()

    def _clear_troubles(self) -> None:
        """What was in trouble is flat, or covered by a stop that stands."""
        for symbol in self._parts.rules:
            if f"protection of {symbol}" in self.halts and self._protector.is_at_rest(symbol):
                self.halts.lift(f"protection of {symbol}")

    # what an operator sees ----------------------------------------------------------------------------------

    def status(self) -> Status:
        """The state right now."""
        lines = tuple(
            PositionLine(
                symbol=keeper.state.symbol,
                side=keeper.state.bracket.side,
                quantity=keeper.state.quantity_held,
                price_entry=keeper.state.price_entry,
                price_stop=self._protector.price_stop(keeper.state.symbol),
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
            entries_halted=self.halts.reason,
            audited_ms=self._audit.audited_ms,
            books_disagree=self._audit.doubts,
        )
