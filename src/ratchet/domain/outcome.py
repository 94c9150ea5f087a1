"""Outcomes: where in the funnel a symbol's candle ended, and why."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The funnel, widest first: universe → candles fresh → votes → in time → not halted → risk → feasible → sent."""

    UNIVERSE = "universe"  # the symbol is not traded
    CANDLES = "candles"  # its newest candle was not there, or one before it
    VOTES = "votes"  # a strategy did not want in
    LATE = "late"  # it did, too long after the candle had closed
    HALTED = "halted"  # no entries just then, whatever the signal
    RISK = "risk"  # the guard's limits, one trade a symbol among them
    FEASIBILITY = "feasibility"  # the exchange's filters leave no room for such a bracket
    SENT = "sent"  # a trade was begun


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision."""

    stage: Stage
    reason: str  # one line, for people
