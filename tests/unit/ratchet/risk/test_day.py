"""The day: it begins at 00:00 UTC, and what was lost while nobody looked is lost on it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.risk.day import DAY_MS, START_LATE_MS, day_after, next_day_ms
from ratchet.risk.record import Day

MIDNIGHT_MS = 20_000 * DAY_MS


def lived(*equities: str, since_ms: int = MIDNIGHT_MS, before: str | None = None) -> Day:
    day = None
    for number, equity in enumerate(equities):
        at_ms = since_ms + number * 60_000
        day = day_after(day, at_ms, Decimal(equity), None if before is None else Decimal(before))
    assert day is not None
    return day


def test_the_first_equity_of_a_day_is_what_it_began_with() -> None:
    day = lived("400", "410", "399")
    assert (day.equity_start, day.equity_high) == (Decimal(400), Decimal(410))
    assert day.loss_fraction == Decimal("0.0025")
    assert day.drawdown_fraction == Decimal(11) / Decimal(410)


def test_the_worst_of_a_day_stays_when_it_recovers() -> None:
    day = lived("400", "380", "420")
    assert (day.loss_fraction, day.drawdown_fraction) == (Decimal("0.05"), Decimal("0.05"))


def test_a_drawdown_is_of_the_highest_before_it() -> None:
    assert lived("400", "390", "500").drawdown_fraction == Decimal("0.025")


def test_the_next_day_begins_anew_at_midnight_utc() -> None:
    before = lived("400", "300", since_ms=MIDNIGHT_MS - 120_000)
    day = day_after(before, MIDNIGHT_MS, Decimal(300), Decimal(300))
    assert day == Day(
        number=20_000,
        equity_start=Decimal(300),
        equity_high=Decimal(300),
        loss_fraction=Decimal(0),
        drawdown_fraction=Decimal(0),
    )
    assert next_day_ms(MIDNIGHT_MS - 1) == MIDNIGHT_MS
    assert next_day_ms(MIDNIGHT_MS) == MIDNIGHT_MS + DAY_MS


@pytest.mark.parametrize(("late_ms", "start"), [(0, 380), (START_LATE_MS, 380), (START_LATE_MS + 1, 400)])
def test_what_was_lost_over_midnight_while_nobody_looked_is_lost_today(late_ms: int, start: int) -> None:
    day = lived("380", since_ms=MIDNIGHT_MS + late_ms, before="400")
    assert day.equity_start == start
    assert day.loss_fraction == 1 - Decimal(380) / start


def test_what_was_won_meanwhile_is_no_loss_later() -> None:
    assert lived("420", since_ms=MIDNIGHT_MS + DAY_MS // 2, before="400").equity_start == 420


def test_an_account_that_is_empty_has_lost_all_of_it() -> None:
    assert lived("0", "-1").loss_fraction == 1


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=30))
def test_drawdown_is_never_less_than_the_loss_and_neither_ever_shrinks(equities: list[int]) -> None:
    days = [lived(*(str(equity) for equity in equities[: number + 1])) for number in range(len(equities))]
    assert all(day.drawdown_fraction >= day.loss_fraction >= 0 for day in days)
    assert [day.loss_fraction for day in days] == sorted(day.loss_fraction for day in days)
    assert [day.drawdown_fraction for day in days] == sorted(day.drawdown_fraction for day in days)
