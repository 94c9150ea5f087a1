"""The record: what has happened to the account so far, as far as limits ask about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.identity import TradeId
from ratchet.domain.symbol import Symbol

STOP_LOSS = "stop"  # the reason of a trade that its first stop ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The end of a trade that had held something."""

    trade_id: TradeId
    symbol: Symbol
    at_ms: int
    reason: str
    net: Decimal  # USDC, after fees, without funding

    @property
    def is_stop_loss(self) -> bool:
        """Whether its first stop ended it. A stop that had been moved to break-even is none."""
        return self.reason == STOP_LOSS


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The equity, USDC, of the UTC day so far."""

    number: int  # days since the epoch
    equity_start: Decimal  # at 00:00 UTC
    equity_high: Decimal
    loss_fraction: Decimal  # the worst so far, of the start; 0 while it was never below it
    drawdown_fraction: Decimal  # the worst so far, of the highest before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All of it."""

    closes: Sequence[Close] = ()  # oldest first
    resumed_ms: int | None = None  # when an operator last resumed: what was before is no streak any more
    day: Day | None = None  # none: the equity of the day is not known yet
