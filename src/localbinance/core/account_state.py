"""What an account shows of itself: frozen views for the wire. All money is in the margin asset."""

from dataclasses import dataclass
from decimal import Decimal

from localbinance.core.order import PositionSide


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetState:
    """One margin asset of an account."""

    asset: str
    wallet: Decimal
    unrealized: Decimal
    margin_balance: Decimal  # wallet + unrealized
    initial_margin: Decimal  # positions and orders
    position_initial_margin: Decimal
    open_order_initial_margin: Decimal
    maintenance_margin: Decimal
    cross_wallet: Decimal
    cross_unrealized: Decimal
    available: Decimal  # for new margin, never below 0
    max_withdraw: Decimal
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionDetail:
    """One position slot of an account, flat or not. The quantity is base asset, signed."""

    symbol: str
    position_side: PositionSide
    margin_asset: str
    quantity_signed: Decimal
    price_entry: Decimal
    price_break_even: Decimal
    price_mark: Decimal
    unrealized: Decimal
    notional: Decimal  # signed, at the mark price
    leverage: int
    isolated: bool
    isolated_wallet: Decimal
    isolated_margin: Decimal  # isolated wallet + unrealized
    initial_margin: Decimal
    position_initial_margin: Decimal
    open_order_initial_margin: Decimal
    maintenance_margin: Decimal
    price_liquidation: Decimal  # 0: none in reach
    notional_max: Decimal
    bid_notional: Decimal  # of open orders
    ask_notional: Decimal
    adl: int
    updated_ms: int

    @property
    def is_open(self) -> bool:
        """Whether there is a position, or an order that may enlarge it."""
        return bool(self.quantity_signed or self.bid_notional or self.ask_notional)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """An account at one instant."""

    assets: tuple[AssetState, ...]
    positions: tuple[PositionDetail, ...]  # of every symbol that the account ever touched
    dual_side: bool
    multi_assets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolConfig:
    """What an account has set for a symbol."""

    leverage: int
    isolated: bool
    notional_max: Decimal  # at that leverage


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageSet:
    """The answer to setting the leverage."""

    leverage: int
    notional_max: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeRow:
    """One row of the income history. `kind` is REALIZED_PNL, COMMISSION, FUNDING_FEE, TRANSFER, INSURANCE_CLEAR."""

    kind: str
    symbol: str  # "" for a transfer
    asset: str
    amount: Decimal  # negative = paid
    info: str
    time_ms: int
    tran_id: int
    trade_id: str  # "" where no trade caused it


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncovered:
    """A spell in which a position was not wholly covered by stops. `until_ms` None: it lasts."""

    symbol: str
    from_ms: int
    until_ms: int | None
    requests_between: int  # order requests of the account for the symbol that were handled within it
