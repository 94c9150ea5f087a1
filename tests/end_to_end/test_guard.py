"""The guardian as its own process on a running exchange, in real time: what it protects, what it closes, what it leaves
alone, and what it survives."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ratchet.domain.order import Side
from tests.end_to_end.guarded import SYMBOL, Hand, a_guard, a_hand, end, environment, eventually, is_running, said
from tests.end_to_end.proxy import Fault, a_proxy
from tests.service_manager import ServiceManager
from tests.wire.conftest import Venue
from tests.wire.signed import signing

START_S = 15.0  # for a process to start on a busy machine
PROTECTED_WITHIN_S = 3.0
ALGO = "/fapi/v1/algoOrder"


async def named_by_guardian(hand: Hand) -> bool:
    return any(stop.client_order_id.startswith("rg-") for stop in await hand.stops())


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
async def test_a_position_opened_by_hand_has_its_stop_three_seconds_after_the_first_look(
    venue: Venue, tmp_path: Path, side: Side
) -> None:
    async with a_hand(venue) as hand:
        position = await hand.opens(side)
        async with a_guard(environment(venue, tmp_path), tmp_path) as guard:
            await guard.begins()
            assert await eventually(hand.is_covered) < PROTECTED_WITHIN_S
            [stop] = await hand.stops()
            assert await guard.ends() == 0
    assert stop.client_order_id.startswith("rg-")
    assert (stop.side, stop.quantity, stop.closes_position) == (side.opposite, position.quantity, False)
    distance = side.sign * (position.price_entry - stop.price_trigger) / position.price_entry
    assert 0.0199 < distance < 0.0201
    [placed] = guard.said("stop_placed")
    assert placed["client_order_id"] == stop.client_order_id
    assert guard.said("position_closing") == []


async def test_a_position_opened_while_it_looks_is_protected_in_time(venue: Venue, tmp_path: Path) -> None:
    async with a_hand(venue) as hand, a_guard(environment(venue, tmp_path), tmp_path) as guard:
        await guard.begins()
        await hand.opens()
        assert await eventually(hand.is_covered) < PROTECTED_WITHIN_S


async def test_a_position_whose_stop_would_be_beyond_the_price_is_closed(venue: Venue, tmp_path: Path) -> None:
    async with a_hand(venue) as hand:
        await hand.opens()
        async with signing(venue) as exchange:
            gap = json.dumps({"act": "gap", "symbol": SYMBOL, "fraction": "-0.01"})
            answer = await exchange.send("POST", "/localbinance/act", {"act": gap}, signed=False)
            assert answer.status == 200, answer.body
        async with a_guard(environment(venue, tmp_path, BRACKET__STOP_FRACTION="0.001"), tmp_path) as guard:
            await eventually(hand.is_flat)
    assert "-2021" in guard.said("position_closing")[0]["reason"]
    assert guard.said("stop_placed") == []


async def test_a_covered_position_is_left_alone_and_a_cover_that_vanishes_is_replaced(
    venue: Venue, tmp_path: Path
) -> None:
    async with a_hand(venue) as hand:
        position = await hand.opens()
        covers = [await hand.places_stop(position, "0.05", position.quantity / 2) for _ in range(2)]
        environ = environment(venue, tmp_path, GUARD__INTERVAL_S="0.2", GUARD__GRACE_S="0.5")
        async with a_proxy(venue.http.removeprefix("http://")) as proxy:
            asked: list[str] = []
            proxy.on_request = lambda method, path, _: asked.append(f"{method} {path.rpartition('/')[2]}")
            async with a_guard(environ | {"RATCHET_EXCHANGE__HTTP_URL": f"http://{proxy.address}"}, tmp_path):
                await eventually(lambda: asked.count("GET openAlgoOrders") >= 10)
                assert {stop.client_order_id for stop in await hand.stops()} == set(covers)
                await hand.client.cancel_stop(SYMBOL, covers[0])
                assert await eventually(lambda: named_by_guardian(hand)) < PROTECTED_WITHIN_S
                looks = asked.count("GET openAlgoOrders")
                await eventually(lambda: asked.count("GET openAlgoOrders") >= looks + 10)
        left, added = sorted(await hand.stops(), key=lambda stop: stop.quantity)
        assert left.client_order_id == covers[1], "it cancels nothing, surplus as it may be"
        assert added.quantity == position.quantity
        assert [what for what in asked if not what.startswith("GET")] == ["POST algoOrder"]


async def test_a_stop_on_the_side_that_opens_is_no_cover(venue: Venue, tmp_path: Path) -> None:
    async with a_hand(venue) as hand:
        position = await hand.opens()
        wrong = await hand.opens_by_stop(position)
        async with a_guard(environment(venue, tmp_path), tmp_path):
            await eventually(lambda: named_by_guardian(hand))
        assert wrong in {stop.client_order_id for stop in await hand.stops()}


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.LOSE_REQUEST, Fault.BROKEN_FRONT, Fault.TIMED_OUT])
async def test_a_stop_without_an_answer_stands_once(venue: Venue, tmp_path: Path, fault: Fault) -> None:
    async with a_hand(venue) as hand, a_proxy(venue.http.removeprefix("http://")) as proxy:
        rule = proxy.fail("POST", ALGO, fault, times=2)
        looks: list[str] = []
        proxy.on_request = lambda _method, path, _: looks.append(path)
        await hand.opens()
        async with a_guard(environment(venue, tmp_path, http=f"http://{proxy.address}"), tmp_path) as guard:
            await guard.begins()
            assert await eventually(hand.is_covered) < PROTECTED_WITHIN_S + 1
            before = len(looks)
            await eventually(lambda: len(looks) > before + 6)
        assert rule.done >= 1
        assert len(await hand.stops()) == 1


async def test_it_outlives_an_exchange_that_goes_away_and_says_so_once(venue: Venue, tmp_path: Path) -> None:
    async with a_hand(venue) as hand, a_proxy(venue.http.removeprefix("http://")) as proxy:
        proxy.down = True
        await hand.opens()
        async with a_guard(environment(venue, tmp_path, http=f"http://{proxy.address}"), tmp_path) as guard:
            await eventually(lambda: bool(guard.said("exchange_out_of_reach")))
            proxy.down = False
            await eventually(hand.is_covered)
            proxy.down = True
            await eventually(lambda: len(guard.said("exchange_out_of_reach")) == 2)
            for stop in await hand.stops():
                await hand.client.cancel_stop(SYMBOL, stop.client_order_id)
            await asyncio.wait_for(refused(proxy.address, times=12), 30)
            proxy.down = False
            await eventually(hand.is_covered)
            await eventually(lambda: len(guard.said("exchange_within_reach")) == 2)
        assert len(guard.said("exchange_out_of_reach")) == 2


async def refused(address: str, times: int) -> None:
    """Come to see for oneself so many times that nobody answers: some seconds pass in it for everyone."""
    host, port = address.split(":")
    for _ in range(times):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.read()
        writer.close()


async def test_a_stop_that_triggered_and_filled_is_the_end_of_it(venue: Venue, tmp_path: Path) -> None:
    """The trader's stop goes off beside the guardian: it closes nothing a second time and opens nothing."""
    async with a_hand(venue) as hand, a_guard(environment(venue, tmp_path), tmp_path) as guard:
        await guard.begins()
        position = await hand.opens()
        await hand.places_stop(position, "0.01")
        await hand.moves_the_price("-0.012")
        await eventually(hand.is_flat)
        assert guard.said("position_closing") == []


