"""Listings: since when, until when and in what state a symbol is on the exchange."""

from dataclasses import dataclass

from ratchet.domain.symbol import Symbol

TRADING = "TRADING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One perpetual as the exchange lists it, whether it trades or not."""

    symbol: Symbol
    status: str  # TRADING, PENDING_TRADING, SETTLING, …
    onboard_ms: int  # when it began to trade
    delivery_ms: int  # when it is settled: the year 2100 until a delisting is announced
