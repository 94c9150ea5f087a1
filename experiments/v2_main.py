"""Step 2: whoever buys by hand gets a SELL at +1 %, once for every new BUY fill. It never buys.

    pip install python-binance
    export BINANCE_API_KEY=local-key BINANCE_API_SECRET=local-secret
    export BINANCE_API_URL=http://127.0.0.1:8899    # of `localbinance serve`
    python experiments/v2_main.py [TRUMPUSDC] --dry-run    # says what it would place, and places nothing

Where money is real, which is anywhere but on this machine and Binance's test networks, it wants --dry-run or --real.
Fills from before the start are remembered and left alone. Not to be run twice at a time, nor beside `ratchet rebound`:
each would sell. Each minute it says MA7, the mean of the last seven closed minutes, and where it is heading.
"""

import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal
from typing import Any
from urllib.parse import urlsplit

from binance import Client
from binance.exceptions import BinanceAPIException, BinanceRequestException
from v1_main import ADDRESS, LOOPBACK, SYMBOL, Arguments, Refused, connect, in_one_line, instant, plain

GAIN = Decimal("1.01")
LOOK_PAUSE_S = 2.0
CLOSES = 7
PLAY_MONEY = (*LOOPBACK, "testnet.binance.vision", "demo-api.binance.com")
PLEASE_WAIT = (418, 429)
DEFINITE_NO = (400, 401, 403, 404, 409, *PLEASE_WAIT)  # after any other answer the order may exist
say = logging.getLogger("v2").info


class Rules:
    """What the exchange wants of orders on a symbol, from its row in exchangeInfo."""

    def __init__(self, row: dict[str, Any]) -> None:
        filters = {each["filterType"]: each for each in row["filters"]}
        self.base = row["baseAsset"]
        self.price_tick = Decimal(filters["PRICE_FILTER"]["tickSize"])
        self.quantity_step = Decimal(filters["LOT_SIZE"]["stepSize"])
        self.quantity_min = Decimal(filters["LOT_SIZE"]["minQty"])
        self.notional_min = Decimal(
            (filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}).get("minNotional", 0)
        )


def sale_of(fills: Sequence[dict[str, Any]], rules: Rules) -> tuple[Decimal, Decimal]:
    """Price, at least +1 % of what was paid, and quantity, what the fee left of it; both as the filters want them."""
    bought = sum((Decimal(fill["qty"]) for fill in fills), Decimal(0))
    paid = sum((Decimal(fill["qty"]) * Decimal(fill["price"]) for fill in fills), Decimal(0))
    left = bought - sum(Decimal(fill["commission"]) for fill in fills if fill["commissionAsset"] == rules.base)
    price = (paid * GAIN / (bought * rules.price_tick)).to_integral_value(ROUND_CEILING) * rules.price_tick
    return price, (left / rules.quantity_step).to_integral_value(ROUND_DOWN) * rules.quantity_step


