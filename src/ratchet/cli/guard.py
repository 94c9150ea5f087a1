"""`ratchet guard`: protect or flatten whatever the account holds, and nothing else."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from typing import Annotated

import structlog
import typer

from ratchet.cli.event_loop import run
from ratchet.cli.refusal import Refusal
from ratchet.config.bad_settings import BadSettings
from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.config.settings import Settings, load_settings
from ratchet.exchange.lean_ccxt import load_binance_alone
from ratchet.guardian.handover import read
from ratchet.observe.log import logging_to

REPLY_TIMEOUT_S_MAX = 3.0  # who hangs is asked again
LOG_FOLDER = "guardian"  # below `log_dir`: the trader writes and turns over a file of its own
CHUNK = 65_536
STDIN = 0

log = structlog.get_logger(__name__)


def guard(
    child: Annotated[
        bool, typer.Option("--child", hidden=True, help="Started by a trader, whose settings come by standard input.")
    ] = False,
) -> None:
    """Give every position without a stop one, or close it. Runs beside the trader, or alone."""
    try:
        settings = _settings_of_the_trader() if child else load_settings()
        secrets = settings.secrets()
        with logging_to(settings.log_dir / LOG_FOLDER, secrets=secrets, console=not child):
            # Repetitions of a request: what matters of them is told once.
            logging.getLogger("ratchet.exchange.requests").setLevel(logging.ERROR)
            for warning in settings.warnings:
                log.warning("settings_to_mend", what=warning)
            load_binance_alone()
            run(_guard(settings, is_child=child))
    except BadSettings as error:
        raise Refusal(str(error)) from None


def _settings_of_the_trader() -> Settings:
    """Those it was started with. The runtime file may be half written just now: it is not looked at."""
    return load_settings(runtime_file=os.devnull, overrides=read(_line_of_stdin()))


async def _guard(settings: Settings, *, is_child: bool) -> None:
    # After ccxt has been made small.
    from ratchet.exchange.client import BinanceClient
    from ratchet.exchange.clock import SystemClock
    from ratchet.guardian.account_lock import lock_of
    from ratchet.guardian.wiring import watch_over
    from ratchet.observe.systemd import Systemd

    clock = SystemClock()
    async with BinanceClient(_exchange(settings), clock) as client:
        watch = watch_over(settings, client, clock, Systemd({} if is_child else os.environ))
        if is_child:
            loop = asyncio.get_running_loop()
            _at_end_of_stdin(lambda: loop.call_soon_threadsafe(watch.alone.set))
        await watch.run(lock_of(settings.exchange, os.environ))


def _exchange(settings: Settings) -> ExchangeSettings:
    changes: dict[str, object] = {"reply_timeout_s": min(settings.exchange.reply_timeout_s, REPLY_TIMEOUT_S_MAX)}
    if settings.guard.api_key is not None:
        changes |= {"api_key": settings.guard.api_key, "api_secret": settings.guard.api_secret}
    return settings.exchange.model_copy(update=changes)


def _line_of_stdin() -> bytes:
    """The first line. Read without Python's buffer, whose lock a thread must not hold at the end of the process."""
    found = b""
    while not found.endswith(b"\n") and (chunk := os.read(STDIN, CHUNK)):
        found += chunk
    return found


def _at_end_of_stdin(then: Callable[[], object]) -> None:
    def wait() -> None:
        while os.read(STDIN, CHUNK):
            pass
        then()

    threading.Thread(target=wait, name="end of stdin", daemon=True).start()
