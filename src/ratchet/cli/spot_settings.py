"""The settings of spot: where it is, by the mode that was asked for."""

from pathlib import Path

from ratchet.cli.trading_venue import venue_settings
from ratchet.config.mode import PRODUCTION_HTTP, PRODUCTION_SPOT_HTTP, TESTNET_HTTP, TESTNET_SPOT_HTTP
from ratchet.config.settings import Settings

# Of the same account; localbinance has both at one address.
SPOT_OF = {PRODUCTION_HTTP: PRODUCTION_SPOT_HTTP, TESTNET_HTTP: TESTNET_SPOT_HTTP}


def spot_settings(mode: str | None, *, runtime_file: Path | str = "runtime.json") -> Settings:
    """The settings with the address of spot's REST, where theirs is that of the perpetuals.

    Args: mode, from the command line, stronger than the settings'; runtime_file, of what an operator changed.
    Raises: BadSettings; Refusal when mode and addresses contradict each other.
    """
    settings = venue_settings(mode, runtime_file=runtime_file)
    address = settings.exchange.http_url
    if address not in SPOT_OF:
        return settings
    exchange = settings.exchange.model_copy(update={"http_url": SPOT_OF[address]})
    return settings.model_copy(update={"exchange": exchange})
