"""Tickers: the last 24 hours of a symbol."""

from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """What was paid last, and how much was traded in the last 24 hours."""

    symbol: Symbol
    last: Decimal
    volume_quote: Decimal  # USDC
