"""A rough market: what a script has localbinance do to its prices, so that every limit of a guard has its turn."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

from localbinance.rules.market_rules import load_market_rules

CANDLE_MS = 300_000
LURE_BEFORE_MS = 60_000
TURN_AFTER_MS = 15_000
LURE_FRACTION_MIN, LURE_FRACTION_MAX = 0.002, 0.009  # strategies see a trend, some of them a fresh one
THROUGH_STOPS = (0.025, 0.025)  # wherever the profiles have them
SHAKE_BEFORE_MS, SHAKE_MS = 200_000, 60_000
SHAKE_FRACTION_MIN, SHAKE_FRACTION_MAX = 0.008, 0.02

Entry = dict[str, Any]


def traps(candles: Sequence[int], seed: int, turn: tuple[float, float] = THROUGH_STOPS) -> list[Entry]:
    """Traps at the ends of these 5-minute candles, counted from the start: prices set off shortly before, and jump the
    other way as soon as whoever followed is in. One goes up first, the next down.

    Args: turn, the smallest and the largest fraction by which they jump, each symbol by its own.
    """
    draw = random.Random(seed)  # noqa: S311 - a simulation, and to be repeatable
    return [
        act
        for number, candle in enumerate(candles)
        for act in _trap(candle * CANDLE_MS, -1 if number % 2 else 1, turn, draw)
    ]


def shakes(candles: Sequence[int], seed: int) -> list[Entry]:
    """Within each of these candles every symbol is thrown off its price once, up or down, and comes back."""
    draw = random.Random(seed)  # noqa: S311 - a simulation, and to be repeatable
    return [
        {
            "at_ms": candle * CANDLE_MS - SHAKE_BEFORE_MS,
            "act": "flash",
            "symbol": symbol,
            "fraction": str(round(draw.choice((-1, 1)) * draw.uniform(SHAKE_FRACTION_MIN, SHAKE_FRACTION_MAX), 4)),
            "for_ms": SHAKE_MS,
        }
        for candle in candles
        for symbol in _symbols()
    ]


def _trap(end_ms: int, sign: int, turn: tuple[float, float], draw: random.Random) -> Iterator[Entry]:
    for symbol in _symbols():
        lure = round(sign * draw.uniform(LURE_FRACTION_MIN, LURE_FRACTION_MAX), 4)
        yield {"at_ms": end_ms - LURE_BEFORE_MS, "act": "gap", "symbol": symbol, "fraction": str(lure)}
        jump = round(-sign * draw.uniform(*turn), 4)
        yield {"at_ms": end_ms + TURN_AFTER_MS, "act": "gap", "symbol": symbol, "fraction": str(jump)}


def _symbols() -> list[str]:
    rules = load_market_rules().symbols.values()
    return [each.symbol for each in rules if each.quote_asset == "USDC" and each.contract_type == "PERPETUAL"]
