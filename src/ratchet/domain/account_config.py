"""The configuration of an account, as the exchange states it."""

from dataclasses import dataclass

from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """What holds for the whole account."""

    can_trade: bool
    is_hedge_mode: bool  # two positions a symbol, one a side


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolConfig:
    """The terms on which one symbol is traded."""

    symbol: Symbol
    is_cross: bool  # all positions share the balance as margin
    leverage: int
