"""The tape: what the market did lately, as far as the wire tells it: the last ticks and the market's own trades."""

from collections import deque
from dataclasses import dataclass, field

from localbinance.core.tick import Tick

TRADES_KEPT = 1_000


@dataclass(slots=True)
class SymbolTape:
    """One symbol's tape. Trade ids are counted here, for a market source gives none."""

    latest: Tick | None = None
    traded: deque[tuple[Tick, int]] = field(default_factory=lambda: deque(maxlen=TRADES_KEPT))  # with the last trade id
    last_trade_id: int = 1_000_000
    update_id: int = 1_000_000

    def on_tick(self, tick: Tick) -> None:
        """Remember a tick."""
        self.latest = tick
        self.update_id += 1
        if tick.quantity:
            self.last_trade_id += tick.trades or 1
            self.traded.append((tick, self.last_trade_id))
