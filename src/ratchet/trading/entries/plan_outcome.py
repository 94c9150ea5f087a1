"""The outcome of a plan that was not approved: at which stage of the funnel its reason belongs."""

from ratchet.domain.outcome import Outcome, Stage
from ratchet.risk.guard import Reason

_RISK = frozenset(reason.value for reason in Reason)


def refused_plan(reason: str) -> Outcome:
    """From the planner's words."""
    if reason.startswith("too late"):
        return Outcome(Stage.LATE, reason)
    if reason.endswith("is not traded"):
        return Outcome(Stage.UNIVERSE, reason)
    return Outcome(Stage.RISK if reason.partition(":")[0] in _RISK else Stage.FEASIBILITY, reason)
