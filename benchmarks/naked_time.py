"""Naked time: how long a position just entered is without a working stop, by localbinance's own log of real times.

Real engine, real sockets, real-time speed, no faults. Beside it a bare round trip of the same connection: a stop cannot
stand sooner than one round trip after the fill, half of it to learn of the fill and half to send the stop.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.figure import Figure, percentile
from ratchet.cli.local_exchange import LocalExchange, local_exchange
from ratchet.config.settings import load_settings
from ratchet.domain.order import Side
from ratchet.domain.outcome import Stage
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.user_stream import UserStream
from ratchet.ledger.ledger import Ledger
from ratchet.observe.log import logging_to
from ratchet.trading.engine import Engine
from ratchet.trading.wiring import build_engine

SYMBOL = Symbol("SOLUSDC")
ENTRIES = 300
POLL_S = 0.005
POLLS_MAX = 4_000
SPELLS: TypeAdapter[list[dict[str, object]]] = TypeAdapter(list[dict[str, object]])


async def measure() -> list[Figure]:
    """Of entries one after the other."""
    arguments = ("--market=synthetic", "--speed=1", "--port=0", "--no-rate-limits")
    with tempfile.TemporaryDirectory() as folder:
        async with local_exchange(arguments) as exchange:
            trips = await _trade(exchange, folder)
            found = SPELLS.validate_python(await exchange.ask("/localbinance/naked"))
    lengths = [float(str(spell["until_ms"])) - float(str(spell["from_ms"])) for spell in found if spell["until_ms"]]
    lasting = len(found) - len(lengths)
    if lasting or len(lengths) < ENTRIES:
        raise RuntimeError(f"{len(lengths)} spells of {ENTRIES} entries ended, {lasting} last")
    aim = percentile(trips, 0.99) + 5
    return [
        Figure(f"naked: p50 of {len(lengths)} entries", percentile(lengths, 0.5), False),
        Figure("naked: p99", percentile(lengths, 0.99), False, f"< {aim:.1f} ms: a round trip and 5 ms"),
        Figure("naked: max", max(lengths), False),
        Figure(f"naked: a bare round trip, p50 of {len(trips)}", percentile(trips, 0.5), False),
        Figure("naked: a bare round trip, p99", percentile(trips, 0.99), False),
    ]


class _Bench:
    """Enters, waits for the end of the trade, enters again; between two entries it times a round trip."""

    def __init__(self, client: BinanceClient, engine: Engine) -> None:
        self._client = client
        self._engine = engine
        self.trips: list[float] = []
        self.done = asyncio.Event()

    async def prepare(self) -> None:
        await self._client.use_one_way_mode()
        await self._client.use_cross_margin(SYMBOL)
        await self._client.set_leverage(SYMBOL, 5)

    async def ready(self) -> None:
        await self._engine.protected.wait()

    def candles(self, _symbol: Symbol) -> None:
        """There are none."""

    async def run(self) -> None:
        await self._engine.started.wait()
        for number in range(ENTRIES):
            await self._time_a_trip()
            await self._enter(Side.BUY if number % 2 else Side.SELL)
        self.done.set()
        await asyncio.Event().wait()

    async def _time_a_trip(self) -> None:
        began = time.perf_counter()
        await self._client.fetch_time_ms()
        self.trips.append((time.perf_counter() - began) * 1_000)

    async def _enter(self, side: Side) -> None:
        marks = await self._client.fetch_mark_prices()
        outcome = self._engine.consider(
            Signal(
                strategy="bench",
                symbol=SYMBOL,
                side=side,
                candle_close_ms=SystemClock().now_ms(),
                price=marks[SYMBOL],
                atr_fraction=0.001,
                breakdown=(),
            )
        )
        if outcome.stage is not Stage.SENT:
            raise RuntimeError(f"no entry: {outcome.reason}")
        await _until(lambda: any(line.price_stop for line in self._engine.status().positions))
        self._engine.close(SYMBOL, "bench")
        await _until(lambda: not self._engine.status().positions)


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(POLLS_MAX):
        if condition():
            return
        await asyncio.sleep(POLL_S)
    raise TimeoutError("the trade neither opens nor ends")


async def _trade(exchange: LocalExchange, folder: str) -> list[float]:
    settings = load_settings(
        env_file="no.env",
        runtime_file="no.json",
        environ={},
        overrides={
            "exchange": {
                "http_url": exchange.ready.http,
                "ws_url": exchange.ready.ws,
                "api_key": exchange.ready.api_key.get_secret_value(),
                "api_secret": exchange.ready.api_secret.get_secret_value(),
                "rate_limit": False,
                "budget_folder": folder,
            },
            "risk": {
                "risk_per_trade_fraction": Decimal("0.0005"),
                "cool_down_stop_minutes": 0,
                "stop_streak_max": 20,
                "funding_minutes_before": 0,
            },
        },
    )
    clock = SystemClock()
    with logging_to(Path(folder), level="WARNING", console=False):
        ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder}/ledger.db")
        async with BinanceClient(settings.exchange, clock) as client:
            rules = await client.load_rules()
            benches: list[_Bench] = []

            def make_market(engine: Engine) -> _Bench:
                benches.append(_Bench(client, engine))
                return benches[-1]

            engine = build_engine(
                settings,
                clock,
                client,
                ledger,
                rules,
                make_market,
                lambda engine: UserStream(client, settings.exchange, clock, on_event=engine.on_user_event),
            )
            [bench] = benches
            await engine.run(None, bench.done)
        await ledger.close()
    return bench.trips
