"""The audit on a running exchange: what the ledger missed it has then, on the right trade, to the last decimal."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.bracket import Bracket
from ratchet.domain.fill import Fill
from ratchet.domain.identity import FillId, TradeId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import floor_to, plain
from ratchet.domain.order import MarketOrder, OrderStatus, Role, Side, StopOrder, StopStatus
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.ledger.ledger import Ledger
from ratchet.trading.books.attribution import Attribution, AttributionParts
from ratchet.trading.books.audit import Auditor, AuditReport
from ratchet.trading.start.process_lock import lock_ledger
from ratchet.trading.start.reconciler import STRATEGY
from tests.wire.conftest import Venue, serving
from tests.wire.signed import EVENT_TIMEOUT_S, Signed, signing

NOTIONAL = Decimal(500)


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    """One that limits nobody: the tests look at it again and again."""
    with serving("--no-rate-limits") as it:
        yield it


@dataclass(slots=True)
class Desk:
    """A trader of one symbol who writes down only what a test says. Every test has a symbol and a ledger of its own."""

    symbol: Symbol
    client: BinanceClient
    ledger: Ledger
    signed: Signed
    rules: SymbolRules
    auditor: Auditor
    began_ms: int
    quantity: Decimal  # about 500 USDC

    async def plan(self, side: Side = Side.BUY) -> tuple[TradeId, MarketOrder]:
        """A trade in the ledger with the intent of its entry; nothing is sent."""
        trade_id, last = self.ledger.next_trade_id(), await self.last()
        bracket = Bracket(
            symbol=self.symbol,
            side=side,
            quantity=self.quantity,
            price_entry=last,
            price_stop=last * (1 - side.sign * Decimal("0.02")),
            rungs=(),
            hold_ms_max=None,
        )
        entry = self.order(trade_id, Role.ENTRY, side)
        orders = [(Role.ENTRY, entry)]
        at_ms = await self.client.fetch_time_ms()
        await self.ledger.record_trade(trade_id, bracket, "told", orders, profile="balanced", at_ms=at_ms)
        return trade_id, entry

    def order(self, trade_id: TradeId, role: Role, side: Side) -> MarketOrder:
        return MarketOrder(
            client_order_id=self.ledger.name_order(trade_id, role),
            symbol=self.symbol,
            side=side,
            quantity=self.quantity,
            reduce_only=role is not Role.ENTRY,
        )

    async def enter(self) -> TradeId:
        """A long whose fills nobody has written down."""
        trade_id, entry = await self.plan()
        assert (await self.client.place(entry)).status in (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED)
        return trade_id

    async def leave(self, trade_id: TradeId) -> None:
        """At market; the order's intent is written down."""
        close = self.order(trade_id, Role.CLOSE, Side.SELL)
        await self.ledger.record_intents(trade_id, [(Role.CLOSE, close)], at_ms=await self.client.fetch_time_ms())
        await self.client.place(close)
        await self.until_flat()

    async def act(self, name: str, **fields: object) -> None:
        text = json.dumps({"act": name} | fields)
        answer = await self.signed.send("POST", "/localbinance/act", {"act": text}, signed=False)
        assert answer.status == 200, answer.body

    async def last(self) -> Decimal:
        return Decimal((await self.signed.get("/fapi/v1/ticker/price", symbol=self.symbol))["price"])

    async def fills(self) -> list[Fill]:
        return await self.client.fetch_fills(self.symbol, since_ms=self.began_ms)

    async def held(self) -> Decimal:
        found = await self.client.fetch_positions()
        return sum((each.quantity_signed for each in found if each.symbol == self.symbol), Decimal(0))

    async def until_flat(self) -> None:
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while await self.held():
                pass

    async def audit(self, *, mends: bool = True) -> AuditReport:
        """All that has happened to this symbol's test."""
        return await self.auditor.audit(self.began_ms, await self.client.fetch_time_ms(), mends=mends)

    async def trades_by_fill(self) -> dict[int, int | None]:
        books = await self.ledger.books(self.began_ms, await self.client.fetch_time_ms())
        return {row.fill_id: row.trade_id for row in books.fills}