# The process ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("GUARD__INTERVAL_S", "0", 'environment: RATCHET_GUARD__INTERVAL_S is "0", 0.2 or more is wanted'),
        ("GUARD__API_KEY", "abcdefgh", "RATCHET_GUARD__API_SECRET is not usable, both or none are wanted"),
        ("GUARD__GRACE", "1", "RATCHET_GUARD__GRACE is not a setting"),
    ],
)
async def test_bad_settings_get_one_line(
    venue: Venue, tmp_path: Path, setting: str, value: str, complaint: str
) -> None:
    environ = environment(venue, tmp_path, **{setting: value})
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ratchet", "guard", cwd=tmp_path, env=environ, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(START_S):
        _, error = await process.communicate()
    assert process.returncode == 2
    [line] = error.decode().splitlines()
    assert complaint in line


async def test_it_tells_systemd_that_it_is_ready_alive_and_ending(venue: Venue, tmp_path: Path) -> None:
    with ServiceManager.at(tmp_path / "notify") as manager:
        environ = environment(venue, tmp_path) | {"NOTIFY_SOCKET": manager.address}
        async with a_guard(environ, tmp_path) as guard:
            assert await asyncio.to_thread(manager.hears, "WATCHDOG=1", times=2)
            assert await guard.ends() == 0
        assert manager.hears("STOPPING=1")
    assert manager.words[0] == "READY=1"
    assert manager.words[-1] == "STOPPING=1"
    assert manager.heard[1] == ["READY=1", "WATCHDOG=1", "STATUS=0 positions, all looked at"]


async def test_a_second_one_waits_for_the_end_of_the_first(venue: Venue, tmp_path: Path) -> None:
    environ = environment(venue, tmp_path)
    second_folder = tmp_path / "second"
    second_folder.mkdir()
    async with a_guard(environ, tmp_path) as first:
        await first.begins()
        async with a_guard(environ | {"RATCHET_LOG_DIR": str(second_folder)}, second_folder) as second:
            await eventually(lambda: bool(second.said("another_guardian_is_looking")))
            assert second.said("guardian_looking") == []
            first.process.send_signal(signal.SIGKILL)
            await second.begins()


