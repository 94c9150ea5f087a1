"""What the tests that kill traders share: a nest of traders, and what the exchange alone says about the account."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ratchet.domain.order import Side
from tests.end_to_end.guarded import eventually
from tests.end_to_end.mortal import AFTER_A_RUNG, Deed, Point
from tests.wire.conftest import Venue
from tests.wire.signed import Signed, signing

Row = dict[str, Any]

NEST = """
from ratchet.exchange.lean_ccxt import load_binance_alone
load_binance_alone()
from tests.end_to_end.mortal import nest
nest()
"""
WORD_S = 30.0  # for a process to start on a busy machine, and for whatever else it does
SYMBOLS = ("SOLUSDC", "LINKUSDC", "AVAXUSDC", "XRPUSDC", "DOGEUSDC", "SUIUSDC")
RUNG_FRACTION = Decimal("0.004")  # the nearest
BEYOND_A_RUNG = Decimal("0.006")
RUNGS = 3
LIMIT = 1_000  # of rows in an answer


# The trader ----------------------------------------------------------------------------------------------------------


class Dead(AssertionError):
    """The trader has ended, and was not to."""


@dataclass(slots=True)
class Mortal:
    """A trader's process as the test sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    log: Path
    pid: int = 0
    told: list[Row] = field(default_factory=list)

    async def until(self, what: str, after: int = 0) -> Row:
        """What it says of something first, after so many words. Raises: Dead."""
        async with asyncio.timeout(WORD_S):
            while True:
                said = next((row for row in self.told[after:] if row["told"] == what), None)
                if said is not None:
                    return said
                await self._listen()

    async def arms(self, point: Point, deed: Deed = Deed.KILL) -> None:
        await self._tell(arm=point, deed=deed)

    async def enters(self, symbol: str, side: Side) -> None:
        """Have it enter, once it may. The request goes out when it says "entering"."""

        async def is_taken() -> bool:
            words = len(self.told)
            await self._tell(enter=symbol, side=side)
            outcome: str = (await self.until("considered", words))["outcome"]
            assert outcome in {"entry", "a trade is open on it", "a position is held on it"}
            return outcome == "entry"

        await eventually(is_taken, WORD_S)

    async def dies(self) -> float:
        """At its point, by its own hand. Returns: when, ms."""
        async with asyncio.timeout(WORD_S):
            with suppress(Dead):
                while True:
                    await self._listen()
        last = self.told[-1]
        assert last["told"] == "reached", f"it ended after {last}; its log: {self.log}"
        return float(last["at_ms"])

    async def is_killed(self) -> float:
        """Here and now. Returns: when, ms."""
        os.kill(self.pid, signal.SIGKILL)
        at_ms = now_ms()
        async with asyncio.timeout(WORD_S):
            with suppress(Dead):
                while True:
                    await self._listen()
        return at_ms

    async def wakes(self) -> None:
        """It was frozen: it says so a moment before it is, and a word to go on that came earlier would be lost."""
        await eventually(self._is_frozen, WORD_S)
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Whatever it is doing, it is over."""
        if not self.reader.at_eof():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.writer.close()

    def _is_frozen(self) -> bool:
        state: str = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "T"

    async def _listen(self) -> None:
        try:
            line = await self.reader.readline()
        except ConnectionResetError:  # it died with words of ours unread
            line = b""
        if not line:
            raise Dead(f"it ended after {[row['told'] for row in self.told]}; its log: {self.log}")
        row = json.loads(line)
        assert row["told"] != "failed", f"it failed: {row['why']}; its log: {self.log}"
        self.told.append(row)

    async def _tell(self, **words: object) -> None:
        self.writer.write(json.dumps(words).encode() + b"\n")
        await self.writer.drain()


@dataclass(slots=True)
class Nest:
    """Where traders come from."""

    control: socket.socket
    process: subprocess.Popen[bytes]

    async def hatches(self, venue: Venue, ledger: Path, log_dir: Path) -> Mortal:
        """A new trader, which has only just been born."""
        here, there = socket.socketpair()
        plan = {
            "settings": settings_of(venue) | {"log_dir": str(log_dir)},
            "ledger": f"sqlite+aiosqlite:///{ledger}",
        }
        socket.send_fds(self.control, [json.dumps(plan).encode()], [there.fileno()])
        there.close()
        reader, writer = await asyncio.open_connection(sock=here)
        mortal = Mortal(reader, writer, log_dir / "ratchet.jsonl")
        mortal.pid = (await mortal.until("born"))["pid"]
        return mortal


@contextmanager
def a_nest() -> Iterator[Nest]:
    """A running nest."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = (sys.executable, "-c", NEST, str(there.fileno()))
    with subprocess.Popen(command, pass_fds=(there.fileno(),)) as process:
        there.close()
        try:
            yield Nest(here, process)
        finally:
            here.close()