@dataclass(slots=True)
class Watch:
    """One symbol that is watched."""

    client: Client
    symbol: str
    rules: Rules
    is_dry: bool
    trade_id_next: int  # all before it are from before the start, or seen
    unsold: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # by order: fills too small for a SELL yet
    minute_ms: int = 0  # the last one that was told

    def look(self) -> None:
        """Sell what was bought since the last look, and tell a new minute."""
        # Asked for by id rather than heard on a stream: what was bought while the line was down comes as well.
        trades = self.client.get_my_trades(symbol=self.symbol, fromId=self.trade_id_next, limit=1_000)
        for trade in trades:
            self.trade_id_next = trade["id"] + 1
            if trade["isBuyer"]:
                self.unsold.setdefault(trade["orderId"], []).append(trade)
        for order_id in dict.fromkeys(trade["orderId"] for trade in trades if trade["isBuyer"]):
            self.sell(order_id)
        self.tell_minute()

    def sell(self, order_id: int) -> None:
        """One SELL for the unsold fills of one order, unless they are too few for the filters."""
        fills = self.unsold[order_id]
        price, quantity = sale_of(fills, self.rules)
        sale = f"order {order_id} bought: SELL {plain(quantity)} at {plain(price)}"
        if quantity < self.rules.quantity_min or price * quantity < self.rules.notional_min:
            say(f"{sale} is too small for the filters, more fills of that order are waited for")
            return
        del self.unsold[order_id]  # from here on it is not tried again, whatever comes of it
        if self.is_dry:
            say(f"{sale} would be placed")
            return
        name = f"v2-{fills[-1]['id']}"
        values = {"quantity": plain(quantity), "price": plain(price), "newClientOrderId": name}
        try:
            placed = self.client.order_limit_sell(symbol=self.symbol, **values)
        except BinanceAPIException as error:
            fate = "was refused" if error.status_code in DEFINITE_NO else f"may stand as {name}, look for it"
            say(f"{sale} {fate}: {error.code} {error.message}")
        except (OSError, BinanceRequestException) as error:
            say(f"{sale} may stand as {name}, look for it: no answer ({type(error).__name__})")
        else:
            say(f"{sale} placed as order {placed['orderId']}")

    def tell_minute(self) -> None:
        """MA7 against the one a minute before, once for each minute that closed."""
        candles = self.client.get_klines(symbol=self.symbol, interval="1m", limit=CLOSES + 2)[:-1]  # the last is open
        if len(candles) <= CLOSES or candles[-1][0] == self.minute_ms:
            return
        self.minute_ms = candles[-1][0]
        closes = [Decimal(candle[4]) for candle in candles]
        now, before = sum(closes[1:]), sum(closes[:-1])
        heading = "UP" if now > before else "DOWN" if now < before else "FLAT"
        say(f"minute {instant(self.minute_ms)}: MA7 {now / CLOSES:.8g} {heading}")


def watch(arguments: Sequence[str]) -> None:
    """Watch until Ctrl-C."""
    parser = Arguments(description="A SELL at +1 % for every new BUY fill.")
    parser.add_argument("symbol", nargs="?", default=SYMBOL, type=str.upper, help=f"{SYMBOL} without one")
    parser.add_argument("--dry-run", action="store_true", help="say what would be placed, place nothing")
    parser.add_argument("--real", action="store_true", help="place orders where money is real")
    wanted = parser.parse_args(arguments)
    if not (wanted.dry_run or wanted.real or urlsplit(os.environ.get(ADDRESS, "").strip()).hostname in PLAY_MONEY):
        raise Refused(f"orders would be real: say --dry-run, or --real, or name a localbinance in {ADDRESS}")
    client = connect()
    row = client.get_symbol_info(wanted.symbol)
    if row is None:
        raise Refused(f"{wanted.symbol} is not traded there: a spot symbol like {SYMBOL} is wanted")
    newest = client.get_my_trades(symbol=wanted.symbol, limit=1)
    it = Watch(client, wanted.symbol, Rules(row), wanted.dry_run, newest[-1]["id"] + 1 if newest else 0)
    logging.basicConfig(format="%(asctime)s %(message)s", stream=sys.stdout)
    logging.getLogger("v2").setLevel(logging.INFO)
    say(f"{wanted.symbol} is watched{', nothing is placed' if it.is_dry else ''}; what was bought before is left alone")
    while True:
        pause_s = LOOK_PAUSE_S
        try:
            it.look()
        except BinanceAPIException as error:
            say(f"a look failed, the next one follows: {error.code} {error.message}")
            if error.status_code in PLEASE_WAIT:
                pause_s = float(error.response.headers.get("Retry-After", 60))
        except (OSError, BinanceRequestException) as error:
            say(f"a look failed, the next one follows: no answer ({type(error).__name__})")
        time.sleep(pause_s)


if __name__ == "__main__":
    sys.exit(in_one_line(watch))
