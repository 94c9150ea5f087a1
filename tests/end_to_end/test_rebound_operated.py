"""A running `ratchet rebound`, operated through its door and in Telegram: real processes on a running exchange."""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.control.companion.menu import MENU
from ratchet.control.companion.panic_directly import spot_panic_directly
from ratchet.control.door_file import read_plate
from ratchet.ledger.ledger import Ledger
from tests.end_to_end.guarded import eventually
from tests.end_to_end.spot_hand import SYMBOL, SpotHand
from tests.end_to_end.test_operate import Operator
from tests.end_to_end.test_rebound import Companion, companion
from tests.end_to_end.test_trade_telegram import Chat
from tests.service_manager import ServiceManager
from tests.telegram.bot import OPERATOR
from tests.telegram.server import TOKEN, bot_api
from tests.wire.conftest import Venue, serving

DOOR = Path("var/paper/rebound.json")
NO_TOKEN = "RATCHET_TELEGRAM__REBOUND_TOKEN"


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    with serving("--no-rate-limits", "--spot-balance=USDC=100000", "--spot-balance=TRUMP=50") as it:
        yield it


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody at a terminal in the companion's folder."""

    operator: Operator

    async def asks(self, *words: str) -> dict[str, Any]:
        """The data of the answer."""
        return (await self.operator.says(*words, "--rebound", "--json")).data

    async def does(self, *words: str) -> dict[str, Any]:
        """The data of the answer to what is dangerous, and meant."""
        return await self.asks(*words, "--yes")

    async def refusal(self, *words: str) -> str:
        return (await self.operator.says(*words)).refusal

    async def until_cases(self, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The open cases, once they are as wanted."""
        found: list[dict[str, Any]] = []

        async def are_there() -> bool:
            found[:] = (await self.asks("cases"))["cases"]
            return wanted(found)

        await eventually(are_there, 30)
        return found


def desk_of(venue: Venue, folder: Path) -> Desk:
    return Desk(Operator(venue, folder))


async def standing(hand: SpotHand) -> list[dict[str, Any]]:
    """Orders of a companion that stand."""
    rows = await hand.asks("openOrders", symbol=SYMBOL)
    return [row for row in rows if row["clientOrderId"].startswith("rb-")]


def stands(hand: SpotHand, count: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return len(await standing(hand)) == count

    return look


async def is_open(it: Companion, folder: Path) -> None:
    """Until it watches and its door is there."""
    await it.said("watched")
    await eventually(lambda: read_plate(folder / DOOR) is not None)


async def test_nothing_is_sold_while_it_is_paused_and_after_a_resume_it_is(
    venue: Venue, hand: SpotHand, tmp_path: Path
) -> None:
    async with companion(venue, tmp_path) as it:
        await is_open(it, tmp_path)
        desk = desk_of(venue, tmp_path)
        assert (await desk.asks("pause")) == {"is_paused": True, "is_recorded": True}
        assert (await desk.asks("status"))["held_back"].startswith("paused by cli at")
        await hand.buys("5")
        [waiting] = await desk.until_cases(lambda cases: "resume" in "".join(each["waits_for"] for each in cases))
        assert (waiting["quantity_bought"], waiting["sell"]) == ("5", None)
        assert await standing(hand) == []
        assert (await desk.does("resume"))["was_paused"]
        await eventually(stands(hand, 1), 20)
        [order] = (await desk.asks("orders", "trump"))["orders"]
        assert (order["case"], order["whose"]) == (waiting["case"], f"case {waiting['case']}, SELL")
        assert await it.ends() == 0


async def test_a_case_is_given_up_and_its_coins_stay(venue: Venue, hand: SpotHand, tmp_path: Path) -> None:
    async with companion(venue, tmp_path) as it:
        await is_open(it, tmp_path)
        desk = desk_of(venue, tmp_path)
        await hand.buys("5")
        await eventually(stands(hand, 1), 20)
        free = Decimal((await desk.asks("balance"))["balances"]["TRUMP"]["free"])
        [case] = (await desk.asks("cases"))["cases"]
        number = str(case["case"])
        assert (await desk.refusal("close", number, "--rebound")).endswith("Nothing is done: say --yes as well")
        given_up = await desk.does("close", number)
        assert given_up["is_over"]
        assert given_up["given_up"][0]["cancelled"] == [case["sell"]["client_order_id"]]
        assert await standing(hand) == []
        assert Decimal((await desk.asks("balance"))["balances"]["TRUMP"]["free"]) == free + Decimal("4.995")
        story = await desk.asks("why", number)
        assert story["closed_ms"] is not None
        assert [each["origin"] for each in story["fills"]] == ["MANUAL"] * len(story["fills"])
        assert {each["role"]: each["status"] for each in story["orders"]} == {"manual": "FILLED", "sell": "CANCELED"}
        assert "no case is open" in await desk.refusal("close", "all", "--rebound", "--yes")
        assert await it.ends() == 0


async def test_another_percentage_is_that_of_the_next_sell(venue: Venue, hand: SpotHand, tmp_path: Path) -> None:
    async with companion(venue, tmp_path) as it:
        await is_open(it, tmp_path)
        desk = desk_of(venue, tmp_path)
        changed = await desk.does("config", "set", "rebound.percent", "7")
        assert changed["after"] == {"rebound.percent": "7"}
        await hand.buys("2")
        await eventually(stands(hand, 1), 20)
        ratio = Decimal((await standing(hand))[0]["price"]) / Decimal((await hand.fills())[-1]["price"])
        assert Decimal("1.07") <= ratio < Decimal("1.071")
        (tmp_path / "runtime.json").write_text(json.dumps({"rebound": {"percent": 3}}))
        await it.said("rebound.percent 7 → 3")
        await hand.buys("2")
        await eventually(stands(hand, 2), 20)
        newest = max(await standing(hand), key=lambda order: order["orderId"])
        ratio = Decimal(newest["price"]) / Decimal((await hand.fills())[-1]["price"])
        assert Decimal("1.03") <= ratio < Decimal("1.031")
        assert await it.ends() == 0


async def test_a_panic_takes_its_orders_back_and_a_restart_stays_held_back(
    venue: Venue, hand: SpotHand, tmp_path: Path
) -> None:
    async with companion(venue, tmp_path) as it:
        await is_open(it, tmp_path)
        desk = desk_of(venue, tmp_path)
        for quantity in ("2", "3"):
            await hand.buys(quantity)
        await eventually(stands(hand, 2), 20)
        done = await desk.does("panic")
        assert (done["is_clear"], done["left"], len(done["cancelled"])) == (True, [], 2)
        assert await standing(hand) == []
        assert await it.ends() == 0
    async with companion(venue, tmp_path) as again:
        await is_open(again, tmp_path)
        assert (await desk.asks("status"))["held_back"].startswith("panic by cli")
        await hand.buys("2")
        await desk.until_cases(lambda cases: any("resume" in each["waits_for"] for each in cases))
        assert await standing(hand) == []
        assert (await desk.refusal("resume", "--rebound")).startswith("ratchet: There was a panic.")
        await desk.does("resume")
        await eventually(stands(hand, 1), 20)
        assert await again.ends() == 0


async def test_a_panic_needs_no_companion_and_leaves_word_for_the_next(
    venue: Venue, hand: SpotHand, tmp_path: Path
) -> None:
    async with companion(venue, tmp_path) as it:
        await is_open(it, tmp_path)
        await hand.buys("2")
        await eventually(stands(hand, 1), 20)
        assert await it.ends(signal.SIGKILL) == -signal.SIGKILL
    desk = desk_of(venue, tmp_path)
    by_hand = {
        "symbol": SYMBOL,
        "side": "SELL",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "quantity": "1",
        "price": "40",
    }
    await hand.acts(act="spot_order", order=by_hand)
    alone = await desk.operator.says("panic", "--rebound", "--yes", "--json")
    assert "no spot companion is running here" in alone.err
    assert (alone.data["is_clear"], len(alone.data["cancelled"]), alone.data["is_recorded"]) == (True, 1, True)
    left = await hand.asks("openOrders", symbol=SYMBOL)
    assert [row["clientOrderId"][:4] for row in left] == ["web_"]
    async with companion(venue, tmp_path) as again:
        await is_open(again, tmp_path)
        assert "panic by cli" in (await desk.asks("status"))["held_back"]
        assert await again.ends() == 0


async def test_a_panic_whose_ledger_cannot_be_opened_is_done_and_says_so(venue: Venue, hand: SpotHand) -> None:
    settings = ExchangeSettings(
        http_url=venue.http, ws_url=venue.ws, api_key=venue.key, api_secret=venue.secret, rate_limit=False
    )
    words: list[str] = []
    done = await spot_panic_directly(
        settings, "sqlite+aiosqlite:////proc/nowhere/rebound.db", "cli", patience_s=60, on_word=words.append
    )
    assert done.report.is_clear
    assert "/proc/nowhere" in done.not_recorded
    assert words[0] == "a first look at what stands"


async def test_an_exchange_that_is_away_at_the_start_is_waited_for(venue: Venue, tmp_path: Path) -> None:
    async with companion(replace(venue, http="http://127.0.0.1:9"), tmp_path) as it:
        await it.said("the exchange cannot be reached")
        assert await it.ends() == 0


async def test_who_is_asked_and_is_not_there_is_said(venue: Venue, hand: SpotHand, tmp_path: Path) -> None:
    desk = desk_of(venue, tmp_path)
    assert "no spot companion is running here" in await desk.refusal("cases")
    assert "no spot companion is running here" in await desk.refusal("why", "1", "--rebound")
    assert "--rebound" not in await desk.refusal("status")
    async with companion(venue, tmp_path) as it:
        await is_open(it, tmp_path)
        assert (await desk.refusal("status")).endswith("; the spot companion runs: say --rebound")
        assert "--rebound" not in await desk.refusal("positions")
        assert (await desk.operator.says("cases", "--json")).data["cases"] == []
        assert "is not a command" in await desk.refusal("positions", "--rebound")
        assert NO_TOKEN not in "".join(it.lines)
        assert await it.ends() == 0
    assert not (tmp_path / DOOR).exists()


async def test_every_command_is_answered_in_telegram_and_notices_are_told(
    venue: Venue, hand: SpotHand, tmp_path: Path
) -> None:
    """Said, and what must be in the answer; dangerous ones with their question in between."""
    asked: set[str] = set()
    async with bot_api() as api:
        telegram = {"REBOUND_TOKEN": TOKEN, "BASE_URL": api.address, "OPERATORS": OPERATOR}
        async with companion(venue, tmp_path, **{f"TELEGRAM__{name}": told for name, told in telegram.items()}) as it:
            await is_open(it, tmp_path)
            chat = Chat(api)
            await hand.buys("5")
            await eventually(lambda: "is placed" in " ".join(api.texts()), 30)
            await hand.buys("2")
            await eventually(stands(hand, 2), 20)
            for words, wanted in (
                ("/status", SYMBOL),
                ("/cases", "SELL"),
                ("/readings 2", "minute"),
                ("/summary", "profit"),
                ("/performance 3", "profit"),
                ("/why trump", "cases of TRUMPUSDC"),
                ("/orders", "case"),
                ("/balance", "TRUMP"),
                ("/risk", "BUYs back"),
                ("/logs 5", "operator_asked"),
                ("/config show rebound", "rebound.percent"),
                ("/help", "Give up cases"),
                ("/pause", "Paused"),
                ("/resume", "Resumed"),
                ("/positions", "not a command"),
            ):
                await chat.hears(words, wanted)
                asked.add(words[1:].split()[0])
            for words, question, wanted in (
                ("/config set rebound.percent 2", "from 1 to 2", "rebound.percent"),
                ("/close 1", "Give up case 1", "Given up"),
                ("/panic", "Coins are not sold", "Clear"),
                ("/resume", "There was a panic", "Resumed"),
            ):
                await chat.confirms(words, question, wanted)
                asked.add(words[1:].split()[0])
            assert {each.name for each in MENU} <= asked
            assert await standing(hand) == []
            assert await it.ends() == 0
        log = (tmp_path / "rebound" / "ratchet.jsonl").read_text(encoding="utf-8")
        assert TOKEN.partition(":")[2] not in log


async def test_without_a_bot_of_its_own_it_says_how_to_get_one(venue: Venue, tmp_path: Path) -> None:
    async with companion(venue, tmp_path, TELEGRAM__TOKEN=TOKEN) as it:
        await it.said(NO_TOKEN)
        await it.said("watched")
        assert await it.ends() == 0


async def test_what_it_told_is_in_its_ledger(venue: Venue, hand: SpotHand, tmp_path: Path) -> None:
    async with companion(venue, tmp_path) as it:
        await it.said("watched")
        await hand.buys("2")
        await it.said("is placed")
        assert await it.ends() == 0
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'var/paper/rebound.db'}")
    try:
        told = [(line.kind, line.symbol) for line in await ledger.notices_since(0, 100)]
    finally:
        await ledger.close()
    assert ("case", SYMBOL) in told


@pytest.mark.skipif(sys.platform == "win32", reason="systemd is Linux's")
async def test_systemd_hears_that_it_is_ready_and_well(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ServiceManager.at(tmp_path / "notify") as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
        async with companion(venue, tmp_path) as it:
            assert await asyncio.to_thread(manager.hears, "WATCHDOG=1")
            assert await it.ends() == 0
        assert manager.hears("STOPPING=1")
    assert manager.words[0] == "READY=1"
