"""What a guardian's process consists of."""

import subprocess
import sys

REPORT = """
import sys
from ratchet.exchange.lean_ccxt import load_binance_alone
load_binance_alone()
import ratchet.cli.app, ratchet.cli.guard, ratchet.exchange.client, ratchet.guardian.child, ratchet.guardian.watch
ratchet.cli.app.app_with(("guard",))
print(" ".join(sys.modules))
"""
HEAVY = ("polars", "numpy", "sqlalchemy", "matplotlib", "alembic", "aiosqlite")
FOREIGN = ("ratchet.trading", "ratchet.strategy", "ratchet.market", "ratchet.ledger")
SMALL = """
import asyncio
from ratchet.exchange.lean_ccxt import load_binance_alone
load_binance_alone()
import ccxt, ccxt.async_support
load_binance_alone()
assert issubclass(ccxt.DDoSProtection, ccxt.NetworkError) and issubclass(ccxt.NetworkError, ccxt.BaseError)
assert not hasattr(ccxt.async_support, "kraken")
exchange = ccxt.async_support.binance({"apiKey": "a", "secret": "b"})
assert callable(exchange.fapiPrivatePostAlgoOrder)
asyncio.run(exchange.close())
"""


def _run(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_nothing_of_the_trader_and_nothing_heavy_is_in_it() -> None:
    loaded = _run(REPORT).split()
    assert "ratchet.guardian.watch" in loaded
    assert [name for name in loaded if name.startswith((*HEAVY, *FOREIGN))] == []
    assert [name for name in loaded if "kraken" in name] == []


def test_ccxt_made_small_still_speaks_binance() -> None:
    _run(SMALL)
