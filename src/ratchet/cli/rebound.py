"""`ratchet rebound`: what you buy by hand on spot is put up for sale a little higher, once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from ratchet.cli.event_loop import run
from ratchet.cli.local_exchange import LocalExchangeFailed
from ratchet.cli.rebound_demo import run_demo
from ratchet.cli.rebound_run import run_rebound
from ratchet.cli.rebound_venue import rebound_settings
from ratchet.cli.refusal import Refusal
from ratchet.cli.trade_telegram import load_telegram
from ratchet.config.bad_settings import BadSettings
from ratchet.config.mode import Mode
from ratchet.config.settings import Settings
from ratchet.domain.money import QUOTE
from ratchet.domain.symbol import Symbol, normalize
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.errors import LedgerError
from ratchet.rebound.watcher import CannotWatch

DEFAULT = "TRUMPUSDC"
SINCE_DAYS_MAX = 30
DAY_MS = 86_400_000


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
        load_telegram(settings)
        run(run_rebound(settings, watched, _since_ms(since), sends=not dry_run))
    except (LocalExchangeFailed, BadSettings, LedgerError, ExchangeError, CannotWatch) as error:
        raise Refusal(str(error)) from None


def _settings(mode: str | None, *, live: bool) -> Settings:
    settings = rebound_settings(mode)
    if settings.mode is Mode.LIVE and not live:
        raise Refusal("mode live sells for real money: say --live as well, or --dry-run, or --mode paper")
    return settings.model_copy(update={"telegram": settings.telegram.of_companion})


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
