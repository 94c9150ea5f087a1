"""The wiring: every part of a trader built and handed to the others, in one place."""

import concurrent.futures
import gc
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from ratchet.config.settings import Settings
from ratchet.domain.clock import Clock
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import Role
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.socket import Socket, StreamSocket
from ratchet.exchange.user_stream import UserStream
from ratchet.ledger.ledger import Ledger
from ratchet.market.objections import refused_by_lists
from ratchet.observe.notices import Noticeboard
from ratchet.strategy.plugin import Strategy, load_strategy
from ratchet.trading.books.attribution import Attribution, AttributionParts
from ratchet.trading.books.audit import Auditor
from ratchet.trading.books.notebook import Notebook
from ratchet.trading.engine import Engine, EngineParts, UserSide
from ratchet.trading.entries.live_market import LiveMarket, LiveMarketParts
from ratchet.trading.entries.market_side import CannotTrade, MarketSide
from ratchet.trading.entries.planner import Planner
from ratchet.trading.entries.retention import Retention
from ratchet.trading.entries.scanner import strategy_thread
from ratchet.trading.entries.symbol_terms import SymbolTerms
from ratchet.trading.limits.risk_facts import RiskFacts
from ratchet.trading.limits.risk_memory import RiskMemory
from ratchet.trading.limits.risk_watch import RiskWatch
from ratchet.trading.operators.emergency import Emergency, Flag, NoFlag, flag_beside
from ratchet.trading.operators.operations import Operations, OperationsParts
from ratchet.trading.protection.executor import Executor
from ratchet.trading.protection.halts import Halts
from ratchet.trading.protection.protector import Protector
from ratchet.trading.protection.steps import ProtectorParts
from ratchet.trading.start.admission import Admission, AdmissionParts
from ratchet.trading.start.lease import Lease
from ratchet.trading.start.preflight import Preflight, PreflightParts
from ratchet.trading.start.reconciler import Reconciler, ReconcilerParts
from ratchet.trading.trades.keeper import KeeperParts
from ratchet.trading.trades.open_trades import OpenTrades

SWEEP_INTERVAL_MS = 5_000
SWEEP_INTERVAL_IN_LOCKSTEP_MS = 30_000  # of exchange time, of which hours pass in a second

__all__ = ["AdmissionTerms", "CannotTrade", "Trader", "auditor_of", "build_engine", "open_trader", "preflight_of"]


@dataclass(frozen=True, slots=True)
class Trader:
    """A trader ready to run."""

    engine: Engine
    client: BinanceClient
    ledger: Ledger
    market: LiveMarket
    rules: Mapping[Symbol, SymbolRules]  # of the symbols that the exchange has
    user_stream: UserStream


@dataclass(frozen=True, slots=True)
class AdmissionTerms:
    """On which terms entries are let in."""

    is_strict: bool  # a preflight that fails with nothing held ends the run