def settings_of(venue: Venue) -> dict[str, object]:
    """The trader's. Only the first rung is within reach of the market as it goes by itself."""
    return {
        "exchange": {
            "http_url": venue.http,
            "ws_url": venue.ws,
            "api_key": venue.key,
            "api_secret": venue.secret,
            "rate_limit": False,
            "reply_timeout_s": 2,
        },
        "risk": {
            "open_positions_max": 35,
            "correlated_positions_max": 35,
            "exposure_fraction_max": 50,
            "day_loss_fraction_max": "0.9",
            "day_drawdown_fraction_max": "0.9",
            "stop_streak_max": 20,
            "cool_down_stop_minutes": 0,
            "funding_minutes_before": 0,
        },
        "bracket": {"rung_fractions": [str(RUNG_FRACTION), "0.03", "0.04"], "hold_minutes_max": 600},
    }


# The exchange --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Judge:
    """Asks the exchange, and nobody else, what the account looks like. Acts for another hand where one is wanted."""

    client: Signed
    ledger: Path
    since_ms: int = 0  # what happened before is of no interest

    async def ask(self, path: str, **parameters: object) -> Any:
        answer = await self.client.send("GET", path, parameters)
        assert answer.status == 200, answer.body
        return answer.body

    async def held(self) -> dict[str, Decimal]:
        """Base quantities, signed, by symbol."""
        rows = await self.ask("/fapi/v3/positionRisk")
        return {row["symbol"]: Decimal(row["positionAmt"]) for row in rows if Decimal(row["positionAmt"])}

    async def stops(self, symbol: str) -> list[Row]:
        rows: list[Row] = await self.ask("/fapi/v1/openAlgoOrders", symbol=symbol)
        return rows

    async def bare(self) -> list[str]:
        """Symbols that waiting stops of the closing side do not wholly cover."""
        return [symbol for symbol, held in (await self.held()).items() if await self._cover(symbol, held) < abs(held)]

    async def _cover(self, symbol: str, held: Decimal) -> Decimal:
        closing = "SELL" if held > 0 else "BUY"
        stops = [row for row in await self.stops(symbol) if row["side"] == closing and row["algoStatus"] == "NEW"]
        by_quantity = sum((Decimal(row["quantity"]) for row in stops if row["reduceOnly"]), Decimal(0))
        return abs(held) if any(row["closePosition"] for row in stops) else by_quantity

    async def spells(self) -> list[Row]:
        """The exchange's own record of when something was not wholly covered."""
        answer = await self.client.send("GET", "/localbinance/uncovered", signed=False)
        rows: list[Row] = answer.body
        return rows

    async def until_protected(self, within_s: float = WORD_S) -> None:
        """By the exchange's record, and by what it lists."""

        async def is_protected() -> bool:
            return all(spell["until_ms"] is not None for spell in await self.spells()) and not await self.bare()

        await eventually(is_protected, within_s)

    async def unprotected_ms_after(self, symbol: str, since_ms: float) -> float:
        """For how long after an instant a symbol stood without cover; 0 for one that was covered from then on."""
        ends = [spell["until_ms"] for spell in await self.spells() if spell["symbol"] == symbol]
        assert None not in ends
        return max([0.0, *(float(end) - since_ms for end in ends)])

    async def until_held(self, symbol: str) -> Decimal:
        async def is_held() -> bool:
            return symbol in await self.held()

        await eventually(is_held)
        return (await self.held())[symbol]

    async def moves_the_price(self, symbol: str, fraction: Decimal) -> None:
        """A jump of the market, for good."""
        await self._act("gap", symbol=symbol, fraction=str(fraction))

    async def closes(self, symbol: str) -> None:
        """By another hand, at market."""
        if symbol in await self.held():
            await self._act("foreign_close", symbol=symbol)

    async def _act(self, name: str, **fields: object) -> None:
        act = {"act": json.dumps({"act": name} | fields)}
        answer = await self.client.send("POST", "/localbinance/act", act, signed=False)
        assert answer.status == 200, answer.body

    async def clears(self, symbol: str) -> None:
        """Everything that rests and waits."""
        for path in ("/fapi/v1/allOpenOrders", "/fapi/v1/algoOpenOrders"):
            answer = await self.client.send("DELETE", path, {"symbol": symbol})
            assert answer.status == 200, answer.body

    async def is_clear(self, symbol: str) -> bool:
        """Nothing is held, rests or waits."""
        return not any(await self.left(symbol))

    async def left(self, symbol: str) -> tuple[object, ...]:
        """What is held, waits and rests."""
        orders = await self.ask("/fapi/v1/openOrders", symbol=symbol)
        return (await self.held()).get(symbol), await self.stops(symbol), orders

    # the books -----------------------------------------------------------------------------------------------

    async def until_accounted(self, symbol: str) -> None:
        """Every fill of the exchange is in the ledger, once and with its trade; no trade of the symbol is open."""

        async def is_accounted() -> bool:
            return await self.unaccounted(symbol) == ""

        try:
            await eventually(is_accounted)
        except TimeoutError:
            raise AssertionError(f"{symbol}: {await self.unaccounted(symbol)}") from None

    async def unaccounted(self, symbol: str) -> str:
        """What is wrong with the books of a symbol on which nothing is held. Empty: nothing."""
        fills = {row["id"]: row for row in await self._all("userTrades", symbol)}
        names = {row["orderId"]: row["clientOrderId"] for row in await self._all("allOrders", symbol)}
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as book:
            booked = dict(book.execute("SELECT fill_id, trade_id FROM fills WHERE symbol = ?", (symbol,)).fetchall())
            [open_trades] = book.execute(
                "SELECT count(*) FROM trades WHERE symbol = ? AND closed_ms IS NULL", (symbol,)
            ).fetchone()
            [gaps] = book.execute("SELECT count(*) FROM gaps WHERE symbol = ?", (symbol,)).fetchone()
        if fills.keys() != booked.keys():
            missing, surplus = sorted(fills.keys() - booked.keys()), sorted(booked.keys() - fills.keys())
            return f"fills not in the ledger {[fills[each] for each in missing]}, in the ledger alone {surplus}"
        if open_trades or gaps:
            return f"{open_trades} trades are open, {gaps} gaps are booked"
        left: defaultdict[int, Decimal] = defaultdict(Decimal)
        for number, trade in booked.items():
            row = fills[number]
            name = names[row["orderId"]]
            # What had to be closed before its trade was known has a name of no trade, 0.
            if name.startswith("rt-") and name.split("-")[2] not in ("0", str(trade)):
                return f"a fill of {name} is booked to trade {trade}"
            left[trade] += Decimal(row["qty"]) * (1 if row["side"] == "BUY" else -1)
        return "".join(f"trade {trade} is left with {rest}. " for trade, rest in left.items() if rest)

    async def assert_no_duplicates(self, symbol: str) -> None:
        """No order was sent twice, under its name or another."""
        orders, algos = await self._all("allOrders", symbol), await self._all("allAlgoOrders", symbol)
        names = Counter(row["clientOrderId"] for row in orders)
        names.update(row["clientAlgoId"] for row in algos)
        assert not {name for name, count in names.items() if count > 1}
        entries = Counter(name.rpartition("-")[0] for name in names if "-entry" in name)
        assert all(count == 1 for count in entries.values()), entries

    async def _all(self, what: str, symbol: str) -> list[Row]:
        rows: list[Row] = await self.ask(f"/fapi/v1/{what}", symbol=symbol, startTime=self.since_ms, limit=LIMIT)
        assert len(rows) < LIMIT
        return rows


