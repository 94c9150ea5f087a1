"""`ratchet trade`: trade until told to stop, on paper, on the testnet or with real money."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Annotated, TypeVar

import typer

from ratchet.cli.event_loop import run
from ratchet.cli.local_exchange import LocalExchangeFailed
from ratchet.cli.refusal import Refusal
from ratchet.cli.status_lines import StatusLines
from ratchet.cli.trade_desk import trade_desk
from ratchet.cli.trade_telegram import load_telegram, telegram_face
from ratchet.cli.trade_watch import TradeWatch
from ratchet.cli.trading_venue import TradingVenue, trading_venue, venue_settings
from ratchet.config.bad_settings import BadSettings
from ratchet.config.live import LiveSettings
from ratchet.config.mode import Mode
from ratchet.config.settings import Settings
from ratchet.control.desk import Desk
from ratchet.control.door import Door
from ratchet.control.door_file import door_file
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import BadReply, ExchangeError, Rejected
from ratchet.guardian.child import guardian_child
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.observe.log import logging_to
from ratchet.observe.systemd import Systemd
from ratchet.strategy.plugin import BadStrategy, load_strategy
from ratchet.trading.start.lease import refuse_if_taken
from ratchet.trading.start.process_lock import lock_ledger
from ratchet.trading.wiring import AdmissionTerms, CannotTrade, Trader, open_trader

AGAIN_S = 5.0  # after the exchange could not be reached
FLAT_TIMEOUT_S = 5.0

Result = TypeVar("Result")


def trade(
    mode: Annotated[
        str | None, typer.Option(help="paper (the default), testnet or live; stronger than the settings.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Yes, with real money. Mode live wants it, no other takes it.")
    ] = (False),
    json: Annotated[bool, typer.Option("--json", help="States as JSON lines, and only they, on stdout.")] = False,
) -> None:
    """Trade until Ctrl-C or SIGTERM, which leave positions to their stops. A second Ctrl-C ends at once."""
    try:
        settings = venue_settings(mode)
        _refuse_what_is_not_meant(settings.mode, live=live)
        for choice in settings.strategies:
            load_strategy(choice)
        load_telegram(settings)
        run(_trade(settings, StatusLines(as_json=json)))
    except (LocalExchangeFailed, BadSettings, BadStrategy, CannotTrade, LedgerError) as error:
        raise Refusal(str(error)) from None


def _refuse_what_is_not_meant(mode: Mode, *, live: bool) -> None:
    if mode is Mode.LIVE and not live:
        raise Refusal("mode live trades with real money: say --live as well, or --mode paper")
    if live and mode is not Mode.LIVE:
        raise Refusal(f"--live is said and the mode is {mode}: say --mode live as well, or leave --live out")


async def _trade(settings: Settings, lines: StatusLines) -> None:
    stop = asyncio.Event()
    _stop_on_signals(stop, lines)
    async with trading_venue(settings) as venue:
        with (
            lock_ledger(venue.ledger_url),
            logging_to(settings.log_dir, secrets=venue.settings.secrets(), console=False),
        ):
            ledger, log = venue.ledger_url.partition(":///")[2], settings.log_dir
            lines.say(f"{venue.settings.mode}: {venue.address}; ledger {ledger}, log in {log}")
            for warning in venue.settings.warnings:
                lines.say(warning)
            clock = SystemClock()
            watch = TradeWatch(venue.settings, clock, lines, Systemd(os.environ))
            async with watch.process():
                await _Session(venue, lines, stop, clock, watch).run()


class _Session:
    """From the first question to the exchange until told to stop."""

    def __init__(
        self, venue: TradingVenue, lines: StatusLines, stop: asyncio.Event, clock: SystemClock, watch: TradeWatch
    ) -> None:
        self._venue = venue
        self._settings = venue.settings
        self._lines = lines
        self._stop = stop
        self._watch = watch
        self._clock = clock
        self._is_flat = False  # for certain
        self._live = LiveSettings(venue.settings)
        self._desk: Desk | None = None  # while a trader runs

    async def run(self) -> None:
        """Raises: CannotTrade, LedgerError."""
        door = asyncio.create_task(Door(door_file(self._settings), lambda: self._desk).run(), name="door")
        try:
            await self._run()
        finally:
            door.cancel()
            await asyncio.gather(door, return_exceptions=True)

    async def _run(self) -> None:
        if not await self._reach():
            return
        if self._venue.is_embedded:
            await self._trade_on()
            return
        refusal: CannotTrade | None = None
        async with guardian_child(self._settings, lambda: self._is_flat):
            try:
                await self._trade_on()
            except CannotTrade as error:
                # Nothing is held, or it is the other trader's to look after: a guardian is not left behind.
                refusal, self._is_flat = error, True
        if refusal is not None:
            raise refusal
        if not self._is_flat:
            self._lines.say("something may be held: its stops stay on the exchange, and the guardian goes on looking")

    async def _reach(self) -> bool:
        """Wait until the exchange answers. False when told to stop. Nothing is changed there."""
        ledger = await Ledger.open(self._venue.ledger_url)
        await ledger.close()
        async with BinanceClient(self._settings.exchange, self._clock) as client:
            while not self._stop.is_set():
                try:
                    await self._unless_stopped(_look(client, ledger.run))
                except Rejected as no:
                    raise CannotTrade(
                        f"the exchange does not answer this key: {no}; check api_key and api_secret, "
                        "the key's list of addresses and its permission for futures"
                    ) from None
                except ExchangeError as error:
                    await self._say_away(error)
                else:
                    return not self._stop.is_set()
        return False

    async def _trade_on(self) -> None:
        """Trade until told to stop, and begin again whenever the exchange went away before the start was done."""
        terms = AdmissionTerms(is_strict=self._settings.mode is Mode.LIVE)
        while not self._stop.is_set():
            try:
                async with open_trader(
                    self._settings,
                    self._clock,
                    self._venue.ledger_url,
                    terms,
                    lambda: self._live.now,
                    self._watch.metrics.on_scanned,
                ) as trader:
                    await self._trade_with(trader)
            except ExchangeError as error:
                await self._say_away(error)
            except BaseExceptionGroup as group:
                if group.split((ExchangeError, TimeoutError))[1] is not None:
                    raise
                await self._say_away(group.exceptions[0])

    async def _trade_with(self, trader: Trader) -> None:
        # Owned here rather than by a group: a group would wrap the one-line error of the engine.
        telling = asyncio.create_task(self._lines.tell(trader.engine.status), name="status lines")
        try:
            async with (
                self._watch.trader(trader),
                trade_desk(trader, self._live, self._venue, self._clock) as self._desk,
                telegram_face(self._settings, self._desk, trader.engine.noticeboard, self._clock),
            ):
                await trader.engine.run(None, self._stop)
        finally:
            self._desk = None
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        self._is_flat = await _is_flat(trader.client)

    async def _say_away(self, error: BaseException) -> None:
        why = str(error) or "no answer in time"
        self._lines.say(f"{self._venue.address} cannot be reached ({why}); it is tried again every {AGAIN_S:.0f} s")
        await self._unless_stopped(asyncio.sleep(AGAIN_S))

    async def _unless_stopped(self, work: Coroutine[None, None, object]) -> None:
        """Do it, and give it up when told to stop."""
        tasks = asyncio.create_task(work), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if not tasks[0].cancelled():
            tasks[0].result()


async def _look(client: BinanceClient, run: str) -> None:
    """Whether there is an account to trade on. Raises: CannotTrade, ExchangeError."""
    await refuse_if_taken(client, run)
    if (await client.fetch_account_config()).is_hedge_mode:
        try:
            is_flat = not await client.fetch_positions()
        except BadReply:  # of one side: what hedge mode is
            is_flat = False
        if not is_flat:
            raise CannotTrade("the account is in hedge mode and holds something: close it, and switch to one-way mode")


async def _is_flat(client: BinanceClient) -> bool:
    try:
        async with asyncio.timeout(FLAT_TIMEOUT_S):
            return not await client.fetch_positions()
    except (ExchangeError, TimeoutError):
        return False


def _stop_on_signals(stop: asyncio.Event, lines: StatusLines) -> None:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def on_signal() -> None:
        lines.say("ending: positions are left to their stops; once more ends at once")
        stop.set()
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)  # nothing of ours is in the way of the second one

    with suppress(NotImplementedError):  # Windows: the loop takes no signal handlers, Ctrl-C cancels instead
        for number in numbers:
            loop.add_signal_handler(number, on_signal)
