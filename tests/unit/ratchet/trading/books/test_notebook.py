"""A disk that is locked, full or slow: nothing is lost, nothing changes places, and nobody waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

import pytest

from ratchet.domain.bracket import Bracket
from ratchet.domain.identity import ClientOrderId, OrderId, TradeId
from ratchet.domain.order import LimitOrder, MarketOrder, OrderStatus, Origin, Role, Side, StopOrder
from ratchet.drill.memory_ledger import Disk
from ratchet.drill.world import World
from ratchet.ledger.errors import LedgerError, LedgerUnavailable
from ratchet.ledger.ledger import Ledger
from ratchet.trading.books import notebook as notebook_module
from ratchet.trading.books.notebook import Notebook
from tests.unit.ratchet.trading.account import SYMBOL, VirtualClock, a_fill, in_the_world
from tests.unit.ratchet.trading.protected import Bench

ENTRY = MarketOrder(client_order_id=ClientOrderId("rt-a-1-entry0"), symbol=SYMBOL, side=Side.BUY, quantity=Decimal(10))
ENTRY_NAME, ENTRY_NUMBER = ENTRY.client_order_id, OrderId(7)
TRADE = TradeId(1)
BRACKET = Bracket(
    symbol=SYMBOL,
    side=Side.BUY,
    quantity=Decimal(10),
    price_entry=Decimal(100),
    price_stop=Decimal(98),
    rungs=(),
    hold_ms_max=None,
)


class Written:
    """A notebook over a ledger on a disk, with a trade in it."""

    def __init__(self) -> None:
        self.world = World()
        self.clock = VirtualClock(self.world)
        self.disk = Disk()
        self.troubles: list[str] = []

    def run(self, live: Callable[[Notebook, Ledger], Awaitable[None]]) -> None:
        """Have the notebook write while a test goes on."""

        async def both() -> None:
            ledger = await self.disk.open_ledger()
            await ledger.record_trade(TRADE, BRACKET, "test", [], profile="test", at_ms=0)
            notebook = Notebook(ledger, self.clock, on_trouble=self.troubles.append)
            writing = asyncio.create_task(notebook.run())
            try:
                await live(notebook, ledger)
            finally:
                writing.cancel()
                await asyncio.wait((writing,))
                await ledger.close()

        try:
            in_the_world(self.world, both())
        finally:
            self.disk.close()


def a_trades_life(notebook: Notebook) -> None:
    notebook.intents(TRADE, [(Role.ENTRY, ENTRY)])
    notebook.status(ENTRY_NAME, OrderStatus.SENT)
    notebook.status(ENTRY_NAME, OrderStatus.FILLED, order_id=ENTRY_NUMBER)
    notebook.fill(a_fill(int(ENTRY_NUMBER), ENTRY_NAME, Side.BUY, Decimal(10), 5), TRADE)
    notebook.gap(TRADE, SYMBOL, Decimal(-1), Decimal(100), "no fill explains it")
    notebook.naked(TRADE, 12.5)
    notebook.trade_closed(TRADE, "stop")


async def has_it_all(ledger: Ledger) -> None:
    [order] = await ledger.orders_of(TRADE)
    assert (order.status, order.order_id) == (OrderStatus.FILLED.value, int(ENTRY_NUMBER))
    [fill] = await ledger.fills_of(TRADE)
    assert fill.client_order_id == ENTRY_NAME
    [gap] = await ledger.gaps_of(TRADE)
    assert gap.quantity == -1
    trade = await ledger.trade(TRADE)
    assert trade is not None
    assert (trade.naked_ms, trade.reason) == (12.5, "stop")


@pytest.mark.parametrize(
    ("trouble", "said"), [("database is locked", "another process"), ("database or disk is full", "full")]
)
def test_what_happened_while_the_disk_was_in_trouble_is_written_once_it_is_well_again(trouble: str, said: str) -> None:
    written = Written()

    async def live(notebook: Notebook, ledger: Ledger) -> None:
        written.disk.trouble = trouble
        a_trades_life(notebook)
        assert not await notebook.written(5)
        assert await ledger.orders_of(TRADE) == []
        assert len(written.troubles) == 1
        assert said in written.troubles[0]
        written.disk.trouble = ""
        assert await notebook.written(5)
        await has_it_all(ledger)

    written.run(live)
    assert len(written.troubles) == 2
    assert written.troubles[1] == ""


def test_a_well_disk_is_written_at_once_and_nobody_is_told_of_it() -> None:
    written = Written()

    async def live(notebook: Notebook, ledger: Ledger) -> None:
        a_trades_life(notebook)
        assert await notebook.written(1)
        await has_it_all(ledger)

    written.run(live)
    assert written.world.now_ms == 0
    assert not written.troubles


def test_what_comes_while_the_disk_is_in_trouble_is_written_after_what_came_before() -> None:
    written = Written()

    async def live(notebook: Notebook, ledger: Ledger) -> None:
        written.disk.trouble = "database is locked"
        notebook.intents(TRADE, [(Role.ENTRY, ENTRY)])
        await asyncio.sleep(1)
        notebook.status(ENTRY_NAME, OrderStatus.FILLED, order_id=ENTRY_NUMBER)
        await asyncio.sleep(1)
        written.disk.trouble = ""
        assert await notebook.written(5)
        [order] = await ledger.orders_of(TRADE)
        assert order.status == OrderStatus.FILLED.value

    written.run(live)


def test_a_note_that_the_ledger_refuses_takes_no_other_with_it() -> None:
    written = Written()

    async def live(notebook: Notebook, ledger: Ledger) -> None:
        notebook.status(ClientOrderId("rt-a-9-entry0"), OrderStatus.SENT)  # which the ledger does not know
        a_trades_life(notebook)
        notebook.trade_closed(TradeId(99), "of no trade")
        assert await notebook.written(1)
        await has_it_all(ledger)

    written.run(live)
    assert not written.troubles


def test_more_notes_than_are_kept_are_dropped_and_the_rest_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_module, "WAITING_MAX", 2)
    written = Written()

    async def live(notebook: Notebook, ledger: Ledger) -> None:
        notebook.intents(TRADE, [(Role.ENTRY, ENTRY)])
        notebook.status(ENTRY_NAME, OrderStatus.SENT)
        notebook.status(ENTRY_NAME, OrderStatus.FILLED)
        assert await notebook.written(1)
        [order] = await ledger.orders_of(TRADE)
        assert order.status == OrderStatus.SENT.value

    written.run(live)


# A ledger that does as it is told -----------------------------------------------------------------------------------


class Scripted(Ledger):
    """Knows intents and marks only; every commit takes its time."""

    def __init__(self, commit_s: float = 0.0) -> None:
        self.unavailable = 0  # how many intents are turned away next
        self.written: list[str] = []
        self._commit_s = commit_s

    async def record_intents(
        self,
        trade_id: TradeId | None,
        orders: Sequence[tuple[Role, MarketOrder | LimitOrder | StopOrder]],
        *,
        at_ms: int,
        origin: Origin = Origin.SYSTEM,
    ) -> None:
        """An intent."""
        await asyncio.sleep(self._commit_s)
        if self.unavailable:
            self.unavailable -= 1
            raise LedgerUnavailable("locked")
        self.written += [order.client_order_id for _, order in orders]

    async def mark(
        self,
        name: ClientOrderId,
        status: OrderStatus,
        *,
        at_ms: int,
        order_id: OrderId | None = None,
        reason: str = "",
    ) -> None:
        """A mark; refused where there is no intent."""
        await asyncio.sleep(self._commit_s)
        if name not in self.written:
            raise LedgerError(f"order {name} is not in the ledger")
        self.written.append(f"{name} {status}")


def test_a_note_that_was_refused_only_for_want_of_one_before_it_is_written_after_it() -> None:
    """More notes than go into one commit: the first one fails, and the next one goes through."""
    world, ledger = World(), Scripted()

    async def live() -> None:
        notebook = Notebook(ledger, VirtualClock(world), on_trouble=lambda _reason: None)
        writing = asyncio.create_task(notebook.run())
        ledger.unavailable = 2
        notebook.intents(TRADE, [(Role.ENTRY, ENTRY)])
        notebook.status(ENTRY_NAME, OrderStatus.SENT)
        assert await notebook.written(5)
        writing.cancel()
        await asyncio.wait((writing,))

    in_the_world(world, live())
    assert ledger.written == [ENTRY_NAME, f"{ENTRY_NAME} SENT"]


def test_protection_does_not_wait_for_a_disk_that_never_answers() -> None:
    world = World()
    notebook = Notebook(Scripted(commit_s=1e6), VirtualClock(world), on_trouble=lambda _reason: None)
    bench = Bench(notebook)

    async def live() -> None:
        writing = asyncio.create_task(notebook.run())
        bench.account.hold("10")
        assert await bench.settled()
        writing.cancel()
        await asyncio.wait((writing,))

    bench.run(live)
    assert bench.the_stop().quantity == Decimal(10)
    assert bench.told.naked_ms == [10.0]


def test_a_trade_is_begun_after_the_end_of_the_one_before_it_is_on_the_disk() -> None:
    written = Written()

    async def live(notebook: Notebook, ledger: Ledger) -> None:
        notebook.naked(TRADE, 1.0)
        await asyncio.sleep(0)  # a first commit is under way: what is noted now has to wait for the next
        notebook.trade_closed(TRADE, "stop")
        await notebook.write(lambda: ledger.record_trade(TradeId(2), BRACKET, "test", [], profile="test", at_ms=1), 5)
        assert [trade.id for trade in await ledger.open_trades()] == [2]

    written.run(live)


def test_a_trade_that_cannot_be_written_in_time_is_told_and_never_written() -> None:
    written = Written()

    async def live(notebook: Notebook, ledger: Ledger) -> None:
        written.disk.trouble = "database is locked"
        notebook.trade_closed(TRADE, "stop")
        await asyncio.sleep(0.01)
        with pytest.raises(LedgerUnavailable, match="came before"):
            await notebook.write(
                lambda: ledger.record_trade(TradeId(2), BRACKET, "test", [], profile="test", at_ms=1), 0.1
            )
        written.disk.trouble = ""
        assert await notebook.written(5)
        assert await ledger.open_trades() == []

    written.run(live)
