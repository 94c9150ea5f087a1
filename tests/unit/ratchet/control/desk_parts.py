"""A desk over an account that is made up, for what its commands say."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from ratchet.config.live import LiveSettings
from ratchet.config.settings import load_settings
from ratchet.control.answer import Answer
from ratchet.control.aside import Aside
from ratchet.control.ask_account import AccountQuestions
from ratchet.control.ask_help import help_commands
from ratchet.control.ask_log import LogQuestion
from ratchet.control.ask_market import MarketQuestions
from ratchet.control.ask_risk import RiskQuestion
from ratchet.control.ask_why import LedgerQuestions
from ratchet.control.change_settings import SettingsChanges
from ratchet.control.change_trading import TradingChanges
from ratchet.control.commands import COMMANDS
from ratchet.control.desk import Asker, ConfirmationWanted, Refused, Role
from ratchet.control.live_settings import SettingsKeeper
from ratchet.control.operators_desk import OperatorsDesk
from ratchet.control.parts import DeskParts
from ratchet.domain.identity import AlgoId, ClientOrderId
from ratchet.domain.order import OrderReport, Side, StopReport, StopStatus
from ratchet.domain.position import Balance, Position
from ratchet.domain.symbol import Symbol
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.ledger import Ledger
from ratchet.market.universe import NOTHING
from ratchet.observe.notices import Noticeboard
from ratchet.risk.record import Record
from ratchet.trading.operators.operations import CannotResume, CloseReport
from ratchet.trading.operators.panic import Left, PanicReport
from ratchet.trading.status import PositionLine, Status
from tests.unit.ratchet.control.clock import NOON_MS, StandingClock

BTC, ETH, SOL = Symbol("BTCUSDC"), Symbol("ETHUSDC"), Symbol("SOLUSDC")
KEYS = {"RATCHET_EXCHANGE__API_KEY": "public-key-abcdefgh", "RATCHET_EXCHANGE__API_SECRET": "private-secret-ijklmnop"}
ANSWER_S = 20.0  # much more than the desk waits, on a busy machine
OPERATOR = Asker("cli", Role.OPERATOR)


def line(symbol: Symbol = BTC) -> PositionLine:
    return PositionLine(
        symbol=symbol,
        side=Side.BUY,
        quantity=Decimal("0.5"),
        price_entry=Decimal(100),
        price_stop=Decimal(98),
        opened_ms=NOON_MS - 65_000,
        naked_ms=1.5,
    )


def position(symbol: Symbol = BTC) -> Position:
    return Position(
        symbol=symbol,
        quantity_signed=Decimal("0.5"),
        price_entry=Decimal(100),
        price_mark=Decimal(101),
        unrealized_pnl=Decimal("0.5"),
        updated_ms=NOON_MS,
    )


def stop(symbol: Symbol = BTC, name: str = "rt-stop") -> StopReport:
    return StopReport(
        client_order_id=ClientOrderId(name),
        algo_id=AlgoId(1),
        symbol=symbol,
        side=Side.SELL,
        status=StopStatus.NEW,
        quantity=Decimal("0.5"),
        price_trigger=Decimal(98),
        closes_position=False,
        order_id=None,
        reason="",
        updated_ms=NOON_MS,
    )


@dataclass
class FakeExchange:
    """What it says, or how it fails. `is_silent`: it never answers."""

    positions: list[Position] = field(default_factory=list)
    stops: list[StopReport] = field(default_factory=list)
    error: ExchangeError | None = None
    is_silent: bool = False

    async def _answer(self) -> None:
        if self.is_silent:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error

    async def fetch_balance(self) -> Balance:
        await self._answer()
        return Balance(wallet=Decimal(401), available=Decimal(300), unrealized_pnl=Decimal("-0.5"))

    async def fetch_positions(self) -> list[Position]:
        await self._answer()
        return self.positions

    async def fetch_open_orders(self, symbol: Symbol | None = None) -> list[OrderReport]:
        await self._answer()
        return []

    async def fetch_open_stops(self, symbol: Symbol | None = None) -> list[StopReport]:
        await self._answer()
        return [each for each in self.stops if symbol in (None, each.symbol)]


@dataclass
class FakeOperations:
    """Notes what is wanted."""

    done: list[tuple[str, ...]] = field(default_factory=list)
    is_paused: bool = False
    is_in_emergency: bool = False
    is_recorded: bool = True
    resume_fails: str = ""
    left: dict[Symbol, Decimal | None] = field(default_factory=dict)
    panic_left: tuple[Left, ...] = ()

    async def pause(self, who: str) -> bool:
        self.done.append(("pause", who))
        self.is_paused = True
        return self.is_recorded

    async def resume(self, who: str) -> None:
        if self.resume_fails:
            raise CannotResume(self.resume_fails)
        self.done.append(("resume", who))
        self.is_paused = self.is_in_emergency = False

    async def close(self, symbol: Symbol, who: str) -> CloseReport:
        self.done.append(("close", symbol, who))
        left = self.left.get(symbol, Decimal(0))
        reason = "" if left == 0 else "the exchange is slow"
        return CloseReport(symbol=symbol, held_before=Decimal("0.5"), left=left, reason=reason, is_flat=left == 0)

    async def panic(self, who: str) -> PanicReport:
        self.done.append(("panic", who))
        return PanicReport(
            who=who,
            at_ms=NOON_MS,
            took_ms=1_234.0,
            closed=((BTC, Decimal("0.5")),),
            cancelled=((BTC, ClientOrderId("rt-stop")),),
            left=self.panic_left,
            waits_for="the exchange" if self.panic_left else "",
            is_flat=not self.panic_left,
        )


@dataclass
class Scene:
    """The desk, and everything around it."""

    desk: OperatorsDesk
    keeper: SettingsKeeper
    ledger: Ledger
    log_file: Path
    exchange: FakeExchange = field(default_factory=FakeExchange)
    operations: FakeOperations = field(default_factory=FakeOperations)
    lines: list[PositionLine] = field(default_factory=list)
    halted: str = ""
    notes_waiting: int = 0
    record: Record = field(default_factory=Record)

    async def ask(self, words: str, asker: Asker = OPERATOR) -> Answer:
        """What is harmless, and does not wait for whoever says nothing."""
        async with asyncio.timeout(ANSWER_S):
            found = await self.desk.ask(asker, words.split())
        assert isinstance(found, Answer), found
        return found

    async def question(self, words: str) -> str:
        """What is asked back."""
        found = await self.desk.ask(OPERATOR, words.split())
        assert isinstance(found, ConfirmationWanted), found
        return found.question

    async def confirmed(self, words: str) -> Answer:
        wanted = await self.desk.ask(OPERATOR, words.split())
        assert isinstance(wanted, ConfirmationWanted), wanted
        found = await self.desk.ask(OPERATOR, words.split(), wanted.token)
        assert isinstance(found, Answer)
        return found

    async def refusal(self, words: str) -> str:
        with pytest.raises(Refused) as no:
            await self.desk.ask(OPERATOR, words.split())
        return str(no.value)


@asynccontextmanager
async def a_scene(folder: Path, symbols: Sequence[Symbol] = (BTC, ETH, SOL)) -> AsyncIterator[Scene]:
    """In an empty folder, which is the current one as well."""
    clock, url = StandingClock(), f"sqlite+aiosqlite:///{folder / 'ledger.db'}"
    ledger = await Ledger.open(url)
    aside = Aside(url)
    keeper = SettingsKeeper(LiveSettings(load_settings(environ=KEYS), environ=KEYS), ledger, Noticeboard(), clock)
    exchange, operations = FakeExchange(), FakeOperations()

    def status() -> Status:
        return Status(
            now_ms=NOON_MS,
            balance=Balance(wallet=Decimal(400), available=Decimal(300), unrealized_pnl=Decimal("0.5")),
            positions=tuple(scene.lines),
            signals=(),
            trades_closed=0,
            naked_ms_max=None,
            entries_halted=scene.halted,
            audited_ms=None,
            books_disagree="",
            uptime_ms=3_700_000.0,
            pnl_day=Decimal("10.5"),
            account_age_ms=1_500.0,
            look_age_ms=1_500.0,
            notes_waiting=scene.notes_waiting,
        )

    parts = DeskParts(
        clock=clock,
        address="here",
        status=status,
        record=lambda: scene.record,
        universe=lambda: NOTHING,
        symbols=symbols,
        exchange=exchange,
        ledger=ledger,
        aside=aside,
        settings=keeper,
        log_file=folder / "ratchet.jsonl",
    )
    groups = (
        AccountQuestions(parts).commands(),
        MarketQuestions(parts).commands(),
        RiskQuestion(parts).commands(),
        LedgerQuestions(parts).commands(),
        LogQuestion(parts.log_file).commands(),
        TradingChanges(parts, operations).commands(),
        SettingsChanges(keeper).commands(),
        help_commands(COMMANDS),
    )
    scene = Scene(OperatorsDesk(clock, COMMANDS, groups), keeper, ledger, parts.log_file, exchange, operations)
    try:
        yield scene
    finally:
        aside.close()
        await ledger.close()
