"""What the exchange tells of itself: every change of an account, as values that the wire turns into frames.

Order- and position-like objects are snapshots: the core copies what it changes later.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from localbinance.core.order import AlgoOrder, Order, PositionSide, Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """ORDER_TRADE_UPDATE. `execution` is NEW, TRADE, CANCELED, EXPIRED, AMENDMENT or CALCULATED (liquidation)."""

    account: str
    time_ms: int
    execution: str
    order: Order
    trade: Trade | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoEvent:
    """ALGO_UPDATE."""

    account: str
    time_ms: int
    algo: AlgoOrder
    child_type: str  # "MARKET" or "LIMIT" once triggered, else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceState:
    """One asset in ACCOUNT_UPDATE."""

    asset: str
    wallet: Decimal
    cross_wallet: Decimal
    change: Decimal  # without PnL and commission


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionState:
    """One position in ACCOUNT_UPDATE; quantity 0 and entry 0 when it was closed."""

    symbol: str
    position_side: PositionSide
    quantity_signed: Decimal
    price_entry: Decimal
    price_break_even: Decimal
    realized: Decimal  # so far, before fees
    unrealized: Decimal
    isolated: bool
    isolated_wallet: Decimal
    margin_asset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEvent:
    """ACCOUNT_UPDATE. `reason` is ORDER, FUNDING_FEE, DEPOSIT, INSURANCE_CLEAR, MARGIN_TYPE_CHANGE, …"""

    account: str
    time_ms: int
    reason: str
    balances: tuple[BalanceState, ...]
    positions: tuple[PositionState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigEvent:
    """ACCOUNT_CONFIG_UPDATE: the leverage of a symbol was set."""

    account: str
    time_ms: int
    symbol: str
    leverage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCallEvent:
    """MARGIN_CALL: maintenance margin is near."""

    account: str
    time_ms: int
    cross_wallet: Decimal
    positions: tuple[PositionState, ...]


Event: TypeAlias = OrderEvent | AlgoEvent | AccountEvent | ConfigEvent | MarginCallEvent
