"""The guard: each limit just kept and just broken."""

import re
from pathlib import Path

import pytest

import ratchet
from ratchet.domain.order import Side
from ratchet.risk.exposure import Exposure
from ratchet.risk.guard import Approved, Reason, Refused, judge
from tests.unit.ratchet.risk.brackets import LIMITS, a_balance, a_bracket, an_exposure

THREE = [a_bracket(symbol=f"X{number}USDC") for number in range(3)]


# Limits: 3 open, 5 % a day, notional 0.3 of equity × 5, margin notional / 5. The bracket: 200 USDC, 40 of margin.
@pytest.mark.parametrize(
    ("exposure", "reason"),
    [
        (an_exposure(), None),
        (an_exposure(held=THREE[:2]), None),
        (an_exposure(held=THREE), Reason.TOO_MANY_POSITIONS),
        (an_exposure(held=[a_bracket()]), Reason.ALREADY_HELD),
        (an_exposure(held=[a_bracket(side=Side.SELL)]), Reason.ALREADY_HELD),
        (an_exposure(a_balance("380.01")), None),
        (an_exposure(a_balance("380")), Reason.DAY_LOSS),
        (an_exposure(a_balance("400", unrealized="-20")), Reason.DAY_LOSS),
        (an_exposure(a_balance("370", unrealized="20")), None),
        (an_exposure(a_balance("140"), day_start="140"), None),
        (an_exposure(a_balance("133.4"), day_start="133.4"), None),
        (an_exposure(a_balance("133.3"), day_start="133.3"), Reason.TOO_LARGE),
        (an_exposure(a_balance("400", unrealized="-270"), day_start="130"), Reason.TOO_LARGE),
        (an_exposure(a_balance("400", available="40")), None),
        (an_exposure(a_balance("400", available="39.99")), Reason.TOO_LITTLE_MARGIN),
    ],
)
def test_a_limit_that_is_kept_lets_pass_and_one_that_is_broken_is_the_reason(
    exposure: Exposure, reason: Reason | None
) -> None:
    answer = judge(a_bracket("0.002"), exposure, LIMITS)
    if reason is None:
        assert answer == Approved(a_bracket("0.002"))
    else:
        assert isinstance(answer, Refused)
        assert answer.reason is reason
        assert answer.detail


def test_a_bracket_of_exactly_the_largest_notional_passes() -> None:
    assert isinstance(judge(a_bracket("0.006"), an_exposure(), LIMITS), Approved)


def test_only_the_guard_makes_an_approval() -> None:
    source = Path(ratchet.__file__).parent
    makers = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(r"(?<!class )\bApproved\(|replace\(approved", path.read_text(encoding="utf-8"))
    }
    assert makers == {"risk/guard.py"}
