"""`ratchet rebound` as the process it is, over real sockets, with a person who buys by hand."""

import asyncio
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.guarded import environment
from tests.end_to_end.spot_hand import SYMBOL, SpotHand, bought
from tests.wire.conftest import Venue, serving

TIMEOUT_S = 30
DEMO_S_MAX = 20


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    with serving("--no-rate-limits", "--spot-balance=USDC=100000", "--spot-balance=TRUMP=50") as it:
        yield it


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Venue]:
    """Another exchange, on which nothing was ever traded."""
    with serving("--no-rate-limits", "--spot-balance=USDC=1000") as it:
        yield it


@dataclass(slots=True)
class Companion:
    """A running `ratchet rebound`."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def said(self, wanted: str, times: int = 1) -> None:
        """Wait until it has said so, so often."""
        async with asyncio.timeout(TIMEOUT_S):
            while sum(wanted in line for line in self.lines) < times:
                assert self.process.stderr is not None
                line = await self.process.stderr.readline()
                assert line, f"it ended; it said {self.lines}"
                self.lines.append(line.decode().rstrip())

    async def ends(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(TIMEOUT_S):
            return await self.process.wait()


@asynccontextmanager
async def companion(venue: Venue, folder: Path, *arguments: str, **settings: object) -> AsyncIterator[Companion]:
    folder.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ratchet", "rebound", *arguments),
        env={**environment(venue, folder, None, **settings), "COLUMNS": "160"},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Companion(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_sold(hand: SpotHand, times: int) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while len(await sells_of_ours(hand)) < times:  # noqa: ASYNC110 - the exchange is asked, it does not tell us
            await asyncio.sleep(0.05)


async def sells_of_ours(hand: SpotHand) -> list[dict[str, Any]]:
    return [order for order in await hand.orders("SELL") if order["clientOrderId"].startswith("rb-")]


def test_the_demo_agrees_with_the_account_to_the_last_decimal(tmp_path: Path) -> None:
    async def run() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ratchet", "rebound", "--demo"), cwd=tmp_path, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
        return process.returncode, out.decode()

    began = time.monotonic()
    code, out = asyncio.run(run())
    assert code == 0
    assert time.monotonic() - began < DEMO_S_MAX
    assert len(re.findall(r"^\S+ +SELL \S+ TRUMP at \S+ is placed", out, re.MULTILINE)) == 2
    assert len(re.findall(r"case \d: sold and bought back", out)) == 2
    assert len(re.findall(r"^ *(?:USDC|TRUMP): ledger (\S+), account \1: equal$", out, re.MULTILINE)) == 2


async def test_what_is_bought_is_sold_once_though_it_is_killed_and_started_again(
    venue: Venue, hand: SpotHand, tmp_path: Path
) -> None:
    await hand.buys("4")
    before = len(await hand.fills())
    async with companion(venue, tmp_path) as first:
        await first.said("watched")
        await hand.buys("2")
        await first.said("is placed")
        await hand.buys("3")
        assert await first.ends(signal.SIGKILL) == -signal.SIGKILL
    await hand.buys("5")
    async with companion(venue, tmp_path) as second:
        await until_sold(hand, 3)
        assert await second.ends() == 0
    sells = await sells_of_ours(hand)
    fills = (await hand.fills())[before:]
    assert len({order["clientOrderId"] for order in sells}) == len(sells) == 3
    by_order: dict[int, list[dict[str, Any]]] = {}
    for fill in fills:
        by_order.setdefault(fill["orderId"], []).append(fill)
    wanted = sorted(bought(parts) for parts in by_order.values())
    assert sorted(Decimal(order["origQty"]) for order in sells) == wanted


async def test_what_was_bought_while_it_rested_is_left_alone_unless_it_is_wanted(
    venue: Venue, hand: SpotHand, tmp_path: Path
) -> None:
    before = len(await sells_of_ours(hand))
    async with companion(venue, tmp_path) as first:
        await first.said("watched")
        assert await first.ends() == 0
    since = datetime.now(tz=UTC)
    await hand.buys("6")
    async with companion(venue, tmp_path) as second:
        await second.said("watched")
        await hand.buys("7")
        await second.said("is placed")
        assert await second.ends() == 0
    assert [Decimal(each["origQty"]) for each in (await sells_of_ours(hand))[before:]] == [Decimal("6.993")]
    async with companion(venue, tmp_path, f"--since={since.isoformat()}") as third:
        await third.said("is placed")
        assert await third.ends() == 0
    assert [Decimal(each["origQty"]) for each in (await sells_of_ours(hand))[before:]] == [
        Decimal("6.993"),
        Decimal("5.994"),
    ]


async def test_a_dry_run_says_what_it_would_send_and_sends_nothing(
    venue: Venue, hand: SpotHand, tmp_path: Path
) -> None:
    before = len(await hand.orders("SELL"))
    async with companion(venue, tmp_path, "--dry-run", REBOUND__PERCENT_BY_SYMBOL="TRUMPUSDC=2.5") as looking:
        await looking.said("watched")
        await hand.buys("2")
        await looking.said("would send SELL 1.998 TRUMP at")
        assert await looking.ends() == 0
    assert len(await hand.orders("SELL")) == before
    paid = Decimal((await hand.fills())[-1]["price"])
    said = Decimal(looking.lines[-1].rpartition(" ")[2])
    assert paid * Decimal("1.025") <= said < paid * Decimal("1.026")


async def test_two_do_not_watch_one_account_from_one_machine(venue: Venue, tmp_path: Path) -> None:
    async with companion(venue, tmp_path) as first:
        await first.said("watched")
        async with companion(venue, tmp_path) as second:
            _, err = await asyncio.wait_for(second.process.communicate(), TIMEOUT_S)
        assert (second.process.returncode, err.decode().count("\n")) == (2, 1)
        assert b"another `ratchet rebound` watches this account" in err


async def test_on_two_machines_they_sell_it_once(venue: Venue, hand: SpotHand, tmp_path: Path) -> None:
    before = len(await sells_of_ours(hand))
    async with companion(venue, tmp_path / "here") as first, companion(venue, tmp_path / "there") as second:
        await first.said("watched")
        await second.said("watched")
        for times, quantity in enumerate(("2", "3", "4"), start=1):
            await hand.buys(quantity)
            await asyncio.gather(first.said("(case ", 2 * times), second.said("(case ", 2 * times))
        assert await first.ends() == 0
        assert await second.ends() == 0
    sells = (await sells_of_ours(hand))[before:]
    assert [Decimal(each["origQty"]) for each in sells] == [Decimal("1.998"), Decimal("2.997"), Decimal("3.996")]
    placed = [line for line in first.lines + second.lines if "is placed" in line]
    found = [line for line in first.lines + second.lines if "it was placed elsewhere" in line]
    assert len(placed) + len(found) == 6  # each has all three, whoever was first


async def test_who_has_lost_the_ledger_does_not_sell_again(venue: Venue, hand: SpotHand, tmp_path: Path) -> None:
    since = datetime.now(tz=UTC)
    async with companion(venue, tmp_path / "first") as first:
        await first.said("watched")
        await hand.buys("3")
        await first.said("is placed")
        assert await first.ends() == 0
    before = await sells_of_ours(hand)
    async with companion(venue, tmp_path / "anew", f"--since={since.isoformat()}") as second:
        await second.said("its SELL is there already")
        assert await second.ends() == 0
    assert await sells_of_ours(hand) == before


async def test_a_ledger_of_another_account_is_refused(
    venue: Venue, hand: SpotHand, elsewhere: Venue, tmp_path: Path
) -> None:
    async with companion(venue, tmp_path) as first:
        await first.said("watched")
        await hand.buys("3")
        await first.said("is placed")
        assert await first.ends() == 0
    async with companion(elsewhere, tmp_path) as second:
        _, err = await asyncio.wait_for(second.process.communicate(), TIMEOUT_S)
    assert second.process.returncode == 2
    assert b"it is the ledger of another account, or of a testnet that was reset; move its file away" in err
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "settings", "why"),
    [
        (["NOSUCH"], {}, "NOSUCHUSDC is not traded on spot there"),
        (["a b"], {}, "'a b' is not a symbol"),
        (["--since", "yesterday"], {}, "--since is 'yesterday', a time like 2026-11-21T08:00 is wanted"),
        (["--since", "2020-01-01"], {}, "within the last 30 days is wanted"),
        (["--mode", "live"], {"EXCHANGE__HTTP_URL": "https://api.binance.com"}, "mode live sells for real money"),
        (["--demo", "BTC"], {}, "--demo is on an exchange of its own"),
        ([], {"REBOUND__PERCENT": "0"}, 'RATCHET_REBOUND__PERCENT is "0", above 0 is wanted'),
        ([], {"REBOUND__PERCENT_BY_SYMBOL": "TRUMPUSDC"}, "TRUMPUSDC=1.5,BTCUSDC=0.8 or a JSON object is wanted"),
    ],
)
async def test_bad_input_gets_one_line(
    venue: Venue, tmp_path: Path, arguments: list[str], settings: dict[str, object], why: str
) -> None:
    async with companion(venue, tmp_path, *arguments, **settings) as it:
        out, err = await asyncio.wait_for(it.process.communicate(), TIMEOUT_S)
    assert (it.process.returncode, out) == (2, b"")
    assert why in err.decode()
    assert err.decode().count("\n") == 1, err.decode()


async def test_symbols_are_watched_at_once_and_each_has_its_percentage(
    venue: Venue, hand: SpotHand, tmp_path: Path
) -> None:
    async with companion(
        venue, tmp_path, SYMBOL, "sol", REBOUND__PERCENT="3", REBOUND__PERCENT_BY_SYMBOL="SOLUSDC=7"
    ) as it:
        await it.said("watched", 2)
        await hand.buys("2")
        await hand.buys("1", symbol="SOLUSDC")
        await it.said("is placed", 2)
        assert await it.ends() == 0
    for symbol, least in ((SYMBOL, Decimal("1.03")), ("SOLUSDC", Decimal("1.07"))):
        sell = (await hand.orders("SELL", symbol))[-1]
        ratio = Decimal(sell["price"]) / Decimal((await hand.fills(symbol))[-1]["price"])
        assert least <= ratio < least + Decimal("0.001")
    await hand.cancels_all("SOLUSDC")
