"""The mode: with whose money is traded."""

from enum import StrEnum


class Mode(StrEnum):
    """Where orders go."""

    PAPER = "paper"  # an exchange on this machine
    TESTNET = "testnet"  # Binance's own, with play money
    LIVE = "live"  # Binance, with real money


PRODUCTION_HOSTS = frozenset({"fapi.binance.com", "fstream.binance.com"})
TESTNET_HTTP = "https://demo-fapi.binance.com"
TESTNET_WS = "wss://fstream.binancefuture.com"
