"""The exchange's filters of one spot pair, and what it is made of."""

from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.symbol import Symbol

TRADING = "TRADING"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotRules:
    """What spot's `exchangeInfo` says of one pair and demands of limit orders on it."""

    symbol: Symbol
    status: str  # TRADING; BREAK, HALT and the like: no order is taken
    base_asset: str
    quote_asset: str
    price_tick: Decimal
    price_min: Decimal
    price_max: Decimal  # 0: none
    quantity_step: Decimal
    quantity_min: Decimal
    quantity_max: Decimal
    notional_min: Decimal  # quote asset
    notional_max: Decimal | None  # quote asset
    bid_multiplier_up: Decimal | None  # of BUYs, against the average price of the last minutes; None: not asked for
    bid_multiplier_down: Decimal | None
    ask_multiplier_up: Decimal | None  # of SELLs
    ask_multiplier_down: Decimal | None

    @property
    def is_trading(self) -> bool:
        """Whether orders are taken."""
        return self.status == TRADING