# Both --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Scene:
    """Traders that come one after the other with one ledger, and the exchange's judgement of them."""

    nest: Nest
    venue: Venue
    judge: Judge
    folder: Path
    lives: list[Mortal] = field(default_factory=list)

    async def hatches(self) -> Mortal:
        """A trader that has only just been born."""
        log_dir = self.folder / f"life-{len(self.lives)}"
        self.lives.append(await self.nest.hatches(self.venue, self.judge.ledger, log_dir))
        return self.lives[-1]

    async def starts(self) -> Mortal:
        """A trader that takes signals."""
        mortal = await self.hatches()
        await mortal.until("started")
        return mortal

    async def has_ladder(self, symbol: str) -> None:
        """A trade stands as planned."""

        async def is_whole() -> bool:
            return len(await self.judge.ask("/fapi/v1/openOrders", symbol=symbol)) == RUNGS

        await self.judge.until_protected()
        await eventually(is_whole)

    async def comes_to(self, point: Point, mortal: Mortal, symbol: str, side: Side, deed: Deed = Deed.KILL) -> None:
        """Have a trader enter, and the market go along, so far that it meets with a point."""
        await mortal.arms(point, deed)
        await mortal.enters(symbol, side)
        if point in AFTER_A_RUNG:
            await mortal.until("entering")
            await self.judge.until_held(symbol)
            await self.has_ladder(symbol)
            await self.judge.moves_the_price(symbol, side.sign * BEYOND_A_RUNG)

    async def is_cleared(self) -> None:
        """Nobody has anything on the account any more."""
        for mortal in self.lives:
            mortal.close()
        for symbol in SYMBOLS:
            await self.judge.clears(symbol)
            await self.judge.closes(symbol)


@asynccontextmanager
async def a_scene(nest: Nest, venue: Venue, folder: Path) -> AsyncIterator[Scene]:
    """It begins and ends with nothing on the account."""
    async with signing(venue) as client:
        scene = Scene(nest, venue, Judge(client, folder / "ledger.db"), folder)
        await scene.is_cleared()
        scene.judge.since_ms = int(now_ms())
        try:
            yield scene
        finally:
            await scene.is_cleared()


def now_ms() -> float:
    """This machine's time, which at speed 1 is the exchange's."""
    return time.time() * 1_000
