"""Decisions: what a strategy makes of closed candles, and the rule that an entry needs trend and momentum: "1+1"."""

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.domain.order import Side
from ratchet.domain.signal import Kind, Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Enter on `side`, or do not (None) for a `reason`; with every vote either way."""

    side: Side | None
    votes: tuple[Vote, ...] = ()
    reason: str = ""
    is_fault: bool = False  # the strategy itself went wrong


def one_and_one(votes: Sequence[Vote], wanted: Side) -> Decision:
    """Whether `wanted` has at least one trend and one momentum vote, more votes than the other side, and no veto.

    A filter vetoes by voting for nobody (side None).
    """
    told = tuple(votes)
    veto = next((vote for vote in votes if vote.kind is Kind.FILTER and vote.side is None), None)
    if veto is not None:
        return Decision(side=None, votes=told, reason=f"{veto.name}: {veto.note}")
    for kind in (Kind.TREND, Kind.MOMENTUM):
        if not any(vote.kind is kind and vote.side is wanted for vote in votes):
            return Decision(side=None, votes=told, reason=f"no {kind} for {wanted}")
    spoken = [vote.side for vote in votes if vote.kind is not Kind.FILTER]
    if spoken.count(wanted) <= spoken.count(wanted.opposite):
        return Decision(side=None, votes=told, reason=f"as much speaks against {wanted}")
    return Decision(side=wanted, votes=told)
