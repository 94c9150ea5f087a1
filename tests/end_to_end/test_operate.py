"""The operator's commands as the processes they are, through the door of a `ratchet trade` on a running exchange."""

import asyncio
import json
import os
import signal
import stat
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ratchet.config.runtime_schema import runtime_schema
from ratchet.control.commands import COMMANDS
from ratchet.control.door_file import read_plate
from tests.end_to_end.guarded import SYMBOL, a_hand, end, environment, eventually, said
from tests.end_to_end.test_trade import SOON_OVER, Trading, a_trader
from tests.wire.conftest import Venue

REFUSED = 2
ANSWER_S = 60.0  # for a process to start on a busy machine, and a panic to be through


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def refusal(self) -> str:
        """The one line of it."""
        assert self.code == REFUSED, (self.code, self.out, self.err)
        assert self.out == ""
        [line] = self.err.splitlines()
        return line


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at a terminal in the trader's folder; nobody answers questions there."""

    venue: Venue
    folder: Path

    async def says(self, *words: str) -> Said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ratchet",
            *words,
            cwd=self.folder,
            env=environment(self.venue, self.folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(ANSWER_S):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    async def asks(self, *words: str) -> dict[str, Any]:
        """The data of the answer."""
        return (await self.says(*words, "--json")).data

    @property
    def runtime(self) -> Path:
        return self.folder / "runtime.json"


def warnings(trader: Trading) -> list[str]:
    return [row["reason"] for row in trader.logged("settings_refused")]


async def test_every_question_is_answered_on_live_data(venue: Venue, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    async with a_hand(venue) as hand, a_trader(venue, folder, **SOON_OVER) as trader:
        it = Operator(venue, folder)
        await hand.opens()
        await trader.enters()
        await eventually(hand.is_covered)
        position = await hand.position()
        assert position is not None

        status = await it.asks("status")
        assert (status["mode"], status["profile"], status["entries_halted"]) == ("paper", "balanced", "")
        assert [each["symbol"] for each in status["positions"]] == [SYMBOL]
        [held] = (await it.asks("positions"))["positions"]
        assert (held["symbol"], Decimal(held["quantity"])) == (SYMBOL, position.quantity)
        [stop] = await hand.stops()
        assert Decimal(held["price_stop"]) == stop.price_trigger
        assert Decimal(held["price_mark"]) > 0
        orders = (await it.asks("orders", SYMBOL.removesuffix("USDC").lower()))["orders"]
        assert stop.client_order_id in {each["client_order_id"] for each in orders}
        balance, stated = await it.asks("balance"), await hand.client.fetch_balance()
        assert balance["is_of_now"]
        assert Decimal(balance["wallet"]) == stated.wallet

        universe = await it.asks("universe")
        assert universe["symbols"]
        assert (await it.asks("universe", universe["symbols"][0]))["is_traded"]
        assert set(await it.asks("signals", "5")) == {"signals"}
        assert "limits" in await it.asks("risk")
        assert (await it.asks("summary"))["open_positions"] == 1
        assert (await it.asks("performance", "3"))["days"]
        assert (await it.asks("profile"))["profile"] == "balanced"
        assert (await it.asks("config", "show", "risk"))["settings"]["risk.leverage"] == 5
        assert await it.asks("config", "schema") == runtime_schema()
        assert [each["name"] for each in (await it.asks("help"))["commands"]] == [each.name for each in COMMANDS]
        lines = (await it.asks("logs", "200"))["lines"]
        assert any(line["event"] == "operator_asked" and line["command"] == "status" for line in lines)
        assert venue.secret not in json.dumps(lines)

        drawn = await it.says("positions")
        assert SYMBOL in drawn.out
        assert (await it.says("stats")).code != 0
        assert (await it.says("close", "nothing")).refusal.startswith("ratchet: close: 'nothing' is not a symbol")
        assert (await it.says("logs", "many")).refusal == (
            "ratchet: logs: N is 'many', a whole number from 1 to 200 is wanted; ask: logs [N]"
        )
        plate = read_plate(folder / "var" / "paper" / "control.json")
        assert plate is not None
        assert plate.pid == trader.process.pid
        assert stat.S_IMODE((folder / "var" / "paper" / "control.json").stat().st_mode) == 0o600
        assert await trader.ends() == 0
        assert not (folder / "var" / "paper" / "control.json").exists()


async def test_entries_are_paused_and_resumed_settings_changed_and_what_is_broken_by_hand_is_not_taken(
    venue: Venue, tmp_path: Path
) -> None:
    folder = tmp_path / "t"
    async with a_trader(venue, folder, **SOON_OVER) as trader:
        it = Operator(venue, folder)
        await trader.enters()
        assert (await it.asks("pause"))["is_paused"]
        assert (await it.asks("status"))["entries_halted"].startswith("paused by cli at ")
        assert (await it.asks("resume"))["entries_halted"] == ""

        assert (await it.says("config", "set", "risk.leverage", "3")).refusal == (
            "ratchet: Change risk.leverage from 5 to 3, for new positions? Nothing is done: say --yes as well"
        )
        changed = await it.asks("config", "set", "risk.leverage", "3", "--yes")
        assert (changed["before"], changed["after"]) == ({"risk.leverage": 5}, {"risk.leverage": 3})
        assert json.loads(it.runtime.read_text()) == {"risk": {"leverage": 3}}
        await it.asks("config", "set", "universe.symbols_max", "30")
        assert (await it.says("config", "set", "risk.leverage", "-1")).refusal == (
            "ratchet: config: nothing is changed: runtime.json: risk.leverage is -1, 1 or more is wanted"
        )
        assert (
            "exchange.api_key does not change while it runs"
            in (await it.says("config", "set", "exchange.api_key", "x")).refusal
        )
        assert "did you mean risk.leverage" in (await it.says("config", "set", "risk.levrage", "3")).refusal
        await it.asks("profile", "conservative")
        assert "profile aggressive, which risks more" in (await it.says("profile", "aggressive")).refusal
        settings = (await it.asks("config"))["settings"]
        assert (settings["profile"], settings["risk.leverage"], settings["bracket.stop_fraction"]) == (
            "conservative",
            3,
            "0.015",
        )

        good = it.runtime.read_bytes()
        it.runtime.write_bytes(good[:-5])
        await eventually(lambda: len(warnings(trader)) == 1)
        assert "not JSON" in (await it.asks("status"))["settings_complaint"]
        assert (await it.asks("config"))["settings"] == settings
        assert "not JSON" in (await it.says("config", "unset", "risk.leverage", "--yes")).refusal
        # What protects begins anew whatever is in the file.
        looks = len(said(folder, "guardian_status"))
        os.kill(trader.guardian, signal.SIGKILL)
        await eventually(lambda: len(said(folder, "guardian_status")) > looks)
        it.runtime.write_bytes(good)
        it.runtime.write_text('{"bracket": {"hold_minutes_max": 7}}')
        await eventually(lambda: "bracket.hold_minutes_max" in trader.logged("settings_changed")[-1]["after"])
        assert (await it.asks("status"))["settings_complaint"] == ""
        assert len(warnings(trader)) == 1
        await it.asks("config", "reset", "--yes")
        assert (await it.asks("config"))["settings"]["risk.leverage"] == 5
        assert await trader.ends() == 0


async def test_a_close_and_a_panic_are_confirmed_and_end_flat_by_the_exchange(venue: Venue, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    async with a_hand(venue) as hand, a_trader(venue, folder, **SOON_OVER) as trader:
        it = Operator(venue, folder)
        await hand.opens()
        await trader.enters()
        await eventually(hand.is_covered)
        assert "Nothing is done: say --yes as well" in (await it.says("close", SYMBOL)).refusal
        assert not await hand.is_flat()
        closed = await it.asks("close", SYMBOL.lower(), "--yes")
        assert closed["is_flat"]
        assert await hand.is_flat()
        assert "nothing is held" in (await it.says("close", "all", "--yes")).refusal

        await hand.opens()
        await eventually(hand.is_covered)
        assert "close everything at market? Nothing is done" in (await it.says("panic")).refusal
        panic = await it.asks("panic", "--yes")
        assert panic["is_flat"]
        assert await hand.is_flat()
        assert (await it.asks("status"))["entries_halted"].startswith("panic by cli at ")
        assert "There was a panic" in (await it.says("resume")).refusal
        assert (await it.asks("resume", "--yes"))["entries_halted"] == ""
        assert await trader.ends() == 0


async def test_without_a_trader_there_is_one_line_and_a_panic_goes_straight_to_the_exchange(
    venue: Venue, tmp_path: Path
) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    it = Operator(venue, folder)
    nobody = (
        "ratchet: no trader is running here (nobody is behind var/paper/control.json): start one with ratchet trade"
    )
    assert (await it.says("status")).refusal == nobody
    async with a_hand(venue) as hand, a_trader(venue, folder, **SOON_OVER) as trader:
        await hand.opens()
        await trader.enters()
        await eventually(hand.is_covered)
        guardian = trader.guardian
        os.kill(trader.process.pid, signal.SIGKILL)
        await trader.process.wait()
        assert (folder / "var" / "paper" / "control.json").exists()
        assert (await it.says("status")).refusal == nobody
        assert "No trader answers. Close everything" in (await it.says("panic")).err
        assert not await hand.is_flat()
        panic = await it.says("panic", "--yes", "--json")
        assert panic.data["is_flat"]
        assert await hand.is_flat()
        await end(guardian)
