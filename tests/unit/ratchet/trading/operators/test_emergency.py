"""An emergency: its flag on the disk, no entry that leaves, and a protector that lets nothing be held."""

from decimal import Decimal
from pathlib import Path

import pytest

from ratchet.domain.identity import ClientOrderId
from ratchet.domain.order import MarketOrder, OrderStatus, Side
from ratchet.exchange.errors import Meaning
from ratchet.ledger.operator_events import Deed, OperatorEvent
from ratchet.trading.operators.emergency import Emergency, FlagFile, NoFlag, flag_beside
from ratchet.trading.protection.executor import EntriesBarred, Executor
from tests.unit.ratchet.trading.account import SYMBOL, in_the_world, refusal
from tests.unit.ratchet.trading.protected import Bench

PANIC = OperatorEvent(at_ms=1_750_000_000_000, who="telegram 7", what=Deed.PANIC)


async def test_the_flag_is_found_again_until_it_is_taken_away(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/new/ledger.db"
    assert not flag_beside(url).stands()
    await flag_beside(url).leave(PANIC)
    assert (tmp_path / "new" / "ledger.db.EMERGENCY").exists()
    following = flag_beside(url)
    assert following.stands()
    assert following.read() == PANIC
    await following.take_away()
    await following.take_away()
    assert following.read() is None


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"at_ms": "soon"}'])
def test_a_flag_that_cannot_be_read_stands_all_the_same(tmp_path: Path, content: str) -> None:
    path = tmp_path / "flag"
    path.write_text(content)
    found = FlagFile(path).read()
    assert found is not None
    assert found.what is Deed.PANIC


async def test_a_ledger_without_a_file_has_no_place_for_a_flag() -> None:
    flag = flag_beside("sqlite+aiosqlite:///:memory:")
    assert isinstance(flag, NoFlag)
    with pytest.raises(OSError, match="no place"):
        await flag.leave(PANIC)


async def test_a_flag_left_by_another_process_bars_entries_at_once(tmp_path: Path) -> None:
    emergency = Emergency(FlagFile(tmp_path / "flag"))
    assert not emergency.bars_entries()
    await FlagFile(tmp_path / "flag").leave(PANIC)
    assert not emergency.stands
    assert emergency.bars_entries()


def an_order(name: str, *, reduce_only: bool) -> MarketOrder:
    return MarketOrder(
        client_order_id=ClientOrderId(name), symbol=SYMBOL, side=Side.BUY, quantity=Decimal(1), reduce_only=reduce_only
    )


def test_nothing_that_opens_is_sent_and_what_reduces_is() -> None:
    bench = Bench()
    executor = Executor(bench.account, bench.noted, lambda: True)

    async def live() -> None:
        with pytest.raises(EntriesBarred):
            await executor.place(an_order("entry", reduce_only=False))
        assert bench.account.count("place") == 0
        bench.account.hold("-1", is_told=False)
        assert (await executor.place(an_order("close", reduce_only=True))).status is OrderStatus.FILLED

    in_the_world(bench.world, live())
    assert bench.noted.statuses[:2] == [("entry", OrderStatus.SENT), ("entry", OrderStatus.REJECTED)]


def test_whatever_comes_to_be_held_is_closed_until_it_is_called_off() -> None:
    bench = Bench()

    async def live() -> None:
        bench.protector.ignore(SYMBOL)
        bench.account.hold("3")
        await bench.settled()
        assert bench.account.held == 3, "another hand's, by policy left alone"
        bench.protector.close_all("panic")
        await bench.settled()
        assert bench.account.held == 0
        bench.account.hold("-2")
        await bench.settled()
        assert bench.account.held == 0
        assert bench.account.waiting == []
        bench.protector.call_off()
        bench.protector.heed(SYMBOL)
        bench.account.hold("1")
        await bench.settled()
        assert bench.account.held == 1
        assert len(bench.account.waiting) == 1

    bench.run(live)
    assert bench.told.closings == ["panic", "panic"]


def test_a_start_does_not_wait_for_a_market_that_is_closed_and_goes_on_with_it() -> None:
    bench = Bench()
    bench.account.hold("3", is_told=False)
    bench.account.troubles["place"] += [refusal(-4141, Meaning.NOT_TRADING)] * 3

    async def before() -> None:
        bench.protector.close_all("panic")
        bench.protector.on_positions(await bench.account.fetch_positions(), bench.clock.elapsed_ms())
        await bench.protector.settle_all()
        assert "its market takes no orders" in bench.protector.why_held(SYMBOL)

    async def live() -> None:
        await bench.settled()
        assert bench.account.held == 0

    bench.run(live, before)
    assert bench.account.count("place") == 4
