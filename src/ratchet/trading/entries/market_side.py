"""The market side: where an engine gets its signals. Without one it works the same, and protects what is held."""

from collections.abc import Iterator
from typing import Protocol

from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.symbol import Symbol


class MarketSide(Protocol):
    """Candles, universe and strategies behind one door."""

    async def prepare(self) -> None:
        """Get ready: candles, universe, leverage. Raises: CannotTrade, ExchangeError."""

    async def run(self) -> None:
        """Deliver signals until cancelled."""

    async def ready(self) -> None:
        """Return once signals can come."""

    def candles(self, symbol: Symbol) -> CandleArrays | None:
        """The last closed candles of a symbol, of 5 minutes; None where there are none, or one is missing."""


class CannotTrade(Exception):
    """The account or the market is not in a state to begin with. One line: what, and how to mend it."""


def raise_cannot_trade(group: BaseExceptionGroup) -> None:
    """Raise the one line that an operator can mend, where tasks have failed with it and with nothing else."""
    leaves = list(_leaves(group))
    if isinstance(leaves[0], CannotTrade) and len(leaves) == 1:
        raise leaves[0] from None


def _leaves(group: BaseExceptionGroup) -> Iterator[BaseException]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each