@asynccontextmanager
async def desk_of(venue: Venue, folder: Path, symbol: str) -> AsyncIterator[Desk]:
    settings = ExchangeSettings(
        http_url=venue.http, ws_url=venue.ws, api_key=venue.key, api_secret=venue.secret, rate_limit=False
    )
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    try:
        async with BinanceClient(settings, SystemClock()) as client, signing(venue) as signed:
            rules = await client.load_rules()
            parts = AttributionParts(
                client=client, ledger=ledger, rules=rules, stop_fraction=Decimal("0.02"), profile="balanced"
            )
            last = Decimal((await signed.get("/fapi/v1/ticker/price", symbol=symbol))["price"])
            mine = rules[Symbol(symbol)]
            yield Desk(
                symbol=Symbol(symbol),
                client=client,
                ledger=ledger,
                signed=signed,
                rules=mine,
                auditor=Auditor(client, ledger, Attribution(parts)),
                began_ms=await client.fetch_time_ms(),
                quantity=floor_to(NOTIONAL / last, mine.quantity_step),
            )
    finally:
        await ledger.close()


def total(report: AuditReport, side: str) -> Decimal:
    return sum((getattr(line, side) for line in report.lines), Decimal(0))


async def test_partial_fills_that_are_all_booked_leave_no_remainder(venue: Venue, tmp_path: Path) -> None:
    async with desk_of(venue, tmp_path, "SOLUSDC") as desk:
        await desk.act("fill_slowly", symbol=desk.symbol, parts=4, over_ms=200)
        trade_id = await desk.enter()
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while await desk.held() < desk.quantity:
                pass
        await desk.leave(trade_id)
        fills = await desk.fills()
        assert len(fills) >= 8
        for fill in fills:
            await desk.ledger.record_fill(fill, trade_id)
        report = await desk.audit()
        assert (report.compared, report.mended, report.remainder) == (len(fills), (), {})
        assert report.is_clean
        assert total(report, "exchange") == total(report, "ledger") != 0


async def test_fills_that_the_ledger_never_heard_of_come_to_the_trade_of_their_order_once(
    venue: Venue, tmp_path: Path
) -> None:
    async with desk_of(venue, tmp_path, "ETHUSDC") as desk:
        first = await desk.enter()
        (
            second,
            its_entry,
        ) = await desk.plan()  # before the first is left: by time alone it would get what is not its own
        await desk.leave(first)
        await desk.client.place(its_entry)
        await desk.leave(second)
        [entry, *_] = await desk.fills()
        await desk.ledger.record_fill(entry, first)
        before = await desk.audit(mends=False)
        assert before.mended == ()
        assert set(before.remainder) == {desk.symbol}
        report = await desk.audit()
        assert (report.remainder, report.is_clean) == ({}, True)
        trades = await desk.trades_by_fill()
        assert list(trades) == [fill.fill_id for fill in await desk.fills()]
        half = len(trades) // 2
        assert list(trades.values()) == [first] * half + [second] * half
        again = await desk.audit()
        assert (again.mended, again.is_clean) == ((), True)
        assert await desk.trades_by_fill() == trades


async def test_the_fill_of_a_stop_that_was_triggered_comes_to_the_trade_of_the_stop(
    venue: Venue, tmp_path: Path
) -> None:
    async with desk_of(venue, tmp_path, "LINKUSDC") as desk:
        trade_id = await desk.enter()
        stop = StopOrder(
            client_order_id=desk.ledger.name_order(trade_id, Role.STOP),
            symbol=desk.symbol,
            side=Side.SELL,
            quantity=desk.quantity,
            price_trigger=floor_to(await desk.last() * Decimal("0.98"), desk.rules.price_tick),
        )
        await desk.ledger.record_intents(trade_id, [(Role.STOP, stop)], at_ms=desk.began_ms)
        await desk.client.place_stop(stop)
        await desk.act("gap", symbol=desk.symbol, fraction=-0.05)
        await desk.until_flat()
        report = await desk.audit()
        assert report.is_clean
        rows = await desk.ledger.fills_of(trade_id)
        assert {row.client_order_id for row in rows if row.side == Side.SELL} == {stop.client_order_id}
        finished = await desk.client.fetch_stop(desk.symbol, stop.client_order_id)
        assert finished is not None
        assert (finished.status, finished.order_id) == (StopStatus.FINISHED, rows[-1].order_id)


async def test_what_another_hand_does_to_a_trade_is_booked_to_it(venue: Venue, tmp_path: Path) -> None:
    async with desk_of(venue, tmp_path, "XRPUSDC") as desk:
        trade_id = await desk.enter()
        await desk.act("foreign_close", symbol=desk.symbol)
        await desk.until_flat()
        assert (await desk.audit()).is_clean
        trades = await desk.trades_by_fill()
        assert len(trades) >= 2
        assert set(trades.values()) == {trade_id}
        assert {row.role for row in await desk.ledger.orders_of(trade_id)} == {"entry", "foreign"}


