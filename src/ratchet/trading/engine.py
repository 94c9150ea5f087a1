"""The engine: owns every task of a trader, from the streams to the keepers of its trades."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar

import structlog

from ratchet.config.settings import Settings
from ratchet.domain.clock import Clock
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import StreamRestarted, UserEvent
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError, Rejected
from ratchet.ledger.ledger import Ledger
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.risk.guard import Approved
from ratchet.trading.books.account_watch import AccountWatch
from ratchet.trading.books.accounting import Accountant
from ratchet.trading.books.audit import Auditor
from ratchet.trading.books.hourly_audit import HourlyAudit
from ratchet.trading.books.notebook import Notebook
from ratchet.trading.entries.exposure_view import ExposureView
from ratchet.trading.entries.market_side import CannotTrade, MarketSide, raise_cannot_trade
from ratchet.trading.entries.plan_outcome import refused_plan
from ratchet.trading.entries.planner import Planner
from ratchet.trading.entries.retention import Retention
from ratchet.trading.entries.symbol_terms import SymbolTerms
from ratchet.trading.limits.risk_facts import RiskFacts
from ratchet.trading.limits.risk_watch import RiskWatch
from ratchet.trading.operators.operations import Operations
from ratchet.trading.protection.halts import Halts
from ratchet.trading.protection.protector import Protector
from ratchet.trading.start.admission import Admission
from ratchet.trading.start.reconciler import Reconciler
from ratchet.trading.status import Status
from ratchet.trading.sweep import Sweep
from ratchet.trading.trades.keeper import CloseWanted, LeaveWanted
from ratchet.trading.trades.open_trades import OpenTrades
from ratchet.trading.user_events import UserEvents

CONNECT_PAUSE_S = 5.0
WRITTEN_TIMEOUT_S = 20.0
PREPARE_PAUSE_S = 5.0
SIGNALS_SHOWN = 6
DAY_MS = 86_400_000

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class UserSide(Protocol):
    """Where events of the account come from."""

    async def run(self) -> None:
        """Deliver until cancelled."""

    async def rebuild(self) -> None:
        """Give up a connection that stands and tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineParts:
    """What the engine is built from; `wiring` makes it."""

    clock: Clock
    client: BinanceClient
    ledger: Ledger
    notebook: Notebook
    protector: Protector
    reconciler: Reconciler
    trades: OpenTrades
    planner: Planner
    auditor: Auditor
    rules: Mapping[Symbol, SymbolRules]
    halts: Halts
    retention: Retention
    noticeboard: Noticeboard
    operations: Operations
    settings: Callable[[], Settings]  # those in force
    risk_watch: RiskWatch
    risk_facts: RiskFacts
    terms: SymbolTerms
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
        self._begun_ms = parts.clock.elapsed_ms()
        self._protector = parts.protector
        self.halts = parts.halts
        self.noticeboard = parts.noticeboard
        self.operations = parts.operations
        self.trades = parts.trades
        self._signals: deque[tuple[Signal, str]] = deque(maxlen=SIGNALS_SHOWN)
        self._owned: list[asyncio.Task[None]] = []
        self._is_stream_lost = False  # and somebody was told
        self.started = asyncio.Event()  # entries are on, or would be if nothing else halted them
        self.protected = asyncio.Event()  # what was found at the start is covered
        self.halts.set("starting", "starting")
        self._market = make_market(self)
        self._user_side = make_user_side(self)
        self.risk_watch = parts.risk_watch
        self._account = AccountWatch(parts.client, parts.ledger, parts.clock, parts.risk_watch.on_equity)
        self._exposure = ExposureView(
            parts.clock,
            parts.risk_watch,
            parts.trades,
            parts.risk_facts,
            parts.terms,
            is_held=lambda symbol: bool(parts.protector.ward(symbol).held),
            balance=lambda: self._account.balance,
            candles=self._market.candles,
        )
        self._audit = HourlyAudit(parts.auditor, parts.ledger, parts.clock)
        self.accountant = Accountant(parts.client, parts.ledger, parts.clock, parts.trades.last_of)
        self._sweep = Sweep(
            parts.client,
            parts.clock,
            parts.protector,
            parts.reconciler,
            parts.trades,
            parts.halts,
            parts.rules,
            interval_ms=parts.sweep_interval_ms,
            on_silent=self._on_silent,
            on_positions=parts.risk_watch.on_positions,
        )
        self._user_events = UserEvents(
            parts.clock, parts.protector, parts.reconciler, parts.trades, self._sweep, self.accountant
        )

    @property
    def start_balance(self) -> Decimal:
        """Wallet, USDC, once it has been asked for."""
        return self._account.start_balance

    # Running ------------------------------------------------------------------------------------------------------

    async def run(self, until_ms: int | None, stop: asyncio.Event, on_ending: str = "run_ended") -> None:
        """Trade until exchange time reaches `until_ms`, when open trades are closed at market, or until `stop` is set,
        when they are left to their stops on the exchange.

        Raises: CannotTrade when there is nothing to trade and nothing to protect; ExceptionGroup of whatever a part
        died of.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                self.trades.attach(tasks)
                # Stopped at any moment, also of the start: what is held has its stops.
                running = tasks.create_task(self._run(tasks, until_ms), name="the run")
                stopped = tasks.create_task(stop.wait(), name="stop wanted")
                await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
                ended = running.done()
                if ended:
                    running.result()
                self.halts.set("ending", "ending")
                with self._clock.working():
                    await self.trades.let_go(CloseWanted(on_ending) if ended else LeaveWanted())
                    await self._parts.notebook.written(WRITTEN_TIMEOUT_S)
                    await self._account.refresh()
                    self._say(Kind.STOP, f"stopped with {len(self._protector.held())} positions held")
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
            await self.operations.restore()
            self._own(tasks, self.operations.run(), "operations")
            await self._until_answered(self._parts.reconciler.protect, "account")
            self.protected.set()
            self._own(tasks, self._protector.run(), "protector")
            self._own(tasks, self._user_side.run(), "user stream")
            await self._until_connected()
            await self.risk_watch.recall(self._parts.ledger)
            for found in await self._until_answered(self._parts.reconciler.recall, "ledger"):
                self.trades.take_up(found)
            self._sweep.is_recalled = True
            self._own(tasks, self._user_events.run(), "user events")
            await self._until_answered(self._account.begin, "balance")
            self._own(tasks, self._account.run(), "account")
            self._own(tasks, self.risk_watch.run(self._parts.ledger), "risk watch")
            self._own(tasks, self._sweep.run(), "sweep")
            self._own(tasks, self._audit.run(), "audit")
            self._own(tasks, self._parts.retention.run(), "old decisions")
            if (admission := self._parts.admission) is not None:
                await admission.obtain(lambda: bool(self._protector.held()))
                self._own(tasks, admission.watch(), "lease")
            await self._prepare_market()
            await self._parts.risk_facts.refresh()
            self._own(tasks, self._parts.risk_facts.run(), "risk facts")
            await self._parts.terms.begin()
            self._own(tasks, self._parts.terms.run(), "terms of symbols")
            self._own(tasks, self._market.run(), "market")
            await self._until_delivering()
            self.halts.lift("starting")
            self.started.set()
            self._say(Kind.START, f"started with {self._account.balance.equity:.2f} USDC")

    def _own(self, tasks: asyncio.TaskGroup, work: Coroutine[None, None, None], name: str) -> None:
        self._owned.append(tasks.create_task(work, name=name))

    async def _until_connected(self) -> None:
        """The sweep protects meanwhile: the exchange may answer requests while its streams are down."""
        connected = self._user_events.connected
        while not connected.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_PAUSE_S):
                    await connected.wait()
            if not connected.is_set():
                log.warning("start_delayed", waiting_for="user stream")
                await self._until_answered(self._sweep.look, "account")

    async def _until_delivering(self) -> None:
        """Without the market's stream there are no signals; what is held is kept meanwhile."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_PAUSE_S):
                    await self._market.ready()
                    return
            self.halts.set("starting", "the market stream does not connect")
            log.warning("start_delayed", waiting_for="market stream")

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
                if isinstance(error, CannotTrade | Rejected) and not self.trades.symbols():
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

    # Signals ------------------------------------------------------------------------------------------------------

    def consider(self, signal: Signal) -> Outcome:
        """Decide on a signal, now, and start its trade if it is approved. Returns what became of it."""
        outcome = self._decide(signal)
        self._signals.append((signal, outcome.reason))
        log.info("signal", symbol=signal.symbol, side=signal.side, stage=outcome.stage.value, outcome=outcome.reason)
        return outcome

    def _decide(self, signal: Signal) -> Outcome:
        if self._parts.admission is not None:
            self._parts.admission.check()
        self.risk_watch.judge()
        if self.halts:
            return Outcome(Stage.HALTED, f"entries halted: {self.halts.reason}")
        if signal.symbol in self.trades:
            return Outcome(Stage.RISK, "a trade is open on it")
        if self._protector.ward(signal.symbol).held:
            return Outcome(Stage.RISK, "a position is held on it")
        answer = self._parts.planner.plan(signal, self._exposure.now(signal.symbol))
        if not isinstance(answer, Approved):
            return refused_plan(answer)
        self.trades.begin(answer, signal.strategy, self._parts.settings().profile)
        return Outcome(Stage.SENT, "entry")

    def close(self, symbol: Symbol, reason: str) -> bool:
        """Have the trade on a symbol closed at market. False where none is open."""
        return self.trades.close(symbol, reason)

    # What it is told ----------------------------------------------------------------------------------------------

    def on_user_event(self, event: UserEvent) -> None:
        """From the user stream."""
        if isinstance(event, StreamRestarted) and self._is_stream_lost:
            self._is_stream_lost = False
            self._say(Kind.STREAM_BACK, "the user stream is back")
        self._user_events.on_event(event)

    def on_stream_lost(self) -> None:
        """The user stream's connection is gone. Another is on its way; until then REST tells."""
        self._lose_stream("the user stream is lost: REST is asked until it is back")

    def _lose_stream(self, text: str) -> None:
        if self.started.is_set() and "ending" not in self.halts and not self._is_stream_lost:
            self._is_stream_lost = True
            self._say(Kind.STREAM_LOST, text, Weight.WARNING)

    async def _on_silent(self, symbols: list[Symbol]) -> None:
        if self.started.is_set():
            log.warning("stream_silent", symbols=symbols)
            self._lose_stream(f"the user stream tells nothing of {', '.join(symbols)}: it is built anew")
            await self._user_side.rebuild()

    def _say(self, kind: Kind, text: str, weight: Weight = Weight.INFO) -> None:
        self.noticeboard.post(Notice(kind=kind, at_ms=self._clock.now_ms(), text=text, weight=weight))

    # What an operator sees ----------------------------------------------------------------------------------------

    def status(self) -> Status:
        """The state right now."""
        return Status(
            now_ms=self._clock.now_ms(),
            balance=self._account.balance,
            positions=self.trades.lines(),
            signals=tuple(self._signals),
            trades_closed=self.trades.closed,
            naked_ms_max=self.trades.naked_ms_max,
            entries_halted=self.halts.reason,
            audited_ms=self._audit.audited_ms,
            books_disagree=self._audit.doubts,
            uptime_ms=self._clock.elapsed_ms() - self._begun_ms,
            pnl_day=self._pnl_day(),
            account_age_ms=self._since(self._sweep.answered_ms),
            look_age_ms=self._since(self._sweep.looked_ms),
            notes_waiting=self._parts.notebook.waiting,
        )

    def is_at_rest(self) -> bool:
        """Everything that is held is covered, and nothing is being done about it."""
        return all(self._protector.is_at_rest(symbol) for symbol in self._protector.held())

    def _pnl_day(self) -> Decimal:
        day = self.risk_watch.record.day
        if day is None or day.number != self._clock.now_ms() // DAY_MS:
            return Decimal(0)
        return self._account.balance.equity - day.equity_start

    def _since(self, real_ms: float | None) -> float | None:
        return None if real_ms is None else self._clock.elapsed_ms() - real_ms
