"""The guard: each limit just kept and just broken, and every refusal with its reason."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

import ratchet
from ratchet.config.sections import RiskLimits
from ratchet.domain.order import Side
from ratchet.risk.exposure import Exposure
from ratchet.risk.guard import Approved, Reason, Refused, judge
from ratchet.risk.liquidation import Holding
from ratchet.risk.record import Record
from tests.unit.ratchet.risk.brackets import (
    LIMITS,
    MINUTE_MS,
    NOW_MS,
    SYMBOL,
    a_balance,
    a_bracket,
    a_close,
    a_day,
    a_funding,
    a_path,
    an_exposure,
    some_brackets,
)

OTHERS = [a_bracket("0.001", symbol=f"X{number}USDC") for number in range(3)]
LOOSE = RiskLimits(open_positions_max=10, correlated_positions_max=10)
BIG = Holding(side=Side.BUY, notional=Decimal(1_001), leverage=5, brackets=some_brackets())

# Limits: 3 open, notional 0.3 of equity × 5 each and 3 × equity in all, 5 % a day. The bracket: 200 USDC, 40 of margin.
KEPT_AND_BROKEN = [
    (an_exposure(), None),
    (an_exposure(held=OTHERS[:2]), None),
    (an_exposure(held=OTHERS), Reason.TOO_MANY_POSITIONS),
    (an_exposure(held=[a_bracket("0.001")]), Reason.ALREADY_HELD),
    (an_exposure(held=[a_bracket("0.001", side=Side.SELL)]), Reason.ALREADY_HELD),
    (an_exposure(a_balance("380.01"), day=a_day("400")), None),
    (an_exposure(a_balance("380"), day=a_day("400")), Reason.DAY_LOSS),
    (an_exposure(a_balance("400", unrealized="-20"), day=a_day("400")), Reason.DAY_LOSS),
    (an_exposure(a_balance("370", unrealized="20"), day=a_day("400")), None),
    (an_exposure(a_balance("420"), day=a_day("400", "442")), None),
    (an_exposure(a_balance("419"), day=a_day("400", "442")), Reason.DAY_DRAWDOWN),
    (an_exposure(day=a_day(loss="0.05")), Reason.DAY_LOSS),
    (an_exposure(day=a_day(loss="0.049")), None),
    (an_exposure(day=a_day(drawdown="0.05")), Reason.DAY_DRAWDOWN),
    (an_exposure(closes=[a_close(20, number=1), a_close(19, number=2), a_close(18, number=3)]), Reason.STOP_STREAK),
    (an_exposure(closes=[a_close(62, number=1), a_close(61, number=2), a_close(60, number=3)]), None),
    (an_exposure(closes=[a_close(14.9)]), Reason.COOL_DOWN),
    (an_exposure(closes=[a_close(15)]), None),
    (an_exposure(a_balance("140")), None),
    (an_exposure(a_balance("133.4")), None),
    (an_exposure(a_balance("133.3")), Reason.TOO_LARGE),
    (an_exposure(a_balance("400", unrealized="-270"), day=a_day("130")), Reason.TOO_LARGE),
    (an_exposure(a_balance("400", available="40")), None),
    (an_exposure(a_balance("400", available="39.99")), Reason.TOO_LITTLE_MARGIN),
    (an_exposure(others=[BIG]), Reason.TOO_MUCH_IN_ALL),
    (an_exposure(brackets=some_brackets(5)), None),
    (an_exposure(brackets=some_brackets(4)), Reason.LEVERAGE),
    (an_exposure(brackets=()), Reason.LEVERAGE),
    (an_exposure(funding=a_funding("0.0003", in_minutes=5)), Reason.FUNDING),
]


@pytest.mark.parametrize(("exposure", "reason"), KEPT_AND_BROKEN)
def test_a_limit_that_is_kept_lets_pass_and_one_that_is_broken_is_the_reason(
    exposure: Exposure, reason: Reason | None
) -> None:
    answer = judge(a_bracket("0.002"), 5, exposure, LIMITS)
    if reason is None:
        assert answer == Approved(a_bracket("0.002"), 5)
    else:
        assert isinstance(answer, Refused)
        assert answer.reason is reason
        assert answer.detail
        assert len(answer.detail.splitlines()) == 1


def test_a_bracket_of_exactly_the_largest_notional_passes() -> None:
    assert isinstance(judge(a_bracket("0.006"), 5, an_exposure(), LIMITS), Approved)


def test_a_bracket_that_fills_the_exposure_exactly_passes_and_a_step_more_does_not() -> None:
    held = [a_bracket("0.005", symbol="XUSDC"), a_bracket("0.005", symbol="YUSDC")]
    roomy = a_balance("400", available="400")
    exposure = an_exposure(roomy, held=held, leverage=50)
    assert isinstance(judge(a_bracket("0.002"), 5, exposure, LOOSE), Approved)
    answer = judge(a_bracket("0.003"), 5, exposure, LOOSE)
    assert isinstance(answer, Refused)
    assert answer.reason is Reason.TOO_MUCH_IN_ALL
    assert answer.detail == "1300.00 USDC held in all, 3 times the equity may be"


def test_longs_that_move_together_are_counted_and_a_short_of_the_same_move_is_not() -> None:
    walk = a_path(7)
    names = ["BTCUSDC", "ETHUSDC", "SOLUSDC"]
    held = [a_bracket("0.001", symbol=name) for name in names[1:]]
    paths = dict.fromkeys(names, walk)
    answer = judge(a_bracket("0.001"), 5, an_exposure(held=held, paths=paths), LIMITS)
    assert isinstance(answer, Refused)
    assert answer.reason is Reason.CORRELATED
    assert answer.detail == "moves with ETHUSDC, SOLUSDC: 2 may be held together"
    short = judge(a_bracket("0.001", side=Side.SELL), 5, an_exposure(held=held, paths=paths), LIMITS)
    assert isinstance(short, Approved)


def test_what_nothing_is_known_of_moves_with_everything_on_its_side() -> None:
    held = [a_bracket("0.001", symbol="ETHUSDC"), a_bracket("0.001", symbol="SOLUSDC")]
    exposure = an_exposure(held=held, paths={"BTCUSDC": [1.0]})
    answer = judge(a_bracket("0.001"), 5, exposure, LIMITS)
    assert isinstance(answer, Refused)
    assert answer.detail == "may move with ETHUSDC, SOLUSDC (correlation not known): 2 may be held together"
    assert isinstance(judge(a_bracket("0.001", side=Side.SELL), 5, exposure, LIMITS), Approved)


def test_an_equity_that_is_not_known_yet_lets_nothing_pass() -> None:
    known = an_exposure()
    exposure = Exposure(now_ms=known.now_ms, balance=known.balance, facts=known.facts, record=Record())
    answer = judge(a_bracket("0.002"), 5, exposure, LIMITS)
    assert isinstance(answer, Refused)
    assert answer.detail == "the equity of the day is not known yet"


def test_yesterdays_loss_is_yesterdays() -> None:
    day = a_day(loss="0.5", drawdown="0.5")
    tomorrow_ms = NOW_MS + 12 * 60 * MINUTE_MS
    exposure = an_exposure(day=day, now_ms=tomorrow_ms, funding=a_funding(in_minutes=24 * 60))
    assert isinstance(judge(a_bracket("0.002"), 5, exposure, LIMITS), Approved)


@pytest.mark.parametrize(
    ("least", "rate", "told"),
    [
        ("0.05", "0.01", None),
        ("0.9", "0.01", "liquidation 31.48% away, 90.00% at least is wanted"),
        ("0.015", "0.31", "liquidation 1.48% away, 1.50% at least is wanted"),
        ("0.014", "0.31", "liquidation 1.48% away, the stop 2.00%"),
    ],
)
def test_liquidation_has_to_be_far_off_and_farther_than_the_stop(least: str, rate: str, told: str | None) -> None:
    # 600 and 570 USDC on an equity of 380: (380 - 1170 × rate) / 1170.
    limits = RiskLimits(liquidation_distance_fraction_min=Decimal(least), exposure_fraction_max=Decimal(9))
    held = [a_bracket("0.006", symbol="XUSDC")]
    exposure = an_exposure(a_balance("380"), held=held, leverage=50, brackets=some_brackets(rate=rate))
    answer = judge(a_bracket("0.0057"), 5, exposure, limits)
    if told is None:
        assert isinstance(answer, Approved)
    else:
        assert isinstance(answer, Refused)
        assert (answer.reason, answer.detail) == (Reason.LIQUIDATION_NEAR, told)


def test_a_held_position_of_unknown_leverage_binds_all_of_its_notional() -> None:
    held = [a_bracket("0.003", symbol="XUSDC")]
    assert isinstance(judge(a_bracket("0.002"), 5, an_exposure(held=held, leverage=5), LIMITS), Approved)
    held = [a_bracket("0.0037", symbol="XUSDC")]
    answer = judge(a_bracket("0.002"), 5, an_exposure(held=held, leverage=None), LIMITS)
    assert isinstance(answer, Refused)
    assert answer.reason is Reason.TOO_LITTLE_MARGIN


def test_only_the_guard_makes_an_approval() -> None:
    source = Path(ratchet.__file__).parent
    makers = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(r"(?<!class )\bApproved\(|replace\(approved", path.read_text(encoding="utf-8"))
    }
    assert makers == {"risk/guard.py"}


def test_the_symbol_of_a_refusal_is_that_of_its_bracket() -> None:
    answer = judge(a_bracket("0.002"), 5, an_exposure(closes=[a_close(1)]), LIMITS)
    assert isinstance(answer, Refused)
    assert answer.bracket.symbol == SYMBOL
    assert answer.detail == "BTCUSDC is left alone until 12:44 UTC, after the trade before"
