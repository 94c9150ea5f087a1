"""The exposure: what is held and what is there to lose, when a new bracket is judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.bracket import Bracket
from ratchet.domain.position import Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """As the account stands."""

    balance: Balance
    equity_day_start: Decimal  # at 00:00 UTC
    open_brackets: Sequence[Bracket]  # of trades that are not over