async def test_what_another_hand_does_beside_all_trades_is_a_foreign_trade(venue: Venue, tmp_path: Path) -> None:
    async with desk_of(venue, tmp_path, "AVAXUSDC") as desk:
        mine = await desk.enter()
        await desk.leave(mine)
        await desk.audit()
        await desk.ledger.close_trade(mine, reason="rungs", at_ms=await desk.client.fetch_time_ms())
        own = set(await desk.trades_by_fill())
        usual = {"symbol": desk.symbol, "quantity": str(desk.quantity), "type": "MARKET", "side": "SELL"}
        await desk.act("foreign_order", order=usual | {"client_order_id": "web_open"})
        await desk.act("foreign_close", symbol=desk.symbol)
        await desk.until_flat()
        report = await desk.audit()
        assert (report.remainder, report.is_clean) == ({}, True)
        foreign = {trade for fill, trade in (await desk.trades_by_fill()).items() if fill not in own}
        [number] = foreign
        assert number is not None
        assert number != mine
        row = await desk.ledger.trade(TradeId(number))
        assert row is not None
        assert (row.strategy, row.side, row.closed_ms is not None) == (STRATEGY, "SELL", True)


async def test_funding_and_what_a_liquidation_costs_are_booked_to_the_trade(venue: Venue, tmp_path: Path) -> None:
    async with desk_of(venue, tmp_path, "SUIUSDC") as desk:
        trade_id = await desk.enter()
        await desk.act("funding", symbol=desk.symbol, rate=0.01)
        await desk.act("liquidate")
        await desk.until_flat()
        report = await desk.audit()
        assert (report.remainder, report.is_clean) == ({}, True)
        assert {each.what.split()[0] for each in report.mended} == {"execution", "FUNDING_FEE", "INSURANCE_CLEAR"}
        assert {each.trade_id for each in report.mended if each.symbol} == {trade_id}
        summary = await desk.ledger.summary(0)
        assert summary.funding < 0
        assert summary.charges < 0
        assert summary.net_pnl == total(report, "exchange")
        assert [row.net_pnl for row in summary.trade_rows] == [summary.net_pnl]
        assert (await desk.audit()).mended == ()


async def test_what_only_the_ledger_has_is_shown_and_stays(venue: Venue, tmp_path: Path) -> None:
    async with desk_of(venue, tmp_path, "DOGEUSDC") as desk:
        trade_id = await desk.enter()
        await desk.leave(trade_id)
        await desk.audit()
        fill = (await desk.fills())[-1]
        invented = replace(fill, fill_id=FillId(fill.fill_id + 1_000_000), realized_pnl=Decimal("1.25"))
        await desk.ledger.record_fill(invented, trade_id)
        report = await desk.audit()
        assert report.remainder == {desk.symbol: -(Decimal("1.25") - fill.fee)}
        assert [each.what for each in report.disagreements] == [f"execution {invented.fill_id}"]
        assert invented.fill_id in await desk.trades_by_fill()


async def test_more_rows_than_a_page_are_all_compared(venue: Venue, tmp_path: Path) -> None:
    async with desk_of(venue, tmp_path, "BTCUSDC") as desk:
        desk.quantity *= 20
        await desk.act("fill_slowly", symbol=desk.symbol, parts=100, over_ms=0)
        trades = []
        for _ in range(7):
            trades.append(await desk.enter())
            async with asyncio.timeout(EVENT_TIMEOUT_S):
                while await desk.held() < desk.quantity:
                    pass
            await desk.leave(trades[-1])
        await desk.act("fill_slowly", symbol=desk.symbol, parts=1)
        report = await desk.audit()
        rows = await desk.signed.send("GET", "/fapi/v1/income", {"limit": 1000, "startTime": desk.began_ms, "page": 2})
        assert rows.body, "more than one page"
        assert (report.compared, report.is_clean) == (len(report.mended), True)
        assert report.compared > 1_000
        assert set((await desk.trades_by_fill()).values()) == set(trades)


