"""`ratchet demo` with its face in Telegram: who has set it up for trading sees it at work first."""

import json
from pathlib import Path

from tests.end_to_end.test_demo import ratchet
from tests.telegram.bot import OPERATOR
from tests.telegram.server import TOKEN, bot_api


async def test_an_operator_is_told_and_answered(tmp_path: Path) -> None:
    async with bot_api() as api:
        settings = {"TOKEN": TOKEN, "BASE_URL": api.address, "OPERATORS": str(OPERATOR)}
        environment = {f"RATCHET_TELEGRAM__{name}": value for name, value in settings.items()}
        api.say("/risk")
        arguments = ("demo", "--hours", "0.5", "--profile", "aggressive", "--json")
        code, out, error = await ratchet(*arguments, folder=tmp_path, environment=environment)
    assert code == 0, error
    assert json.loads(out)["closed_trades"] > 0
    told = "\n".join(api.texts(OPERATOR))
    assert "started with 400.00 USDC" in told
    assert "closed by" in told
    assert "stop losses in a row" in told, "the answer to what was asked"
    assert api.texts(OPERATOR)[-1].endswith("until it is started again.")


async def test_it_says_so_where_the_token_is_none(tmp_path: Path) -> None:
    code, _, error = await ratchet("demo", folder=tmp_path, environment={"RATCHET_TELEGRAM__TOKEN": "mine"})
    assert code == 2
    assert "TELEGRAM__TOKEN" in error.strip().splitlines()[-1]
    assert "Traceback" not in error
