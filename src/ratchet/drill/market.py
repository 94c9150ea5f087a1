"""The market of a drill: a day of 2026 on a few symbols, drawn by the seed."""

from collections.abc import Sequence

from localbinance.market.synthetic import SyntheticMarket
from localbinance.rules.market_rules import MarketRules

START_MS = 1_767_225_600_000  # 2026-01-01, 00:00 UTC
STEP_MS = 10_000


def drill_market(rules: MarketRules, symbols: Sequence[str], seed: int) -> SyntheticMarket:
    """With a day of history."""
    return SyntheticMarket(symbols, seed=seed, start_ms=START_MS, rules=rules.symbols, step_ms=STEP_MS, history_days=1)