KILLED = """
import asyncio, os, signal, sys
from ratchet.ledger.ledger import Ledger
from tests.wire.test_audit import desk_of
from tests.wire.conftest import Venue
from pathlib import Path

async def main():
    async with desk_of(Venue(*sys.argv[2:]), Path(sys.argv[1]), "ADAUSDC") as desk:
        trade_id = await desk.enter()
        for fill in await desk.fills():
            await desk.ledger.record_fill(fill, trade_id)
        await desk.leave(trade_id)
        os.kill(os.getpid(), signal.SIGKILL)  # with the last fill in no book but the exchange's

asyncio.run(main())
"""


async def test_the_last_fill_of_a_killed_trader_is_on_its_trade_after_the_restart(venue: Venue, tmp_path: Path) -> None:
    arguments = (str(tmp_path), venue.http, venue.ws, venue.key, venue.secret)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, *arguments)
    assert await process.wait() == -9
    async with desk_of(venue, tmp_path, "ADAUSDC") as desk:
        [row] = await desk.ledger.open_trades()
        since_ms = await desk.ledger.audited_ms()
        assert since_ms == row.opened_ms
        desk.began_ms = since_ms
        report = await desk.audit()
        assert report.is_clean
        assert {each.trade_id for each in report.mended} == {row.id}
        sums: Any = sum(Side(fill.side).sign * fill.quantity for fill in await desk.ledger.fills_of(TradeId(row.id)))
        assert sums == 0
        assert await desk.ledger.audited_ms() == report.until_ms


# The command ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Shell:
    """Runs `ratchet audit` in a folder of its own."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", SETTLED_AT_ONCE, "audit", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )


SETTLED_AT_ONCE = """
import ratchet.cli.audit
from ratchet.cli.app import main
ratchet.cli.audit.SETTLING_MS = 0
main()
"""


@pytest.fixture
def shell(venue: Venue, tmp_path: Path) -> Shell:
    named = {
        "RATCHET_EXCHANGE__HTTP_URL": venue.http,
        "RATCHET_EXCHANGE__WS_URL": venue.ws,
        "RATCHET_EXCHANGE__API_KEY": venue.key,
        "RATCHET_EXCHANGE__API_SECRET": venue.secret,
        "RATCHET_EXCHANGE__RATE_LIMIT": "false",
        "RATCHET_LEDGER__URL": f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}",
        "RATCHET_LOG_DIR": str(tmp_path / "log"),
    }
    return Shell(tmp_path, {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | named)


async def test_the_command_books_shows_and_ends_with_1_while_something_remains(
    venue: Venue, tmp_path: Path, shell: Shell
) -> None:
    async with desk_of(venue, tmp_path, "LTCUSDC") as desk:
        trade_id = await desk.enter()
        await desk.leave(trade_id)
        fills = await desk.fills()
    with lock_ledger(shell.environment["RATCHET_LEDGER__URL"]):
        looked = await asyncio.to_thread(shell.run)
    assert looked.returncode == 1, looked.stderr
    assert "nothing is booked now" in looked.stderr
    assert "remains" in looked.stdout
    booked = await asyncio.to_thread(shell.run, "--json")
    assert booked.returncode == 0, booked.stderr
    report = json.loads(booked.stdout)
    assert (report["is_clean"], report["remainder"], report["compared"]) == (True, {}, len(fills))
    assert {each["trade_id"] for each in report["mended"]} == {trade_id}
    [line] = report["lines"]
    assert line["exchange"] == line["ledger"]
    async with desk_of(venue, tmp_path, "LTCUSDC") as desk:
        await desk.ledger.record_fill(replace(fills[0], fill_id=FillId(1)), trade_id)
    left = await asyncio.to_thread(shell.run, "--since", "2020-01-01", "--json")
    assert left.returncode == 1
    assert json.loads(left.stdout)["remainder"] == {"LTCUSDC": plain(fills[0].fee)}


async def test_what_cannot_be_audited_is_said_in_one_line(shell: Shell) -> None:
    for arguments, why in (
        (("--since", "yesterday"), "--since is 'yesterday'; an instant like"),
        ((), "is not there: name the ledger in ledger.url"),
        (("--mode", "live"), "ledger.db is not there"),
    ):
        answer = await asyncio.to_thread(shell.run, *arguments)
        assert answer.returncode == 2
        [line] = answer.stderr.splitlines()
        assert why in line
    await (await Ledger.open(shell.environment["RATCHET_LEDGER__URL"])).close()
    answer = await asyncio.to_thread(shell.run)
    assert (answer.returncode, answer.stderr) == (
        2,
        "ratchet: the ledger has no trade yet: there is nothing to compare\n",
    )
