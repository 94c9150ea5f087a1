"""A tick: one moment of one symbol's market, as a market source tells it."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Tick:
    """What the market did since the symbol's previous tick. All prices lie on the symbol's tick but mark and index.

    The quantities at bid and ask are what rests at the touch; the core models the levels behind them.
    """

    symbol: str
    time_ms: int
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    last: Decimal  # price of the latest trade
    quantity: Decimal  # base asset traded since the previous tick; 0 = none
    trades: int  # how many trades that were
    buyer_is_maker: bool  # True: the seller took, the price moved or leaned down
    mark: Decimal
    index: Decimal
