"""The exposure: what is held, what is there to lose and what is known, when a new bracket is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ratchet.domain.bracket import Bracket
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.funding import Funding
from ratchet.domain.margin_bracket import MarginBracket
from ratchet.domain.money import ZERO
from ratchet.domain.position import Balance
from ratchet.domain.symbol import Symbol
from ratchet.risk.liquidation import Holding
from ratchet.risk.record import Record


@dataclass(frozen=True, slots=True)
class Held:
    """A trade that is not over."""

    bracket: Bracket
    leverage: int | None  # none: not known

    @property
    def notional(self) -> Decimal:
        """USDC at the planned entry, of the whole quantity: what rungs have taken off meanwhile counts as held."""
        return self.bracket.quantity * self.bracket.price_entry

    @property
    def margin(self) -> Decimal:
        """USDC that it binds; all of its notional where the leverage is not known."""
        return self.notional / (self.leverage or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFacts:
    """What is known of the symbols. What lacks is not known."""

    candles: Mapping[Symbol, CandleArrays | None] = field(default_factory=dict)
    funding: Mapping[Symbol, Funding] = field(default_factory=dict)
    brackets: Mapping[Symbol, Sequence[MarginBracket]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """As the account stands."""

    now_ms: int
    balance: Balance
    held: Sequence[Held] = ()
    others: Sequence[Holding] = ()  # positions that no trade keeps. Their margin is missing from the balance already
    record: Record = field(default_factory=Record)
    facts: MarketFacts = field(default_factory=MarketFacts)

    @property
    def notional(self) -> Decimal:
        """Of all that is held, USDC."""
        return sum((each.notional for each in self.holdings()), ZERO)

    @property
    def available(self) -> Decimal:
        """The margin that is free, USDC. The balance may be a minute old: what was begun since is counted too."""
        margin = sum((each.margin for each in self.held), ZERO)
        return max(ZERO, min(self.balance.available, self.balance.equity - margin))

    def holdings(self) -> list[Holding]:
        """What is held, as the exchange's margin sees it."""
        kept = [
            Holding(
                side=each.bracket.side,
                notional=each.notional,
                leverage=each.leverage or 1,
                brackets=self.facts.brackets.get(each.bracket.symbol, ()),
            )
            for each in self.held
        ]
        return [*kept, *self.others]
