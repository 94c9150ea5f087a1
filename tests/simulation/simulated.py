"""The demo's market, simulated without sockets."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from localbinance.market.synthetic import SyntheticMarket
from localbinance.rules.market_rules import load_market_rules
from ratchet.research.simulated_run import Simulation
from tests.simulation.conftest import settings

SEED = 7
START = datetime(2026, 1, 5, tzinfo=UTC)  # as the demo's market begins
STEP_MS = 5_000
HOUR_MS = 3_600_000


def the_demo(hours: float, folder: Path, symbols_max: int | None = None, **overrides: object) -> Simulation:
    """What `ratchet demo` trades on, with the balanced profile and what is said.

    Args: symbols_max, fewer of its symbols, for speed.
    """
    rules = load_market_rules()
    symbols = [
        each.symbol
        for each in rules.symbols.values()
        if (each.quote_asset, each.status, each.contract_type) == ("USDC", "TRADING", "PERPETUAL")
    ][:symbols_max]
    start_ms = int(START.timestamp() * 1_000)
    market = SyntheticMarket(
        symbols, seed=SEED, start_ms=start_ms, rules=rules.symbols, step_ms=STEP_MS, history_days=2
    )
    return Simulation(
        settings=settings(exchange_own={"rate_limit": False, "budget_folder": str(folder)}, **overrides),
        market=market,
        market_rules=rules,
        balance=Decimal(400),
        length_ms=round(hours * HOUR_MS),
    )
