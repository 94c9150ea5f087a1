"""The case of one position: what was seen of it so far, and what follows from that. Knows no network and no clock."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from ratchet.domain.market_rules import SymbolRules
from ratchet.guardian.sight import Sight
from ratchet.risk.protection import PlaceStop, default_stop_price, next_step

UNSEEN_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited before something is done; all but the fraction in real ms."""

    grace_ms: float  # between two looks that show a position which is not wholly covered
    trigger_ms: float  # for a stop that has met its price
    lag_ms: float  # as far as what is read may be behind: nothing is closed for what may only not be seen yet
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
        self._certain_since: float | None = None  # the same, of this very position
        self._closing_since: float | None = None
        self._refusals = 0
        self._refused = ""  # why no stop is to be had
        self._again_at = 0.0  # when a stop that was refused is tried again
        self._unseen = 0  # stops that were taken and of which nothing was seen since
        self._closed: tuple[Decimal, float] | None = None  # what was held when a close was done, and when
        self._episode: tuple[object, Decimal] | None = None

    def judge(self, sight: Sight, rules: SymbolRules | None, *, asked: float, answered: float) -> Verdict:
        """Say what follows from what was seen.

        Args: rules, None for a symbol that the exchange does not list; asked, answered, real ms of the look. A state
            is as old as its first answer and has lasted until the last question.
        """
        if sight.episode != self._episode:
            self._begin(sight)
        is_bare = not (sight.is_covered or sight.is_closing)
        self._closing_since = _since(self._closing_since, answered) if sight.is_closing else None
        self._bare_since = _since(self._bare_since, answered) if is_bare else None
        self._certain_since = _since(self._certain_since, answered) if is_bare else None
        if sight.is_covered:
            self._refusals, self._refused = 0, ""
            if not sight.presumed:
                self._unseen = 0
            return Leave()
        if (left_ms := self._closed_left_ms(sight, asked)) > 0:
            return Leave(left_ms)
        if self._closing_since is not None:
            left_ms = self._closing_since + self._patience.trigger_ms - asked
            return Leave(left_ms) if left_ms > 0 else Flatten("stop_unfilled")
        return self._judge_bare(sight, rules, asked)

    def placed(self, now: float) -> None:
        """The exchange has taken the stop: from now on it has to be seen."""
        self._bare_since = now
        self._refusals, self._refused = 0, ""
        self._unseen += 1

    def refused(self, why: str, now: float, *, is_beyond: bool) -> None:
        """The exchange has refused the stop. `is_beyond`: the price has passed it already."""
        self._refusals += 1
        is_other_kind_untried = self._refusals == 1 and not is_beyond
        self._again_at = now if is_other_kind_untried else now + self._patience.grace_ms
        self._refused = "" if is_other_kind_untried else why

    def closed(self, held: Decimal, now: float) -> None:
        """A close was done, or found nothing to do; `held` was what was seen before. It may be seen for a while yet."""
        self._closed = (held, now)

    def _begin(self, sight: Sight) -> None:
        """What was learnt of another position is of no meaning for this one. That it was bare is: it may have grown."""
        if self._episode is not None and self._episode[0] is not sight.episode[0]:
            self._bare_since = None
        self._episode = sight.episode
        self._certain_since = self._closing_since = self._closed = None
        self._refusals, self._refused, self._unseen = 0, "", 0

    def _closed_left_ms(self, sight: Sight, asked: float) -> float:
        """How long what was closed may still be seen, as it was."""
        if self._closed is None:
            return 0.0
        held, at = self._closed
        return at + self._patience.lag_ms - asked if held == sight.position.quantity else 0.0

    def _judge_bare(self, sight: Sight, rules: SymbolRules | None, asked: float) -> Verdict:
        left_ms = _left(self._bare_since, self._patience.grace_ms, asked)
        if left_ms > 0:
            return Leave(left_ms)
        why = self._refused
        if rules is None:
            why = "symbol_not_listed"
        elif self._unseen >= UNSEEN_MAX:
            why = "stops_not_seen"
        # Closed is only what is bare for certain: a stop that somebody has placed meanwhile would be seen by then.
        left_ms = _left(self._certain_since, self._patience.grace_ms + self._patience.lag_ms, asked)
        if why and left_ms <= 0:
            return Flatten(why)
        if rules is None or self._unseen >= UNSEEN_MAX:
            return Leave(left_ms)
        if self._refusals and self._again_at > asked:
            return Leave(min(self._again_at - asked, left_ms) if left_ms > 0 else self._again_at - asked)
        return self._protected(sight, rules)

    def _protected(self, sight: Sight, rules: SymbolRules) -> Verdict:
        held = sight.position.quantity_signed
        price = default_stop_price(held, sight.position.price_entry, self._patience.stop_fraction, rules)
        step = next_step(held, (*sight.standing, *sight.presumed), price)
        if not isinstance(step, PlaceStop):
            return Leave(0.0)
        # By quantity, then as one that closes the position, in turns for as long as both are refused.
        return Protect(step.quantity, step.price, closes_position=self._refusals % 2 == 1)


def _since(before: float | None, now: float) -> float:
    return now if before is None else before


def _left(since: float | None, patience_ms: float, asked: float) -> float:
    return patience_ms if since is None else since + patience_ms - asked
