"""A rough market: what a script has localbinance do to its prices, so that every limit of a guard has its turn."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

from localbinance.rules.market_rules import load_market_rules

CANDLE_MS = 300_000
LURE_BEFORE_MS = 60_000
TURN_AFTER_MS = 15_000
LURE_FRACTION_MIN, LURE_FRACTION_MAX = 0.002, 0.009  # strategies see a trend, some of them a fresh one
THROUGH_STOPS = 0.025  # wherever the profiles have them

Entry = dict[str, Any]


def traps(candles: Sequence[int], seed: int, turn: float = THROUGH_STOPS) -> list[Entry]:
    """Traps at the ends of these 5-minute candles, counted from the start: prices set off shortly before, and jump the
    other way by a fraction, as soon as whoever followed is in. One goes up first, the next down."""
    rules = load_market_rules().symbols.values()
    symbols = [each.symbol for each in rules if each.quote_asset == "USDC" and each.contract_type == "PERPETUAL"]
    draw = random.Random(seed)  # noqa: S311 - a simulation, and to be repeatable
    return [
        act
        for number, candle in enumerate(candles)
        for act in _trap(candle * CANDLE_MS, symbols, -1 if number % 2 else 1, turn, draw)
    ]


def _trap(end_ms: int, symbols: Sequence[str], sign: int, turn: float, draw: random.Random) -> Iterator[Entry]:
    for symbol in symbols:
        lure = round(sign * draw.uniform(LURE_FRACTION_MIN, LURE_FRACTION_MAX), 4)
        yield {"at_ms": end_ms - LURE_BEFORE_MS, "act": "gap", "symbol": symbol, "fraction": str(lure)}
        yield {"at_ms": end_ms + TURN_AFTER_MS, "act": "gap", "symbol": symbol, "fraction": str(-sign * turn)}
