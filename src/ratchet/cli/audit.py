"""`ratchet audit`: the ledger against the exchange's own books, now, to the last decimal."""

from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from ratchet.cli.event_loop import run
from ratchet.cli.refusal import Refusal
from ratchet.cli.trading_venue import TradingVenue, trading_venue, venue_settings
from ratchet.config.bad_settings import BadSettings
from ratchet.config.mode import Mode
from ratchet.config.settings import Settings
from ratchet.domain.money import plain
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.observe.log import logging_to
from ratchet.trading.books.audit import SETTLING_MS, AuditReport, Gap, Mended
from ratchet.trading.books.comparison import Disagreement, Line
from ratchet.trading.start.process_lock import LedgerInUse, lock_ledger
from ratchet.trading.wiring import auditor_of

REMAINS = 1
LOG_FOLDER = "audit"  # below `log_dir`: the trader writes and turns over a file of its own
SHOWN_MAX = 50  # rows of a table


def audit(
    since: Annotated[
        str | None,
        typer.Option(help="From when on, ISO 8601, UTC unless it says otherwise. Without: since the last clean audit."),
    ] = None,
    mode: Annotated[str | None, typer.Option(help="paper, testnet or live; stronger than the settings.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it, on stdout.")] = False,
) -> None:
    """Compare the ledger with the exchange's books and book what it lacks. Exit code 1: something remains."""
    since_ms = None if since is None else instant_ms(since)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        settings = venue_settings(mode)
        _refuse_without_exchange(settings)
        report = run(_audit(settings, since_ms, console))
    except (BadSettings, LedgerError) as error:
        raise Refusal(str(error)) from None
    except ExchangeError as error:
        raise Refusal(f"the exchange failed: {error}; what was booked until then stays, run it again") from None
    if json:
        print(orjson.dumps(as_json(report)).decode())
    else:
        print_report(report, Console(highlight=False))
    raise typer.Exit(0 if report.is_clean else REMAINS)


