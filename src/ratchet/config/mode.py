"""The mode: with whose money is traded."""

from enum import StrEnum


class Mode(StrEnum):
    """Where orders go."""

    PAPER = "paper"  # an exchange on this machine
    TESTNET = "testnet"  # Binance's own, with play money
    LIVE = "live"  # Binance, with real money


PRODUCTION_HTTP = "https://fapi.binance.com"
PRODUCTION_SPOT_HTTP = "https://api.binance.com"
PRODUCTION_HOSTS = frozenset(
    f"{name}.binance.com"
    for name in ("fapi", "fstream", "ws-fapi", "api", "api1", "api2", "api3", "api4", "api-gcp", "stream", "ws-api")
)
TESTNET_HTTP = "https://demo-fapi.binance.com"
TESTNET_WS = "wss://fstream.binancefuture.com"
TESTNET_SPOT_HTTP = "https://demo-api.binance.com"
TESTNET_SPOT_WS = "wss://demo-ws-api.binance.com"  # the WebSocket API, where user data is
PRODUCTION_WS = "wss://fstream.binance.com"
PRODUCTION_SPOT_WS = "wss://ws-api.binance.com:443"
