"""The scripts of `experiments/` as the processes they are: on python-binance alone, on a running exchange."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.guarded import eventually
from tests.end_to_end.spot_hand import SYMBOL, SpotHand, a_spot_hand, bought
from tests.wire.conftest import Venue, running, serving

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
START_S = 60.0  # for a process to start on a busy machine
TICK = STEP = Decimal("0.001")
GAIN = Decimal("1.01")
UNREACHABLE = "http://127.0.0.1:9"
WALLET = ("--no-rate-limits", "--spot-balance=USDC=10000", "--spot-balance=TRUMP=50")


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    with serving(*WALLET) as it:
        yield it


@dataclass(slots=True)
class Script:
    """A script that runs."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said.append(line.decode().rstrip())

    def lines(self, words: str) -> list[str]:
        return [line for line in self.said if words in line]

    async def says(self, words: str, times: int = 1) -> str:
        """The line with these words, once it has come so often."""
        await eventually(lambda: len(self.lines(words)) >= times or self._has_ended(), START_S)
        return self.lines(words)[times - 1]

    async def ends(self) -> int:
        self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(START_S):
            return await self.process.wait()

    def _has_ended(self) -> bool:
        assert self.process.returncode is None, self.said
        return False


def environment(venue: Venue | None, **values: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
    if venue is None:
        return kept | values
    ours = {"BINANCE_API_URL": venue.http, "BINANCE_API_KEY": venue.key, "BINANCE_API_SECRET": venue.secret}
    return kept | ours | values


@asynccontextmanager
async def v2(venue: Venue, *arguments: str) -> AsyncIterator[Script]:
    """A running v2_main.py that watches."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        EXPERIMENTS / "v2_main.py",
        *arguments,
        env=environment(venue),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    script = Script(process)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(script.listen())
        try:
            await script.says("is watched")
            yield script
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def once(name: str, *arguments: str, env: dict[str, str]) -> tuple[int, str, str]:
    """A script to its end: exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        EXPERIMENTS / name,
        *arguments,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(START_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def sales_of(fills: list[dict[str, Any]]) -> tuple[Decimal, Decimal]:
    """Price and quantity of the SELL that these BUY fills of one order call for."""
    paid = sum((Decimal(row["qty"]) * Decimal(row["price"]) for row in fills), Decimal(0))
    average = paid / sum((Decimal(row["qty"]) for row in fills), Decimal(0))
    price = average * GAIN // TICK * TICK
    return price if price >= average * GAIN else price + TICK, bought(fills) // STEP * STEP


async def new_fills(hand: SpotHand, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in (await hand.fills())[len(known) :] if row["isBuyer"]]


# Step 1 ----------------------------------------------------------------------------------------------------------


async def test_v1_shows_balances_open_orders_and_trades(venue: Venue, hand: SpotHand) -> None:
    await hand.buys("3")
    fill = (await hand.fills())[-1]
    price = Decimal(fill["price"]) + 10
    sell = {
        "symbol": SYMBOL,
        "side": "SELL",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "quantity": "7",
        "price": str(price),
    }
    await hand.acts(act="spot_order", order=sell)
    standing = (await hand.orders("SELL"))[-1]
    code, out, err = await once("v1_main.py", env=environment(venue))
    assert (code, err) == (0, "")
    balances, orders, trades = (part.splitlines() for part in out.strip().split("\n\n"))
    assert [part[0] for part in (balances, orders, trades)] == [
        "Balances",
        "Open orders",
        f"Recent trades of {SYMBOL}",
    ]
    held = {row.split()[0]: row.split()[1:] for row in balances[2:]}
    account = {row["asset"]: row for row in (await hand.asks("account"))["balances"]}
    for asset in ("USDC", "TRUMP"):
        assert [Decimal(each) for each in held[asset]] == [Decimal(account[asset][key]) for key in ("free", "locked")]
    assert held["TRUMP"][1] == "7"
    assert orders[-1].split() == [SYMBOL, str(standing["orderId"]), "SELL", "LIMIT", f"{price.normalize():f}", "7", "0"]
    assert trades[-1].split()[2:] == [
        str(fill["orderId"]),
        "BUY",
        f"{Decimal(fill['price']).normalize():f}",
        "3",
        "0.003",
        "TRUMP",
    ]


async def test_v1_takes_a_symbol_and_says_where_nothing_is(venue: Venue, hand: SpotHand) -> None:
    code, out, _ = await once("v1_main.py", "solusdc", env=environment(venue))
    assert code == 0
    assert out.strip().split("\n\n")[-1].splitlines()[::2] == ["Recent trades of SOLUSDC", "none"]


@pytest.mark.parametrize("name", ["v1_main.py", "v2_main.py"])
@pytest.mark.parametrize(
    ("arguments", "values", "words"),
    [
        (["NOPEUSDC"], {}, "NOPEUSDC"),
        (["--nope"], {}, "unrecognized arguments: --nope"),
        ([], {"BINANCE_API_KEY": ""}, "BINANCE_API_KEY is not set"),
        ([], {"BINANCE_API_SECRET": ""}, "BINANCE_API_SECRET is not set"),
        ([], {"BINANCE_API_SECRET": "wrong"}, "-1022"),
        ([], {"BINANCE_API_URL": UNREACHABLE}, f"{UNREACHABLE} gives no answer (ConnectionError)"),
        (["--dry-run"], {"BINANCE_API_URL": "http://api.binance.com"}, "https://testnet.binance.vision is wanted"),
        (["--dry-run"], {"BINANCE_API_URL": "https:///"}, "https://testnet.binance.vision is wanted"),
    ],
)
async def test_bad_input_is_one_line(
    venue: Venue, name: str, arguments: list[str], values: dict[str, str], words: str
) -> None:
    if name == "v1_main.py" and "NOPEUSDC" in arguments:
        words = "-1121"
    told = [each for each in arguments if name == "v2_main.py" or each != "--dry-run"]
    code, out, err = await once(name, *told, env=environment(venue, **values))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert words in err
    assert venue.secret not in err
    assert "signature" not in err


# Step 2 ----------------------------------------------------------------------------------------------------------


async def test_v2_sells_a_new_fill_once_at_one_percent_more_and_leaves_old_ones_alone(
    venue: Venue, hand: SpotHand
) -> None:
    await hand.buys("5")
    known, sales_before = await hand.fills(), await hand.orders("SELL")
    async with v2(venue) as script:
        await hand.buys("2.5")
        first = await script.says("placed as order")
        await hand.buys("4")
        await script.says("placed as order", times=2)
        sales = (await hand.orders("SELL"))[len(sales_before) :]
        assert await script.ends() == 0
    fills = await new_fills(hand, known)
    by_order = [[row for row in fills if row["orderId"] == order_id] for order_id in {row["orderId"] for row in fills}]
    assert sorted((Decimal(row["price"]), Decimal(row["origQty"])) for row in sales) == sorted(
        sales_of(rows) for rows in by_order
    )
    assert {row["type"] for row in sales} == {"LIMIT"}
    assert str(sales[0]["orderId"]) in first
    # The exchange would refuse a second SELL of the same name while the first one stands.
    assert not script.lines("refused") + script.lines("Traceback")


async def test_v2_dry_run_says_what_it_would_place_and_places_nothing(venue: Venue, hand: SpotHand) -> None:
    known, sales_before = await hand.fills(), await hand.orders("SELL")
    async with v2(venue, "--dry-run") as script:
        assert "nothing is placed" in script.said[0]
        await hand.buys("2.5")
        line = await script.says("would be placed")
        await hand.buys("3")
        await script.says("would be placed", times=2)
    price, quantity = sales_of([row for row in await new_fills(hand, known) if f"order {row['orderId']} " in line])
    assert f"SELL {quantity.normalize():f} at {price.normalize():f} would" in line
    assert await hand.orders("SELL") == sales_before


async def test_v2_sells_all_of_what_comes_in_parts(venue: Venue, hand: SpotHand) -> None:
    known, sales_before = await hand.fills(), await hand.orders("SELL")
    await hand.acts(act="spot_fill_slowly", symbol=SYMBOL, parts=4, over_ms=7_000)
    async with v2(venue) as script:
        await hand.buys("20")
        await eventually(lambda: len(script.lines("placed as order")) >= 2, START_S)
        await hand.acts(act="spot_fill_slowly", symbol=SYMBOL, parts=1)

        async def all_is_sold() -> bool:
            fills = await new_fills(hand, known)
            if sum(Decimal(row["qty"]) for row in fills) < 20:
                return False
            sales = (await hand.orders("SELL"))[len(sales_before) :]
            left = bought(fills) - sum(Decimal(row["origQty"]) for row in sales)
            assert left >= 0
            return left < STEP * len(sales)

        await eventually(all_is_sold, START_S)
    assert not script.lines("too small")


async def test_v2_gathers_parts_that_are_too_small_for_the_filters(venue: Venue, hand: SpotHand) -> None:
    last = Decimal((await hand.client.get("/api/v3/ticker/price", symbol=SYMBOL))["price"])
    sales_before = await hand.orders("SELL")
    await hand.acts(act="spot_fill_slowly", symbol=SYMBOL, parts=4, over_ms=9_000)
    async with v2(venue) as script:
        await hand.buys(f"{Decimal(2) / last:.3f}")  # parts of half a USDC each, where one is the least
        await hand.acts(act="spot_fill_slowly", symbol=SYMBOL, parts=1)
        await script.says("too small for the filters")
        await script.says("placed as order")
    sale = (await hand.orders("SELL"))[len(sales_before) :][0]
    assert Decimal(sale["origQty"]) * Decimal(sale["price"]) >= 1


async def test_v2_does_not_send_again_what_got_no_answer(venue: Venue, hand: SpotHand) -> None:
    sales_before = await hand.orders("SELL")
    async with v2(venue) as script:
        await hand.puts_fault(fault="lose_reply", method="POST", path="/api/v3/order", times=1)
        await hand.buys("3")
        line = await script.says("may stand as v2-")
        await hand.buys("4")
        await script.says("placed as order")
    sales = (await hand.orders("SELL"))[len(sales_before) :]
    assert len(sales) == 2
    assert f"may stand as {sales[0]['clientOrderId']}," in line


async def test_v2_says_what_was_refused_and_goes_on(venue: Venue, hand: SpotHand) -> None:
    sales_before = await hand.orders("SELL")
    async with v2(venue) as script:
        await hand.acts(act="spot_filter", symbol=SYMBOL, multiplier_up="1.001")
        await hand.buys("3")
        assert "-1013" in await script.says("was refused")
        await hand.acts(act="spot_filter", symbol=SYMBOL, multiplier_up="5")
        await hand.buys("4")
        await script.says("placed as order")
    assert len(await hand.orders("SELL")) == len(sales_before) + 1


async def test_v2_sells_what_was_bought_while_it_got_no_answers(venue: Venue, hand: SpotHand) -> None:
    sales_before = await hand.orders("SELL")
    async with v2(venue) as script:
        await hand.puts_fault(fault="lose_request", method="GET", path="/api/v3/myTrades", name="deaf")
        await hand.buys("3")
        await script.says("a look failed", times=2)
        await hand.client.send("DELETE", "/localbinance/faults", signed=False)
        await script.says("placed as order")
    assert len(await hand.orders("SELL")) == len(sales_before) + 1


async def test_v2_tells_each_minute_its_average_and_where_it_heads() -> None:
    async with running("--speed=12", *WALLET) as venue, a_spot_hand(venue) as hand, v2(venue) as script:
        await script.says(": MA7 ", times=3)  # several looks a minute
        candles = await hand.client.get("/api/v3/klines", symbol=SYMBOL, interval="1m", limit=60)
    told = [line.split("minute ")[1].replace(": MA7 ", " ").split() for line in script.lines(": MA7 ")]
    closes = [(row[0], Decimal(row[4])) for row in candles]
    minutes = [datetime.fromisoformat(f"{day}T{clock}+00:00").timestamp() * 1_000 for day, clock, _, _ in told]
    assert minutes == sorted(set(minutes))
    for minute_ms, (_, _, average, heading) in zip(minutes, told, strict=True):
        row = next(index for index, (open_ms, _) in enumerate(closes) if open_ms == minute_ms)
        now, before = (sum((close for _, close in closes[end - 6 : end + 1]), Decimal(0)) / 7 for end in (row, row - 1))
        assert abs(Decimal(average) - now) <= now / 10**7
        assert heading == ("UP" if now > before else "DOWN" if now < before else "FLAT")


@pytest.mark.parametrize("address", [None, "https://api.binance.com", "https://api1.binance.com/"])
async def test_v2_places_nothing_real_unless_told_so(address: str | None) -> None:
    values = {"BINANCE_API_KEY": "key", "BINANCE_API_SECRET": "secret"}
    env = environment(None, **values, **({} if address is None else {"BINANCE_API_URL": address}))
    # A proxy that is not there: were it to ask Binance all the same, it would say that nobody answers.
    code, out, err = await once("v2_main.py", env={**env, "HTTPS_PROXY": UNREACHABLE})
    assert (code, out) == (2, "")
    assert "orders would be real: say --dry-run, or --real" in err
    code, _, err = await once("v2_main.py", "--real", env={**env, "HTTPS_PROXY": UNREACHABLE})
    assert code == 2
    assert "gives no answer" in err
