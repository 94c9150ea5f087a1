"""Panic, in whatever state it is ordered: real processes on a running exchange with its faults. Whether it ends flat is
asked of the exchange alone, by requests that no code of the trader makes."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ratchet.config.settings import Settings, load_settings
from ratchet.domain.order import Side
from ratchet.trading.operators.panic import PanicReport
from ratchet.trading.operators.panic_directly import panic_directly
from tests.end_to_end.guarded import a_guard, environment, eventually
from tests.end_to_end.killing import Mortal, Nest, Row, Scene, a_nest, a_scene, settings_of
from tests.wire.conftest import Venue, running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="traders are forked")

SOL, LINK, XRP = "SOLUSDC", "LINKUSDC", "XRPUSDC"
ORDER = "/fapi/v1/order"
PATIENCE_S = 30.0
HALTED = "entries halted"


@pytest.fixture(scope="module")
def nest() -> Iterator[Nest]:
    with a_nest() as it:
        yield it


@pytest.fixture
async def scene(nest: Nest, venue: Venue, tmp_path: Path) -> AsyncIterator[Scene]:
    async with a_scene(nest, venue, tmp_path) as it:
        yield it
        await it.judge.client.send("DELETE", "/localbinance/faults", signed=False)


async def put(scene: Scene, *faults: Row) -> None:
    """From now on these stand between the exchange and whoever asks it."""
    given = {"faults": json.dumps(faults)}
    answer = await scene.judge.client.send("POST", "/localbinance/faults", given, signed=False)
    assert answer.status == 200, answer.body


async def act(scene: Scene, **words: object) -> None:
    """The exchange does something."""
    answer = await scene.judge.client.send("POST", "/localbinance/act", {"act": json.dumps(words)}, signed=False)
    assert answer.status == 200, answer.body


def in_ms(length_ms: int) -> int:
    return int(time.time() * 1_000) + length_ms


async def tell(mortal: Mortal, **words: object) -> None:
    mortal.writer.write(json.dumps(words).encode() + b"\n")
    await mortal.writer.drain()


async def panics(mortal: Mortal, patience_s: float = PATIENCE_S) -> Row:
    """Order it, and hear what came of it."""
    words = len(mortal.told)
    await tell(mortal, panic="test", patience_s=patience_s)
    return await mortal.until("panicked", words)


async def holding(scene: Scene, *symbols: str) -> Mortal:
    """A trader in the middle of trades with their stops and ladders."""
    mortal = await scene.starts()
    for symbol, side in zip(symbols, (Side.BUY, Side.SELL), strict=False):
        await mortal.enters(symbol, side)
        await scene.has_ladder(symbol)
    return mortal


async def what_is_left(scene: Scene) -> list[Row]:
    """By the exchange's word."""
    positions: list[Row] = await scene.judge.ask("/fapi/v3/positionRisk")
    orders: list[Row] = await scene.judge.ask("/fapi/v1/openOrders")
    conditionals: list[Row] = await scene.judge.ask("/fapi/v1/openAlgoOrders")
    return [*(row for row in positions if Decimal(row["positionAmt"])), *orders, *conditionals]


async def assert_flat(scene: Scene, report: Row) -> None:
    """Now, and as the report says."""
    assert await what_is_left(scene) == []
    assert report["is_flat"], report
    assert report["left"] == []


async def assert_halted(mortal: Mortal, symbol: str = SOL) -> None:
    """No entry is let in."""
    words = len(mortal.told)
    await tell(mortal, enter=symbol, side="BUY")
    assert (await mortal.until("considered", words))["outcome"].startswith(HALTED)


async def assert_accounted(scene: Scene, *symbols: str) -> None:
    for symbol in symbols:
        await scene.judge.until_accounted(symbol)
        await scene.judge.assert_no_duplicates(symbol)


