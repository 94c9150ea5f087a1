"""Funding: what the holders of one side of a perpetual pay those of the other at set times."""

from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """The next payment of a symbol, as far as it is known."""

    symbol: Symbol
    rate: Decimal  # fraction of the notional at mark price: longs pay it when positive, shorts when negative
    next_ms: int  # when it is paid: whoever holds a position then pays or gets it
