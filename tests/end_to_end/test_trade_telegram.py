"""`ratchet trade` with its face in Telegram: it is asked and answers, and it trades on whatever becomes of Telegram."""

import time
from pathlib import Path
from typing import Any

from tests.end_to_end.guarded import eventually
from tests.end_to_end.test_trade import SOON_OVER, a_trader
from tests.telegram.bot import OPERATOR
from tests.telegram.server import TOKEN, bot_api
from tests.wire.conftest import Venue

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
