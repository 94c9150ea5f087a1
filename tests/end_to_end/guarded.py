"""An account without a trader: positions opened by hand, and guardians as the processes they are."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import floor_to
from ratchet.domain.order import MarketOrder, Side, StopOrder, StopReport
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from tests.wire.conftest import Venue
from tests.wire.signed import signing

SYMBOL = Symbol("SOLUSDC")
QUANTITY = Decimal("2.00")
LOOK_PAUSE_S = 0.02


@dataclass(slots=True)
class Hand:
    """Somebody who trades on the account by the API."""

    venue: Venue
    client: BinanceClient
    rules: SymbolRules
    orders: int = 0

    async def opens(self, side: Side = Side.BUY, quantity: Decimal = QUANTITY) -> Position:
        order = MarketOrder(client_order_id=self._name(), symbol=SYMBOL, side=side, quantity=quantity)
        await self.client.place(order)
        position = await self.position()
        assert position is not None
        return position

    async def closes(self) -> None:
        if (position := await self.position()) is not None:
            order = MarketOrder(
                client_order_id=self._name(),
                symbol=SYMBOL,
                side=position.side.opposite,
                quantity=position.quantity,
                reduce_only=True,
            )
            await self.client.place(order)

    async def places_stop(self, position: Position, fraction: str, quantity: Decimal | None = None) -> ClientOrderId:
        """A stop so far below the mark of a long, or above that of a short."""
        price = position.price_mark * (1 - position.side.sign * Decimal(fraction))
        stop = StopOrder(
            client_order_id=self._name(),
            symbol=SYMBOL,
            side=position.side.opposite,
            quantity=quantity or position.quantity,
            price_trigger=floor_to(price, self.rules.price_tick),
        )
        await self.client.place_stop(stop)
        return stop.client_order_id

    async def opens_by_stop(self, position: Position) -> ClientOrderId:
        """A conditional order of the position's own side, which would close nothing."""
        price = position.price_mark * (1 + position.side.sign * Decimal("0.05"))
        stop = StopOrder(
            client_order_id=self._name(),
            symbol=SYMBOL,
            side=position.side,
            quantity=position.quantity,
            price_trigger=floor_to(price, self.rules.price_tick),
        )
        await self.client.place_stop(stop)
        return stop.client_order_id

    async def moves_the_price(self, fraction: str) -> None:
        """A jump of the market, for good."""
        act = {"act": json.dumps({"act": "gap", "symbol": SYMBOL, "fraction": fraction})}
        async with signing(self.venue) as client:
            answer = await client.send("POST", "/localbinance/act", act, signed=False)
        assert answer.status == 200, answer.body

    async def position(self) -> Position | None:
        return next((each for each in await self.client.fetch_positions() if each.symbol == SYMBOL), None)

    async def stops(self) -> list[StopReport]:
        return await self.client.fetch_open_stops(SYMBOL)

    async def is_covered(self) -> bool:
        return bool(await self.stops())

    async def is_flat(self) -> bool:
        return await self.position() is None

    def _name(self) -> ClientOrderId:
        self.orders += 1
        return ClientOrderId(f"hand-{os.getpid()}-{id(self)}-{self.orders}")


@asynccontextmanager
async def a_hand(venue: Venue) -> AsyncIterator[Hand]:
    """The hand has nothing when it comes, and leaves nothing behind."""
    settings = ExchangeSettings(
        http_url=venue.http, ws_url=venue.ws, api_key=venue.key, api_secret=venue.secret, rate_limit=False
    )
    async with BinanceClient(settings, SystemClock()) as client:
        hand = Hand(venue, client, (await client.load_rules())[SYMBOL])
        try:
            yield hand
        finally:
            await hand.closes()
            for stop in await hand.stops():
                await client.cancel_stop(SYMBOL, stop.client_order_id)


def environment(venue: Venue, folder: Path, http: str | None = None, **settings: object) -> dict[str, str]:
    """What a guardian is started with. It writes below the folder only."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RATCHET_")}
    ours = {
        "EXCHANGE__HTTP_URL": http or venue.http,
        "EXCHANGE__WS_URL": venue.ws,
        "EXCHANGE__API_KEY": venue.key,
        "EXCHANGE__API_SECRET": venue.secret,
        "EXCHANGE__RATE_LIMIT": "false",
        "LOG_DIR": str(folder),
        **settings,
    }
    return kept | {f"RATCHET_{name}": str(value) for name, value in ours.items()} | {"XDG_STATE_HOME": str(folder)}


@dataclass(slots=True)
class Guard:
    """A running `ratchet guard`."""

    process: asyncio.subprocess.Process
    folder: Path

    def said(self, event: str) -> list[dict[str, Any]]:
        """The lines of the log about something."""
        return said(self.folder, event)

    async def begins(self) -> None:
        await eventually(lambda: bool(self.said("guardian_status")))

    async def ends(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            return await self.process.wait()


def said(folder: Path, event: str) -> list[dict[str, Any]]:
    file = folder / "guardian" / "ratchet.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [row for row in map(json.loads, lines) if row["event"] == event]


@asynccontextmanager
async def a_guard(environ: dict[str, str], folder: Path) -> AsyncIterator[Guard]:
    """Alone, as under systemd."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ratchet", "guard", cwd=folder, env=environ, stderr=asyncio.subprocess.DEVNULL
    )
    guard = Guard(process, folder)
    try:
        yield guard
    finally:
        await guard.ends()


async def eventually(holds: Callable[[], Awaitable[bool] | bool], within_s: float = 20) -> float:
    """Wait for it. Returns: how long it took, s."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(within_s):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return loop.time() - began
            await asyncio.sleep(LOOK_PAUSE_S)


def is_running(pid: int) -> bool:
    """A process that has ended and that nobody waits for does not run."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def end(pid: int) -> None:
    if is_running(pid):
        os.kill(pid, signal.SIGTERM)
    await eventually(lambda: not is_running(pid))
