"""Excuses: times in which a position may be without a stop, and what of a spell they leave."""

from collections.abc import Iterable
from dataclasses import dataclass

from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Excuse:
    """A time in which a position may be without a stop, for a reason. Virtual ms."""

    from_ms: float
    until_ms: float
    symbol: Symbol | None = None  # None: any
    spell_ms: float | None = None  # each spell may be so long; None: as long as it likes
    reason: str


def concerns(excuse: Excuse, symbol: str, from_ms: float, until_ms: float) -> bool:
    """Whether it says anything about a time of a symbol."""
    return excuse.symbol in (None, symbol) and excuse.from_ms <= until_ms and excuse.until_ms >= from_ms


def left_ms(from_ms: float, until_ms: float, excuses: Iterable[Excuse]) -> float:
    """What of a spell no excuse covers."""
    found_ms, at_ms = 0.0, from_ms
    for excuse in sorted(excuses, key=lambda each: each.from_ms):
        found_ms += max(0.0, min(excuse.from_ms, until_ms) - at_ms)
        at_ms = max(at_ms, excuse.until_ms)
    return found_ms + max(0.0, until_ms - at_ms)
