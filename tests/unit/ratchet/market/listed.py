"""Builders for tests of the universe: symbols as the exchange lists them, and what is measured of them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ratchet.config.sections import UniverseSettings
from ratchet.domain.listing import TRADING, Listing
from ratchet.domain.symbol import Symbol
from ratchet.market.universe import Universe, select_universe
from ratchet.market.verdict import Figures

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = 1_750_000_000_000
NEVER_MS = 4_133_404_800_000
ANY = UniverseSettings(symbols_min=1)
FIGURES = Figures(
    volume_quote=Decimal(5_000_000),
    spread_fraction=Decimal("0.0002"),
    atr_fraction=0.002,
    depth_quote=Decimal(50_000),
)


def a_listing(symbol: str, **other: Any) -> Listing:
    usual = Listing(symbol=Symbol(symbol), status=TRADING, onboard_ms=NOW_MS - 400 * DAY_MS, delivery_ms=NEVER_MS)
    return replace(usual, **other)


def universe(
    volumes: Mapping[str, int],
    settings: UniverseSettings = ANY,
    *,
    members: Iterable[str] = (),
    held: Iterable[str] = (),
    **figures: Any,
) -> Universe:
    """Chosen from symbols that differ in their volumes alone."""
    measured = {
        Symbol(name): replace(FIGURES, volume_quote=Decimal(volume), **figures) for name, volume in volumes.items()
    }
    return select_universe(
        {symbol: a_listing(symbol) for symbol in measured},
        measured,
        settings,
        now_ms=NOW_MS,
        members=[Symbol(name) for name in members],
        held=[Symbol(name) for name in held],
    )
