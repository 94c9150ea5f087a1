"""`ratchet trade` and `ratchet doctor` as the processes they are, on a running exchange in real time."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ratchet.domain.identity import LEASE_STOP
from tests.end_to_end.guarded import SYMBOL, Hand, a_hand, end, environment, eventually, is_running
from tests.end_to_end.proxy import a_proxy
from tests.wire.conftest import Venue
from tests.wire.signed import signing

START_S = 60.0  # for a process to start on a busy machine
END_S = 30.0
SOON_OVER = {"GUARD__IDLE_END_MINUTES": "0.03", "GUARD__INTERVAL_S": "0.2"}


@dataclass(slots=True)
class Trading:
    """A running `ratchet trade --json`."""

    process: asyncio.subprocess.Process
    folder: Path
    states: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.states.append(json.loads(line))

    async def overhear(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.said.append(line.decode().rstrip())

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log about something."""
        file = self.folder / "ratchet.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [row for row in map(json.loads, lines) if row["event"] == event]

    @property
    def guardian(self) -> int:
        """The process id of its guardian."""
        return int(self.logged("guardian_started")[-1]["pid"])

    async def until(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first state that is wanted."""
        await eventually(lambda: any(map(is_wanted, self.states)) or self._has_ended(), START_S)
        return next(state for state in self.states if is_wanted(state))

    async def enters(self) -> None:
        await self.until(lambda state: not state["entries_halted"])

    async def says(self, words: str) -> None:
        await eventually(lambda: any(words in line for line in self.said) or self._has_ended(), START_S)
        assert any(words in line for line in self.said), self.said

    async def ends(self, number: signal.Signals | None = signal.SIGTERM) -> int:
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(END_S if number else START_S):
            return await self.process.wait()

    def _has_ended(self) -> bool:
        assert self.process.returncode is None, self.said
        return False


@asynccontextmanager
async def a_trader(
    venue: Venue, folder: Path, *arguments: str, http: str | None = None, **settings: object
) -> AsyncIterator[Trading]:
    """Its ledger, log and locks are in the folder."""
    folder.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ratchet",
        "trade",
        "--json",
        *arguments,
        cwd=folder,
        env=environment(venue, folder, http, **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    trading = Trading(process, folder)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(trading.listen())
        tasks.create_task(trading.overhear())
        try:
            yield trading
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            for row in trading.logged("guardian_started"):
                await end(int(row["pid"]))
            if process.returncode is not None and process.returncode < 0:
                await release_for_the_dead(venue)


async def release_for_the_dead(venue: Venue) -> None:
    """Whoever was killed has left its lease, which would hold off the next test's trader for 90 s."""
    async with a_hand(venue) as hand:
        for stop in await hand.client.fetch_open_stops():
            await hand.client.cancel_stop(stop.symbol, stop.client_order_id)


@asynccontextmanager
async def capped_leverage(venue: Venue) -> AsyncIterator[None]:
    """The exchange cuts every leverage to 1."""
    async with signing(venue) as hand, AsyncExitStack() as stack:

        async def cap(leverage: int | None) -> None:
            act = {"act": "cap_leverage", "leverage": leverage}
            answer = await hand.send("POST", "/localbinance/act", {"act": json.dumps(act)}, signed=False)
            assert answer.status == 200, answer.body

        # What an earlier test has set is right by itself, and would not be asked for again.
        for row in (await hand.send("GET", "/fapi/v1/symbolConfig")).body:
            if row["symbol"].endswith("USDC"):
                await hand.send("POST", "/fapi/v1/leverage", {"symbol": row["symbol"], "leverage": 1})
        await cap(1)
        stack.push_async_callback(cap, None)
        yield


async def leases(hand: Hand) -> list[str]:
    names = [stop.client_order_id for stop in await hand.client.fetch_open_stops()]
    return [name for name in names if name.startswith(LEASE_STOP)]


async def has_nothing_left(hand: Hand) -> bool:
    return not await hand.client.fetch_open_stops()


async def test_it_protects_what_it_finds_trades_and_leaves_what_is_held_to_its_stops_and_the_guardian(
    venue: Venue, tmp_path: Path
) -> None:
    async with a_hand(venue) as hand, a_trader(venue, tmp_path / "t", **SOON_OVER) as trader:
        await hand.opens()
        await trader.enters()
        await eventually(hand.is_covered)
        [position] = (await trader.until(lambda state: bool(state["positions"])))["positions"]
        assert position["symbol"] == SYMBOL
        assert len(await leases(hand)) == 1
        assert is_running(trader.guardian)

        assert await trader.ends() == 0
        assert "something may be held" in trader.said[-1]
        assert await hand.position() is not None
        assert await hand.is_covered()
        assert await leases(hand) == []
        assert is_running(trader.guardian)

        await hand.closes()
        await eventually(lambda: not is_running(trader.guardian))


async def test_entries_are_off_until_the_preflight_passes_and_what_is_held_is_protected_meanwhile(
    venue: Venue, tmp_path: Path
) -> None:
    async with a_hand(venue) as hand, AsyncExitStack() as cap:
        await hand.opens()
        await cap.enter_async_context(capped_leverage(venue))
        async with a_trader(venue, tmp_path / "t", GUARD__GRACE_S="10") as trader:
            halted = await trader.until(lambda state: state["entries_halted"].startswith("preflight: symbols"))
            assert "change risk.leverage" in halted["entries_halted"]
            [stop] = await hand.stops()
            assert stop.client_order_id.startswith("rt-")  # the trader's own: its guardian still has patience
            assert await leases(hand) == []
            assert all(state["entries_halted"] for state in trader.states)
            await cap.aclose()
            await trader.enters()
            assert await trader.ends() == 0


async def test_a_second_trader_refuses_in_one_line_and_leaves_nothing(venue: Venue, tmp_path: Path) -> None:
    ledger = f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}"
    async with a_hand(venue) as hand, a_trader(venue, tmp_path / "first", LEDGER__URL=ledger) as first:
        await first.enters()
        before = await leases(hand)
        async with a_trader(venue, tmp_path / "of_another_ledger") as second:
            assert await second.ends(None) == 2
            await second.says("ratchet: another trader, run ")
            assert second.states == []
            assert second.logged("guardian_started") == []
        async with a_trader(venue, tmp_path / "of_the_same_ledger", LEDGER__URL=ledger) as third:
            assert await third.ends(None) == 2
            await third.says(f"process {first.process.pid} trades with this ledger; end it first")
        assert "Traceback" not in "".join((*second.said, *third.said))
        assert await leases(hand) == before
        assert await first.ends() == 0
        assert not is_running(first.guardian)  # nothing is held, so there is nothing to guard
        assert await has_nothing_left(hand)


