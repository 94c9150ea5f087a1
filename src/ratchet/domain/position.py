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
    """Kinds of rows of the exchange's income history that a trade can cause."""

    REALIZED_PNL = "REALIZED_PNL"
    COMMISSION = "COMMISSION"
    FUNDING_FEE = "FUNDING_FEE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """One row of the exchange's income history. (kind, income_id) is unique."""

    income_id: int  # Binance's tranId
    kind: IncomeKind
    symbol: Symbol | None
    amount: Decimal  # USDC, negative = paid
    fill_id: FillId | None
    at_ms: int
