"""The bot on somebody else's Bot API server: telegram-test-api from npm, where it is installed."""

import asyncio
import json
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from tests.telegram.bot import OPERATOR, PATIENCE_S, ADesk, a_bot
from tests.telegram.server import TOKEN, BotApi

PLACE = "RATCHET_TELEGRAM_TEST_API"  # .../node_modules/telegram-test-api
START = """
const TelegramServer = require(process.argv[1]);
new TelegramServer({ port: Number(process.argv[2]), host: "127.0.0.1" }).start();
"""
SOMEBODY = {"id": OPERATOR, "is_bot": False, "first_name": "Somebody"}


def server_folder() -> Path:
    """Where it is installed; skips the test where it is not."""
    if shutil.which("node") is None:
        pytest.skip("there is no node here")
    place = os.environ.get(PLACE)
    if place is None:
        pytest.skip(f"npm install telegram-test-api@4.2.1 somewhere, and say {PLACE}=…/node_modules/telegram-test-api")
    return Path(place)


class OtherServer:
    """Its own way of speaking for people."""

    def __init__(self, address: str, session: ClientSession) -> None:
        self.address = address
        self._session = session
        self._number = 0

    async def say(self, text: str) -> None:
        await self._post("sendMessage", {"botToken": TOKEN, "text": text} | self._from_somebody())

    async def said(self, wanted: str) -> dict[str, Any]:
        """Wait until the bot has said something."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self._post("getUpdates", {"token": TOKEN, "chatId": OPERATOR})
                for message in answer["result"]:
                    if wanted in message["message"]["text"]:
                        return dict(message)

    def _from_somebody(self) -> dict[str, Any]:
        return {"from": SOMEBODY, "chat": {"id": OPERATOR, "type": "private"}, "date": int(time.time())}

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self._session.post(f"{self.address}/{path}", json=body) as reply:
            return json.loads(await reply.text())


@asynccontextmanager
async def other_server(folder: Path) -> AsyncIterator[OtherServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec("node", "-e", START, str(folder), str(port))
    try:
        async with ClientSession() as session, asyncio.timeout(PATIENCE_S * 3):
            server = OtherServer(f"http://127.0.0.1:{port}", session)
            while not await _is_there(session, server.address):
                pass
            yield server
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _is_there(session: ClientSession, address: str) -> bool:
    try:
        async with session.get(f"{address}/bot{TOKEN}/getMe") as reply:
            return reply.status == 200
    except ClientError:
        await asyncio.sleep(0.02)
        return False


async def test_commands_questions_and_alerts_on_another_server() -> None:
    async with other_server(server_folder()) as server:
        here = BotApi()
        here.address = server.address
        desk = ADesk()
        async with a_bot(here, desk=desk, operators=(OPERATOR,), viewers=()) as bot:
            await server.say("/why BTCUSDC")
            await server.said("<b>why BTCUSDC</b>")
            await server.say("/panic")
            question = await server.said("Close every position &amp; cancel &lt;all&gt; orders?")
            [buttons] = question["message"]["reply_markup"]["inline_keyboard"]
            assert [button["text"] for button in buttons] == ["Yes, panic", "No"]
            assert desk.done == [("why", "BTCUSDC")]  # presses are without their chat_instance there: not tried
            bot.post("long 0.5", symbol="BTCUSDC")
            await server.said("BTCUSDC long 0.5")