async def test_an_exchange_that_is_away_is_waited_for_at_the_start_but_not_by_who_is_told_twice_to_end(
    venue: Venue, tmp_path: Path
) -> None:
    async with (
        a_proxy(venue.http.removeprefix("http://")) as proxy,
        a_trader(venue, tmp_path / "t", http=f"http://{proxy.address}") as trader,
    ):
        proxy.down = True
        await trader.says("cannot be reached")
        assert trader.states == []
        proxy.down = False
        await trader.enters()
        proxy.down = True
        trader.process.send_signal(signal.SIGINT)
        await trader.says("once more ends at once")
        assert await trader.ends(signal.SIGINT) == -signal.SIGINT


async def test_live_does_not_begin_without_a_passed_preflight(venue: Venue, tmp_path: Path) -> None:
    async with a_hand(venue) as hand, capped_leverage(venue):
        async with a_trader(venue, tmp_path / "t", "--mode", "live", "--live") as trader:
            assert await trader.ends(None) == 2
            await trader.says("ratchet: the preflight has not passed: symbols: 0 of ")
            assert not is_running(trader.guardian)
        assert await leases(hand) == []


async def test_a_wrong_key_is_one_line_and_not_waited_for(venue: Venue, tmp_path: Path) -> None:
    async with a_trader(venue, tmp_path / "t", EXCHANGE__API_KEY="nobody") as trader:
        assert await trader.ends(None) == 2
        await trader.says("check api_key and api_secret")


async def test_without_an_address_paper_brings_its_own_exchange(venue: Venue, tmp_path: Path) -> None:
    nowhere = {f"RATCHET_EXCHANGE__{name}" for name in ("HTTP_URL", "WS_URL", "API_KEY", "API_SECRET")}
    environ = {name: value for name, value in environment(venue, tmp_path).items() if name not in nowhere}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ratchet", "doctor", "--json", cwd=tmp_path, env=environ, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(START_S):
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(out)["passed"]


@dataclass(slots=True)
class Card:
    """What a doctor said."""

    code: int
    told: dict[str, Any]
    error: str

    def of(self, name: str) -> dict[str, str]:
        [found] = [check for check in self.told["checks"] if check["name"] == name]
        return dict(found)


async def examined(venue: Venue, folder: Path, **settings: str) -> Card:
    folder.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ratchet",
        "doctor",
        "--json",
        cwd=folder,
        env=environment(venue, folder, **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(START_S):
        out, error = await process.communicate()
    assert process.returncode is not None
    return Card(process.returncode, json.loads(out), error.decode())


async def test_the_doctor_finds_all_well_and_keeps_nothing(venue: Venue, tmp_path: Path) -> None:
    async with a_hand(venue) as hand:
        card = await examined(venue, tmp_path)
        assert (card.code, card.told["passed"]) == (0, True)
        assert "one stop order far from the market is placed and cancelled" in card.error
        assert card.of("ledger")["seen"] == "var/paper/ledger.db can be written"
        assert card.of("lease")["seen"] == "nobody trades on the account"
        assert await has_nothing_left(hand)


async def test_the_doctor_beside_a_trader_sees_its_lock_its_lease_and_its_guardian(
    venue: Venue, tmp_path: Path
) -> None:
    async with a_trader(venue, tmp_path / "t") as trader:
        await trader.enters()
        own = await examined(venue, tmp_path / "t")
        assert own.code == 0, own.told
        assert f"process {trader.process.pid} trades with this ledger" in own.of("process lock")["seen"]
        assert own.of("lease")["seen"].startswith("this ledger's, renewed")
        assert own.of("guardian")["seen"].startswith("one is looking")
        other = await examined(venue, tmp_path / "other")
        assert other.code == 1
        assert other.of("lease")["mend"] == "end that trader, or use another account"
        assert await trader.ends() == 0


async def test_the_doctor_names_what_is_not_well_and_what_to_do(venue: Venue, tmp_path: Path) -> None:
    async with a_hand(venue) as hand, capped_leverage(venue):
        await hand.opens()
        card = await examined(venue, tmp_path, LEDGER__URL="sqlite+aiosqlite:////proc/nowhere/ledger.db")
    assert card.code == 1
    failed = {check["name"]: check["mend"] for check in card.told["checks"] if check["verdict"] == "failed"}
    assert failed.keys() == {"symbols", "ledger", "process lock", "guardian"}
    assert failed["guardian"] == "start `ratchet trade`, or `ratchet guard` alone"
    assert all(failed.values())
    assert card.told["refused"]["BTCUSDC"] == "BTCUSDC: a leverage of 5 was asked for and 1 was set"
    assert SYMBOL not in card.told["refused"], "its position keeps the leverage that it has"