@asynccontextmanager
async def open_trader(
    settings: Settings,
    clock: Clock,
    ledger_url: str,
    admission: AdmissionTerms | None = None,
    settings_now: Callable[[], Settings] | None = None,
    on_scanned: Callable[[float], None] = lambda _: None,
) -> AsyncIterator[Trader]:
    """Open the ledger, learn the exchange's rules, and build the engine. It does the rest when it runs.

    Args: admission, where entries wait for a preflight and for the lease of the account; settings_now, those in force
        when they may change while it runs; on_scanned, told of the seconds from each known candle to its decision.
    Raises: BadStrategy, LedgerError, ExchangeError.
    """
    load_strategies(settings)  # what is wrong with one is said before anything is opened
    ledger = await Ledger.open(ledger_url)
    try:
        async with BinanceClient(settings.exchange, clock) as client:
            outside = Outside(client=client, ledger=ledger, flag=flag_beside(ledger_url))
            trader = await build_trader(settings, clock, outside, admission, settings_now, on_scanned)
            # What stands now stays: left in, every full collection would look through it all, 100 ms at a time.
            gc.collect()
            gc.freeze()
            yield trader
    finally:
        await ledger.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What a trader reaches the world with: real sockets, files and threads, unless a simulation has its own."""

    client: BinanceClient
    ledger: Ledger
    flag: Flag | None = None  # of an emergency
    make_socket: Callable[..., Socket] = StreamSocket
    make_executor: Callable[[], concurrent.futures.Executor] = strategy_thread


async def build_trader(
    settings: Settings,
    clock: Clock,
    outside: Outside,
    admission: AdmissionTerms | None = None,
    settings_now: Callable[[], Settings] | None = None,
    on_scanned: Callable[[float], None] = lambda _: None,
) -> Trader:
    """A whole trader with the market as it is. Args: as `open_trader`'s. Raises: BadStrategy, ExchangeError."""
    in_force = settings_now or (lambda: settings)
    strategies = load_strategies(settings)
    client, ledger = outside.client, outside.ledger
    rules = dict(await client.load_rules())  # the market's rotation brings it up to date
    market: LiveMarket
    user_stream: UserStream

    def make_market(engine: Engine) -> MarketSide:
        nonlocal market
        parts = LiveMarketParts(
            settings=settings,
            client=client,
            ledger=ledger,
            clock=clock,
            rules=rules,
            strategies=strategies,
            noticeboard=engine.noticeboard,
            held=engine.trades.symbols,
            close=engine.close,
            universe_settings=lambda: in_force().universe,
            make_socket=outside.make_socket,
            make_executor=outside.make_executor,
            on_scanned=on_scanned,
        )
        market = LiveMarket(parts, engine.consider)
        return market

    def make_user_side(engine: Engine) -> UserSide:
        nonlocal user_stream
        user_stream = UserStream(
            client,
            settings.exchange,
            clock,
            on_event=engine.on_user_event,
            on_lost=engine.on_stream_lost,
            make_socket=outside.make_socket,
        )
        return user_stream

    def make_admission(halts: Halts) -> Admission | None:
        if admission is None:
            return None
        parts = AdmissionParts(
            preflight=preflight_of(settings, clock, client, ledger.run, rules).run,
            take_lease=lambda: Lease.take(client, clock, ledger.run),
            is_strict=admission.is_strict,
        )
        return Admission(parts, halts)

    engine = build_engine(
        settings,
        clock,
        client,
        ledger,
        rules,
        make_market,
        make_user_side,
        make_admission,
        flag=outside.flag,
        settings_now=in_force,
    )
    return Trader(engine, client, ledger, market, rules, user_stream)


def load_strategies(settings: Settings) -> list[Strategy]:
    """All that are named. Raises: BadStrategy."""
    return [load_strategy(choice) for choice in settings.strategies]


def preflight_of(
    settings: Settings, clock: Clock, client: BinanceClient, run: str, rules: Mapping[Symbol, SymbolRules]
) -> Preflight:
    """The preflight of an account. Args: run, the ledger's token, or one of whoever looks without trading."""
    return Preflight(
        PreflightParts(
            client=client,
            clock=clock,
            run=run,
            symbols=[symbol for symbol in rules if not refused_by_lists(symbol, settings.universe)],
            leverage=settings.risk.leverage,
        )
    )


def auditor_of(
    settings: Settings, client: BinanceClient, ledger: Ledger, rules: Mapping[Symbol, SymbolRules]
) -> Auditor:
    """The auditor of a ledger."""
    parts = AttributionParts(
        client=client,
        ledger=ledger,
        rules=rules,
        stop_fraction=settings.bracket.stop_fraction,
        profile=settings.profile,
    )
    return Auditor(client, ledger, Attribution(parts))


