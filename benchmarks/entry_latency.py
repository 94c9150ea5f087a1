"""From candle to order: 35 symbols close at once; how long from that message until each entry request leaves.

The real engine on a real localbinance: stream, candles, indicators, sizing, bracket, guard, and the intent on the disk
before the request. The clock starts when the first frame that closes a candle is read from the socket.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.figure import Figure, percentile
from ratchet.cli.local_exchange import LocalExchange, local_exchange
from ratchet.config.settings import load_settings
from ratchet.exchange.budget import Lane
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.requests import Requests
from ratchet.exchange.socket import Frame, StreamSocket
from ratchet.observe.log import logging_to
from ratchet.trading.wiring import open_trader

SYMBOLS = 35
CANDLES = 40
CANDLE_MS = 300_000
STRATEGY = Path(__file__).parent / "always.py"


class Stopwatch:
    """Notes when a candle's first closing frame came, and when each entry left."""

    def __init__(self) -> None:
        self.began: dict[int, float] = {}  # by the candle's opening time
        self.left: dict[int, list[float]] = {}  # ms after that
        self._candle = 0

    def on_frame(self, frame: Frame) -> None:
        if frame.get("e") == "kline" and frame["k"]["x"]:
            self._candle = int(frame["k"]["t"])
            self.began.setdefault(self._candle, time.perf_counter())

    def on_request(self, method: str, parameters: Any) -> None:
        if method == "fapiPrivatePostOrder" and parameters["type"] == "MARKET" and "reduceOnly" not in parameters:
            waited = (time.perf_counter() - self.began[self._candle]) * 1_000
            self.left.setdefault(self._candle, []).append(waited)


async def measure() -> list[Figure]:
    """Of candles on which all 35 entered: the last of them, and the first."""
    watch = Stopwatch()
    with _watched(watch):
        async with local_exchange(("--market=synthetic", "--speed=max", "--port=0", "--balance=1000000")) as exchange:
            await _trade(exchange)
    whole = [sorted(left) for left in watch.left.values() if len(left) == SYMBOLS]
    last, first = [left[-1] for left in whole], [left[0] for left in whole]
    return [
        Figure(f"entry: last of {SYMBOLS} requests, p50 of {len(whole)} candles", percentile(last, 0.5), False),
        Figure(f"entry: last of {SYMBOLS} requests, p99", percentile(last, 0.99), False, "< 50 ms"),
        Figure("entry: first request, p50", percentile(first, 0.5), False),
    ]


@contextmanager
def _watched(watch: Stopwatch) -> Iterator[None]:
    """Puts the stopwatch in for the time of a measurement."""
    handle, send = StreamSocket._handle, Requests.send

    def watched_handle(socket: StreamSocket, frame: Frame) -> None:
        watch.on_frame(frame)
        handle(socket, frame)

    async def watched_send(requests: Requests, method: str, parameters: Any = None, lane: Lane = Lane.ORDINARY) -> Any:
        watch.on_request(method, parameters)
        return await send(requests, method, parameters, lane)

    with patch.object(StreamSocket, "_handle", watched_handle), patch.object(Requests, "send", watched_send):
        yield


async def _trade(exchange: LocalExchange) -> None:
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
            },
            "strategies": [str(STRATEGY)],
            "risk": {
                "open_positions_max": SYMBOLS,
                "correlated_positions_max": SYMBOLS,
                "risk_per_trade_fraction": Decimal("0.00001"),
                "cool_down_stop_minutes": 0,
                "stop_streak_max": 20,
                "funding_minutes_before": 0,
                "leverage_atr_fraction": 0.9,  # no change of leverage: the path of an entry alone is measured
            },
            "bracket": {"hold_minutes_max": 2},
        },
    )
    clock = LockstepClock(exchange.ready.start_ms)
    with tempfile.TemporaryDirectory() as folder, logging_to(Path(folder), level="WARNING", console=False):
        async with open_trader(settings, clock, f"sqlite+aiosqlite:///{folder}/ledger.db") as trader:
            await trader.engine.run(exchange.ready.start_ms + CANDLES * CANDLE_MS, asyncio.Event())
