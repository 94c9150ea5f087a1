"""Candles of five minutes for the tests of the market."""

from decimal import Decimal

from ratchet.domain.candle import Candle, Timeframe

FIVE_MINUTES = Timeframe("5m")
STEP_MS = 300_000
START_MS = 1_750_000_200_000  # opens one


def a_candle(number: int = 0, *, close: str = "100.1") -> Candle:
    """The candle that opens `number` steps after the first."""
    price = Decimal(close)
    return Candle(
        open_ms=START_MS + number * STEP_MS,
        open=price,
        high=price + 1,
        low=price - 1,
        close=price,
        volume=Decimal(number),
        volume_quote=Decimal(number) * price,
    )


def candles(first: int, end: int) -> list[Candle]:
    """The candles from `first` to before `end`."""
    return [a_candle(number) for number in range(first, end)]
