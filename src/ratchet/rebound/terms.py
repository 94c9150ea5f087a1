"""What the watchers of all symbols have in common."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ratchet.config.rebound_settings import ReboundSettings
from ratchet.domain.clock import Clock
from ratchet.domain.symbol import Symbol
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.rebound.tally import Tally


@dataclass(slots=True)
class Gate:
    """Whether anything new may be placed. Whoever is about to send looks at that moment."""

    held_back: str = ""  # why not; empty: orders are placed


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Handed to each of them."""

    settings: Callable[[], ReboundSettings]  # in force now: asked whenever something is decided
    recv_window_ms: int
    noticeboard: Noticeboard
    since_ms: int | None = None  # executions from then on are taken in as well, on purpose
    sends: bool = True  # False: what would be sent is only said
    gate: Gate = field(default_factory=Gate)
    tally: Tally = field(default_factory=Tally)
    backs: asyncio.Lock = field(default_factory=asyncio.Lock)  # the capital of BUYs back is one for all symbols


def say(
    terms: Terms,
    clock: Clock,
    symbol: Symbol | None,
    text: str,
    *,
    kind: Kind = Kind.CASE,
    weight: Weight = Weight.INFO,
) -> None:
    """Tell people."""
    terms.noticeboard.post(Notice(kind=kind, at_ms=clock.now_ms(), text=text, weight=weight, symbol=symbol))
