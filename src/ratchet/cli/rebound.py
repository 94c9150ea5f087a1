"""`ratchet rebound`: what you buy by hand on spot is put up for sale a little higher, once."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ratchet.cli.event_loop import run, stop_on_signals
from ratchet.cli.local_exchange import LocalExchangeFailed
from ratchet.cli.rebound_demo import run_demo
from ratchet.cli.refusal import Refusal
from ratchet.cli.spot_settings import spot_settings
from ratchet.cli.trading_venue import VAR
from ratchet.config.bad_settings import BadSettings
from ratchet.config.mode import PRODUCTION_SPOT_WS, PRODUCTION_WS, TESTNET_SPOT_WS, TESTNET_WS, Mode
from ratchet.config.sections import SQLITE
from ratchet.config.settings import Settings
from ratchet.domain.money import QUOTE
from ratchet.domain.symbol import Symbol, normalize
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.spot_client import SpotClient
from ratchet.exchange.spot_user_stream import SpotUserStream
from ratchet.guardian.account_lock import lock_of
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.log import logging_to
from ratchet.observe.notices import Notice, Noticeboard
from ratchet.rebound.companion import Companion
from ratchet.rebound.terms import Terms
from ratchet.rebound.watcher import CannotWatch

DEFAULT = "TRUMPUSDC"
LEDGER_FILE = "rebound.db"
LOG_FOLDER = "rebound"  # below `log_dir`: the trader writes and turns over a file of its own
SINCE_DAYS_MAX = 30
DAY_MS = 86_400_000
SPOT_WS = {PRODUCTION_WS: PRODUCTION_SPOT_WS, TESTNET_WS: TESTNET_SPOT_WS}  # beside the perpetuals of the same account
NO_EXCHANGE = (
    "paper has no exchange here: start `localbinance serve`, and set RATCHET_EXCHANGE__HTTP_URL and "
    "RATCHET_EXCHANGE__WS_URL to what it prints; or say --demo, --mode testnet or --mode live"
)


def rebound(
    symbols: Annotated[list[str] | None, typer.Argument(help=f"What is watched; {DEFAULT} if nothing is said.")] = None,
    mode: Annotated[str | None, typer.Option(help="paper, testnet or live; stronger than the settings.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Yes, with real money. Mode live wants it, unless it is a dry run.")
    ] = (False),
    since: Annotated[
        str | None, typer.Option(help="Take in what was bought since then too, ISO 8601, UTC: 2026-11-21T08:00.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing, and say what would be sent.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="A person buys by hand on an exchange of its own.")] = False,
) -> None:
    """Sell what you buy by hand, once, 1 % higher, until Ctrl-C. What was bought before is left alone."""
    try:
        if demo:
            if symbols or mode or live or since or dry_run:
                raise Refusal("--demo is on an exchange of its own: leave the rest out")
            raise typer.Exit(run(run_demo(Console())))
        settings = _settings(mode, live=live or dry_run)
        watched = _symbols(symbols or [DEFAULT])
        run(_rebound(settings, watched, _since_ms(since), sends=not dry_run))
    except (LocalExchangeFailed, BadSettings, LedgerError, ExchangeError, CannotWatch) as error:
        raise Refusal(str(error)) from None


def _settings(mode: str | None, *, live: bool) -> Settings:
    settings = spot_settings(mode)
    if settings.mode is Mode.PAPER and settings.exchange.http_url is None:
        raise Refusal(NO_EXCHANGE)
    if settings.mode is Mode.LIVE and not live:
        raise Refusal("mode live sells for real money: say --live as well, or --dry-run, or --mode paper")
    ws_url = settings.exchange.ws_url
    exchange = settings.exchange.model_copy(update={"ws_url": SPOT_WS.get(ws_url or "", ws_url)})
    return settings.model_copy(update={"exchange": exchange})


def _symbols(words: Sequence[str]) -> list[Symbol]:
    found: list[Symbol] = []
    for word in words:
        try:
            symbol = normalize(word if word.upper().endswith(QUOTE) else f"{word}{QUOTE}")
        except ValueError:
            raise Refusal(f"{word!r} is not a symbol, one like {DEFAULT} is wanted") from None
        if symbol not in found:
            found.append(symbol)
    return found


def _since_ms(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(f"--since is {text!r}, a time like 2026-11-21T08:00 is wanted") from None
    since_ms = round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000)
    age_ms = round(datetime.now(tz=UTC).timestamp() * 1_000) - since_ms
    if not 0 <= age_ms <= SINCE_DAYS_MAX * DAY_MS:
        raise Refusal(f"--since is {text}; within the last {SINCE_DAYS_MAX} days is wanted")
    return since_ms


async def _rebound(settings: Settings, symbols: Sequence[Symbol], since_ms: int | None, *, sends: bool) -> None:
    console = Console(stderr=True)
    with (
        _alone(settings, sends=sends),
        _ledger_of(settings, sends=sends) as ledger_url,
        logging_to(settings.log_dir / LOG_FOLDER, secrets=settings.secrets(), console=False),
    ):
        clock = SystemClock()
        async with _opened(ledger_url) as ledger, SpotClient(settings.exchange, clock) as client:
            await _check(client, symbols)
            board = Noticeboard()
            board.listen(lambda notice: _print(console, notice))
            terms = Terms(
                settings=lambda: settings.rebound,
                recv_window_ms=settings.exchange.recv_window_ms,
                since_ms=since_ms,
                sends=sends,
                noticeboard=board,
            )
            companion = Companion(
                symbols,
                client,
                ledger,
                await SpotBooks.on(ledger),
                clock,
                terms,
                lambda on_event: SpotUserStream(settings.exchange, clock, on_event=on_event),
            )
            where = settings.exchange.http_url or "Binance"
            console.print(f"{settings.mode}: {where}; {'' if sends else 'nothing is sent; '}ledger {ledger_url}")
            await companion.run(stop_on_signals())


@contextmanager
def _alone(settings: Settings, *, sends: bool) -> Iterator[None]:
    """Two companions would both sell the same. Looking on is free."""
    if not sends:
        yield
        return
    lock = lock_of(settings.exchange, os.environ, "rebound")
    try:
        if not lock.try_take():
            raise Refusal("another `ratchet rebound` watches this account from this machine: end it first")
        yield
    finally:
        lock.release()


@contextmanager
def _ledger_of(settings: Settings, *, sends: bool) -> Iterator[str]:
    """The ledger's address. A dry run leaves nothing behind that a real one would take for its own."""
    if sends:
        is_named = "url" in settings.ledger.model_fields_set
        yield settings.ledger.url if is_named else f"{SQLITE}{VAR / settings.mode / LEDGER_FILE}"
        return
    with tempfile.TemporaryDirectory(prefix="rebound-") as folder:
        yield f"{SQLITE}{Path(folder) / LEDGER_FILE}"


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(url)
    try:
        yield ledger
    finally:
        await ledger.close()


async def _check(client: SpotClient, symbols: Sequence[Symbol]) -> None:
    listed = await client.fetch_pairs()
    missing = [symbol for symbol in symbols if symbol not in listed]
    if missing:
        raise Refusal(f"{', '.join(missing)} is not traded on spot there")


def _print(console: Console, notice: Notice) -> None:
    at = datetime.fromtimestamp(notice.at_ms / 1_000, tz=UTC)
    whose = f"{notice.symbol} " if notice.symbol else ""
    console.print(f"{at:%H:%M:%S} {whose}{notice.text}", markup=False, highlight=False, soft_wrap=True)
