"""A whole trader on a running localbinance whose exchange takes a symbol off, or does not let it hear the market."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli.local_exchange import LocalExchange, local_exchange
from ratchet.config.settings import load_settings
from ratchet.domain.symbol import Symbol
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.trading.wiring import Trader, open_trader
from tests.wire.conftest import venue_of
from tests.wire.signed import Signed, signing

SOL, WIF = Symbol("SOLUSDC"), Symbol("WIFUSDC")
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
REAL_TIME_S_MAX = 90
EAGER = """
from pydantic import BaseModel
from ratchet.domain.order import Side
from ratchet.strategy.decision import Decision

class Parameters(BaseModel):
    pass

def decide(candles, parameters):
    return Decision(side=Side.BUY)
"""
# Trades that end only when somebody ends them.
PATIENT = {"stop_fraction": "0.06", "rung_fractions": ["0.1", "0.2", "0.3"], "hold_minutes_max": 600}


@dataclass(frozen=True, slots=True)
class Scene:
    """A trader that runs."""

    exchange: LocalExchange
    hand: Signed
    trader: Trader
    clock: LockstepClock
    running: asyncio.Task[None]

    async def until(self, at_ms: int) -> None:
        """Let exchange time pass."""
        async with asyncio.timeout(REAL_TIME_S_MAX):
            waiting = asyncio.create_task(self.clock.sleep_until(at_ms))
            await asyncio.wait((waiting, self.running), return_when=asyncio.FIRST_COMPLETED)
            assert not self.running.done(), self.running.result()

    async def ask(self, method: str, path: str, **values: object) -> Any:
        answer = await self.hand.send(method, path, values, signed=False)
        assert answer.status == 200, answer.body
        return answer.body

    def held(self) -> list[Symbol]:
        return self.trader.engine.trades.symbols()


@asynccontextmanager
async def a_scene(folder: Path, **fault: object) -> AsyncIterator[Scene]:
    arguments = ("--market=synthetic", "--speed=max", "--port=0", "--balance=400", "--seed=5", "--history-days=1")
    strategy = folder / "eager.py"
    strategy.write_text(EAGER)
    async with local_exchange(arguments) as exchange:
        venue = venue_of(exchange)
        address = {"http_url": venue.http, "ws_url": venue.ws, "api_key": venue.key, "api_secret": venue.secret}
        settings = load_settings(
            env_file=folder / "no.env",
            runtime_file=folder / "no.json",
            environ={},
            overrides={
                "exchange": address | {"rate_limit": False},
                "strategies": [str(strategy)],
                "universe": {"whitelist": [SOL, WIF], "symbols_min": 1},
                "bracket": PATIENT,
            },
        )
        clock = LockstepClock(exchange.ready.start_ms)
        ledger = f"sqlite+aiosqlite:///{folder}/ledger.db"
        async with signing(venue) as hand, open_trader(settings, clock, ledger) as trader:
            if fault:
                await hand.send("POST", "/localbinance/faults", {"faults": json.dumps(fault)}, signed=False)
            stop = asyncio.Event()
            running = asyncio.create_task(trader.engine.run(None, stop))
            try:
                yield Scene(exchange, hand, trader, clock, running)
            finally:
                stop.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(REAL_TIME_S_MAX):
                        await running


async def test_a_position_is_closed_when_its_delisting_is_announced_and_the_symbol_is_not_entered_again(
    tmp_path: Path,
) -> None:
    async with a_scene(tmp_path) as scene:
        start_ms = scene.clock.now_ms()
        await scene.until(start_ms + 7 * MINUTE_MS)
        assert scene.held() == [SOL, WIF]

        act = {"act": "announce_delisting", "symbol": SOL, "delivery_ms": start_ms + 24 * HOUR_MS}
        await scene.ask("POST", "/localbinance/act", act=json.dumps(act))
        await scene.until(start_ms + 14 * MINUTE_MS)
        assert scene.held() == [WIF]
        assert [position.symbol for position in await scene.trader.client.fetch_positions()] == [WIF]
        told = {line.symbol: line.reason for line in (await scene.trader.ledger.summary(0)).trade_rows}
        assert told[SOL] == "delisting"

        await scene.until(start_ms + HOUR_MS)
        assert scene.held() == [WIF]
        trades = (await scene.trader.ledger.summary(0)).trade_rows
        assert sorted(trade.symbol for trade in trades) == [SOL, WIF]
        places = await scene.trader.ledger.last_places()
        assert (places[SOL].is_traded, places[SOL].rule) == (False, "delisting")
        assert (places[WIF].is_traded, places[WIF].rule) == (True, "traded")
        assert [row for row in await scene.ask("GET", "/localbinance/uncovered") if row["until_ms"] is None] == []


async def test_a_market_stream_that_does_not_connect_is_waited_for_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratchet.trading.engine.CONNECT_PAUSE_S", 0.2)
    async with a_scene(tmp_path, fault="refuse_connection", route="market", name="deaf") as scene:
        engine = scene.trader.engine
        async with asyncio.timeout(REAL_TIME_S_MAX):
            while engine.halts.reason != "the market stream does not connect":
                assert not scene.running.done(), scene.running.result()
                await asyncio.sleep(0.01)
            await scene.ask("DELETE", "/localbinance/faults", name="deaf")
            await engine.started.wait()
        assert not engine.halts
