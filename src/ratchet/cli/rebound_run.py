"""The run of `ratchet rebound`: the companion, its desk and its faces, from the first question to the last."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from ratchet.cli.event_loop import stop_on_signals
from ratchet.cli.rebound_desk import Running, rebound_desk
from ratchet.cli.rebound_venue import LEDGER_FILE, rebound_ledger_url
from ratchet.cli.rebound_watch import ReboundWatch
from ratchet.cli.refusal import Refusal
from ratchet.cli.trade_telegram import telegram_face
from ratchet.config.live import LiveSettings
from ratchet.config.sections import SQLITE
from ratchet.config.settings import Settings
from ratchet.domain.symbol import Symbol
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import ExchangeError, Rejected
from ratchet.exchange.spot_client import SpotClient
from ratchet.exchange.spot_user_stream import SpotUserStream
from ratchet.guardian.account_lock import lock_of
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.log import FILE_NAME, logging_to
from ratchet.observe.notices import Notice, Noticeboard
from ratchet.observe.systemd import Systemd
from ratchet.rebound.companion import Companion
from ratchet.rebound.terms import Terms

LOG_FOLDER = "rebound"  # below `log_dir`: the trader writes and turns over a file of its own
AGAIN_S = 5.0  # after the exchange could not be reached
NO_BOT = (
    "not in Telegram: the trader's bot is heard by the trader alone; have @BotFather make another one and set "
    "RATCHET_TELEGRAM__REBOUND_TOKEN"
)


async def run_rebound(settings: Settings, symbols: Sequence[Symbol], since_ms: int | None, *, sends: bool) -> None:
    """Watch until told to stop. Raises: Refusal, LedgerError, ExchangeError, CannotWatch.

    Args: settings, with the companion's bot in the place of the trader's; since_ms, executions from then on are taken
        in as well; sends, whether anything is placed.
    """
    console, stop = Console(stderr=True), stop_on_signals()
    log_dir = settings.log_dir / LOG_FOLDER
    with (
        _alone(settings, sends=sends),
        _ledger_of(settings, sends=sends) as ledger_url,
        logging_to(log_dir, secrets=settings.secrets(), console=False),
    ):
        clock, live, board = SystemClock(), LiveSettings(settings), Noticeboard()
        board.listen(lambda notice: _print(console, notice))
        for warning in settings.warnings:
            _say(console, warning)
        watch = ReboundWatch(live, clock, Systemd(os.environ), is_served=sends)
        async with (
            watch.process(lambda text: _say(console, text)),
            _opened(ledger_url) as ledger,
            SpotClient(settings.exchange, clock) as client,
        ):
            listed = await _reach(client, symbols, stop, lambda why: _say_waits(console, watch, why))
            if listed is None:
                return
            books = await SpotBooks.on(ledger)
            terms = Terms(
                settings=lambda: live.now.rebound,
                recv_window_ms=settings.exchange.recv_window_ms,
                since_ms=since_ms,
                sends=sends,
                noticeboard=board,
            )
            companion = Companion(
                symbols,
                client,
                ledger,
                books,
                clock,
                terms,
                lambda on_event: SpotUserStream(settings.exchange, clock, on_event=on_event),
            )
            running = Running(
                companion=companion,
                client=client,
                ledger=ledger,
                ledger_url=ledger_url,
                books=books,
                clock=clock,
                live=live,
                log_file=log_dir / FILE_NAME,
                watched=symbols,
                listed=listed,
                is_asked=sends,
            )
            where = settings.exchange.http_url or "Binance"
            console.print(f"{settings.mode}: {where}; {'' if sends else 'nothing is sent; '}ledger {ledger_url}")
            await _run(running, watch, console, stop)


async def _run(running: Running, watch: ReboundWatch, console: Console, stop: asyncio.Event) -> None:
    """Until told to stop."""
    companion, live, clock = running.companion, running.live, running.clock
    telegram = live.now.telegram
    if running.is_asked and telegram.token is None and telegram.rebound_token is not None:
        console.print(NO_BOT, soft_wrap=True)
    async with (
        watch.companion(companion, running.client, running.ledger),
        rebound_desk(running) as desk,
        telegram_face(live.now, desk, companion.noticeboard, clock) if running.is_asked else nullcontext(),
    ):
        await companion.run(stop)


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
        yield rebound_ledger_url(settings)
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


async def _reach(
    client: SpotClient, symbols: Sequence[Symbol], stop: asyncio.Event, on_failure: Callable[[str], None]
) -> Collection[Symbol] | None:
    """Wait until the exchange answers. Returns: all that it lists; None when told to stop.

    Args: on_failure, told in one line of each time that it does not.
    Raises: Refusal when one of the symbols is not listed; Rejected.
    """
    while not stop.is_set():
        try:
            listed = await client.fetch_pairs()
        except Rejected:
            raise
        except ExchangeError as error:
            on_failure(f"the exchange cannot be reached ({error}); it is tried again every {AGAIN_S:.0f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), AGAIN_S)
            continue
        missing = [symbol for symbol in symbols if symbol not in listed]
        if missing:
            raise Refusal(f"{', '.join(missing)} is not traded on spot there")
        return listed.keys()
    return None


def _say_waits(console: Console, watch: ReboundWatch, why: str) -> None:
    watch.waits(why)
    _say(console, why)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _print(console: Console, notice: Notice) -> None:
    at = datetime.fromtimestamp(notice.at_ms / 1_000, tz=UTC)
    whose = f"{notice.symbol} " if notice.symbol else ""
    _say(console, f"{at:%H:%M:%S} {whose}{notice.text}")
