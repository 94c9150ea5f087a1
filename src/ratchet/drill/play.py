"""The play: one run of a trader through its troubles, and what was seen of it from the exchange's side."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from localbinance.core.account_state import Uncovered
from localbinance.core.act import FillSlowly, RefuseTrigger, Settle, StickTrigger
from localbinance.rules.market_rules import MarketRules
from localbinance.server.acts import Act
from localbinance.server.fault import (
    Cut,
    ExpireListenKey,
    Fault,
    FrameFault,
    RefuseConnection,
    Reject,
    Stale,
)
from ratchet.config.settings import Settings
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.symbol import Symbol
from ratchet.drill.emergencies import EmergencySpell, said_flat
from ratchet.drill.event_log import EventLog
from ratchet.drill.excuse import Excuse
from ratchet.drill.guardian_lives import GuardianLives, GuardianSeen
from ratchet.drill.guardian_process import Post
from ratchet.drill.market import START_MS, drill_market
from ratchet.drill.memory_ledger import Disk
from ratchet.drill.network import Network
from ratchet.drill.other_hand import act_of
from ratchet.drill.process import DrawnSignals, Process, Signals, Surroundings
from ratchet.drill.trouble import (
    ClockJump,
    DiskTrouble,
    Freeze,
    FreezeAfterOrder,
    GuardianBegins,
    GuardianKill,
    GuardianKillAfterOrder,
    Interference,
    Kill,
    KillAfterOrder,
    OtherHand,
    PanicOrdered,
    Trouble,
    WireTrouble,
    describe,
)
from ratchet.drill.venue import ACCOUNT, Venue
from ratchet.drill.world import World
from ratchet.ledger.operator_events import Deed as LedgerDeed
from ratchet.ledger.operator_events import OperatorEvent
from ratchet.trading.books.audit import AuditReport
from ratchet.trading.operators.operations import CannotResume, Operations

RECOVERY_MS = 8_000  # after a trouble is over: a reply's timeout, and the sweep that finds what was missed
SWEEP_MS = 5_500  # until the next look at the account has been answered, and what follows is done
LIVES_MAX = 50
RESUME_AGAIN_MS = 5_000
REFUSED_CLOSE_MS = 1_000  # until a close that was refused is tried again, twice
ASKED_AGAIN_MS = 1_000  # whether a close that fills in parts is through
STREAM_OPENS_MS = 250.0  # of a start that has protected: what happens before is seen by the look that follows it
STARTING, DEAD, SLOW = "starting", "dead", "slow"  # reasons of excuses
FROZEN, NOT_SEEN, STREAMS = "frozen", "not seen yet", "streams"
STEPS_A_LOOK = 6  # of the market, between two looks at the equity


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What every run of a drill has in common."""

    settings: Settings
    market_rules: MarketRules
    rules: Mapping[Symbol, SymbolRules]
    symbols: Sequence[Symbol]
    balance: Decimal  # USDC at the start
    folder: Path  # for what processes share
    length_ms: int
    latency_ms: float  # of one way
    pause_s: float  # between two signals, on average


@dataclass(slots=True, kw_only=True)
class Played:
    """What was seen."""

    venue: Venue
    disk: Disk
    troubles: Sequence[Trouble]
    log: EventLog
    excuses: list[Excuse] = field(default_factory=list)
    away: list[tuple[float, float]] = field(default_factory=list)  # when the trader was dead or stopped, virtual ms
    guardian: GuardianSeen = field(default_factory=GuardianSeen)
    restarts: list[tuple[float, float]] = field(default_factory=list)  # a new process, and when all was covered
    equity_min: Decimal
    emergencies: list[EmergencySpell] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)  # of a panic that said flat, by the exchange
    panics_flat: int = 0
    fills_booked: dict[tuple[str, int], int | None] = field(default_factory=dict)  # before the books were audited
    audit: AuditReport | None = None
    ended: str = ""  # how a process ended that should not have
    end_ms: float = 0.0

    def spells(self) -> list[Uncovered]:
        """Every spell without cover."""
        return self.venue.uncovered()

    def time_of(self, spell: Uncovered) -> tuple[float, float]:
        """From when to when it lasted, virtual ms."""
        return spell.from_ms - START_MS, self.end_ms if spell.until_ms is None else spell.until_ms - START_MS


_AFTER_ORDERS = (KillAfterOrder, FreezeAfterOrder, GuardianKillAfterOrder)
SignalsFor = Callable[[Venue, random.Random], Signals]


