"""The judge of limits sees what it is there to see: histories in which one thing is wrong."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.end_to_end.limits_judge import (
    Equity,
    Fill,
    History,
    LeverageSet,
    Limits,
    Order,
    Spell,
    Verdict,
    holdings_of,
    judge,
)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
NOON_MS = 20_000 * DAY_MS + 12 * HOUR_MS
PRICE, STOP_LOST, STOP_EVEN = Decimal(100), Decimal(98), Decimal("100.05")
LIMITS = Limits(
    open_positions_max=2,
    position_notional_fraction_max=Decimal("0.2"),
    exposure_fraction_max=Decimal(1),
    leverage_max=3,
    hold_ms_max=10 * MINUTE_MS,
    stop_streak_max=2,
    stop_streak_pause_ms=60 * MINUTE_MS,
    cool_down_stop_ms=15 * MINUTE_MS,
    cool_down_close_ms=0,
    day_loss_fraction_max=Decimal("0.05"),
    day_drawdown_fraction_max=Decimal("0.05"),
    day_limit_flattens=False,
)


class Days:
    """A history as a test tells it. Minutes count from noon UTC; whatever is held is a long of 200 USDC at 100."""

    def __init__(self) -> None:
        self._fills: list[Fill] = []
        self._orders: list[Order] = []
        self._leverages: list[LeverageSet] = []
        self.spells: list[Spell] = []
        self.equity = {0.0: 400}  # USDC by minute

    def trade(
        self, symbol: str, minute: float, end: float | None, *, stop: Decimal | None = None, quantity: int = 2
    ) -> None:
        """Entered at a minute and closed at another: at market, or by a stop that stood there."""
        self._leverages.append(LeverageSet(symbol=symbol, at_ms=_ms(minute), leverage=3))
        self.fill(symbol, minute, quantity)
        if end is not None:
            self.fill(symbol, end, -quantity, stop=stop)

    def fill(self, symbol: str, minute: float, quantity: int, stop: Decimal | None = None) -> None:
        """By an order of its own."""
        number = len(self._fills) + 1
        self._orders.append(
            Order(order_id=number, kind="MARKET" if stop is None else "STOP_MARKET", price_stop=stop or Decimal(0))
        )
        self._fills.append(
            Fill(
                symbol=symbol,
                at_ms=_ms(minute),
                number=number,
                order_id=number,
                quantity_signed=Decimal(quantity),
                price=PRICE,
            )
        )

    def leverage(self, symbol: str, minute: float, leverage: int) -> None:
        """Somebody set it."""
        self._leverages.append(LeverageSet(symbol=symbol, at_ms=_ms(minute), leverage=leverage))

    def history(self, end: float = 600) -> History:
        """All of it, to its end."""
        equity = [Equity(at_ms=_ms(minute), value=Decimal(value)) for minute, value in sorted(self.equity.items())]
        return History(
            end_ms=_ms(end),
            fills=self._fills,
            orders=self._orders,
            leverages=sorted(self._leverages, key=lambda each: each.at_ms),
            equity=equity,
            spells=self.spells,
            income=Decimal(0),
        )

    def judged(self, limits: Limits = LIMITS, end: float = 600) -> Verdict:
        return judge(self.history(end), limits, Decimal(0))


def _ms(minute: float) -> int:
    return NOON_MS + round(minute * MINUTE_MS)


@pytest.fixture
def days() -> Days:
    return Days()


def assert_only(violations: Sequence[str], words: str) -> None:
    assert [words in each for each in violations] == [True], violations


def test_a_day_within_its_limits_is_in_order(days: Days) -> None:
    days.trade("BTCUSDC", 0, 5, stop=STOP_LOST)
    days.trade("ETHUSDC", 5, 15)
    days.trade("SOLUSDC", 10, 20)
    days.trade("BTCUSDC", 25, None)
    days.spells = [Spell(symbol="BTCUSDC", from_ms=_ms(0), until_ms=_ms(0), requests_between=1)]
    found = days.judged(end=30)
    assert found.violations == []
    assert (found.trades, found.stop_losses, found.held_to_the_end) == (3, 1, 2)


def test_one_position_more_than_may_be(days: Days) -> None:
    for minute, symbol in enumerate(("BTCUSDC", "ETHUSDC", "SOLUSDC")):
        days.trade(symbol, minute, 5, quantity=1)
    assert_only(days.judged().violations, "3 positions were held")


def test_a_position_that_follows_upon_another_in_the_same_instant_is_none_more(days: Days) -> None:
    days.trade("BTCUSDC", 0, 5)
    days.trade("ETHUSDC", 0, 5)
    days.trade("SOLUSDC", 5, 9)
    assert days.judged().violations == []


def test_a_position_larger_than_its_share(days: Days) -> None:
    days.trade("BTCUSDC", 0, 5, quantity=3)
    assert_only(days.judged().violations, "BTCUSDC was entered for 300.00 USDC")


def test_an_entry_that_adds_to_what_is_held(days: Days) -> None:
    days.trade("BTCUSDC", 0, None)
    days.trade("ETHUSDC", 1, 5)
    days.fill("BTCUSDC", 2, 1)
    days.fill("BTCUSDC", 4, -3)
    assert_only(days.judged().violations, "500.00 USDC were held in all")


def test_a_leverage_that_allows_less(days: Days) -> None:
    days.trade("BTCUSDC", 0, 5)
    days.leverage("BTCUSDC", 0, 1)
    assert_only(days.judged().violations, "80.80 may be")


def test_a_position_held_too_long(days: Days) -> None:
    days.trade("BTCUSDC", 0, 10.3)
    assert_only(days.judged().violations, "BTCUSDC was held for 618000 ms")


def test_a_position_that_is_never_closed(days: Days) -> None:
    days.trade("BTCUSDC", 0, None)
    assert_only(days.judged(end=11).violations, "BTCUSDC was held for 660000 ms")


def test_a_leverage_above_the_highest(days: Days) -> None:
    days.leverage("BTCUSDC", 0, 4)
    assert_only(days.judged().violations, "a leverage of 4 was set")


def test_an_entry_at_the_leverage_that_nobody_set(days: Days) -> None:
    days.fill("BTCUSDC", 0, 1)
    days.fill("BTCUSDC", 5, -1)
    assert_only(days.judged().violations, "entered at a leverage of 20")


def two_stop_losses(days: Days) -> None:
    days.trade("BTCUSDC", 0, 5, stop=STOP_LOST)
    days.trade("ETHUSDC", 5, 9, stop=STOP_LOST)


def test_an_entry_in_the_pause_after_stop_losses(days: Days) -> None:
    two_stop_losses(days)
    days.trade("SOLUSDC", 60, 65)
    days.trade("SOLUSDC", 70, 75)
    found = days.judged()
    assert_only(found.violations, "SOLUSDC was entered")
    assert len(found.pauses) == 1


def test_a_pause_is_not_over_because_what_was_open_still_ends_well(days: Days) -> None:
    two_stop_losses(days)
    days.trade("SOLUSDC", 8, 12)
    days.trade("SOLUSDC", 60, 65)
    assert_only(days.judged().violations, "after 2 stop losses in a row")


@pytest.mark.parametrize("stop", [None, STOP_EVEN])
def test_another_end_between_two_stop_losses_is_no_streak(days: Days, stop: Decimal | None) -> None:
    days.trade("BTCUSDC", 0, 2, stop=STOP_LOST)
    days.trade("SOLUSDC", 2, 4, stop=stop)
    days.trade("ETHUSDC", 4, 6, stop=STOP_LOST)
    days.trade("SOLUSDC", 10, 15)
    found = days.judged()
    assert found.violations == []
    assert (found.stop_losses, found.pauses) == (2, [])


def test_an_entry_on_a_symbol_in_its_cool_down(days: Days) -> None:
    days.trade("BTCUSDC", 0, 5, stop=STOP_LOST)
    days.trade("ETHUSDC", 10, 15)
    days.trade("BTCUSDC", 15, 20)
    assert_only(days.judged().violations, "in its cool-down")


def test_an_entry_after_the_day_had_lost_too_much(days: Days) -> None:
    days.equity = {0: 400, 1: 379, 2: 399}
    days.trade("BTCUSDC", 10, 15, quantity=1)
    days.trade("ETHUSDC", 12 * 60 - 1, 12 * 60 + 5, quantity=1)
    days.trade("SOLUSDC", 12 * 60, 12 * 60 + 5, quantity=1)
    found = days.judged(end=800)
    assert ["BTCUSDC" in each or "ETHUSDC" in each for each in found.violations] == [True, True]
    assert len(found.day_limits) == 1


def test_an_entry_after_the_day_had_fallen_too_far_from_its_highest(days: Days) -> None:
    days.equity = {0: 400, 1: 440, 2: 415}
    days.trade("BTCUSDC", 10, 15)
    assert_only(days.judged().violations, "after the day had lost")


def test_what_is_held_when_the_day_has_lost_too_much_is_closed_where_that_is_set(days: Days) -> None:
    days.trade("BTCUSDC", 0, 5)
    days.trade("ETHUSDC", 0, 2)
    days.equity = {0: 400, 1: 400, 2: 379}
    assert days.judged().violations == []
    assert_only(days.judged(replace(LIMITS, day_limit_flattens=True)).violations, "BTCUSDC was held at")


@pytest.mark.parametrize(("until", "requests"), [(None, 1), (1.0, 1), (0.0, 2)])
def test_a_position_without_cover(days: Days, until: float | None, requests: int) -> None:
    until_ms = None if until is None else _ms(until)
    days.spells = [Spell(symbol="BTCUSDC", from_ms=_ms(0), until_ms=until_ms, requests_between=requests)]
    assert_only(days.judged().violations, "BTCUSDC")


def test_an_income_that_the_ledger_does_not_explain(days: Days) -> None:
    found = judge(days.history(), LIMITS, Decimal("0.01"))
    assert_only(found.violations, "-0.01 USDC")


def test_a_position_that_turns_round_at_once_is_no_history_that_it_can_judge(days: Days) -> None:
    days.fill("BTCUSDC", 0, 1)
    days.fill("BTCUSDC", 1, -2)
    with pytest.raises(ValueError, match="turned a position round"):
        holdings_of(days.history())
