"""Scripted signals: entries at stated times, for scenarios that have to happen in a certain order."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.drill.market import START_MS
from ratchet.drill.process import signal
from ratchet.drill.venue import Venue
from ratchet.trading.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry that is wanted."""

    at_ms: int  # virtual, since the world's beginning
    symbol: Symbol
    side: Side = Side.BUY


class ScriptedSignals:
    """Has the engine consider each entry when its time comes; those whose time passed while nobody lived are lost."""

    def __init__(self, venue: Venue, entries: Sequence[Entry]) -> None:
        self._venue = venue
        self._entries = sorted(entries, key=lambda entry: entry.at_ms)

    async def run(self, engine: Engine) -> None:
        """See `Signals`."""
        for entry in self._entries:
            wait_ms = START_MS + entry.at_ms - self._venue.now_ms()
            if wait_ms < 0:
                continue
            await asyncio.sleep(wait_ms / 1_000)
            tick = self._venue.tick(entry.symbol)
            if tick is not None:
                engine.consider(signal(entry.symbol, entry.side, tick.last, self._venue.now_ms()))
