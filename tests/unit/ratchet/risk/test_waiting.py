"""Waiting: for a funding payment that we would pay, and for a symbol to cool down."""

from decimal import Decimal

import pytest

from ratchet.config.sections import RiskLimits
from ratchet.domain.funding import Funding
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.risk.cool_down import cool_down_until
from ratchet.risk.funding_cost import funding_against
from tests.unit.ratchet.risk.brackets import LIMITS, MINUTE_MS, NOW_MS, SYMBOL, a_close, a_funding


@pytest.mark.parametrize(
    ("side", "rate", "minutes", "waits"),
    [
        (Side.BUY, "0.0003", 4.9, True),
        (Side.BUY, "0.0003", 5.1, False),
        (Side.BUY, "0.0002", 4.9, False),  # little enough
        (Side.BUY, "-0.0003", 4.9, False),  # we would get it
        (Side.SELL, "-0.0003", 4.9, True),
        (Side.SELL, "0.0003", 4.9, False),
    ],
)
def test_only_a_payment_that_is_near_large_and_ours_to_make_is_waited_for(
    side: Side, rate: str, minutes: float, waits: bool
) -> None:
    told = funding_against(side, a_funding(rate, in_minutes=minutes), LIMITS, NOW_MS)
    assert (told is not None) is waits


def test_the_reason_names_cost_time_and_limit() -> None:
    assert funding_against(Side.BUY, a_funding("0.001", in_minutes=2), LIMITS, NOW_MS) == (
        "0.1 % of the notional would be paid in 2.0 minutes, at most 0.02 % is put up with"
    )


@pytest.mark.parametrize("funding", [None, a_funding("0", in_minutes=-10)])
def test_funding_that_is_not_known_may_be_paid_at_the_next_full_hour(funding: Funding | None) -> None:
    assert funding_against(Side.BUY, funding, LIMITS, NOW_MS + 24 * MINUTE_MS) is None
    told = funding_against(Side.BUY, funding, LIMITS, NOW_MS + 26 * MINUTE_MS)
    assert told == "the funding is not known, and may be paid in 4.0 minutes"


def test_nothing_is_waited_for_where_that_is_set() -> None:
    never = RiskLimits(funding_minutes_before=0)
    assert funding_against(Side.BUY, a_funding("0.01", in_minutes=0.1), never, NOW_MS) is None
    assert funding_against(Side.BUY, None, never, NOW_MS + 30 * MINUTE_MS - 1) is None


@pytest.mark.parametrize(
    ("stop", "close", "reason", "minutes"),
    [(15, 0, "stop", 15), (15, 0, "rungs", 0), (15, 3, "rungs", 3), (15, 30, "stop", 30), (0, 0, "stop", 0)],
)
def test_a_symbol_cools_down_after_a_stop_loss_and_after_any_trade_if_set(
    stop: int, close: int, reason: str, minutes: int
) -> None:
    limits = RiskLimits(cool_down_stop_minutes=stop, cool_down_close_minutes=close)
    assert cool_down_until(SYMBOL, [a_close(0, reason=reason)], limits) == NOW_MS + minutes * MINUTE_MS


def test_another_symbols_loss_is_not_its_own() -> None:
    assert cool_down_until(Symbol("ETHUSDC"), [a_close(0)], LIMITS) is None


def test_a_trade_after_the_stop_loss_does_not_end_the_cool_down() -> None:
    ends = [a_close(5, number=1), a_close(1, reason="rungs", number=2)]
    assert cool_down_until(SYMBOL, ends, LIMITS) == NOW_MS + 10 * MINUTE_MS


def test_what_is_long_over_is_not_looked_at() -> None:
    ends = [a_close(100, number=1), a_close(0, number=2, symbol=Symbol("ETHUSDC"))]
    assert cool_down_until(SYMBOL, ends, LIMITS) is None


def test_limits_are_decimals_to_the_last_digit() -> None:
    exact = RiskLimits(funding_cost_fraction_max=Decimal("0.0001"))
    assert funding_against(Side.BUY, a_funding("0.0001", in_minutes=1), exact, NOW_MS) is None
    assert funding_against(Side.BUY, a_funding("0.00010001", in_minutes=1), exact, NOW_MS) is not None
