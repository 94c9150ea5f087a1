"""Verdicts: whether a symbol of the exchange is in the universe, at which place, and by which rule it is not."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from ratchet.domain.symbol import Symbol


class Rule(StrEnum):
    """What decides. After the first two, in the order in which a symbol is asked about them."""

    TRADED = "traded"
    HELD = "held"  # in for its open position, and not entered any more
    BLACKLIST = "blacklist"
    WHITELIST = "whitelist"
    STATUS = "status"  # the exchange does not let it be traded
    DELISTING = "delisting"  # it will not for much longer
    AGE = "age"
    VOLUME = "volume"
    SPREAD = "spread"
    ATR = "atr"
    DEPTH = "depth"
    RANK = "rank"
    TERMS = "terms"  # margin and leverage are not as wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured of a symbol; None: was not, because a rule before had kept it out already, or cannot be."""

    volume_quote: Decimal | None = None  # USDC in 24 hours
    spread_fraction: Decimal | None = None  # of the mid
    atr_fraction: float | None = None  # of the price, 5-minute candles
    depth_quote: Decimal | None = None  # USDC near the mid, on the thinner side


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One symbol's place."""

    symbol: Symbol
    is_in: bool
    rule: Rule
    reason: str  # one line; empty where there is nothing against it
    rank: int | None = None  # by volume, of those that nothing else is against; 1 = largest
    figures: Figures = field(default_factory=Figures)


@dataclass(frozen=True, slots=True)
class Objection:
    """What is against a symbol."""

    rule: Rule
    reason: str
