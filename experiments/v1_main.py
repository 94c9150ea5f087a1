"""Step 1: balances, open orders and recent trades of a symbol. It only looks.

    pip install python-binance
    export BINANCE_API_KEY=local-key BINANCE_API_SECRET=local-secret
    export BINANCE_API_URL=http://127.0.0.1:8899    # of `localbinance serve`; without it Binance itself is asked
    python experiments/v1_main.py [TRUMPUSDC]

It stands on python-binance alone and shares nothing with the trader.
"""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import urlsplit

from binance import Client
from binance.exceptions import BinanceAPIException, BinanceRequestException

ADDRESS, KEY, SECRET = "BINANCE_API_URL", "BINANCE_API_KEY", "BINANCE_API_SECRET"
SYMBOL = "TRUMPUSDC"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TRADES_SHOWN = 10
BAD_INPUT = 2


class Refused(Exception):
    """What whoever started this can mend, in one line."""


class Arguments(ArgumentParser):
    """Arguments whose errors are one line too."""

    def error(self, message: str) -> NoReturn:
        raise Refused(message)


def connect() -> Client:
    """python-binance's client, at the address and with the key of the environment. Raises: Refused."""
    address, key, secret = (os.environ.get(name, "").strip() for name in (ADDRESS, KEY, SECRET))
    if not (key and secret):
        raise Refused(
            f"{SECRET if key else KEY} is not set: export the key and its secret, localbinance prints its own"
        )
    if address:
        Client.API_URL = f"{_checked(address)}/api"
    return Client(key, secret)


def _checked(address: str) -> str:
    parts = urlsplit(address)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not (is_safe and parts.hostname) or parts.path.strip("/"):
        raise Refused(
            f"{ADDRESS} is {address!r}: one like http://127.0.0.1:8899 or https://testnet.binance.vision is wanted"
        )
    return address.rstrip("/")


def in_one_line(program: Callable[[Sequence[str]], None]) -> int:
    """Run it. What goes wrong is one line on stderr. Returns the exit code."""
    where = os.environ.get(ADDRESS) or "Binance"
    try:
        program(sys.argv[1:])
    except Refused as refusal:
        line = str(refusal)
    except BinanceAPIException as error:
        line = f"{where} says {error.code}: {error.message}"
    except (OSError, BinanceRequestException) as error:  # its text may hold the request, signature and all
        line = f"{where} gives no answer ({type(error).__name__}): is {ADDRESS} right, and is it running?"
    except KeyboardInterrupt:
        return 0
    else:
        return 0
    print(f"{sys.argv[0]}: {line}", file=sys.stderr)
    return BAD_INPUT


def table(title: str, rows: Sequence[Sequence[str]]) -> str:
    """Rows below each other, every column as wide as it must be. The first row has the names."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([title, *lines, *([] if rows[1:] else ["none"]), ""])


def plain(number: str | Decimal) -> str:
    """`7.10000000` as `7.1`."""
    return format(Decimal(number).normalize(), "f")


def instant(time_ms: int) -> str:
    """An instant in UTC, to the second."""
    return datetime.fromtimestamp(time_ms / 1_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def balances(client: Client) -> str:
    """What is on the account, without what is not."""
    held = [row for row in client.get_account()["balances"] if Decimal(row["free"]) or Decimal(row["locked"])]
    rows = [(row["asset"], plain(row["free"]), plain(row["locked"])) for row in held]
    return table("Balances", [("asset", "free", "locked"), *rows])


def open_orders(client: Client) -> str:
    """Of all symbols."""
    rows = [_order(row) for row in client.get_open_orders()]
    return table("Open orders", [("symbol", "order", "side", "type", "price", "quantity", "filled"), *rows])


def _order(row: dict[str, Any]) -> tuple[str, ...]:
    names = row["symbol"], str(row["orderId"]), row["side"], row["type"]
    return (*names, *(plain(row[name]) for name in ("price", "origQty", "executedQty")))


def recent_trades(client: Client, symbol: str) -> str:
    """The newest of one symbol, oldest first."""
    rows = [_trade(row) for row in client.get_my_trades(symbol=symbol, limit=TRADES_SHOWN)]
    return table(f"Recent trades of {symbol}", [("time (UTC)", "order", "side", "price", "quantity", "fee"), *rows])


def _trade(row: dict[str, Any]) -> tuple[str, ...]:
    side, fee = "BUY" if row["isBuyer"] else "SELL", f"{plain(row['commission'])} {row['commissionAsset']}"
    return instant(row["time"]), str(row["orderId"]), side, plain(row["price"]), plain(row["qty"]), fee


def show(arguments: Sequence[str]) -> None:
    """The three tables."""
    parser = Arguments(description="Balances, open orders and recent trades of a symbol. It only looks.")
    parser.add_argument("symbol", nargs="?", default=SYMBOL, type=str.upper, help=f"{SYMBOL} without one")
    symbol = parser.parse_args(arguments).symbol
    client = connect()
    for text in (balances(client), open_orders(client), recent_trades(client, symbol)):
        print(text)


if __name__ == "__main__":
    sys.exit(in_one_line(show))
