"""The watcher of a symbol says why its turns fail, since when, and whose fault it is; and what SELLs have brought."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from ratchet.config.rebound_settings import ReboundSettings
from ratchet.domain.fill import Fill
from ratchet.domain.identity import OrderId
from ratchet.domain.order import OrderReport, OrderStatus, Side
from ratchet.domain.rebound import Watch
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import OrderChanged
from ratchet.exchange import certainty
from ratchet.exchange.errors import NotSent
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.spot_client import SpotClient
from ratchet.ledger.errors import LedgerUnavailable
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.notices import Noticeboard
from ratchet.rebound.status import SymbolStatus
from ratchet.rebound.terms import Terms
from ratchet.rebound.watcher import SymbolWatcher
from tests.unit.ratchet.ledger.test_ledger import url_of
from tests.unit.ratchet.ledger.test_spot_books import a_kept_case
from tests.unit.ratchet.rebound.bought import NOW_MS, TRUMP, a_fill
from tests.unit.ratchet.rebound.test_seller import Exchange


class Away(Exchange):
    """Cannot be reached while it is away."""

    is_away = False

    async def fetch_last_fill(self, symbol: Symbol) -> Fill:
        if self.is_away:
            raise NotSent("no answer")
        return await super().fetch_last_fill(symbol)

    async def fetch_open_orders(self, _symbol: Symbol) -> list[OrderReport]:
        return list(self.placed.values())


class Bench:
    """A watcher, an exchange and books."""

    def __init__(self, books: SpotBooks) -> None:
        self.exchange = Away()
        self.clock = LockstepClock(NOW_MS)
        self.books = books
        self.terms = Terms(settings=ReboundSettings, recv_window_ms=5_000, noticeboard=Noticeboard())
        self.watcher = SymbolWatcher(TRUMP, cast("SpotClient", self.exchange), books, self.clock, self.terms)

    async def until(self, wanted: Callable[[SymbolStatus], bool]) -> SymbolStatus:
        async with asyncio.timeout(10):
            while not wanted(found := self.watcher.status(None)):  # noqa: ASYNC110 - a status tells nobody
                await asyncio.sleep(0.01)
        return found

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.watcher.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(certainty, "PAUSE_FIRST_S", 0.0)
    ledger = await Ledger.open(url_of(tmp_path / "ledger.db"))
    books = await SpotBooks.on(ledger)
    await books.watch(TRUMP, Watch(start_id=10, seen_id=10), at_ms=NOW_MS)
    yield Bench(books)
    await ledger.close()


async def test_trouble_has_a_beginning_and_an_end(bench: Bench) -> None:
    bench.exchange.is_away = True
    async with bench.running():
        troubled = await bench.until(lambda status: bool(status.trouble))
        assert (troubled.trouble, troubled.is_ledger_in_trouble) == ("no answer", False)
        assert (troubled.trouble_since_ms, troubled.profit) == (NOW_MS, None)
        bench.clock.advance(NOW_MS + 1_000)
        await bench.until(lambda _: bench.watcher._failures == 2)
        assert bench.watcher.status(None).trouble_since_ms == NOW_MS
        bench.exchange.is_away = False
        bench.clock.advance(NOW_MS + 10_000)
        well = await bench.until(lambda status: not status.trouble)
        assert (well.trouble_since_ms, well.looked_ms, well.profit) == (None, NOW_MS + 10_000, Decimal(0))


async def test_trouble_of_the_ledger_is_told_as_that(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise LedgerUnavailable("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(bench.books, "watch", refuse)
        async with bench.running():
            troubled = await bench.until(lambda status: bool(status.trouble))
            assert (troubled.trouble, troubled.is_ledger_in_trouble) == ("the disk is full", True)
            full.undo()
            bench.clock.advance(NOW_MS + 10_000)
            await bench.until(lambda status: not status.is_ledger_in_trouble and status.looked_ms is not None)


async def test_what_a_sell_brings_is_counted_at_once_and_remembered(bench: Bench) -> None:
    await a_kept_case(bench.books)  # 10 bought at 8
    async with bench.running():
        await bench.until(lambda _: bool(bench.exchange.placed))
        [(name, report)] = bench.exchange.placed.items()
        for number, quantity in ((12, "4"), (13, "6")):
            filled = replace(
                a_fill(number, quantity, "8.08", side=Side.SELL), order_id=OrderId(100), client_order_id=name
            )
            part = replace(report, status=OrderStatus.PARTIALLY_FILLED, quantity_filled=Decimal(quantity))
            bench.watcher.on_changed(OrderChanged(report=part, fill=filled))
        found = await bench.until(lambda status: status.profit == Decimal("0.80"))
    assert (await bench.books.remember(TRUMP)).profit == found.profit


async def test_what_is_gathered_is_as_old_as_its_first_execution(bench: Bench) -> None:
    bench.terms.gate.held_back = "paused by cli"
    async with bench.running():
        await bench.until(lambda status: status.looked_ms is not None)
        for number, at_ms in ((13, NOW_MS), (12, NOW_MS - 400)):
            fill = replace(a_fill(number, "1", "8"), at_ms=at_ms)
            bought = replace(_buy(), quantity_filled=Decimal(2))
            bench.watcher.on_changed(OrderChanged(report=bought, fill=fill))
        found = await bench.until(lambda status: status.gathered == 2)
    assert found.gathered_ms == (NOW_MS - 400,)


def _buy() -> OrderReport:
    fill = a_fill(12, "1", "8")
    assert fill.client_order_id is not None
    return OrderReport(
        client_order_id=fill.client_order_id,
        order_id=fill.order_id,
        symbol=TRUMP,
        side=Side.BUY,
        status=OrderStatus.PARTIALLY_FILLED,
        quantity=Decimal(10),
        quantity_filled=Decimal(1),
        price_average=Decimal(8),
        reduce_only=False,
        updated_ms=NOW_MS,
    )
