"""Rate limits: windows that align to the exchange clock, 429, the ban that follows who does not listen."""

import pytest

from localbinance.server.rate_limit import DEPTH_WEIGHT, GRACE_REQUESTS, KLINES_WEIGHT, Limited, RateLimits

MINUTE_MS = 60_000
NOW_MS = 1_750_000_020_000  # the start of a minute
HERE = "127.0.0.1"


def limited(status: int, retry_after_s: int) -> pytest.RaisesExc[Limited]:
    return pytest.RaisesExc(
        Limited, check=lambda no: (no.rejection.status, no.retry_after_s) == (status, retry_after_s)
    )


def test_weights_add_up_within_a_minute_of_the_clock_and_start_anew_with_the_next() -> None:
    limits = RateLimits()
    assert [limits.weigh(HERE, weight, NOW_MS) for weight in (1, 5, 40)] == [1, 6, 46]
    assert limits.weigh(HERE, 1, NOW_MS + MINUTE_MS - 1) == 47
    assert limits.weigh(HERE, 1, NOW_MS + MINUTE_MS) == 1


def test_addresses_are_counted_apart() -> None:
    limits = RateLimits()
    limits.weigh(HERE, 100, NOW_MS)
    assert limits.weigh("::1", 1, NOW_MS) == 1


def test_the_last_weight_that_fits_is_let_through_and_the_next_told_when_to_come_again() -> None:
    limits = RateLimits(weight_per_minute=100)
    limits.weigh(HERE, 100, NOW_MS)
    with limited(429, 50):
        limits.weigh(HERE, 1, NOW_MS + 10_000)
    assert limits.weigh(HERE, 1, NOW_MS + MINUTE_MS) == 1


def exhausted(limits: RateLimits, now_ms: int) -> None:
    """Use up the minute and go on until the ban is one request away."""
    limits.weigh(HERE, 100, now_ms)
    for _ in range(GRACE_REQUESTS):
        with limited(429, 60):
            limits.weigh(HERE, 1, now_ms)


def test_who_goes_on_is_banned_for_longer_each_time() -> None:
    limits = RateLimits(weight_per_minute=100)
    exhausted(limits, NOW_MS)
    with limited(418, 121):
        limits.weigh(HERE, 1, NOW_MS)
    with limited(418, 1):
        limits.weigh(HERE, 1, NOW_MS + 2 * MINUTE_MS - 1)
    exhausted(limits, NOW_MS + 2 * MINUTE_MS)
    with limited(418, 241):
        limits.weigh(HERE, 1, NOW_MS + 2 * MINUTE_MS)


def test_orders_are_counted_in_ten_seconds_and_in_the_minute() -> None:
    limits = RateLimits(orders_per_10s=2, orders_per_span=3)
    assert limits.count_orders("a", 1, 1, NOW_MS) == (1, 1)
    assert limits.count_orders("a", 1, 1, NOW_MS) == (2, 2)
    assert limits.count_orders("b", 1, 1, NOW_MS) == (1, 1)
    with limited(429, 10):
        limits.count_orders("a", 1, 1, NOW_MS)
    with limited(429, 50):
        limits.count_orders("a", 1, 1, NOW_MS + 10_000)
    assert limits.count_orders("a", 1, 1, NOW_MS + MINUTE_MS) == (1, 1)


def test_limits_of_zero_count_and_never_refuse() -> None:
    limits = RateLimits(0, 0, 0)
    assert limits.weigh(HERE, 10**6, NOW_MS) == 10**6
    assert limits.count_orders("a", 10**6, 10**6, NOW_MS) == (10**6, 10**6)


@pytest.mark.parametrize(("limit", "weight"), [("99", 1), ("100", 2), ("500", 5), ("1000", 5), ("1001", 10), ("", 5)])
def test_candles_are_dearer_the_more_are_asked_for(limit: str, weight: int) -> None:
    assert KLINES_WEIGHT({"limit": limit}) == weight


@pytest.mark.parametrize("nonsense", ["many", "²", "-5", "9" * 5_000])
def test_a_limit_that_is_none_weighs_something_and_breaks_nothing(nonsense: str) -> None:
    assert DEPTH_WEIGHT({"limit": nonsense}) in (10, 20)
