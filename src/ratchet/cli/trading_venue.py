"""The venue of a trader: which exchange, with which settings and which ledger, by the mode that was asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ratchet.cli.local_exchange import local_exchange
from ratchet.cli.refusal import Refusal
from ratchet.config.mode import PRODUCTION_HOSTS, TESTNET_HTTP, TESTNET_WS, Mode
from ratchet.config.sections import SQLITE
from ratchet.config.settings import Settings, load_settings

VAR = Path("var")
LOCAL_KEYS = {"api_key": "local-key", "api_secret": "local-secret"}  # localbinance's own, where nobody says others
EMBEDDED = ("--market=synthetic", "--speed=1", "--port=0", "--balance=400", "--history-days=2")


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingVenue:
    """Where is traded."""

    settings: Settings
    ledger_url: str
    address: str  # for people
    is_embedded: bool  # it ends with this process, and with it whatever is held there


def venue_settings(mode: str | None, *, runtime_file: Path | str = "runtime.json") -> Settings:
    """The settings with the addresses of their mode.

    Args: mode, from the command line, stronger than the settings'; runtime_file, of what an operator changed.
    Raises: BadSettings; Refusal when mode and addresses contradict each other.
    """
    overrides: dict[str, object] = {} if mode is None else {"mode": mode}
    settings = load_settings(runtime_file=runtime_file, overrides=overrides, defaults={"exchange": LOCAL_KEYS})
    exchange = settings.exchange
    if settings.mode is Mode.PAPER:
        if exchange.http_url is not None and not exchange.is_on_this_machine:
            raise Refusal(
                f"paper trades on this machine only, and exchange.http_url is {exchange.http_url}: take it out, "
                "or say --mode testnet"
            )
        return settings
    if settings.mode is Mode.TESTNET:
        if exchange.hosts & PRODUCTION_HOSTS:
            raise Refusal(f"the testnet is wanted, and exchange.http_url is {exchange.http_url}: take it out")
        if exchange.http_url is None:
            overrides["exchange"] = {"http_url": TESTNET_HTTP, "ws_url": TESTNET_WS}
    # Without the local keys: others are wanted, or are missing.
    return load_settings(runtime_file=runtime_file, overrides=overrides)


@asynccontextmanager
async def trading_venue(settings: Settings) -> AsyncIterator[TradingVenue]:
    """The exchange of these settings; in paper mode without an address, one that is started for it and ended after.

    Raises: LocalExchangeFailed, BadSettings.
    """
    mode, exchange = settings.mode, settings.exchange
    if mode is not Mode.PAPER or exchange.http_url is not None:
        is_named = "url" in settings.ledger.model_fields_set
        url = settings.ledger.url if is_named else f"{SQLITE}{VAR / mode / 'ledger.db'}"
        address = exchange.http_url or "Binance"
        yield TradingVenue(settings=settings, ledger_url=url, address=address, is_embedded=False)
        return
    async with local_exchange(EMBEDDED) as local:
        ready = local.ready
        overrides = {
            "http_url": ready.http,
            "ws_url": ready.ws,
            "api_key": ready.api_key.get_secret_value(),
            "api_secret": ready.api_secret.get_secret_value(),
            "rate_limit": False,
        }
        # It begins with an empty account, so a ledger of before would remember what is not there.
        folder = VAR / mode / datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S-%f")
        yield TradingVenue(
            settings=load_settings(overrides={"mode": mode.value, "exchange": overrides}),
            ledger_url=f"{SQLITE}{folder / 'ledger.db'}",
            address=f"an exchange of its own at {ready.http}",
            is_embedded=True,
        )
