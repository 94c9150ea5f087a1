"""`ratchet account` as the process it is, on a running exchange."""

import asyncio
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.end_to_end.guarded import environment
from tests.end_to_end.spot_hand import SYMBOL, a_spot_hand
from tests.wire.conftest import Venue, serving

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    with serving("--no-rate-limits", "--spot-balance=USDC=10000", "--spot-balance=TRUMP=50") as it:
        yield it


async def account(env: dict[str, str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    """The command to its end: exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ratchet", "account", *arguments),
        env={**env, "COLUMNS": "160"},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def without_exchange(venue: Venue, folder: Path) -> dict[str, str]:
    """Everything in the environment but an exchange."""
    env = environment(venue, folder)
    return {name: value for name, value in env.items() if not name.startswith("RATCHET_EXCHANGE__")}


def plainly(value: str) -> str:
    return f"{Decimal(value).normalize():f}"


async def test_it_tells_what_the_exchange_tells(venue: Venue, tmp_path: Path) -> None:
    env = environment(venue, tmp_path)
    async with a_spot_hand(venue) as hand:
        await hand.buys("2")
        await hand.buys("3")
        last = (await hand.fills())[-1]
        price = str(Decimal(last["price"]) + 10)
        sell = {"symbol": SYMBOL, "side": "SELL", "type": "LIMIT", "quantity": "7", "time_in_force": "GTC"}
        await hand.acts(act="spot_order", order={**sell, "price": price})
        await hand.buys("1", symbol="SOLUSDC")
        (standing,) = await hand.asks("openOrders")
        held = (await hand.asks("account"))["balances"]
        fills = await hand.fills()
        code, out, err = await account(env, tmp_path, "--json")
        tables = await account(env, tmp_path, "trump")
        other = await account(env, tmp_path, "SOLUSDC", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["symbol"] == SYMBOL
    assert told["balances"] == {
        row["asset"]: {"free": plainly(row["free"]), "locked": plainly(row["locked"])}
        for row in held
        if float(row["free"]) or float(row["locked"])
    }
    (order,) = told["open_orders"]
    assert (order["order_id"], order["client_order_id"]) == (standing["orderId"], standing["clientOrderId"])
    assert (order["side"], order["type"], order["quantity"], order["price"]) == ("SELL", "LIMIT", "7", plainly(price))
    assert [(row["fill_id"], row["price"], row["quantity"], row["fee"], row["at_ms"]) for row in told["trades"]] == [
        (row["id"], *(plainly(row[name]) for name in ("price", "qty", "commission")), row["time"]) for row in fills
    ]
    assert {row["fee_asset"] for row in json.loads(other[1])["trades"]} == {"SOL"}
    code, out, err = tables
    assert (code, err) == (0, "")
    assert [
        words in out for words in ("Balances", "Open orders", f"Last trades of {SYMBOL}", "LIMIT", "0.003 TRUMP")
    ] == ([True] * 5)


async def test_paper_without_an_exchange_starts_nothing_and_says_what_to_do(venue: Venue, tmp_path: Path) -> None:
    code, out, err = await account(without_exchange(venue, tmp_path), tmp_path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "localbinance serve" in err
    assert "--demo" in err


async def test_the_demo_has_an_exchange_of_its_own(venue: Venue, tmp_path: Path) -> None:
    code, out, err = await account(without_exchange(venue, tmp_path), tmp_path, "--demo", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["balances"]["USDC"] == {"free": "400", "locked": "0"}


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (["NOPE"], {}, "NOPEUSDC is not traded on spot there"),
        (["BTC/USDT"], {}, "'BTC/USDT' is not a symbol"),
        (["--mode", "sometimes"], {}, "mode"),
        (["--demo", "--mode", "live"], {}, "leave --mode out"),
        ([], {"EXCHANGE__HTTP_URL": NOWHERE}, "no connection to the exchange"),
        ([], {"EXCHANGE__API_SECRET": "wrong"}, "-1022"),
    ],
)
async def test_what_is_wrong_is_one_line(
    venue: Venue, tmp_path: Path, arguments: list[str], settings: dict[str, str], words: str
) -> None:
    env = environment(venue, tmp_path, **settings)
    code, out, err = await account(env, tmp_path, "--json", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert venue.secret not in err
