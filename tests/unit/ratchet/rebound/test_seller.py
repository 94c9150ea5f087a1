"""The seller sends nothing that is held back, at whatever moment that came."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from ratchet.config.rebound_settings import ReboundSettings
from ratchet.domain.candle import Candle
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId
from ratchet.domain.order import LimitOrder, OrderReport, OrderStatus
from ratchet.domain.rebound import Case, OwnOrder, SpotRole, Watch
from ratchet.domain.spot_rules import SpotRules
from ratchet.domain.symbol import Symbol
from ratchet.exchange import certainty
from ratchet.exchange.errors import Meaning, Rejected
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.parse_spot import AssetBalance
from ratchet.exchange.spot_client import SpotClient
from ratchet.exchange.standing_order import StandingOrder
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import Deed, OperatorEvent
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.notices import Notice, Noticeboard
from ratchet.rebound import operations, panic
from ratchet.rebound.companion import Companion
from ratchet.rebound.seller import Seller
from ratchet.rebound.tally import Outcome
from ratchet.rebound.terms import Terms
from tests.unit.ratchet.ledger.test_ledger import url_of
from tests.unit.ratchet.ledger.test_spot_books import a_kept_case
from tests.unit.ratchet.rebound.bought import NOW_MS, RULES, TRUMP, a_fill

HELD_BACK = "paused by cli"


class Exchange:
    """Takes every SELL, and has it stand."""

    def __init__(self) -> None:
        self.placed: dict[ClientOrderId, OrderReport] = {}
        self.asked: list[ClientOrderId] = []
        self.before_answer: Callable[[], None] = lambda: None
        self.before_placing: Callable[[], None] = lambda: None

    async def fetch_pairs(self, _symbols: list[Symbol]) -> dict[Symbol, SpotRules]:
        return {TRUMP: RULES}

    async def fetch_balances(self) -> dict[str, AssetBalance]:
        return {"TRUMP": AssetBalance(free=Decimal(100), locked=Decimal(0))}

    async def fetch_average_price(self, _symbol: Symbol) -> Decimal:
        self.before_answer()
        return Decimal(8)

    async def fetch_order(self, _symbol: Symbol, name: ClientOrderId) -> OrderReport | None:
        self.asked.append(name)
        return self.placed.get(name)

    async def fetch_last_fill(self, _symbol: Symbol) -> Fill:
        return a_fill(11, "10", "8")

    async def fetch_fills(self, _symbol: Symbol, *, from_id: FillId) -> list[Fill]:
        return []

    async def fetch_standing_orders(self) -> list[StandingOrder]:
        return []

    async def fetch_minutes(self, _symbol: Symbol, *, most: int) -> list[Candle]:
        return []

    async def place(self, order: LimitOrder) -> OrderReport:
        self.before_placing()
        report = OrderReport(
            client_order_id=order.client_order_id,
            order_id=OrderId(len(self.placed) + 100),
            symbol=order.symbol,
            side=order.side,
            status=OrderStatus.NEW,
            quantity=order.quantity,
            quantity_filled=Decimal(0),
            price_average=Decimal(0),
            reduce_only=False,
            updated_ms=NOW_MS,
        )
        self.placed[order.client_order_id] = report
        return report


class Bench:
    """A seller with one case, an exchange and books."""

    def __init__(self, books: SpotBooks, ledger: Ledger, case: Case) -> None:
        self.exchange = Exchange()
        self.clock = LockstepClock(NOW_MS)
        self.terms = Terms(settings=ReboundSettings, recv_window_ms=5_000, noticeboard=Noticeboard())
        self.books = books
        self.ledger = ledger
        self.seller = Seller(TRUMP, cast("SpotClient", self.exchange), books, self.clock, self.terms, _no_record)
        self.seller.keep(case)

    async def intents(self) -> tuple[OwnOrder, ...]:
        return (await self.books.remember(TRUMP)).cases[0].orders

    def waits_for(self) -> str:
        return self.seller.open_cases()[0].waits_for


async def _no_record(_fills: object) -> None:
    pass


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(certainty, "PAUSE_FIRST_S", 0.0)
    ledger = await Ledger.open(url_of(tmp_path / "ledger.db"))
    books = await SpotBooks.on(ledger)
    await books.watch(TRUMP, Watch(start_id=10, seen_id=10), at_ms=NOW_MS)
    yield Bench(books, ledger, await a_kept_case(books))
    await ledger.close()


async def test_what_was_bought_is_sold(bench: Bench) -> None:
    await bench.seller.turn()
    assert list(bench.exchange.placed) == ["rb-trump-11-sell"]
    await bench.seller.turn()
    assert bench.waits_for() == "its SELL 10 TRUMP at 8.08 is filled"


async def test_what_becomes_of_its_orders_is_counted(bench: Bench) -> None:
    def refuse() -> None:
        raise Rejected(-2010, "no", Meaning.NO_BALANCE)

    bench.exchange.before_placing = refuse
    await bench.seller.turn()
    assert +bench.terms.tally.orders == {(SpotRole.SELL, Outcome.REFUSED): 1}
    bench.exchange.before_placing = lambda: None
    bench.clock.advance(NOW_MS + 60_000)
    await bench.seller.turn()
    assert bench.terms.tally.orders[SpotRole.SELL, Outcome.PLACED] == 1


async def test_nothing_is_intended_while_placing_is_held_back(bench: Bench) -> None:
    bench.terms.gate.held_back = HELD_BACK
    await bench.seller.turn()
    assert await bench.intents() == ()
    assert bench.waits_for() == f"a resume: {HELD_BACK}"
    bench.terms.gate.held_back = ""
    bench.seller.look_again()
    await bench.seller.turn()
    assert list(bench.exchange.placed) == ["rb-trump-11-sell"]


async def test_what_is_intended_as_it_is_held_back_is_sent_after_the_resume_and_not_before(bench: Bench) -> None:
    bench.exchange.before_answer = lambda: setattr(bench.terms.gate, "held_back", HELD_BACK)
    await bench.seller.turn()
    assert [own.status for own in await bench.intents()] == [OrderStatus.INTENDED]
    assert bench.seller.coming() == []  # it provably never left
    bench.clock.advance(NOW_MS + 60_000)
    asked = len(bench.exchange.asked)
    await bench.seller.turn()
    assert (bench.exchange.placed, len(bench.exchange.asked)) == ({}, asked)
    assert bench.waits_for() == f"a resume: {HELD_BACK}"
    bench.terms.gate.held_back = ""
    bench.seller.look_again()
    await bench.seller.turn()
    assert [own.status for own in await bench.intents()] == [OrderStatus.NEW]


async def test_what_was_never_sent_can_be_given_up(bench: Bench) -> None:
    bench.exchange.before_answer = lambda: setattr(bench.terms.gate, "held_back", HELD_BACK)
    await bench.seller.turn()
    [case] = bench.seller.open_cases()
    [given_up] = bench.seller.give_up([case.case.case_id], "cli").values()
    await bench.seller.turn()
    await bench.seller.turn()
    assert (given_up.is_over.is_set(), given_up.reason) == (True, "given up by cli")
    assert bench.exchange.placed == {}


async def test_nothing_may_be_placed_before_the_ledger_was_asked_whether_it_is_paused(bench: Bench) -> None:
    terms = replace(bench.terms)
    assert terms.gate.held_back == ""
    Companion([TRUMP], cast("SpotClient", bench.exchange), bench.ledger, bench.books, bench.clock, terms, _Nobody)
    assert terms.gate.held_back == "the ledger has not said yet whether it is paused"


async def test_a_panic_of_an_earlier_process_is_ended_by_this_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panic, "CALM_MS", 1.0)
    monkeypatch.setattr(operations, "LATE_MS", 0.0)
    await bench.ledger.record_operator_event(OperatorEvent(at_ms=NOW_MS + 1, who="cli", what=Deed.PANIC))
    said: list[str] = []
    news = asyncio.Event()

    def hear(notice: Notice) -> None:
        said.append(notice.text)
        news.set()

    bench.terms.noticeboard.listen(hear)
    companion = Companion(
        [TRUMP], cast("SpotClient", bench.exchange), bench.ledger, bench.books, bench.clock, bench.terms, _Nobody
    )
    stop = asyncio.Event()
    running = asyncio.create_task(companion.run(stop))
    async with asyncio.timeout(10):
        while "case 1: given up by cli" not in said:
            await news.wait()
            news.clear()
    assert companion.operations.is_in_emergency
    stop.set()
    await running
    assert bench.exchange.placed == {}


class _Nobody:
    """Tells nothing."""

    is_open, connections, age_ms = False, 0, None

    def __init__(self, _on_event: object) -> None:
        pass

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.Event().wait()
