"""A companion's desk over real books and an account that is made up, for what its commands say."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from ratchet.config.live import LiveSettings
from ratchet.config.settings import load_settings
from ratchet.control.answer import Answer
from ratchet.control.aside import Aside
from ratchet.control.companion.desk import companion_desk
from ratchet.control.companion.parts import CompanionParts
from ratchet.control.desk import ConfirmationWanted, Refused
from ratchet.control.live_settings import SettingsKeeper
from ratchet.control.operators_desk import OperatorsDesk
from ratchet.domain.fill import Fill
from ratchet.domain.identity import CaseId, ClientOrderId, FillId, OrderId
from ratchet.domain.order import LimitOrder, OrderReport, OrderStatus, Origin, Side
from ratchet.domain.rebound import Case, OwnOrder, SpotFill, SpotRole, Watch
from ratchet.domain.symbol import Symbol
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.parse_spot import AssetBalance
from ratchet.exchange.standing_order import StandingOrder
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.notices import Noticeboard
from ratchet.rebound.decide import case_of
from ratchet.rebound.operations import CannotResume, GivenUp
from ratchet.rebound.panic import OrderLeft, SpotPanicReport
from ratchet.rebound.status import CompanionStatus, OpenCase, SymbolStatus
from ratchet.strategy.minute_readings import MinuteReading
from ratchet.strategy.moving_average import Heading, MovingAverage
from tests.unit.ratchet.control.clock import NOON_MS, StandingClock
from tests.unit.ratchet.control.desk_parts import ANSWER_S, KEYS, OPERATOR

TRUMP, SOL, BTC = Symbol("TRUMPUSDC"), Symbol("SOLUSDC"), Symbol("BTCUSDC")
START_ID = 100  # executions up to this one are from before
MINUTE_MS = 60_000


def reading(minutes_ago: int, close: str = "8.1", heading: Heading = Heading.UP) -> MinuteReading:
    return MinuteReading(
        open_ms=NOON_MS - minutes_ago * MINUTE_MS,
        close=Decimal(close),
        ma7=MovingAverage(value=Decimal(57) / 7, heading=heading),
        ema21=8.0512345,
        rsi14=None,
        atr14=0.0123,
    )


def standing(name: str, symbol: Symbol = TRUMP, side: Side = Side.SELL) -> StandingOrder:
    return StandingOrder(
        symbol=symbol,
        order_id=OrderId(1),
        client_order_id=ClientOrderId(name),
        side=side,
        kind="LIMIT",
        quantity=Decimal(5),
        quantity_filled=Decimal(0),
        price=Decimal("8.2"),
        price_stop=None,
        placed_ms=NOON_MS - 65_000,
    )


@dataclass
class FakeSpot:
    """What it says, or how it fails."""

    orders: list[StandingOrder] = field(default_factory=list)
    balances: dict[str, AssetBalance] = field(default_factory=dict)
    error: ExchangeError | None = None

    async def fetch_balances(self) -> dict[str, AssetBalance]:
        if self.error is not None:
            raise self.error
        return self.balances

    async def fetch_standing_orders(self) -> list[StandingOrder]:
        if self.error is not None:
            raise self.error
        return self.orders


@dataclass
class FakeOperations:
    """Notes what is wanted."""

    done: list[tuple[object, ...]] = field(default_factory=list)
    is_paused: bool = False
    is_in_emergency: bool = False
    pause_fails: LedgerError | None = None
    resume_fails: str = ""
    not_over: str = ""  # why cases are not given up yet
    panic_left: tuple[OrderLeft, ...] = ()

    async def pause(self, who: str) -> None:
        self.done.append(("pause", who))
        self.is_paused = True
        if self.pause_fails is not None:
            raise self.pause_fails

    async def resume(self, who: str) -> None:
        if self.resume_fails:
            raise CannotResume(self.resume_fails)
        self.done.append(("resume", who))
        self.is_paused = self.is_in_emergency = False

    async def give_up(self, cases: Collection[CaseId], who: str) -> list[GivenUp]:
        self.done.append(("give up", *cases, who))
        return [
            GivenUp(
                case_id=case_id,
                symbol=TRUMP,
                cancelled=(ClientOrderId(f"rb-trump-{case_id}-sell"),),
                is_over=not self.not_over,
                reason=self.not_over or f"given up by {who}",
            )
            for case_id in cases
        ]

    async def panic(self, who: str) -> SpotPanicReport:
        self.done.append(("panic", who))
        return SpotPanicReport(
            who=who,
            at_ms=NOON_MS,
            took_ms=1_234.0,
            cancelled=((TRUMP, ClientOrderId("rb-trump-101-sell")),),
            left=self.panic_left,
            waits_for="another look at what stands" if self.panic_left else "",
            is_clear=not self.panic_left,
        )


@dataclass
class Scene:
    """The desk, and everything around it."""

    desk: OperatorsDesk
    keeper: SettingsKeeper
    ledger: Ledger
    books: SpotBooks
    clock: StandingClock
    exchange: FakeSpot
    operations: FakeOperations
    log_file: Path
    cases: list[Case] = field(default_factory=list)  # that are open
    readings: dict[Symbol, list[MinuteReading]] = field(default_factory=dict)
    held_back: str = ""
    sends: bool = True
    trouble: str = ""
    gathered: Decimal = Decimal(0)

    async def ask(self, words: str) -> Answer:
        """What is harmless."""
        async with asyncio.timeout(ANSWER_S):
            found = await self.desk.ask(OPERATOR, words.split())
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

    async def trades(self, told: SpotFill) -> None:
        """An execution is booked."""
        await self.books.record(told.fill.symbol, [told], [], at_ms=told.fill.at_ms)

    async def buys(self, number: int, quantity: str, price: str, at_ms: int = NOON_MS, symbol: Symbol = TRUMP) -> Case:
        """A person bought, with a tenth of a percent of fee in it, and that is a case, open."""
        amount = Decimal(quantity)
        bought = fill(number, number, Side.BUY, quantity, price, plain_fee(amount, symbol), at_ms, symbol)
        report = OrderReport(
            client_order_id=ClientOrderId("web_1"),
            order_id=bought.order_id,
            symbol=symbol,
            side=Side.BUY,
            status=OrderStatus.FILLED,
            quantity=amount,
            quantity_filled=amount,
            price_average=Decimal(price),
            reduce_only=False,
            updated_ms=at_ms,
        )
        await self.books.record(symbol, [person(bought)], [report], at_ms=at_ms)
        case = case_of(self.books.next_case_id(), [bought], symbol.removesuffix("USDC"), at_ms)
        await self.books.open_case(case, [bought.fill_id])
        self.cases.append(case)
        return case

    async def places(self, case: Case, role: SpotRole, price: str, at_ms: int = NOON_MS + 1_000) -> OwnOrder:
        """An order for a case is intended, and the exchange has taken it."""
        side = Side.SELL if role is SpotRole.SELL else Side.BUY
        name = ClientOrderId(f"rb-{case.symbol[:5].lower()}-{case.first_fill_id}-{role.value}")
        order = LimitOrder(
            client_order_id=name, symbol=case.symbol, side=side, quantity=case.quantity, price=Decimal(price)
        )
        own = OwnOrder(order=order, role=role, sequence=0, intended_ms=at_ms)
        await self.books.intend(case, own)
        placed = replace(own, status=OrderStatus.NEW, order_id=OrderId(int(case.first_fill_id) * 10 + len(case.orders)))
        await self.books.mark(placed, at_ms=at_ms)
        self._put(replace(case, orders=(*case.orders, placed)))
        return placed

    async def fills(self, case: Case, own: OwnOrder, number: int, quantity: str, at_ms: int) -> None:
        """A part of it, or all, is traded at its price; the fee is in USDC."""
        assert own.order_id is not None
        price = str(own.order.price)
        traded = fill(number, own.order_id, own.order.side, quantity, price, ("0.05", "USDC"), at_ms, case.symbol)
        await self.trades(SpotFill(fill=traded, origin=Origin.SYSTEM, client_order_id=own.name, case_id=case.case_id))

    async def closes(self, case: Case, reason: str, at_ms: int) -> None:
        await self.books.close_case(case.case_id, reason, at_ms=at_ms)
        self.cases = [each for each in self.cases if each.case_id != case.case_id]

    def _put(self, case: Case) -> None:
        self.cases = [case if each.case_id == case.case_id else each for each in self.cases]


def plain_fee(quantity: Decimal, symbol: Symbol) -> tuple[str, str]:
    return str(quantity / 1_000), symbol.removesuffix("USDC")


def fill(
    number: int,
    order_id: int,
    side: Side,
    quantity: str,
    price: str,
    fee: tuple[str, str] = ("0", "USDC"),
    at_ms: int = NOON_MS,
    symbol: Symbol = TRUMP,
) -> Fill:
    return Fill(
        fill_id=FillId(number),
        order_id=OrderId(order_id),
        client_order_id=ClientOrderId("web_1"),
        symbol=symbol,
        side=side,
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Decimal(fee[0]),
        fee_asset=fee[1],
        realized_pnl=Decimal(0),
        is_maker=False,
        at_ms=at_ms,
    )


def person(traded: Fill) -> SpotFill:
    return SpotFill(fill=traded, origin=Origin.MANUAL, client_order_id=ClientOrderId("web_1"))


@asynccontextmanager
async def a_scene(folder: Path, watched: Sequence[Symbol] = (TRUMP, SOL)) -> AsyncIterator[Scene]:
    """In an empty folder, which is the current one as well."""
    clock, url = StandingClock(), f"sqlite+aiosqlite:///{folder / 'rebound.db'}"
    ledger = await Ledger.open(url)
    books = await SpotBooks.on(ledger)
    for symbol in watched:
        await books.watch(symbol, Watch(start_id=START_ID, seen_id=START_ID), at_ms=NOON_MS - 3_600_000)
    aside = Aside(url)
    keeper = SettingsKeeper(LiveSettings(load_settings(environ=KEYS), environ=KEYS), ledger, Noticeboard(), clock)
    exchange, operations = FakeSpot(), FakeOperations()

    def status() -> CompanionStatus:
        return CompanionStatus(
            now_ms=clock.now_ms(),
            uptime_ms=3_700_000.0,
            sends=scene.sends,
            held_back=scene.held_back,
            symbols=tuple(symbol_status(symbol) for symbol in watched),
        )

    def symbol_status(symbol: Symbol) -> SymbolStatus:
        lines = scene.readings.get(symbol, [])
        return SymbolStatus(
            symbol=symbol,
            watched_from=START_ID + 1,
            looked_ms=clock.now_ms() - 5_000,
            trouble=scene.trouble,
            trouble_since_ms=clock.now_ms() if scene.trouble else None,
            is_ledger_in_trouble=False,
            gathered=scene.gathered,
            gathered_ms=(clock.now_ms(),) if scene.gathered else (),
            cases=tuple(
                OpenCase(case=case, waits_for="its SELL is filled") for case in scene.cases if case.symbol == symbol
            ),
            reading=lines[-1] if lines else None,
            profit=None,
        )

    parts = CompanionParts(
        clock=clock,
        address="here",
        status=status,
        readings=lambda symbol: scene.readings.get(symbol, []),
        watched=watched,
        listed=(TRUMP, SOL, BTC),
        exchange=exchange,
        ledger=ledger,
        books=books,
        aside=aside,
        settings=keeper,
        log_file=folder / "ratchet.jsonl",
    )
    desk = companion_desk(parts, operations)
    scene = Scene(desk, keeper, ledger, books, clock, exchange, operations, parts.log_file)
    try:
        yield scene
    finally:
        aside.close()
        await ledger.close()
