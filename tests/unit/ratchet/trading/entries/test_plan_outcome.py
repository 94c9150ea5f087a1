"""Where in the funnel a refusal of the planner belongs, by its words."""

import pytest

from ratchet.domain.outcome import Outcome, Stage
from ratchet.risk.guard import Reason
from ratchet.trading.entries.plan_outcome import refused_plan


@pytest.mark.parametrize(
    ("reason", "stage"),
    [
        ("too late: 40 s after its candle closed, 30 s at most", Stage.LATE),
        ("BTCUSDC is not traded", Stage.UNIVERSE),
        ("the smallest order of BTCUSDC would be more than may be risked or paid for", Stage.FEASIBILITY),
        ("BTCUSDC: 0.001 is too little for a single rung", Stage.FEASIBILITY),
        *((f"{reason}: as it stands", Stage.RISK) for reason in Reason),
    ],
)
def test_a_refusal_has_its_stage(reason: str, stage: Stage) -> None:
    assert refused_plan(reason) == Outcome(stage, reason)
