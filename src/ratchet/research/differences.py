"""The differences between two runs over the same time: each with its cause, and all of them together the whole.

Two runs are of one market: live and its demo, the wire and the simulation, a settings change and what was before.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ratchet.domain.money import ZERO
from ratchet.research.run_trades import Run, RunTrade, SignalKey

DIGITS = Decimal("1e-8")  # of the exchange's books: average prices have more, and would leave a remainder


class Cause(StrEnum):
    """Why two runs differ."""

    SIGNAL = "signal"  # one of them had no such signal
    MISSED = "missed"  # both had it, one did not enter
    SIZE = "size"  # entered with another quantity
    ENTRY = "entry"  # filled at another price
    EXIT = "exit"  # left at another price, or by another reason
    FEE = "fee"
    FUNDING = "funding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One of them. `amount`: the second run's result less the first's, USDC, as far as this is its cause."""

    key: SignalKey
    cause: Cause
    amount: Decimal
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs side by side."""

    same: int  # trades of which nothing differs
    differences: tuple[Difference, ...]
    net_first: Decimal
    net_second: Decimal

    @property
    def by_cause(self) -> Mapping[Cause, Decimal]:
        """USDC for each cause that there is."""
        sums: dict[Cause, Decimal] = {}
        for each in self.differences:
            sums[each.cause] = sums.get(each.cause, ZERO) + each.amount
        return sums

    @property
    def unexplained(self) -> Decimal:
        """What is left without a cause, USDC: anything but 0 is a bug."""
        return self.net_second - self.net_first - sum(self.by_cause.values(), ZERO)


def compare(first: Run, second: Run) -> Comparison:
    """Trade by trade."""
    firsts, seconds = _numbered(first), _numbered(second)
    differences: list[Difference] = []
    same = 0
    for numbered in sorted(firsts.keys() | seconds.keys(), key=_order):
        here, there = firsts.get(numbered), seconds.get(numbered)
        if here is not None and there is not None:
            found = list(_between(here, there))
            same += not found
            differences += found
        elif here is not None:
            differences.append(_lacking(here, second, -here.net, "the second run"))
        elif there is not None:
            differences.append(_lacking(there, first, there.net, "the first run"))
    return Comparison(
        same=same,
        differences=tuple(differences),
        net_first=sum((trade.net for trade in first.trades), ZERO),
        net_second=sum((trade.net for trade in second.trades), ZERO),
    )


_Numbered = tuple[SignalKey, int]  # a signal, and which of the trades on it


def _numbered(run: Run) -> dict[_Numbered, RunTrade]:
    seen: Counter[SignalKey] = Counter()
    numbered: dict[_Numbered, RunTrade] = {}
    for trade in run.trades:
        numbered[trade.key, seen[trade.key]] = trade
        seen[trade.key] += 1
    return numbered


def _order(numbered: _Numbered) -> tuple[int, str, str, str, int]:
    key, number = numbered
    return key.candle_close_ms, key.symbol, key.side.value, key.strategy, number


def _lacking(trade: RunTrade, other: Run, amount: Decimal, which: str) -> Difference:
    key = trade.key
    outcome = other.outcomes.get(key)
    if outcome is not None:
        return Difference(key=key, cause=Cause.MISSED, amount=amount, detail=f"{which}: {outcome}")
    silence = other.silences.get((key.symbol, key.strategy, key.candle_close_ms), "it was not looked at")
    return Difference(key=key, cause=Cause.SIGNAL, amount=amount, detail=f"{which} had no signal: {silence}")


def _between(first: RunTrade, second: RunTrade) -> Iterator[Difference]:
    """What differs between two trades on one signal. The realized result divides, with the sign s of the side, into
    s·(q₂−q₁)·(x₁−e₁) for the size, −s·q₂·(e₂−e₁) for the entry, and the rest for the exit.
    """
    sign = first.key.side.sign
    gap = second.quantity - first.quantity
    by_size = (sign * gap * (first.price_exit - first.price_entry)).quantize(DIGITS)
    by_entry = (-sign * second.quantity * (second.price_entry - first.price_entry)).quantize(DIGITS)
    by_exit = second.realized - first.realized - by_size - by_entry
    if gap:
        yield _told(first, Cause.SIZE, by_size, f"{second.quantity:f} instead of {first.quantity:f}")
    if second.price_entry != first.price_entry:
        yield _told(first, Cause.ENTRY, by_entry, f"at {second.price_entry:.8g} instead of {first.price_entry:.8g}")
    ended, before = (f"{it.reason or 'open'} at {it.price_exit:.8g}" for it in (second, first))
    if by_exit or ended != before:
        yield _told(first, Cause.EXIT, by_exit, f"{ended} instead of {before}")
    if second.fees != first.fees:
        yield _told(first, Cause.FEE, first.fees - second.fees, f"{second.fees:f} instead of {first.fees:f}")
    if second.funding != first.funding:
        paid = second.funding - first.funding
        yield _told(first, Cause.FUNDING, paid, f"{second.funding:f} instead of {first.funding:f}")


def _told(trade: RunTrade, cause: Cause, amount: Decimal, detail: str) -> Difference:
    return Difference(key=trade.key, cause=cause, amount=amount, detail=detail)
