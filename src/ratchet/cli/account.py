"""`ratchet account`: what is on spot: balances, open orders, and the last trades of a symbol. It only looks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import orjson
import typer

from ratchet.cli.account_view import SpotAccount, answers, as_json
from ratchet.cli.answer_drawing import draw
from ratchet.cli.event_loop import run
from ratchet.cli.local_exchange import LocalExchangeFailed, local_exchange
from ratchet.cli.refusal import Refusal
from ratchet.cli.spot_settings import spot_settings
from ratchet.cli.trading_venue import EMBEDDED
from ratchet.config.bad_settings import BadSettings
from ratchet.config.mode import Mode
from ratchet.config.settings import Settings, load_settings
from ratchet.control.door import answer_json
from ratchet.domain.money import QUOTE
from ratchet.domain.symbol import Symbol, normalize
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import ExchangeError, Rejected
from ratchet.exchange.spot_client import SpotClient
from ratchet.observe.log import logging_to

TRADES_SHOWN = 20
INVALID_SYMBOL = -1121
LOG_FOLDER = "account"  # below `log_dir`: the trader writes and turns over a file of its own
IN_THE_DEMO = ("--spot-balance=USDC=400", "--spot-balance=TRUMP=25")
NO_EXCHANGE = (
    "paper has no exchange here: start `localbinance serve`, and set RATCHET_EXCHANGE__HTTP_URL and "
    "RATCHET_EXCHANGE__WS_URL to what it prints; or say --demo, --mode testnet or --mode live"
)


def account(
    symbol: Annotated[str, typer.Argument(help="Whose trades are shown: trump or TRUMPUSDC.")] = "TRUMPUSDC",
    mode: Annotated[str | None, typer.Option(help="paper, testnet or live; stronger than the settings.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="On an exchange of its own, which ends with it.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it, on stdout.")] = False,
) -> None:
    """What is on spot: balances, open orders, and the last trades of a symbol. It only looks."""
    if demo and mode is not None:
        raise Refusal("--demo is on an exchange of its own: leave --mode out")
    try:
        seen = run(_look(_symbol(symbol), mode, is_demo=demo))
    except (LocalExchangeFailed, BadSettings, ExchangeError) as error:
        raise Refusal(str(error)) from None
    if json:
        print(orjson.dumps(as_json(seen)).decode())
        return
    for answer in answers(seen):
        draw(answer_json(answer))


def _symbol(word: str) -> Symbol:
    try:
        return normalize(word if word.upper().endswith(QUOTE) else f"{word}{QUOTE}")
    except ValueError:
        raise Refusal(f"account: {word!r} is not a symbol, one like TRUMPUSDC is wanted") from None


async def _look(symbol: Symbol, mode: str | None, *, is_demo: bool) -> SpotAccount:
    async with _venue(mode, is_demo=is_demo) as settings:
        with logging_to(settings.log_dir / LOG_FOLDER, secrets=settings.secrets(), console=False):
            async with SpotClient(settings.exchange, SystemClock()) as client:
                return await _ask(client, symbol)


async def _ask(client: SpotClient, symbol: Symbol) -> SpotAccount:
    try:
        fills = await client.fetch_recent_fills(symbol, most=TRADES_SHOWN)
    except Rejected as no:
        if no.code == INVALID_SYMBOL:
            raise Refusal(f"account: {symbol} is not traded on spot there, one like TRUMPUSDC is wanted") from None
        raise
    balances, orders = await client.fetch_balances(), await client.fetch_standing_orders()
    return SpotAccount(symbol=symbol, balances=balances, orders=orders, fills=fills)


@asynccontextmanager
async def _venue(mode: str | None, *, is_demo: bool) -> AsyncIterator[Settings]:
    if is_demo:
        async with local_exchange([*EMBEDDED, *IN_THE_DEMO]) as local:
            ready = local.ready
            exchange: dict[str, object] = {
                "http_url": ready.http,
                "ws_url": ready.ws,
                "api_key": ready.api_key.get_secret_value(),
                "api_secret": ready.api_secret.get_secret_value(),
                "rate_limit": False,
            }
            yield load_settings(overrides={"mode": Mode.PAPER.value, "exchange": exchange})
        return
    settings = spot_settings(mode)
    if settings.mode is Mode.PAPER and settings.exchange.http_url is None:
        raise Refusal(NO_EXCHANGE)
    yield settings