def settings_for(scene: Scene) -> Settings:
    none = Path(os.devnull)
    return load_settings(env_file=none, runtime_file=none, environ={}, overrides=settings_of(scene.venue))


async def panics_directly(scene: Scene, patience_s: float = PATIENCE_S) -> PanicReport:
    """As `ratchet panic` does where no trader answers."""
    ledger = f"sqlite+aiosqlite:///{scene.judge.ledger}"
    return await panic_directly(settings_for(scene), ledger, "test", patience_s=patience_s)


def flag_of(scene: Scene) -> Path:
    return scene.judge.ledger.with_name("ledger.db.EMERGENCY")


# A trader that answers -----------------------------------------------------------------------------------------------


async def test_in_the_middle_of_trades_and_while_paused_and_until_the_resume(scene: Scene) -> None:
    mortal = await holding(scene, SOL, LINK)
    await tell(mortal, pause="test")
    assert (await mortal.until("paused"))["is_written"]
    report = await panics(mortal)
    await assert_flat(scene, report)
    assert set(report["closed"]) == {SOL, LINK}
    assert sum("-stop" in name for name in report["cancelled"]) == 2
    assert sum("-rung" in name for name in report["cancelled"]) == 6
    await assert_halted(mortal)
    assert flag_of(scene).exists()
    await tell(mortal, resume="test")
    await mortal.until("resumed")
    assert not flag_of(scene).exists()
    await mortal.enters(SOL, Side.BUY)
    await scene.judge.until_held(SOL)
    await assert_accounted(scene, LINK)


async def test_one_symbol_is_closed_and_the_others_stay(scene: Scene) -> None:
    mortal = await holding(scene, SOL, LINK)
    held = (await scene.judge.held())[SOL]
    await tell(mortal, close=SOL, by="test")
    answer = await mortal.until("closed")
    assert (answer["is_flat"], Decimal(answer["held"])) == (True, held)
    assert list(await scene.judge.held()) == [LINK]
    await scene.judge.until_protected()
    await tell(mortal, close=XRP, by="test")
    assert (await mortal.until("closed", mortal.told.index(answer) + 1))["is_flat"], "nothing was held"
    await assert_accounted(scene, SOL)


async def test_stops_go_last(scene: Scene) -> None:
    mortal = await holding(scene, SOL)
    await panics(mortal)
    answer = await scene.judge.client.send("GET", "/localbinance/uncovered", signed=False)
    spells = [spell for spell in answer.body if spell["from_ms"] >= scene.judge.since_ms]
    assert all(spell["until_ms"] is not None and spell["requests_between"] <= 1 for spell in spells)


async def test_an_entry_that_fills_after_the_panic_began_is_closed(scene: Scene) -> None:
    mortal = await scene.starts()
    await put(scene, {"fault": "latency", "ms": 1_500, "method": "POST", "path": ORDER, "times": 1})
    await mortal.enters(SOL, Side.BUY)
    await mortal.until("entering")
    report = await panics(mortal)
    await assert_flat(scene, report)
    fills = await scene.judge.ask("/fapi/v1/userTrades", symbol=SOL, startTime=scene.judge.since_ms)
    assert len({fill["orderId"] for fill in fills}) == 2, "it did fill, and was closed"
    await assert_accounted(scene, SOL)


async def test_while_the_exchange_turns_requests_away(scene: Scene) -> None:
    mortal = await holding(scene, SOL, LINK)
    await put(
        scene,
        {"fault": "answer", "status": 429, "retry_after_s": 1, "path": "/fapi/*", "until_ms": in_ms(2_000)},
        {"fault": "answer", "ban_ms": 4_000, "path": "/fapi/*", "after": 4, "until_ms": in_ms(6_000)},
    )
    first = await panics(mortal, patience_s=1.0)
    assert not first["is_flat"]
    assert first["waits_for"], "it says what it waits for"
    await assert_flat(scene, await panics(mortal, 60.0))
    await assert_accounted(scene, SOL, LINK)


