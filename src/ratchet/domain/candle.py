"""Candles: what one interval of a market did."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NewType

Timeframe = NewType("Timeframe", str)

TIMEFRAMES_MS: dict[Timeframe, int] = {
    Timeframe("1m"): 60_000,
    Timeframe("3m"): 180_000,
    Timeframe("5m"): 300_000,
    Timeframe("15m"): 900_000,
    Timeframe("30m"): 1_800_000,
    Timeframe("1h"): 3_600_000,
    Timeframe("4h"): 14_400_000,
    Timeframe("1d"): 86_400_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One closed interval. Prices are quote per base; it covers [open_ms, open_ms + timeframe)."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal  # base asset
    volume_quote: Decimal  # quote asset

    def __post_init__(self) -> None:
        if not 0 < self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise ValueError(
                f"candle at {self.open_ms}: high and low do not enclose open and close, or a price is not above 0"
            )