def build_engine(
    settings: Settings,
    clock: Clock,
    client: BinanceClient,
    ledger: Ledger,
    rules: Mapping[Symbol, SymbolRules],
    make_market: Callable[[Engine], MarketSide],
    make_user_side: Callable[[Engine], UserSide],
    make_admission: Callable[[Halts], Admission | None] = lambda _: None,
    flag: Flag | None = None,
    settings_now: Callable[[], Settings] | None = None,
) -> Engine:
    """All parts of the trading machine around one exchange and one ledger, whatever its market and its streams are.

    Args: flag, of an emergency, where the ledger is not to be the only one to remember it; settings_now, those in force
        when they may change while it runs.
    """
    in_force = settings_now or (lambda: settings)
    halts = Halts()
    emergency = Emergency(flag or NoFlag())
    admission = make_admission(halts)
    notebook = Notebook(ledger, clock, on_trouble=partial(_on_ledger_trouble, halts))
    executor = Executor(client, notebook, emergency.bars_entries)
    noticeboard = Noticeboard()
    relay = _Relay()
    protector = Protector(
        ProtectorParts(
            client=client,
            executor=executor,
            notebook=notebook,
            clock=clock,
            name_order=ledger.name_order,
            rules=rules,
            stop_fraction=settings.bracket.stop_fraction,
        ),
        relay,
    )
    reconciler = Reconciler(
        ReconcilerParts(
            client=client,
            ledger=ledger,
            executor=executor,
            protector=protector,
            clock=clock,
            rules=rules,
            shape=settings.bracket,
            policy=settings.protection.foreign_positions,
            profile=settings.profile,
        )
    )
    keeper_parts = KeeperParts(
        client=client,
        executor=executor,
        protector=protector,
        ledger=ledger,
        notebook=notebook,
        clock=clock,
        noticeboard=noticeboard,
        break_even_extra_fraction=lambda: in_force().bracket.break_even_extra_fraction,
    )
    terms = SymbolTerms(client, clock, is_held=lambda symbol: bool(protector.ward(symbol).held))
    memory = RiskMemory()
    relay.trades = OpenTrades(keeper_parts, ledger, clock, rules, halts, noticeboard, terms.agree, memory)
    operations = Operations(
        OperationsParts(
            clock=clock,
            client=client,
            ledger=ledger,
            notebook=notebook,
            protector=protector,
            trades=relay.trades,
            halts=halts,
            noticeboard=noticeboard,
            emergency=emergency,
        )
    )
    is_lockstep = isinstance(clock, LockstepClock)
    parts = EngineParts(
        clock=clock,
        client=client,
        ledger=ledger,
        notebook=notebook,
        protector=protector,
        reconciler=reconciler,
        trades=relay.trades,
        planner=Planner(rules, in_force),
        auditor=auditor_of(settings, client, ledger, rules),
        rules=rules,
        halts=halts,
        retention=Retention(ledger, clock, keep_days=settings.why.keep_days),
        noticeboard=noticeboard,
        operations=operations,
        settings=in_force,
        risk_watch=RiskWatch(memory, in_force, clock, halts, noticeboard, relay.trades),
        risk_facts=RiskFacts(client, clock),
        terms=terms,
        sweep_interval_ms=SWEEP_INTERVAL_IN_LOCKSTEP_MS if is_lockstep else SWEEP_INTERVAL_MS,
        admission=admission,
    )
    return Engine(parts, make_market, make_user_side)


def _on_ledger_trouble(halts: Halts, reason: str) -> None:
    if reason:
        halts.set("ledger", reason)
    else:
        halts.lift("ledger")


class _Relay:
    """The protector is built before the trades that it tells."""

    trades: OpenTrades

    def on_trouble(self, symbol: Symbol, cause: str, detail: str) -> None:
        self.trades.on_trouble(symbol, cause, detail)

    def on_closing(self, symbol: Symbol, reason: str) -> None:
        self.trades.on_closing(symbol, reason)

    def on_naked(self, symbol: Symbol, naked_ms: float) -> None:
        self.trades.on_naked(symbol, naked_ms)

    def on_sending(self, symbol: Symbol, name: ClientOrderId, role: Role) -> None:
        self.trades.on_sending(symbol, name, role)
