"""The demo of `ratchet rebound`: a person buys by hand on an exchange of its own, and what becomes of it is told."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import aiohttp
import orjson
from pydantic import SecretStr
from rich.console import Console

from ratchet.cli.local_exchange import LocalExchange, LocalExchangeFailed, local_exchange
from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.config.rebound_settings import ReboundSettings
from ratchet.domain.money import QUOTE, ZERO, plain
from ratchet.domain.symbol import Symbol
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.spot_client import SpotClient
from ratchet.exchange.spot_user_stream import SpotUserStream
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.log import logging_to
from ratchet.observe.notices import Notice, Noticeboard
from ratchet.rebound.companion import Companion
from ratchet.rebound.terms import Terms

SYMBOL = Symbol("TRUMPUSDC")
FOLDER = Path("var/rebound-demo")
EXCHANGE = ("--market=synthetic", "--speed=max", "--port=0", "--wait-for-client", "--check-time", "--history-days=1")
BALANCES = ("--spot-balance=USDC=1000", "--spot-balance=TRUMP=3")
AT_ONCE, IN_PARTS = Decimal(5), Decimal(8)  # base asset
PARTS, PARTS_MS = 4, 6_000
UP, DOWN = "0.04", "-0.06"  # the market's moves: beyond the SELLs, and down to the BUYs back
STEP_TIMEOUT_S = 15.0
REPLY_TIMEOUT_S = 10.0
EXIT_UNEQUAL = 1


class _Person:
    """Somebody at the account's app, and at the market's wheel."""

    def __init__(self, exchange: LocalExchange, clock: LockstepClock, console: Console) -> None:
        self._exchange = exchange
        self._clock = clock
        self._console = console
        self._heard: list[str] = []
        self._news = asyncio.Event()

    def hear(self, notice: Notice) -> None:
        """The companion says something."""
        self._print(notice.at_ms, f"  {notice.text}")
        self._heard.append(notice.text)
        self._news.set()

    async def does(self, what: str, act: Mapping[str, object]) -> None:
        """Raises: LocalExchangeFailed."""
        self._print(self._clock.now_ms(), f"[bold]{what}[/bold]", markup=True)
        ready = self._exchange.ready
        with self._clock.working():
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REPLY_TIMEOUT_S)) as session,
                session.post(
                    f"{ready.http}/localbinance/act",
                    data={"act": orjson.dumps(act).decode()},
                    headers={"X-MBX-APIKEY": ready.api_key.get_secret_value()},
                ) as reply,
            ):
                if reply.status != 200:
                    raise LocalExchangeFailed(f"{act['act']}: {await reply.text()}")

    async def buys(self, quantity: Decimal) -> None:
        """At market, by hand."""
        order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": plain(quantity)}
        await self.does(f"somebody buys {plain(quantity)} by hand", {"act": "spot_order", "order": order})

    async def moves(self, what: str, fraction: str) -> None:
        """The market jumps."""
        await self.does(what, {"act": "gap", "symbol": SYMBOL, "fraction": fraction})

    async def waits_for(self, wanted: Callable[[str], bool], times: int = 1) -> None:
        """Until so much has been said. Raises: LocalExchangeFailed when it never is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STEP_TIMEOUT_S):
                while sum(map(wanted, self._heard)) < times:
                    self._news.clear()
                    await self._news.wait()
                return
        raise LocalExchangeFailed("the companion did not say what was waited for")

    def _print(self, at_ms: int, text: str, *, markup: bool = False) -> None:
        at = datetime.fromtimestamp(at_ms / 1_000, tz=UTC)
        self._console.print(f"{at:%H:%M:%S}  {text}", markup=markup, highlight=False, soft_wrap=True)


