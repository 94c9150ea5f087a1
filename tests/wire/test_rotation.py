"""The rotation of the universe on a running localbinance, in accelerated time over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from ratchet.cli.local_exchange import local_exchange
from ratchet.config.sections import UniverseSettings
from ratchet.config.settings import load_settings
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import NoSignal
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.ledger.ledger import Ledger
from ratchet.market.verdict import Rule
from ratchet.observe.notices import Notice, Noticeboard
from ratchet.strategy.plugin import Strategy
from ratchet.trading.entries.live_market import LiveMarket, LiveMarketParts
from tests.wire.conftest import venue_of
from tests.wire.signed import Signed, signing

BTC, ETH, SOL = Symbol("BTCUSDC"), Symbol("ETHUSDC"), Symbol("SOLUSDC")
MINUTE_MS = 60_000
CANDLE_MS = 5 * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS
REAL_TIME_S_MAX = 60


class Nothing(BaseModel):
    """No parameters."""


@dataclass(frozen=True, slots=True)
class Witness(Strategy):
    """Sees every closed candle it is asked about, and wants nothing."""

    seen: list[tuple[Symbol, int]] = field(default_factory=list)  # with the time at which the candle closed
    windows_with_holes: list[Symbol] = field(default_factory=list)

    def decide(self, symbol: Symbol, candles: CandleArrays) -> NoSignal:
        close_ms = int(candles.open_ms[-1]) + candles.timeframe_ms
        self.seen.append((symbol, close_ms))
        if any(after - before != CANDLE_MS for before, after in pairwise(candles.open_ms.tolist())):
            self.windows_with_holes.append(symbol)
        return NoSignal(strategy=self.name, symbol=symbol, candle_close_ms=close_ms, reason="only looking")


def a_witness() -> Witness:
    return Witness("witness", Nothing(), lambda _candles, _parameters: None)


@dataclass
class Scene:
    """A market that runs; the exchange's time goes on while the test waits for it, and stands while it acts."""

    hand: Signed
    clock: LockstepClock
    client: BinanceClient
    settings: UniverseSettings
    witness: Witness = field(default_factory=a_witness)
    held: set[Symbol] = field(default_factory=set)
    closed: list[tuple[Symbol, str]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    market: LiveMarket = field(init=False)

    async def until(self, at_ms: int) -> None:
        """Let exchange time pass."""
        async with asyncio.timeout(REAL_TIME_S_MAX):
            await self.clock.sleep_until(at_ms)

    def close(self, symbol: Symbol, reason: str) -> None:
        self.closed.append((symbol, reason))
        self.held.discard(symbol)

    def candles_of(self, symbol: Symbol) -> list[int]:
        return [close_ms for each, close_ms in self.witness.seen if each == symbol]

    async def act(self, **act: object) -> None:
        answer = await self.hand.send("POST", "/localbinance/act", {"act": json.dumps(act)}, signed=False)
        assert answer.status == 200, answer.body

    async def put(self, **fault: object) -> None:
        answer = await self.hand.send("POST", "/localbinance/faults", {"faults": json.dumps(fault)}, signed=False)
        assert answer.status == 200, answer.body


@asynccontextmanager
async def a_scene(folder: Path, **universe: object) -> AsyncIterator[Scene]:
    arguments = ("--market=synthetic", "--speed=max", "--port=0", "--seed=7", "--history-days=2")
    async with local_exchange(arguments) as exchange:
        venue = venue_of(exchange)
        wanted = {"whitelist": [BTC, ETH, SOL], "symbols_min": 1, "symbols_max": 2, "rotation_minutes": 15}
        settings = load_settings(
            environ={},
            overrides={
                "exchange": {
                    "http_url": venue.http,
                    "ws_url": venue.ws,
                    "api_key": venue.key,
                    "api_secret": venue.secret,
                    "rate_limit": False,
                },
                "universe": wanted | universe,
            },
        )
        clock = LockstepClock(exchange.ready.start_ms)
        ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder}/ledger.db")
        async with signing(venue) as hand, BinanceClient(settings.exchange, clock) as client:
            scene = Scene(hand, clock, client, settings.universe)
            noticeboard = Noticeboard()
            noticeboard.listen(scene.notices.append)
            parts = LiveMarketParts(
                settings=settings,
                client=client,
                ledger=ledger,
                clock=clock,
                rules=dict(await client.load_rules()),
                strategies=[scene.witness],
                noticeboard=noticeboard,
                held=lambda: scene.held,
                close=scene.close,
                universe_settings=lambda: scene.settings,
            )
            scene.market = LiveMarket(parts, lambda _signal: Outcome(Stage.SENT, "entry"))
            await scene.market.prepare()
            running = asyncio.create_task(scene.market.run())
            try:
                yield scene
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await ledger.close()