async def test_after_a_kill_in_its_middle_the_next_process_finds_the_flag_and_goes_on(scene: Scene) -> None:
    mortal = await holding(scene, SOL, LINK)
    await put(scene, {"fault": "answer", "status": 500, "method": "POST", "path": ORDER, "until_ms": in_ms(60_000)})
    assert not (await panics(mortal, patience_s=1.0))["is_flat"]
    await mortal.is_killed()
    assert len(await what_is_left(scene)) >= 2
    await scene.judge.client.send("DELETE", "/localbinance/faults", signed=False)
    following = await scene.starts()
    await assert_halted(following)
    await assert_flat(scene, await panics(following))
    await assert_accounted(scene, SOL, LINK)


async def test_while_the_streams_tell_nothing(scene: Scene) -> None:
    mortal = await holding(scene, SOL)
    await put(scene, {"fault": "silent", "route": "user"}, {"fault": "refuse_connection", "until_ms": in_ms(10_000)})
    await assert_flat(scene, await panics(mortal))


async def test_while_replies_are_lost(scene: Scene) -> None:
    mortal = await holding(scene, SOL, LINK)
    await put(
        scene,
        {"fault": "lose_reply", "method": "POST", "path": ORDER, "times": 3},
        {"fault": "lose_reply", "method": "DELETE", "times": 3},
    )
    await assert_flat(scene, await panics(mortal, 60.0))
    await assert_accounted(scene, SOL, LINK)