async def run_demo(console: Console) -> int:
    """Raises: LocalExchangeFailed, ExchangeError, LedgerError. Returns: the exit code."""
    began = time.monotonic()
    folder = FOLDER / datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S-%f")
    async with local_exchange([*EXCHANGE, *BALANCES]) as exchange:
        ready = exchange.ready
        settings = ExchangeSettings(
            http_url=ready.http,
            ws_url=ready.ws,
            api_key=SecretStr(ready.api_key.get_secret_value()),
            api_secret=SecretStr(ready.api_secret.get_secret_value()),
            rate_limit=False,
            budget_folder=folder,
        )
        secrets = (ready.api_key.get_secret_value(), ready.api_secret.get_secret_value())
        with logging_to(folder, secrets=secrets, console=False):
            ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'rebound.db'}")
            try:
                return await _play(exchange, settings, ledger, console, began)
            finally:
                await ledger.close()


async def _play(
    exchange: LocalExchange, settings: ExchangeSettings, ledger: Ledger, console: Console, began: float
) -> int:
    books = await SpotBooks.on(ledger)
    clock = LockstepClock(exchange.ready.start_ms)
    person = _Person(exchange, clock, console)
    async with SpotClient(settings, clock) as client:
        board = Noticeboard()
        board.listen(person.hear)
        wanted = ReboundSettings(settle_s=2, buy_back_count=2, buy_back_quote_max=Decimal(500))
        terms = Terms(settings=lambda: wanted, recv_window_ms=settings.recv_window_ms, noticeboard=board)
        companion = Companion(
            [SYMBOL],
            client,
            ledger,
            books,
            clock,
            terms,
            lambda on_event: SpotUserStream(settings, clock, on_event=on_event),
        )
        before = await _balances(client)
        stop = asyncio.Event()
        task = asyncio.create_task(companion.run(stop), name="companion")
        try:
            await _day(person)
        finally:
            stop.set()
            await task
        after = await _balances(client)
    return await _account(books, before, after, console, began)


async def _day(person: _Person) -> None:
    """What happens."""
    await person.waits_for(lambda text: text.startswith("watched"))
    await person.buys(AT_ONCE)
    await person.waits_for(_is_sell)
    slowly = {"act": "spot_fill_slowly", "symbol": SYMBOL, "parts": PARTS, "over_ms": PARTS_MS}
    await person.does(f"the next one fills in {PARTS} parts", slowly)
    await person.buys(IN_PARTS)
    await person.waits_for(_is_sell, 2)
    await person.moves("the market rises by 4 %", UP)
    await person.waits_for(lambda text: text.startswith("BUY "), 2)
    await person.moves("the market falls by 6 %", DOWN)
    await person.waits_for(lambda text: "sold and bought back" in text, 2)


def _is_sell(text: str) -> bool:
    return text.startswith("SELL ")


async def _balances(client: SpotClient) -> dict[str, Decimal]:
    return {asset: held.total for asset, held in (await client.fetch_balances()).items()}


async def _account(
    books: SpotBooks, before: Mapping[str, Decimal], after: Mapping[str, Decimal], console: Console, began: float
) -> int:
    """What the ledger says has changed, and what the exchange says."""
    for line in await books.cases():
        sold = next(own for own in line.case.orders if own.status.is_final)
        profit = sold.quantity_filled * sold.price_average - line.case.quote
        console.print(
            f"case {line.case.case_id}: {plain(line.case.quantity_bought)} bought for {plain(line.case.quote)} {QUOTE},"
            f" {plain(sold.quantity_filled)} sold for {plain(sold.quantity_filled * sold.price_average)}"
            f" ({plain(profit)} more, before fees); {line.reason}",
            highlight=False,
            soft_wrap=True,
        )
    flows = await books.flows()
    is_equal = True
    for asset in sorted({*flows, *before, *after}):
        booked, seen = flows.get(asset, ZERO), after.get(asset, ZERO) - before.get(asset, ZERO)
        is_equal = is_equal and booked == seen
        word = "equal" if booked == seen else "NOT EQUAL"
        console.print(f"{asset:>6}: ledger {plain(booked)}, account {plain(seen)}: {word}", highlight=False)
    console.print(f"{time.monotonic() - began:.1f} s", highlight=False)
    return 0 if is_equal else EXIT_UNEQUAL