async def one_leaves(scene: Scene) -> None:
    assert scene.market.universe.symbols == (BTC, ETH)
    start_ms = scene.clock.now_ms()
    await scene.until(start_ms + 7 * MINUTE_MS)
    scene.settings = scene.settings.model_copy(update={"blacklist": ("ETH*",)})
    await scene.until(start_ms + 16 * MINUTE_MS)
    assert scene.market.universe.symbols == (BTC, SOL)
    verdict = scene.market.verdicts()[ETH]
    assert (verdict.is_in, verdict.rule, verdict.reason) == (False, Rule.BLACKLIST, "blacklisted by ETH*")
    assert scene.market.verdicts()[SOL].figures.depth_quote is not None
    rotated_ms = scene.clock.now_ms()
    await scene.until(rotated_ms + HOUR_MS)

    first_ms = start_ms - start_ms % CANDLE_MS + CANDLE_MS
    every_candle = list(range(first_ms, rotated_ms + HOUR_MS - CANDLE_MS, CANDLE_MS))
    assert scene.candles_of(BTC)[: len(every_candle)] == every_candle
    since = [close_ms for close_ms in every_candle if close_ms > rotated_ms]
    assert scene.candles_of(SOL)[: len(since)] == since
    assert max(scene.candles_of(ETH)) <= rotated_ms
    assert scene.witness.windows_with_holes == []
    assert scene.market.candles(ETH) is None


async def test_who_stays_misses_no_candle_while_others_come_and_go(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with a_scene(tmp_path) as scene:
            await one_leaves(scene)
    assert [line["stream"] for line in logs if line["event"] == "stream_connected"] == ["market"]
    assert [line for line in logs if line["event"] == "candles_by_rest"] == []  # newcomers are heard on it too


async def test_a_rotation_that_fails_leaves_everything_and_is_tried_again_soon(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        start_ms = scene.clock.now_ms()
        scene.settings = scene.settings.model_copy(update={"blacklist": ("ETH*",)})
        await scene.put(fault="answer", path="/fapi/v1/ticker/24hr", status=400, code=-1000, name="no tickers")
        await scene.until(start_ms + 18 * MINUTE_MS)
        assert scene.market.universe.symbols == (BTC, ETH)
        assert scene.candles_of(ETH)[-1] > start_ms + 10 * MINUTE_MS
        await scene.hand.send("DELETE", "/localbinance/faults", {"name": "no tickers"}, signed=False)
        await scene.until(scene.clock.now_ms() + 2 * MINUTE_MS)
        assert scene.market.universe.symbols == (BTC, SOL)


async def test_new_settings_are_followed_without_waiting_for_the_next_rotation(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        start_ms = scene.clock.now_ms()
        await scene.until(start_ms + MINUTE_MS)
        scene.settings = scene.settings.model_copy(update={"symbols_max": 1})
        scene.market.rotate()
        await scene.until(start_ms + 2 * MINUTE_MS)
        assert scene.market.universe.symbols == (BTC,)


@pytest.mark.parametrize("act", ["announce_delisting", "settle"])
async def test_what_is_taken_off_is_left_within_minutes_and_not_entered_again(tmp_path: Path, act: str) -> None:
    async with a_scene(tmp_path, rotation_minutes=600) as scene:
        start_ms = scene.clock.now_ms()
        await scene.until(start_ms + MINUTE_MS)
        scene.held = {ETH}
        await scene.act(act=act, symbol=ETH, delivery_ms=start_ms + 24 * HOUR_MS)
        await scene.until(start_ms + 7 * MINUTE_MS)
        assert scene.closed == [(ETH, "delisting")]
        assert not scene.market.universe.takes(ETH)
        assert [notice.symbol for notice in scene.notices if notice.symbol] == [ETH]
        told_ms = scene.clock.now_ms()
        await scene.until(start_ms + HOUR_MS)
        assert max(scene.candles_of(ETH)) <= told_ms
        assert max(scene.candles_of(BTC)) > start_ms + 50 * MINUTE_MS
        assert scene.closed == [(ETH, "delisting")]


async def test_a_held_symbol_stays_though_it_is_blacklisted_until_its_position_is_closed(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        start_ms = scene.clock.now_ms()
        scene.held = {ETH}
        scene.settings = scene.settings.model_copy(update={"blacklist": ("ETH*",)})
        await scene.until(start_ms + 16 * MINUTE_MS)
        assert scene.market.universe.symbols == (BTC, ETH)
        assert scene.market.verdicts()[ETH].rule is Rule.HELD
        assert scene.market.candles(ETH) is not None
        assert scene.closed == []
        scene.held = set()
        await scene.until(start_ms + 31 * MINUTE_MS)
        assert scene.market.universe.symbols == (BTC, SOL)
