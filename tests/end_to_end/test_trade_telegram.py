"""`ratchet trade` with its face in Telegram: it is asked and answers, and it trades on whatever becomes of Telegram."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.control.commands import COMMANDS
from tests.end_to_end.guarded import SYMBOL, a_hand, eventually
from tests.end_to_end.test_trade import SOON_OVER, a_trader
from tests.telegram.bot import OPERATOR
from tests.telegram.server import TOKEN, BotApi, Sent, bot_api
from tests.wire.conftest import Venue
from tests.wire.signed import signing

ANSWER_S = 40.0  # for a panic to be through on a busy machine
END_S_MAX = 15.0  # of the whole process; without Telegram it takes a few seconds


def telegram(address: str) -> dict[str, Any]:
    return {"TELEGRAM__TOKEN": TOKEN, "TELEGRAM__BASE_URL": address, "TELEGRAM__OPERATORS": OPERATOR, **SOON_OVER}


async def test_an_operator_asks_and_stops_entries_and_hears_of_the_end(venue: Venue, tmp_path: Path) -> None:
    async with bot_api() as api, a_trader(venue, tmp_path / "one", **telegram(api.address)) as trading:
        await trading.enters()
        before = len(api.messages)
        api.say("/status")
        await eventually(lambda: len(api.messages) > before, 10)
        api.say("/pause")
        await eventually(lambda: bool(trading.states[-1]["entries_halted"]), 30)
        assert await trading.ends() == 0
        assert "Stopped:" in api.texts()[-1]
        log = (trading.folder / "ratchet.jsonl").read_text(encoding="utf-8")
        assert TOKEN.partition(":")[2] not in log


@dataclass(frozen=True, slots=True)
class Chat:
    """An operator's chat with the bot of a running trader."""

    api: BotApi

    async def hears(self, text: str, wanted: str, button: str = "") -> Sent:
        """Says something, and gets the message with what is wanted in it. What is told unasked comes in between."""
        before = len(self.api.messages)
        self.api.say(text)
        return await self._said(wanted, before, text, button)

    async def confirms(self, text: str, question: str, wanted: str) -> Sent:
        """Says something dangerous, presses the button of the question, and gets what is wanted."""
        asked = await self.hears(text, question, "Yes")
        before = len(self.api.messages)
        self.api.press(asked, "Yes")
        return await self._said(wanted, before, text)

    async def _said(self, wanted: str, before: int, text: str, button: str = "") -> Sent:
        def fits(each: Sent) -> bool:
            return wanted in each.text and button in "".join(label for label, _ in each.buttons)

        def found() -> Sent | None:
            return next(filter(fits, self.api.messages[before:]), None)

        try:
            await eventually(lambda: found() is not None, ANSWER_S)
        except TimeoutError:
            told = [each.text for each in self.api.messages[before:]]
            raise AssertionError(f"{text}: no {wanted!r} in {told}") from None
        answer = found()
        assert answer is not None
        return answer


async def test_a_stream_that_is_lost_and_back_is_told_of_once(venue: Venue, tmp_path: Path) -> None:
    async with (
        bot_api() as api,
        a_hand(venue) as hand,
        signing(venue) as client,
        a_trader(venue, tmp_path / "one", **telegram(api.address)) as trading,
    ):
        await trading.enters()
        cut = {"faults": json.dumps({"fault": "cut"})}
        assert (await client.send("POST", "/localbinance/faults", cut, signed=False)).status == 200
        await eventually(lambda: "the user stream is back" in " ".join(api.texts()), ANSWER_S)
        told = " ".join(api.texts())
        assert told.count("the user stream is lost") == 1
        assert told.index("the user stream is lost") < told.index("the user stream is back")
        await hand.opens()  # and it hears again
        await eventually(lambda: bool(trading.states[-1]["positions"]), ANSWER_S)
        assert await trading.ends() == 0


async def test_every_command_is_answered_in_telegram_on_live_data(venue: Venue, tmp_path: Path) -> None:
    """Said, and what must be in the answer; dangerous ones with their question in between."""
    asked: set[str] = set()
    async with bot_api() as api, a_hand(venue) as hand:
        await hand.opens()
        async with a_trader(venue, tmp_path / "one", **telegram(api.address)) as trading:
            chat = Chat(api)
            await trading.enters()
            await eventually(hand.is_covered)
            for words, wanted in (
                ("/status", "paper"),
                ("/positions", SYMBOL),
                ("/balance", "USDC"),
                ("/orders", SYMBOL),
                ("/universe", "Universe"),
                ("/universe btc", "BTCUSDC"),
                ("/risk", "stop"),
                ("/signals", "ignals"),
                ("/why btc", "BTCUSDC"),
                ("/summary", "UTC"),
                ("/performance 3", "trades"),
                ("/report", "net result"),
                ("/logs 5", "operator_asked"),
                ("/config show risk", "risk.leverage"),
                ("/profile", "balanced"),
                ("/help", "Entries stop, orders are cancelled"),
                ("/pause", "aused"),
                ("/resume", "Resumed"),
                ("/nonsense", "not a command"),
                ("/logs many", "a whole number"),
            ):
                await chat.hears(words, wanted)
                asked.add(words[1:].split()[0])
            for words, question, wanted in (
                ("/config set risk.leverage 3", "from 5 to 3", "risk.leverage"),
                ("/profile aggressive", "aggressive", "aggressive"),
                (f"/close {SYMBOL}", SYMBOL, SYMBOL),
                ("/panic", "?", "Flat"),
                ("/resume", "?", "Resumed"),
            ):
                await chat.confirms(words, question, wanted)
                asked.add(words[1:].split()[0])
            assert {each.name for each in COMMANDS} <= asked
            assert await hand.position() is None
            assert trading.states[-1]["positions"] == []
            assert await trading.ends() == 0


async def test_it_trades_and_ends_in_time_although_telegram_hangs(venue: Venue, tmp_path: Path) -> None:
    async with bot_api() as api:
        api.hang("*")
        async with a_trader(venue, tmp_path / "one", **telegram(api.address)) as trading:
            await trading.enters()
            began = time.monotonic()
            assert await trading.ends() == 0
            assert time.monotonic() - began < END_S_MAX


async def test_it_trades_although_telegram_refuses_the_token(venue: Venue, tmp_path: Path) -> None:
    async with bot_api() as api:
        api.is_token_known = False
        async with a_trader(venue, tmp_path / "one", **telegram(api.address)) as trading:
            await trading.enters()
            assert any("refuses the token" in row["text"] for row in trading.logged("notice"))
            assert await trading.ends() == 0