def play(
    stage: Stage, seed: int, troubles: Sequence[Trouble], log: EventLog, signals: SignalsFor | None = None
) -> Played:
    """Run a trader through its troubles, life after life, until the time is over and nothing is held."""
    return _Play(stage, seed, troubles, log, signals).run()


class _Play:
    def __init__(
        self, stage: Stage, seed: int, troubles: Sequence[Trouble], log: EventLog, signals: SignalsFor | None
    ) -> None:
        self._stage = stage
        self._seed = seed
        self._world = World()
        self._venue = Venue(
            self._world,
            stage.market_rules,
            drill_market(stage.market_rules, stage.symbols, seed),
            stage.balance,
            seed,
        )
        self._disk = Disk()
        self._log = log
        self._signals = signals or self._drawn_signals
        self._process: Process | None = None
        self._skew_ms = 0
        self._orders = 0
        self._steps = 0
        self._down_ms = 0.0
        self._emergency: EmergencySpell | None = None
        self._after_orders = sorted(
            (each for each in troubles if isinstance(each, KillAfterOrder | FreezeAfterOrder)), key=lambda it: it.order
        )
        self._seen = Played(venue=self._venue, disk=self._disk, troubles=troubles, log=log, equity_min=stage.balance)
        self._guardians = GuardianLives(
            Post(world=self._world, settings=stage.settings, folder=stage.folder, log=log),
            self._venue,
            stage.latency_ms,
            seed,
            troubles,
        )
        self._seen.guardian = self._guardians.seen
        self._venue.on_step = self._look_at_equity
        log.clock = lambda: self._world.now_ms
        for trouble in troubles:
            self._arrange(trouble)

    def run(self) -> Played:
        until_ms = START_MS + self._stage.length_ms
        for life in range(LIVES_MAX):
            if self._live(life, until_ms):
                break
            self._world.sleep(self._world.now_ms + self._down_ms)
        else:
            self._seen.ended = f"it did not come to an end in {LIVES_MAX} lives"
        self._guardians.end()
        self._seen.end_ms = self._world.now_ms
        return self._seen

    def _live(self, life: int, until_ms: int) -> bool:
        """One life. False when it was killed."""
        stage, drawn = self._stage, f"{self._seed}.{life}"
        network = Network(self._world, self._venue, stage.latency_ms, _random(drawn + " network"))
        around = Surroundings(
            world=self._world,
            venue=self._venue,
            disk=self._disk,
            settings=stage.settings,
            rules=stage.rules,
            symbols=stage.symbols,
            log=self._log,
            skew_ms=self._skew_ms,
        )
        process = Process(around, network, self._signals(self._venue, _random(drawn)), until_ms, self._on_ended)
        network.on_order = self._on_order
        process.on_flat = self._on_flat
        process.on_frozen = self._excuse_freeze
        self._process, born_ms = process, self._world.now_ms
        if life:
            self._log.note("started", life=life + 1)
        try:
            has_ended = process.run()
        except Exception as error:  # noqa: BLE001 - whatever it died of is what is to be seen
            self._seen.ended = f"{type(error).__name__}: {_innermost(error)}"
            has_ended = True
        self._process, self._seen.audit = None, process.audit
        if process.protected_after_ms is not None and life:
            self._seen.restarts.append((born_ms, born_ms + process.protected_after_ms))
        if not has_ended:
            self._log.note("killed", life=life + 1)
        self._excuse_restart(process, born_ms, life, has_ended=has_ended)
        if not has_ended and not self._is_emergency_on_disk():
            self._end_emergency()  # it died before the disk took it, or after the disk had the resume
        return has_ended

    def _on_ended(self) -> None:
        rows = self._disk.read("SELECT symbol, fill_id, trade_id FROM fills")
        self._seen.fills_booked = {(symbol, fill_id): trade_id for symbol, fill_id, trade_id in rows}

    def _excuse_restart(self, process: Process, born_ms: float, life: int, *, has_ended: bool) -> None:
        """Until a new process has protected everything nobody can have; what it took is measured on its own."""
        excuses = self._seen.excuses
        if life:
            after_ms = process.protected_after_ms
            until_ms = self._world.now_ms if after_ms is None else born_ms + after_ms
            excuses.append(Excuse(from_ms=born_ms, until_ms=until_ms, reason=STARTING))
            open_ms = until_ms + STREAM_OPENS_MS
            excuses.append(Excuse(from_ms=born_ms, until_ms=open_ms, spell_ms=STREAM_OPENS_MS, reason=STREAMS))
            if lag_ms := self._lag_ms(born_ms):
                excuses.append(Excuse(from_ms=born_ms, until_ms=born_ms + lag_ms + SWEEP_MS, reason=NOT_SEEN))
        if not has_ended:
            now_ms = self._world.now_ms
            excuses.append(Excuse(from_ms=now_ms, until_ms=now_ms + self._down_ms, reason=DEAD))
            self._seen.away.append((now_ms, now_ms + self._down_ms))

    def _excuse_freeze(self, for_ms: float) -> None:
        self._excuse(FROZEN, for_ms)
        self._seen.away.append((self._world.now_ms, self._world.now_ms + for_ms))

    def _lag_ms(self, at_ms: float) -> int:
        """How far reads are behind: so long a new process cannot be told what was done just before it."""
        return max(
            (
                lag_of(each)
                for each in self._seen.troubles
                if isinstance(each, WireTrouble) and each.at_ms <= at_ms < each.at_ms + each.for_ms
            ),
            default=0,
        )

    def _drawn_signals(self, venue: Venue, random_: random.Random) -> Signals:
        return DrawnSignals(venue, self._stage.symbols, self._stage.pause_s, random_)

    # Troubles -----------------------------------------------------------------------------------------------------

    def _arrange(self, trouble: Trouble) -> None:
        if not isinstance(trouble, _AFTER_ORDERS):
            self._world.at(trouble.at_ms, lambda: self._strike(trouble))

    def _strike(self, trouble: Trouble) -> None:
        self._log.note("trouble", what=describe(trouble))
        match trouble:
            case Kill():
                self._kill(0, trouble.down_ms)
            case GuardianBegins() | GuardianKill():
                self._guardians.strike(trouble)
            case Freeze():
                self._excuse_freeze(trouble.for_ms)
                if self._process is not None:
                    self._process.freeze(trouble.for_ms)
            case DiskTrouble():
                self._disk.trouble = trouble.answer
                self._world.after(trouble.for_ms, self._mend_disk)
            case ClockJump():
                self._excuse("clock", 0)
                self._skew_ms += trouble.by_ms
                if self._process is not None:
                    self._process.clock.skew_ms += trouble.by_ms
                self._guardians.set_clock(trouble.by_ms)
            case WireTrouble():
                self._venue.put(trouble.fault)
                if not _excuses_nothing(trouble):
                    self._excuse(STREAMS if _is_of_streams(trouble.fault) else "wire", trouble.for_ms)
                elif isinstance(trouble.fault, Reject) and trouble.fault.type == "MARKET":
                    self._excuse_refused_closes(trouble.for_ms)
            case Interference():
                self._meddle(trouble.act)
            case PanicOrdered():
                self._order_panic(trouble)
            case OtherHand():
                act = act_of(trouble, self._venue, self._stage.rules[trouble.symbol])
                if act is not None and (why := self._venue.meddle(act)):
                    self._log.note("not_done", what=why)

    def _order_panic(self, trouble: PanicOrdered) -> None:
        async def panic(operations: Operations) -> None:
            self._begin_emergency(trouble.for_ms)
            await operations.panic("drill")

        if self._process is None or not self._process.order(panic):
            if self._disk.trouble:
                return
            # Without a trader `ratchet panic` leaves the flag that the next one finds.
            self._disk.flag.panic = OperatorEvent(at_ms=self._venue.now_ms(), who="drill", what=LedgerDeed.PANIC)
            self._begin_emergency(trouble.for_ms)

    def _resume(self) -> None:
        """Until it is done: nobody may be there, or the disk may not take it."""
        if self._emergency is not None:
            if self._process is not None:
                self._process.order(self._resumed)
            self._world.after(RESUME_AGAIN_MS, self._resume)

    async def _resumed(self, operations: Operations) -> None:
        if self._emergency is None:
            return
        try:
            await operations.resume("drill")
        except CannotResume as no:
            self._log.note("not_resumed", what=str(no))
        else:
            self._end_emergency()

    def _begin_emergency(self, for_ms: float) -> None:
        self._world.after(for_ms, self._resume)
        if self._emergency is None:
            self._emergency = EmergencySpell(from_ms=self._world.now_ms)
            self._seen.emergencies.append(self._emergency)

    def _end_emergency(self) -> None:
        if self._emergency is not None:
            self._emergency.until_ms, self._emergency = self._world.now_ms, None

    def _is_emergency_on_disk(self) -> bool:
        if self._disk.flag.stands():
            return True
        last = self._disk.read("SELECT what FROM operator_events WHERE what IN ('panic', 'resume') ORDER BY id DESC")
        return bool(last) and last[0] == ("panic",)

    def _on_flat(self) -> None:
        self._seen.panics_flat += 1
        self._seen.contradictions += said_flat(self._venue, self._world.now_ms)

    def _meddle(self, act: Act) -> None:
        why = self._venue.meddle(act)
        if why:
            self._log.note("not_done", what=why)
        match act:
            case RefuseTrigger() | StickTrigger():
                # A stop that fails at its trigger is waited for, then closed at market.
                self._excuse_spells(act.symbol, RECOVERY_MS, "trigger")
            case Settle():
                now_ms = self._world.now_ms
                self._seen.excuses.append(
                    Excuse(from_ms=now_ms, until_ms=float("inf"), symbol=Symbol(act.symbol), reason="settled")
                )
            case FillSlowly():
                # What is closed at market, by whatever reason, is closed as slowly as everything else of it fills.
                self._excuse_spells(act.symbol, 2 * act.over_ms + ASKED_AGAIN_MS, SLOW)

    def _excuse_spells(self, symbol: str, spell_ms: float, reason: str) -> None:
        now_ms = self._world.now_ms
        self._seen.excuses.append(
            Excuse(from_ms=now_ms, until_ms=float("inf"), symbol=Symbol(symbol), spell_ms=spell_ms, reason=reason)
        )

    def _excuse_refused_closes(self, for_ms: float) -> None:
        """What has no stop, because it was refused or taken away, and cannot be closed either: tried after a pause."""
        now_ms = self._world.now_ms
        self._seen.excuses.append(
            Excuse(from_ms=now_ms, until_ms=now_ms + for_ms, spell_ms=REFUSED_CLOSE_MS, reason="close refused")
        )

    def _on_order(self) -> None:
        self._orders += 1
        while self._after_orders and self._after_orders[0].order <= self._orders:
            trouble = self._after_orders.pop(0)
            self._log.note("trouble", what=describe(trouble))
            if isinstance(trouble, KillAfterOrder):
                self._kill(trouble.turns, trouble.down_ms)
            elif self._process is not None and self._world.now_ms < self._stage.length_ms:
                # Not while it ends: its patience with that would be over when it wakes.
                self._process.freeze_after(trouble.turns, trouble.for_ms)

    def _kill(self, turns: int, down_ms: int) -> None:
        if self._process is not None:
            self._down_ms = down_ms
            self._process.die_after(turns)

    def _mend_disk(self) -> None:
        self._disk.trouble = ""

    def _excuse(self, reason: str, for_ms: float) -> None:
        now_ms = self._world.now_ms
        self._seen.excuses.append(Excuse(from_ms=now_ms, until_ms=now_ms + for_ms + RECOVERY_MS, reason=reason))

    # Looking ------------------------------------------------------------------------------------------------------

    def _look_at_equity(self) -> None:
        self._steps += 1
        if self._steps % STEPS_A_LOOK == 0:
            assets = self._venue.exchange.assets(ACCOUNT)
            equity = sum((asset.margin_balance for asset in assets if asset.asset == "USDC"), Decimal(0))
            self._seen.equity_min = min(self._seen.equity_min, equity)


def lag_of(trouble: Trouble) -> int:
    """How far behind reads are while it lasts, ms."""
    return trouble.fault.ms if isinstance(trouble, WireTrouble) and isinstance(trouble.fault, Stale) else 0


def _is_of_streams(fault: Fault) -> bool:
    """Whether requests are as ever."""
    if isinstance(fault, RefuseConnection):
        return fault.of == "streams"
    return isinstance(fault, FrameFault | Cut | ExpireListenKey)


def _excuses_nothing(trouble: Trouble) -> bool:
    """What is refused is answered; what reads do not show yet is told by replies and by the stream."""
    return isinstance(trouble, WireTrouble) and isinstance(trouble.fault, Reject | Stale)


def _random(drawn: str) -> random.Random:
    return random.Random(drawn)  # noqa: S311 - a simulation, and to be repeatable


def _innermost(error: BaseException) -> BaseException:
    """The first of what a group of tasks died of."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
