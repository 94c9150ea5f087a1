"""`ratchet doctor`: the preflight, and what lies about on this machine, as a card."""

import os
import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ratchet.cli.event_loop import run
from ratchet.cli.local_exchange import LocalExchangeFailed
from ratchet.cli.refusal import Refusal
from ratchet.cli.trading_venue import TradingVenue, trading_venue, venue_settings
from ratchet.config.bad_settings import BadSettings
from ratchet.config.settings import Settings
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import ExchangeError
from ratchet.guardian.account_lock import lock_of
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.observe.log import logging_to
from ratchet.trading.start.lease_verdict import HeldByOther, leases_among, may_take
from ratchet.trading.start.preflight import MEND_NO_ANSWER, Check, Report, Verdict, failed, passed
from ratchet.trading.start.process_lock import LedgerInUse, lock_ledger
from ratchet.trading.wiring import preflight_of

NOT_WELL = 1
LOG_FOLDER = "doctor"  # below `log_dir`: the trader writes and turns over a file of its own
ANNOUNCEMENT = (
    "one stop order far from the market is placed and cancelled; one-way mode, cross margin and the leverage are set "
    "where they are otherwise; nothing else is changed"
)
STYLES = {Verdict.PASSED: "green", Verdict.FAILED: "bold red", Verdict.NO_ANSWER: "yellow"}


def doctor(
    mode: Annotated[str | None, typer.Option(help="paper, testnet or live; stronger than the settings.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it, on stdout.")] = False,
) -> None:
    """Say whether `ratchet trade` could begin now, and what to do if not. Exit code 1: not all is well."""
    try:
        report = run(_doctor(venue_settings(mode), Console(stderr=json, soft_wrap=True, highlight=False)))
    except (LocalExchangeFailed, BadSettings) as error:
        raise Refusal(str(error)) from None
    if json:
        print(orjson.dumps(as_json(report)).decode())
    else:
        Console().print(card(report))
    raise typer.Exit(0 if report.passed else NOT_WELL)


async def _doctor(settings: Settings, console: Console) -> Report:
    async with trading_venue(settings) as venue:
        console.print(f"{venue.settings.mode}, {venue.address}: {ANNOUNCEMENT}")
        with logging_to(settings.log_dir / LOG_FOLDER, secrets=venue.settings.secrets(), console=False):
            return await _examine(venue)


async def _examine(venue: TradingVenue) -> Report:
    settings, clock = venue.settings, SystemClock()
    ledger, ledger_run = await _ledger(venue.ledger_url)
    checks = [ledger, _process_lock(venue.ledger_url)]
    async with BinanceClient(settings.exchange, clock) as client:
        try:
            rules = await client.load_rules()
        except ExchangeError as error:
            nothing = Check(name="exchange", verdict=Verdict.NO_ANSWER, seen=str(error), mend=MEND_NO_ANSWER)
            return Report(checks=(*checks, nothing))
        preflight = await preflight_of(settings, clock, client, secrets.token_hex(2), rules).run()
        checks.append(await _answered("lease", lambda: _lease(client, ledger_run)))
        checks.append(await _answered("guardian", lambda: _guardian(client, settings)))
        checks.append(_budget(client))
    return Report(checks=(*preflight.checks, *checks), refused=preflight.refused)


async def _ledger(url: str) -> tuple[Check, str]:
    """The check, and the ledger's token; empty when it has none."""
    file = url.partition(":///")[2]
    try:
        ledger = await Ledger.open(url)
    except LedgerError as error:
        return failed("ledger", str(error), "name a file that can be written in ledger.url"), ""
    await ledger.close()
    return passed("ledger", f"{file} can be written"), ledger.run


def _process_lock(url: str) -> Check:
    try:
        with lock_ledger(url):
            return passed("process lock", "no process trades with this ledger")
    except LedgerInUse as error:
        return passed("process lock", str(error).partition(";")[0])
    except LedgerError as error:
        return failed("process lock", str(error), "make its folder one that can be written")


async def _lease(client: BinanceClient, ledger_run: str) -> Check:
    now_ms = await client.fetch_time_ms()
    leases = leases_among(await client.fetch_open_stops())
    answer = may_take(leases, ledger_run, now_ms)
    if isinstance(answer, HeldByOther):
        seen = f"the trader of another ledger, run {answer.lease.run}, renewed its own {answer.age_ms // 1_000} s ago"
        return failed("lease", seen, "end that trader, or use another account")
    own = [lease for lease in leases if lease.run == ledger_run]
    if own:
        age_s = (now_ms - max(lease.made_ms for lease in own)) // 1_000
        return passed("lease", f"this ledger's, renewed {age_s} s ago")
    return passed("lease", "nobody trades on the account")


async def _guardian(client: BinanceClient, settings: Settings) -> Check:
    held = len(await client.fetch_positions())
    lock = lock_of(settings.exchange, os.environ)
    try:
        is_nobody = lock.try_take()
    except OSError as error:
        return failed("guardian", f"{lock.file}: {error.strerror}", "make its folder one that can be written")
    finally:
        lock.release()
    if not is_nobody:
        return passed("guardian", f"one is looking, {held} positions are held")
    if held:
        mend = "start `ratchet trade`, or `ratchet guard` alone"
        return failed("guardian", f"none is looking on this machine, and {held} positions are held", mend)
    return passed("guardian", "none is looking on this machine, nothing is held")


def _budget(client: BinanceClient) -> Check:
    state = client.budget_state()
    if state.banned_until_ms is not None:
        left_s = max(0, state.banned_until_ms - SystemClock().now_ms()) // 1_000
        return failed("request budget", f"the exchange turns requests away for another {left_s} s", "wait")
    return passed("request budget", f"{state.weight_used} of {state.weight_max} used in this minute")


async def _answered(name: str, look: Callable[[], Awaitable[Check]]) -> Check:
    try:
        return await look()
    except ExchangeError as error:
        return Check(name=name, verdict=Verdict.NO_ANSWER, seen=str(error), mend=MEND_NO_ANSWER)


def card(report: Report) -> Table:
    """What was looked at, what it came to, what to do."""
    table = Table(title="all is well" if report.passed else "not all is well", title_justify="left")
    for name in ("check", "result", "seen", "what to do"):
        table.add_column(name, overflow="fold")
    for each in report.checks:
        table.add_row(each.name, Text(each.verdict.value, style=STYLES[each.verdict]), Text(each.seen), Text(each.mend))
    for symbol, reason in report.refused:
        mend = "it is not traded: close its positions and orders, or change risk.leverage"
        table.add_row(symbol, Text("refused", style="yellow"), Text(reason), Text(mend))
    return table


def as_json(report: Report) -> dict[str, object]:
    """The same for programs."""
    return {
        "passed": report.passed,
        "checks": [
            {"name": each.name, "verdict": each.verdict.value, "seen": each.seen, "mend": each.mend}
            for each in report.checks
        ],
        "refused": dict(report.refused),
    }
