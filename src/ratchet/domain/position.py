"""Positions, balance and income, as the exchange states them."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ratchet.domain.identity import FillId
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What is held of one symbol in one-way mode."""

    symbol: Symbol
    quantity_signed: Decimal  # base asset: positive long, negative short, never 0
    price_entry: Decimal
    price_mark: Decimal
    unrealized_pnl: Decimal  # USDC
    updated_ms: int  # when it last changed
    price_liquidation: Decimal | None = None  # of the mark price; none: the exchange names none

    def __post_init__(self) -> None:
        if self.quantity_signed == 0:
            raise ValueError(f"{self.symbol}: a position of nothing is no position")

    @property
    def side(self) -> Side:
        """BUY when long, SELL when short."""
        return Side.BUY if self.quantity_signed > 0 else Side.SELL

    @property
    def quantity(self) -> Decimal:
        """How much is held, base asset, without sign."""
        return abs(self.quantity_signed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The USDC side of the futures account."""

    wallet: Decimal  # without unrealized profit
    available: Decimal  # for new margin
    unrealized_pnl: Decimal

    @property
    def equity(self) -> Decimal:
        """Wallet and unrealized profit together."""
        return self.wallet + self.unrealized_pnl


class IncomeKind(StrEnum):
    """Kinds of rows of the exchange's income history, as far as they are told apart."""

    REALIZED_PNL = "REALIZED_PNL"
    COMMISSION = "COMMISSION"
    FUNDING_FEE = "FUNDING_FEE"
    TRANSFER = "TRANSFER"  # between wallets: neither won nor lost
    OTHER = "OTHER"  # liquidation fees, rebates: whatever else adds to the balance or takes from it


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """One row of the exchange's income history. (name, income_id) is unique."""

    income_id: int  # Binance's tranId
    kind: IncomeKind
    name: str  # Binance's own of the kind
    symbol: Symbol | None
    asset: str
    amount: Decimal  # of the asset, negative = paid
    fill_id: FillId | None
    at_ms: int
