"""A market's name. Binance's id of the USDC perpetual (`BTCUSDC`) is the one form used inside."""

import re
from typing import NewType

Symbol = NewType("Symbol", str)

_FORMS = (
    re.compile(r"^([A-Z0-9]+)/USDC:USDC$"),  # ccxt's perpetual
    re.compile(r"^([A-Z0-9]+)[/_-]USDC$"),  # what people write
    re.compile(r"^([A-Z0-9]+)USDC$"),  # Binance's id
)


def normalize(text: str) -> Symbol:
    """Read any of `BTC/USDC:USDC`, `BTC/USDC`, `BTC-USDC`, `BTC_USDC` and `BTCUSDC`, in either case.

    Raises: ValueError if it is not the name of a USDC perpetual (another quote, a dated future, or no name at all).
    """
    name = text.strip().upper()
    for form in _FORMS:
        if found := form.match(name):
            return Symbol(f"{found[1]}USDC")
    raise ValueError(f"{text!r} is not a USDC perpetual; write it like BTCUSDC or BTC/USDC:USDC")


def ccxt_name(symbol: Symbol) -> str:
    """ccxt's unified name of the perpetual: `BTC/USDC:USDC`."""
    return f"{symbol.removesuffix('USDC')}/USDC:USDC"
