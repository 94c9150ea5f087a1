"""The case of one position: what was seen of it so far, and what follows from that. Knows no network and no clock."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from ratchet.domain.market_rules import SymbolRules
from ratchet.guardian.sight import Sight
from ratchet.risk.protection import PlaceStop, default_stop_price, next_step

REFUSALS_MAX = 2  # the first of a stop by quantity, the second of one that closes the position
UNSEEN_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited before something is done; all but the fraction in real ms."""

    grace_ms: float  # between two looks that show a position which is not wholly covered
    trigger_ms: float  # for a stop that has met its price
    stop_fraction: Decimal  # of the entry: where a stop is put when nothing better is known


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing to do, or not yet. `look_again_ms`: when there will be, None if all is well."""

    look_again_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Protect:
    """Have a stop over all that is held."""

    quantity: Decimal
    price: Decimal
    closes_position: bool


@dataclass(frozen=True, slots=True)
class Flatten:
    """Close it at market."""

    reason: str


Verdict: TypeAlias = Leave | Protect | Flatten


class Case:
    """One symbol for as long as it is held."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._bare_since: float | None = None  # the answer that showed it first
        self._closing_since: float | None = None
        self._refusals = 0
        self._unseen = 0  # stops that were taken and of which nothing was seen since
        self._flatten = ""
        self._episode: tuple[object, Decimal] | None = None

    def judge(self, sight: Sight, rules: SymbolRules | None, *, asked: float, answered: float) -> Verdict:
        """Say what follows from what was seen.

        Args: rules, None for a symbol that the exchange does not list; asked, answered, real ms of the look. A state
            is as old as its first answer and has lasted until the last question.
        """
        if self._flatten and sight.episode != self._episode:
            self._flatten = ""  # what was to be closed is gone, and this is another position
        self._episode = sight.episode
        self._closing_since = _since(self._closing_since, answered) if sight.is_closing else None
        is_bare = not (sight.is_covered or sight.is_closing)
        self._bare_since = _since(self._bare_since, answered) if is_bare else None
        if sight.is_covered:
            self._refusals = self._unseen = 0
        if self._flatten:
            return Flatten(self._flatten)
        if self._closing_since is not None:
            left_ms = self._closing_since + self._patience.trigger_ms - asked
            return Leave(left_ms) if left_ms > 0 else self._flattened("stop_unfilled")
        if self._bare_since is not None:
            left_ms = self._bare_since + self._patience.grace_ms - asked
            return Leave(left_ms) if left_ms > 0 else self._protected(sight, rules)
        return Leave()

    def placed(self, now: float) -> None:
        """The exchange has taken the stop: from now on it has to be seen."""
        self._bare_since = now
        self._refusals = 0
        self._unseen += 1

    def refused(self, why: str, *, is_beyond: bool) -> None:
        """The exchange has refused the stop. `is_beyond`: the price has passed it already."""
        self._refusals += 1
        if is_beyond or self._refusals >= REFUSALS_MAX:
            self._flattened(why)

    def _protected(self, sight: Sight, rules: SymbolRules | None) -> Verdict:
        if rules is None:
            return self._flattened("symbol_not_listed")
        if self._unseen >= UNSEEN_MAX:
            return self._flattened("stops_not_seen")
        held = sight.position.quantity_signed
        price = default_stop_price(held, sight.position.price_entry, self._patience.stop_fraction, rules)
        step = next_step(held, sight.standing, price)
        if not isinstance(step, PlaceStop):
            return Leave(0.0)
        return Protect(step.quantity, step.price, closes_position=self._refusals > 0)

    def _flattened(self, reason: str) -> Flatten:
        self._flatten = reason
        return Flatten(reason)


def _since(before: float | None, now: float) -> float:
    return now if before is None else before