async def test_while_the_ledger_is_locked(scene: Scene) -> None:
    mortal = await holding(scene, SOL)
    with closing(sqlite3.connect(scene.judge.ledger, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        report = await panics(mortal)
        await assert_flat(scene, report)
        assert report["took_ms"] < 10_000
        assert flag_of(scene).exists(), "the flag does not need the ledger"
        other.execute("ROLLBACK")

    def is_recorded() -> bool:
        with closing(sqlite3.connect(scene.judge.ledger)) as book:
            [count] = book.execute("SELECT count(*) FROM operator_events WHERE what = 'panic'").fetchone()
        return bool(count == 1)

    await eventually(is_recorded)
    await assert_accounted(scene, SOL)


async def test_with_positions_and_orders_of_another_hand(scene: Scene) -> None:
    mortal = await holding(scene, SOL)
    hand = scene.judge.client
    [row] = [row for row in await scene.judge.ask("/fapi/v1/premiumIndex") if row["symbol"] == XRP]
    mark = Decimal(row["markPrice"]).quantize(Decimal("0.0001"))
    for wanted in (
        {"symbol": XRP, "side": "SELL", "type": "MARKET", "quantity": 40},
        {"symbol": LINK, "side": "BUY", "type": "LIMIT", "quantity": 2, "price": 9, "timeInForce": "GTC"},
    ):
        answer = await hand.send("POST", ORDER, {"newClientOrderId": f"hand-{time.time_ns()}"} | wanted)
        assert answer.status == 200, answer.body
    for wanted in (
        {"symbol": XRP, "side": "BUY", "type": "TAKE_PROFIT_MARKET", "triggerPrice": mark * Decimal("0.9")},
        {"symbol": LINK, "side": "BUY", "type": "STOP_MARKET", "triggerPrice": 90},
    ):
        name = {"algoType": "CONDITIONAL", "clientAlgoId": f"hand-{time.time_ns()}", "quantity": 2}
        answer = await hand.send("POST", "/fapi/v1/algoOrder", name | wanted)
        assert answer.status == 200, answer.body
    report = await panics(mortal)
    await assert_flat(scene, report)
    assert set(report["closed"]) == {SOL, XRP}
    assert sum(name.startswith("hand-") for name in report["cancelled"]) == 3


async def test_while_a_stop_is_being_triggered(scene: Scene) -> None:
    mortal = await holding(scene, SOL)
    await act(scene, act="stick_trigger", symbol=SOL, for_ms=60_000, stage="TRIGGERED")
    _, report = await asyncio.gather(scene.judge.moves_the_price(SOL, Decimal("-0.04")), panics(mortal))
    assert "is_flat" in report
    await assert_flat(scene, report)
    fills = await scene.judge.ask("/fapi/v1/userTrades", symbol=SOL, startTime=scene.judge.since_ms)
    sold = sum(Decimal(row["qty"]) * (1 if row["side"] == "BUY" else -1) for row in fills)
    assert sold == 0


async def test_a_symbol_whose_market_is_closed_is_said_to_be_left_and_why(nest: Nest, tmp_path: Path) -> None:
    async with running("--no-rate-limits") as venue, a_scene(nest, venue, tmp_path) as scene:
        mortal = await holding(scene, SOL, LINK)
        await act(scene, act="settle", symbol=SOL)
        report = await panics(mortal, patience_s=4.0)
        assert not report["is_flat"]
        assert [(symbol, "market takes no orders" in reason) for symbol, _, reason in report["left"]] == [(SOL, True)]
        assert [row["symbol"] for row in await what_is_left(scene)] == [SOL]
        assert SOL in report["waits_for"]
        await act(scene, act="settle", symbol=SOL, delivery_ms=in_ms(500))
        await assert_flat(scene, await panics(mortal))


# None that answers ---------------------------------------------------------------------------------------------------


async def test_directly_with_the_trader_dead_and_a_guardian_alive(scene: Scene) -> None:
    mortal = await holding(scene, SOL, LINK)
    await mortal.is_killed()
    async with a_guard(environment(scene.venue, scene.folder), scene.folder) as guard:
        await guard.begins()
        report = await panics_directly(scene)
        assert await what_is_left(scene) == []
        assert report.is_flat
        assert {symbol for symbol, _ in report.closed} == {SOL, LINK}
        await eventually(lambda: len(guard.said("position_gone")) >= 2)
        assert await what_is_left(scene) == [], "the guardian puts nothing back"
    following = await scene.starts()
    await assert_halted(following)
    await assert_accounted(scene, SOL, LINK)


async def test_directly_beside_a_trader_that_hangs_and_wakes_up_again(scene: Scene) -> None:
    mortal = await holding(scene, SOL)
    os.kill(mortal.pid, signal.SIGSTOP)
    report = await panics_directly(scene)
    assert await what_is_left(scene) == []
    assert report.is_flat
    await mortal.wakes()
    await assert_halted(mortal)
    await assert_accounted(scene, SOL)
    assert await what_is_left(scene) == []


async def test_directly_while_replies_are_lost_and_requests_turned_away(scene: Scene) -> None:
    mortal = await holding(scene, SOL, LINK)
    await mortal.is_killed()
    await put(
        scene,
        {"fault": "lose_reply", "method": "POST", "path": ORDER, "times": 2},
        {"fault": "answer", "status": 429, "retry_after_s": 1, "path": "/fapi/*", "until_ms": in_ms(2_000)},
    )
    report = await panics_directly(scene, 60.0)
    assert await what_is_left(scene) == []
    assert report.is_flat


async def test_directly_what_cannot_be_closed_is_said_to_be_left(nest: Nest, tmp_path: Path) -> None:
    async with running("--no-rate-limits") as venue, a_scene(nest, venue, tmp_path) as scene:
        mortal = await holding(scene, SOL)
        await mortal.is_killed()
        await act(scene, act="settle", symbol=SOL)
        report = await panics_directly(scene, 3.0)
        assert not report.is_flat
        left: Any = {each.symbol: each.reason for each in report.left if "position" in each.what}
        assert "market takes no orders" in left[SOL]
        await act(scene, act="settle", symbol=SOL, delivery_ms=in_ms(500))
        assert (await panics_directly(scene)).is_flat