# The trader's child --------------------------------------------------------------------------------------------------

TRADER = """
import asyncio, sys
from ratchet.config.settings import load_settings
from ratchet.guardian.child import guardian_child

async def trade(is_flat):
    async with guardian_child(load_settings(), lambda: is_flat) as child:
        known = None
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        over = asyncio.create_task(lines.readline())
        while not over.done():
            if child.pid != known and child.pid is not None:
                known = child.pid
                print("pid", known, flush=True)
            await asyncio.wait((over,), timeout=0.05)

asyncio.run(trade(sys.argv[1] == "flat"))
"""


class Trader:
    """A process that starts a guardian, says its process ids, and ends at a line of input."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def guardian(self) -> int:
        """The next process id it says."""
        return int((await self.line_with(b"pid ")).removeprefix(b"pid "))

    async def line_with(self, words: bytes) -> bytes:
        """The next line it says with these words in it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(START_S):
            while words not in (line := await self.process.stdout.readline()):
                assert line, "the trader has ended"
            return line

    async def ends(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        async with asyncio.timeout(START_S):
            assert await self.process.wait() == 0

    async def is_killed(self) -> None:
        """As Ctrl-C would take a whole group along, so is this one."""
        os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


@asynccontextmanager
async def a_trader(environ: dict[str, str], folder: Path, *, is_flat: bool = True) -> AsyncIterator[Trader]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        TRADER,
        "flat" if is_flat else "held",
        cwd=folder,
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield Trader(process)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def test_a_traders_guardian_comes_back_when_it_is_killed_and_protects(venue: Venue, tmp_path: Path) -> None:
    async with a_hand(venue) as hand, a_trader(environment(venue, tmp_path), tmp_path) as trader:
        first = await trader.guardian()
        await eventually(lambda: bool(said(tmp_path, "guardian_status")))
        os.kill(first, signal.SIGKILL)
        await hand.opens()
        second = await trader.guardian()
        assert second != first
        await eventually(hand.is_covered)
        await trader.ends()
        await eventually(lambda: not is_running(second))


async def test_a_traders_guardian_is_ended_with_it_when_nothing_is_held(venue: Venue, tmp_path: Path) -> None:
    async with a_trader(environment(venue, tmp_path), tmp_path) as trader:
        pid = await trader.guardian()
        await eventually(lambda: bool(said(tmp_path, "guardian_status")))
        await trader.ends()
        assert not is_running(pid)


async def test_a_traders_guardian_stays_when_something_is_held(venue: Venue, tmp_path: Path) -> None:
    async with a_hand(venue) as hand, a_trader(environment(venue, tmp_path), tmp_path, is_flat=False) as trader:
        pid = await trader.guardian()
        await eventually(lambda: bool(said(tmp_path, "guardian_status")))
        await trader.ends()
        try:
            await hand.opens()
            await eventually(hand.is_covered)
        finally:
            await end(pid)


async def test_a_guardian_outlives_its_trader_protects_and_ends_when_nothing_has_been_held_for_long(
    venue: Venue, tmp_path: Path
) -> None:
    environ = environment(venue, tmp_path, GUARD__IDLE_END_MINUTES="0.05", GUARD__INTERVAL_S="0.2")
    async with a_hand(venue) as hand, a_trader(environ, tmp_path) as trader:
        pid = await trader.guardian()
        await eventually(lambda: bool(said(tmp_path, "guardian_status")))
        await hand.opens()
        await trader.is_killed()
        try:
            await eventually(hand.is_covered)
            assert is_running(pid)
            await hand.closes()
            assert await eventually(lambda: not is_running(pid)) > 2
        finally:
            await end(pid)
    assert said(tmp_path, "guardian_not_needed")


async def test_a_restarted_traders_guardian_waits_and_takes_over_when_the_old_one_goes(
    venue: Venue, tmp_path: Path
) -> None:
    environ = environment(venue, tmp_path)
    async with a_trader(environ, tmp_path) as killed:
        old = await killed.guardian()
        await eventually(lambda: bool(said(tmp_path, "guardian_looking")))
        await killed.is_killed()
        async with a_trader(environ, tmp_path) as trader:
            new = await trader.guardian()
            await eventually(lambda: bool(said(tmp_path, "another_guardian_is_looking")))
            assert is_running(old)
            await end(old)
            await eventually(lambda: len(said(tmp_path, "guardian_looking")) == 2)
            await trader.ends()
            assert not is_running(new)


async def test_a_guardian_that_cannot_start_is_told_with_its_own_words(venue: Venue, tmp_path: Path) -> None:
    (tmp_path / "guardian").write_text("in the way of its log")
    async with a_trader(environment(venue, tmp_path), tmp_path) as trader:
        died = (await trader.line_with(b"guardian_died")).decode()
        assert "code=2" in died
        assert "cannot be written" in died
        await trader.line_with(b"guardian_started")
        await trader.ends()
