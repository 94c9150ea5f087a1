"""The promise under fire: requests and answers get lost, streams break, the process is killed. Every position keeps its
stop, or is closed at once, and in the end every cent is accounted for. Real engine, real exchange, real sockets."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli.local_exchange import LocalExchange, local_exchange
from ratchet.config.settings import Settings, load_settings
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.tables import TradeRow
from ratchet.trading.wiring import Trader, open_trader
from tests.end_to_end.proxy import Fault, Proxy, a_proxy
from tests.wire.conftest import Venue
from tests.wire.signed import signing

MINUTE_MS = 60_000
LIMIT_S = 100
ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"

EAGER = """
from pydantic import BaseModel
from ratchet.domain.order import Side
from ratchet.strategy.decision import Decision

class Parameters(BaseModel):
    pass

def decide(candles, parameters):
    return Decision(side=Side.BUY if int(candles.open_ms[-1]) // 300_000 % 2 else Side.SELL)
"""


@dataclass(slots=True)
class Scene:
    """A trader that enters at every candle, through the proxy."""

    exchange: LocalExchange
    proxy: Proxy
    trader: Trader
    start_ms: int

    async def trade(self, minutes: int = 21) -> None:
        """Run to the end; open trades are closed then."""
        async with asyncio.timeout(LIMIT_S):
            await self.trader.engine.run(self.start_ms + minutes * MINUTE_MS, asyncio.Event())

    async def assert_safe_and_accounted(self, *, requests_while_bare: int = 1) -> None:
        """Nothing is left, no position stood bare for more than so many requests, and the books agree."""
        spells: Any = await self.exchange.ask("/localbinance/uncovered")
        assert [spell for spell in spells if spell["until_ms"] is None] == []
        assert max((spell["requests_between"] for spell in spells), default=0) <= requests_while_bare
        client = self.trader.client
        assert await client.fetch_positions() == []
        assert await client.fetch_open_stops() == []
        assert await client.fetch_open_orders() == []
        assert await self.trader.engine.accountant.unexplained_pnl() == Decimal(0)
        assert await self.trader.ledger.open_trades() == []

    async def closed(self) -> int:
        return (await self.trader.ledger.summary(0)).closed_trades


def settings_for(exchange: LocalExchange, address: str, folder: Path) -> Settings:
    strategy = folder / "eager.py"
    strategy.write_text(EAGER)
    return load_settings(
        env_file=folder / "no.env",
        runtime_file=folder / "no.json",
        environ={},
        overrides={
            "exchange": {
                "http_url": f"http://{address}",
                "ws_url": f"ws://{address}",
                "api_key": exchange.ready.api_key.get_secret_value(),
                "api_secret": exchange.ready.api_secret.get_secret_value(),
                "rate_limit": False,
                "reply_timeout_s": 2,
            },
            "strategies": [str(strategy)],
            "universe": {"whitelist": ["SOL*", "WIF*"], "symbols_min": 1},
            "bracket": {"hold_minutes_max": 4},
        },
    )


@asynccontextmanager
async def a_scene(folder: Path) -> AsyncIterator[Scene]:
    arguments = ("--market=synthetic", "--speed=max", "--port=0", "--balance=400", "--seed=5", "--history-days=1")
    async with local_exchange(arguments) as exchange, a_proxy(exchange.ready.http.removeprefix("http://")) as proxy:
        clock = LockstepClock(exchange.ready.start_ms)
        settings = settings_for(exchange, proxy.address, folder)
        async with open_trader(settings, clock, f"sqlite+aiosqlite:///{folder}/ledger.db") as trader:
            yield Scene(exchange, proxy, trader, exchange.ready.start_ms)


async def test_without_faults_it_trades_at_every_candle(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await scene.trade()
        await scene.assert_safe_and_accounted()
        assert await scene.closed() >= 6


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.TIMED_OUT])
async def test_an_entry_that_happened_without_an_answer_is_found_and_protected(tmp_path: Path, fault: Fault) -> None:
    async with a_scene(tmp_path) as scene:
        rule = scene.proxy.fail("POST", ORDER, fault, times=3, type="MARKET")
        await scene.trade()
        assert rule.done == 3
        await scene.assert_safe_and_accounted()
        assert await scene.closed() >= 4


async def test_an_entry_that_never_arrived_is_given_up_and_never_sent_twice(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        names: list[str] = []

        def note(method: str, path: str, parameters: dict[str, str]) -> None:
            if (method, path) == ("POST", ORDER):
                names.append(parameters["newClientOrderId"])

        scene.proxy.on_request = note
        scene.proxy.fail("POST", ORDER, Fault.LOSE_REQUEST, type="MARKET")
        await scene.trade(16)
        assert len(names) == len(set(names)), "a market order's name is not protected by the exchange once it is filled"
        await scene.assert_safe_and_accounted()


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.TIMED_OUT, Fault.LOSE_REQUEST, Fault.BROKEN_FRONT])
async def test_a_stop_without_an_answer_stands_before_anything_else_is_sent(tmp_path: Path, fault: Fault) -> None:
    async with a_scene(tmp_path) as scene:
        rule = scene.proxy.fail("POST", ALGO, fault, times=4)
        await scene.trade()
        assert rule.done == 4
        await scene.assert_safe_and_accounted()
        assert await scene.closed() >= 4


async def test_a_position_whose_stop_would_trigger_at_once_is_closed(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        rule = scene.proxy.fail("POST", ALGO, Fault.REFUSE_TRIGGER, times=2)
        await scene.trade()
        assert rule.done == 2
        # Bare until the close: cancelling what rests, then the close itself.
        await scene.assert_safe_and_accounted(requests_while_bare=2)
        reasons = [row.reason for row in (await scene.trader.ledger.summary(0)).trade_rows]
        assert reasons.count("stop_beyond") == 2


async def test_a_close_that_fails_is_tried_again_under_the_stop(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        rule = scene.proxy.fail("POST", ORDER, Fault.BROKEN_FRONT, times=1, reduceOnly="true", type="MARKET")
        await scene.trade(16)
        assert rule.done == 1
        await scene.assert_safe_and_accounted()


async def test_rungs_that_get_lost_leave_the_trade_whole(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        rule = scene.proxy.fail("POST", ORDER, Fault.LOSE_ANSWER, times=3, type="LIMIT")
        await scene.trade()
        assert rule.done == 3
        await scene.assert_safe_and_accounted()


@pytest.mark.parametrize("part", ["private", "market"])
async def test_streams_that_break_again_and_again_cost_nothing_but_time(tmp_path: Path, part: str) -> None:
    async with a_scene(tmp_path) as scene:
        cuts = 0

        async def cut_now_and_then() -> None:
            nonlocal cuts
            while True:
                await asyncio.sleep(0.25)
                await scene.proxy.cut(part)
                cuts += 1

        cutter = asyncio.create_task(cut_now_and_then())
        try:
            await scene.trade()
        finally:
            cutter.cancel()
            await asyncio.gather(cutter, return_exceptions=True)
        assert cuts >= 2
        await scene.assert_safe_and_accounted()


OUTAGE_S = 9  # longer than any request is waited for


async def test_an_outage_right_after_an_entry_ends_with_the_stop_in_place(tmp_path: Path) -> None:
    """The worst moment: the entry is filled, its answer is on the way, and then nothing gets through any more."""
    async with a_scene(tmp_path) as scene:
        outages: list[asyncio.Task[None]] = []

        async def outage() -> None:
            scene.proxy.down = True
            await scene.proxy.cut("")
            await asyncio.sleep(OUTAGE_S)
            scene.proxy.down = False

        def on_request(method: str, path: str, parameters: dict[str, str]) -> None:
            if (method, path, parameters.get("type")) == ("POST", ORDER, "MARKET") and not outages:
                outages.append(asyncio.create_task(outage()))

        scene.proxy.on_request = on_request
        scene.proxy.fail("POST", ORDER, Fault.LOSE_ANSWER, type="MARKET")
        await scene.trade(16)
        await outages[0]
        await scene.assert_safe_and_accounted()
        assert await scene.closed() >= 3


async def test_a_stop_that_is_refused_by_quantity_is_placed_as_one_that_closes_the_position(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        rule = scene.proxy.fail("POST", ALGO, Fault.REFUSE_TYPE, times=2, reduceOnly="true")
        await scene.trade()
        assert rule.done == 2
        await scene.assert_safe_and_accounted(requests_while_bare=2)
        assert "stop_refused" not in [row.reason for row in (await scene.trader.ledger.summary(0)).trade_rows]


async def test_a_position_whose_stop_is_refused_in_every_form_is_closed_and_nothing_is_entered_meanwhile(
    tmp_path: Path,
) -> None:
    async with a_scene(tmp_path) as scene:
        scene.proxy.fail("POST", ALGO, Fault.REFUSE_TYPE, times=1_000)
        await scene.trade()
        # Two forms of a stop, cancelling what rests, the close.
        await scene.assert_safe_and_accounted(requests_while_bare=4)
        reasons = [row.reason for row in (await scene.trader.ledger.summary(0)).trade_rows]
        assert set(reasons) == {"stop_refused"}


async def test_a_stop_that_went_while_nobody_was_told_is_noticed_and_replaced(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        venue = Venue(
            scene.exchange.ready.http,
            scene.exchange.ready.ws,
            scene.exchange.ready.api_key.get_secret_value(),
            scene.exchange.ready.api_secret.get_secret_value(),
        )

        async def take_a_stop_away() -> None:
            while not any(line.price_stop for line in scene.trader.engine.status().positions):
                await scene.exchange.ask("/localbinance/status")  # one round trip, and look again
            stops = await scene.trader.client.fetch_open_stops()
            scene.proxy.blocked.add("private")
            await scene.proxy.cut("private")
            status: Any = await scene.exchange.ask("/localbinance/status")
            async with signing(venue) as direct:
                name = {"clientAlgoId": stops[0].client_order_id}
                answer = await direct.send("DELETE", ALGO, name, at_ms=status["now_ms"])
                assert answer.status == 200
            scene.proxy.blocked.clear()

        thief = asyncio.create_task(take_a_stop_away())
        await scene.trade(16)
        await thief
        # Bare until it is noticed: three rungs may be on their way, then the next stop is.
        await scene.assert_safe_and_accounted(requests_while_bare=5)


KILLED = """
import asyncio, sys
from pathlib import Path
from ratchet.cli.local_exchange import LocalExchange, Ready
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.trading.wiring import open_trader
from tests.end_to_end.test_faults import settings_for

async def main():
    folder = Path(sys.argv[2])
    exchange = LocalExchange(Ready.model_validate_json(sys.argv[1]), None, [])
    clock = LockstepClock(exchange.ready.start_ms)
    settings = settings_for(exchange, exchange.ready.http.removeprefix("http://"), folder)
    async with open_trader(settings, clock, f"sqlite+aiosqlite:///{folder}/ledger.db") as trader:
        run = asyncio.create_task(trader.engine.run(None, asyncio.Event()))
        while not run.done():
            await asyncio.sleep(0.001)
            status = trader.engine.status()
            if len([line for line in status.positions if line.price_stop is not None]) >= 2:
                print("protected", flush=True)
                await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_killed_without_warning_it_leaves_every_position_with_its_stop_and_takes_its_trades_up_again(
    tmp_path: Path,
) -> None:
    arguments = ("--market=synthetic", "--speed=max", "--port=0", "--balance=400", "--seed=5", "--history-days=1")
    async with local_exchange(arguments) as exchange:
        ready = exchange.ready.model_dump(by_alias=True) | {
            "apiKey": exchange.ready.api_key.get_secret_value(),
            "apiSecret": exchange.ready.api_secret.get_secret_value(),
        }
        command = (sys.executable, "-c", KILLED, json.dumps(ready), str(tmp_path))
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
        )
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            while (line := await process.stdout.readline()) != b"protected\n":
                assert line, "it ended before it held anything"
            process.send_signal(signal.SIGKILL)
            await process.wait()
        spells: Any = await exchange.ask("/localbinance/uncovered")
        assert [spell for spell in spells if spell["until_ms"] is None] == []
        settings = settings_for(exchange, exchange.ready.http.removeprefix("http://"), tmp_path)
        status: Any = await exchange.ask("/localbinance/status")
        clock = LockstepClock(status["now_ms"])
        held = {trade.symbol for trade in await open_trades(tmp_path)}
        assert len(held) >= 2
        async with open_trader(settings, clock, f"sqlite+aiosqlite:///{tmp_path}/ledger.db") as trader:
            async with asyncio.timeout(LIMIT_S):
                await trader.engine.run(status["now_ms"] + 10 * MINUTE_MS, asyncio.Event())
            assert await trader.client.fetch_positions() == []
            assert await trader.client.fetch_open_stops() == []
            assert await trader.client.fetch_open_orders() == []
            assert await trader.ledger.open_trades() == []
            rows = (await trader.ledger.summary(0)).trade_rows
            assert sum((row.net_pnl for row in rows), Decimal(0)) == sum(
                (
                    row.amount
                    for row in await trader.client.fetch_income(since_ms=exchange.ready.start_ms)
                    if row.symbol
                ),
                Decimal(0),
            )


async def open_trades(folder: Path) -> list[TradeRow]:
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder}/ledger.db")
    try:
        return await ledger.open_trades()
    finally:
        await ledger.close()
