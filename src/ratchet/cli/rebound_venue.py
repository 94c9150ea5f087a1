"""The venue of the spot companion: which exchange, with which settings and which ledger."""

from pathlib import Path

from ratchet.cli.refusal import Refusal
from ratchet.cli.spot_settings import spot_settings
from ratchet.cli.trading_venue import VAR
from ratchet.config.mode import PRODUCTION_SPOT_WS, PRODUCTION_WS, TESTNET_SPOT_WS, TESTNET_WS, Mode
from ratchet.config.sections import SQLITE
from ratchet.config.settings import Settings

LEDGER_FILE = "rebound.db"
SPOT_WS = {PRODUCTION_WS: PRODUCTION_SPOT_WS, TESTNET_WS: TESTNET_SPOT_WS}  # beside the perpetuals of the same account
NO_EXCHANGE = (
    "paper has no exchange here: start `localbinance serve`, and set RATCHET_EXCHANGE__HTTP_URL and "
    "RATCHET_EXCHANGE__WS_URL to what it prints; or say --demo, --mode testnet or --mode live"
)


def rebound_settings(mode: str | None, *, runtime_file: Path | str = "runtime.json") -> Settings:
    """The settings with the addresses of spot. Raises: BadSettings; Refusal where there is no exchange."""
    settings = spot_settings(mode, runtime_file=runtime_file)
    if settings.mode is Mode.PAPER and settings.exchange.http_url is None:
        raise Refusal(NO_EXCHANGE)
    ws_url = settings.exchange.ws_url
    exchange = settings.exchange.model_copy(update={"ws_url": SPOT_WS.get(ws_url or "", ws_url)})
    return settings.model_copy(update={"exchange": exchange})


def rebound_ledger_url(settings: Settings) -> str:
    """Where the companion's ledger is: never the trader's, for what operators did to the one is not said of the other.

    Where the settings name the trader's, `mine.db`, it is `mine-rebound.db` beside it.
    """
    if "url" not in settings.ledger.model_fields_set:
        return f"{SQLITE}{VAR / settings.mode / LEDGER_FILE}"
    named = Path(settings.ledger.url.removeprefix(SQLITE))
    return f"{SQLITE}{named.with_name(f'{named.stem}-rebound{named.suffix}')}"
