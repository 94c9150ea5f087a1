"""Operators' answers: how long a running trader takes for each, by the record of its own door.

A real `ratchet trade` on a real exchange: 35 symbols in play, 10 positions held, three months of trades in the ledger.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.figure import Figure, percentile
from ratchet.cli.local_exchange import LocalExchange, local_exchange
from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.control.door_file import PATH, DoorPlate, read_plate
from ratchet.domain.bracket import Bracket
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId
from ratchet.domain.money import ceil_to
from ratchet.domain.order import MarketOrder, Role, Side
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.ledger.ledger import Ledger

SYMBOLS, POSITIONS = 35, 10
NOTIONAL = Decimal(50)  # USDC of each
TRADES = 3_000
MINUTES_BETWEEN_TRADES = 40
EQUITY_POINTS = 20_000  # one a minute
ROUNDS = 20
START_S, LOOK_S = 60.0, 0.1
QUESTIONS = (
    "status",
    "summary",
    "performance 92",
    "positions",
    "signals 200",
    "why",
    "why btc",
    "universe",
    "universe btc",
    "profile",
    "config",
    "risk",
    "logs 200",
    "orders",
    "balance",
    "report",
    "help",
    "pause",
    "resume",
)
AIM = "< 1,000 ms"


async def measure() -> list[Figure]:
    """Each asked again and again, one after the other."""
    arguments = ("--market=synthetic", "--speed=1", "--port=0", "--no-rate-limits", "--balance=100000")
    with tempfile.TemporaryDirectory() as folder:
        async with local_exchange(arguments) as exchange:
            await _hold_positions(exchange)
            await _remember(Path(folder))
            async with _trader(exchange, Path(folder)) as plate:
                await _until_traded(plate)
                took = {question: [await _took_ms(plate, question) for _ in range(ROUNDS)] for question in QUESTIONS}
    slowest = sorted(took, key=lambda question: -max(took[question]))[:3]
    every = [each for times in took.values() for each in times]
    return [
        Figure(f"operators: p50 of {len(QUESTIONS)} questions", percentile(every, 0.5), False),
        Figure("operators: p99", percentile(every, 0.99), False, AIM),
        *(Figure(f"operators: the slowest {question}", max(took[question]), False, AIM) for question in slowest),
    ]


async def _hold_positions(exchange: LocalExchange) -> None:
    """Another hand's, which the trader finds and protects."""
    settings = ExchangeSettings(
        http_url=exchange.ready.http,
        ws_url=exchange.ready.ws,
        api_key=exchange.ready.api_key,
        api_secret=exchange.ready.api_secret,
        rate_limit=False,
    )
    async with BinanceClient(settings, SystemClock()) as client:
        rules, marks = await client.load_rules(), await client.fetch_mark_prices()
        for number, symbol in enumerate(sorted(marks)[:POSITIONS]):
            quantity = ceil_to(NOTIONAL / marks[symbol], rules[symbol].quantity_step)
            name = ClientOrderId(f"hand-{number}")
            await client.place(MarketOrder(client_order_id=name, symbol=symbol, side=Side.BUY, quantity=quantity))


async def _remember(folder: Path) -> None:
    """Three months of trades that are over, and of the account."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    now_ms = SystemClock().now_ms()
    try:
        await asyncio.gather(*(_trade(ledger, number, now_ms) for number in range(TRADES)))
        points = (now_ms - number * 60_000 for number in range(EQUITY_POINTS, 0, -1))
        await asyncio.gather(*(ledger.record_equity(at_ms, Decimal(400), Decimal(400)) for at_ms in points))
    finally:
        await ledger.close()


async def _trade(ledger: Ledger, number: int, now_ms: int) -> None:
    at_ms = now_ms - (TRADES - number) * MINUTES_BETWEEN_TRADES * 60_000
    symbol, price = Symbol("SOLUSDC"), Decimal(150)
    trade_id = ledger.next_trade_id()
    bracket = Bracket(
        symbol=symbol,
        side=Side.BUY,
        quantity=Decimal(1),
        price_entry=price,
        price_stop=Decimal(147),
        rungs=(),
        hold_ms_max=None,
    )
    entry = MarketOrder(
        client_order_id=ledger.name_order(trade_id, Role.ENTRY), symbol=symbol, side=Side.BUY, quantity=Decimal(1)
    )
    await ledger.record_trade(trade_id, bracket, "bench", [(Role.ENTRY, entry)], profile="balanced", at_ms=at_ms)
    for place, side in enumerate((Side.BUY, Side.SELL, Side.SELL, Side.SELL)):
        fill = Fill(
            fill_id=FillId(number * 4 + place),
            order_id=OrderId(number * 4 + place),
            client_order_id=None,
            symbol=symbol,
            side=side,
            price=price,
            quantity=Decimal(1) if side is Side.BUY else Decimal("0.25"),
            realized_pnl=Decimal("0.1"),
            fee=Decimal("0.01"),
            fee_asset="USDC",
            is_maker=True,
            at_ms=at_ms + place * 1_000,
        )
        await ledger.record_fill(fill, trade_id)
    await ledger.close_trade(trade_id, reason="rungs", at_ms=at_ms + 60_000)


@asynccontextmanager
async def _trader(exchange: LocalExchange, folder: Path) -> AsyncIterator[DoorPlate]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RATCHET_")}
    settings = {
        "EXCHANGE__HTTP_URL": exchange.ready.http,
        "EXCHANGE__WS_URL": exchange.ready.ws,
        "EXCHANGE__API_KEY": exchange.ready.api_key.get_secret_value(),
        "EXCHANGE__API_SECRET": exchange.ready.api_secret.get_secret_value(),
        "EXCHANGE__RATE_LIMIT": "false",
        "LEDGER__URL": f"sqlite+aiosqlite:///{folder / 'ledger.db'}",
        "LOG_DIR": str(folder / "log"),
        "GUARD__IDLE_END_MINUTES": "0.01",
    }
    environ = kept | {f"RATCHET_{name}": value for name, value in settings.items()} | {"XDG_STATE_HOME": str(folder)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ratchet", "trade", cwd=folder, env=environ, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(START_S):
            plate = await _plate(folder / "control.json")
        yield plate
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _plate(file: Path) -> DoorPlate:
    while True:
        if (plate := read_plate(file)) is not None:
            return plate
        await asyncio.sleep(LOOK_S)


async def _until_traded(plate: DoorPlate) -> None:
    async with asyncio.timeout(START_S):
        while True:
            status = (await _ask(plate, "status")).get("answer", {"data": {}})["data"]
            universe = (await _ask(plate, "universe")).get("answer", {"data": {}})["data"]
            if len(status.get("positions", ())) == POSITIONS and len(universe.get("symbols", ())) == SYMBOLS:
                return
            await asyncio.sleep(LOOK_S)


async def _took_ms(plate: DoorPlate, question: str) -> float:
    told = await _ask(plate, question)
    if "took_ms" not in told:
        raise RuntimeError(f"{question}: {told}")
    return float(told["took_ms"])


async def _ask(plate: DoorPlate, question: str) -> dict[str, Any]:
    url, headers = f"http://{plate.host}:{plate.port}{PATH}", {"Authorization": f"Bearer {plate.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, json={"words": question.split()}) as reply,
    ):
        told: dict[str, Any] = await reply.json()
        return told