def instant_ms(text: str) -> int:
    """An instant in ms since the epoch. Raises: Refusal."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(f"--since is {text!r}; an instant like 2026-01-31 or 2026-01-31T08:00 is wanted") from None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1_000)


def _refuse_without_exchange(settings: Settings) -> None:
    if settings.mode is Mode.PAPER and settings.exchange.http_url is None:
        raise Refusal(
            "paper without an address trades on an exchange that ends with the trader: name exchange.http_url, "
            "or say --mode testnet"
        )


def _refuse_without_ledger(url: str) -> None:
    file = Path(url.partition(":///")[2])
    if not file.is_file():
        raise Refusal(f"{file} is not there: name the ledger in ledger.url, or trade first")


async def _audit(settings: Settings, since_ms: int | None, console: Console) -> AuditReport:
    async with trading_venue(settings) as venue:
        _refuse_without_ledger(venue.ledger_url)
        with logging_to(settings.log_dir / LOG_FOLDER, secrets=venue.settings.secrets(), console=False):
            return await _examine(venue, since_ms, console)


async def _examine(venue: TradingVenue, since_ms: int | None, console: Console) -> AuditReport:
    try:
        with lock_ledger(venue.ledger_url):
            return await _compare(venue, since_ms, mends=True)
    except LedgerInUse:
        console.print("a trader works with this ledger and books what it lacks every hour: nothing is booked now")
        return await _compare(venue, since_ms, mends=False)


async def _compare(venue: TradingVenue, since_ms: int | None, *, mends: bool) -> AuditReport:
    settings = venue.settings
    ledger = await Ledger.open(venue.ledger_url)
    try:
        async with BinanceClient(settings.exchange, SystemClock()) as client:
            until_ms = await client.fetch_time_ms() - SETTLING_MS
            from_ms = await _beginning(ledger, since_ms, until_ms)
            auditor = auditor_of(settings, client, ledger, await client.load_rules())
            return await auditor.audit(from_ms, until_ms, mends=mends)
    finally:
        await ledger.close()


async def _beginning(ledger: Ledger, since_ms: int | None, until_ms: int) -> int:
    """What was before the ledger is none of its business. Raises: Refusal."""
    trades = await ledger.trades_between(0, until_ms)
    audited_ms = await ledger.audited_ms()
    if audited_ms is None:
        raise Refusal("the ledger has no trade yet: there is nothing to compare")
    first_ms = min([audited_ms, *(row.opened_ms for row in trades)])
    from_ms = max(audited_ms if since_ms is None else since_ms, first_ms)
    if from_ms > until_ms:
        at = _at(until_ms)
        raise Refusal(f"nothing is to be compared from {_at(from_ms)} on: the exchange's books are settled up to {at}")
    return from_ms


# What is shown -------------------------------------------------------------------------------------------------------


def print_report(report: AuditReport, console: Console) -> None:
    """Tables: what was booked, what lacks, what is not alike, and the sums."""
    if report.unreachable_ms is not None:
        console.print(f"beyond the exchange's histories: {_at(report.unreachable_ms)} to {_at(report.since_ms)}")
    _print_rows(
        console,
        "Booked now",
        ("at", "what", "symbol", "trade", "amount"),
        [
            (_at(each.at_ms), each.what, each.symbol, str(each.trade_id or "-"), f"{plain(each.amount)} {each.asset}")
            for each in report.mended
        ],
    )
    _print_rows(
        console,
        "Gaps",
        ("at", "symbol", "trade", "quantity", "amount", "reason"),
        [
            (
                _at(each.at_ms),
                each.symbol,
                str(each.trade_id or "-"),
                plain(each.quantity),
                f"{plain(each.amount)} {each.asset}",
                each.reason,
            )
            for each in report.gaps
        ],
    )
    _print_rows(
        console,
        "Not alike",
        ("at", "what", "symbol", "exchange", "ledger"),
        [
            (
                _at(each.at_ms),
                each.what,
                each.symbol,
                f"{plain(each.exchange)} {each.asset}",
                f"{plain(each.ledger)} {each.asset}",
            )
            for each in report.disagreements
        ],
    )
    sums = Table(title="The books", title_justify="left")
    for name in ("symbol", "asset", "exchange", "ledger", "remainder"):
        sums.add_column(name, justify="left" if name in ("symbol", "asset") else "right")
    for line in report.lines:
        amounts = (plain(line.exchange), plain(line.ledger), plain(line.remainder))
        sums.add_row(line.symbol or "-", line.asset, *amounts, style="red" if line.remainder else "")
    console.print(sums)
    span = f"{_at(report.since_ms)} to {_at(report.until_ms)}: {report.compared} entries compared"
    console.print(f"{span}, {report.doubts or 'nothing'} remains", soft_wrap=True)


def as_json(report: AuditReport) -> dict[str, object]:
    """The same for programs. Money is text, times are ms since the epoch."""
    return {
        "since_ms": report.since_ms,
        "until_ms": report.until_ms,
        "unreachable_ms": report.unreachable_ms,
        "compared": report.compared,
        "is_clean": report.is_clean,
        "remainder": {symbol: plain(amount) for symbol, amount in report.remainder.items()},
        "lines": [_fields(line) | {"remainder": plain(line.remainder)} for line in report.lines],
        "mended": [_fields(each) for each in report.mended],
        "gaps": [_fields(each) for each in report.gaps],
        "disagreements": [_fields(each) for each in report.disagreements],
    }


def _fields(row: Line | Mended | Gap | Disagreement) -> dict[str, object]:
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in asdict(row).items()}


def _print_rows(console: Console, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    if not rows:
        return
    more = f" (the last {SHOWN_MAX} of {len(rows)})" if len(rows) > SHOWN_MAX else ""
    table = Table(title=f"{title}{more}", title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows[-SHOWN_MAX:]:
        table.add_row(*row)
    console.print(table)


def _at(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
