"""What answers tell about the limits, as Binance words it."""

import pytest

from ratchet.exchange.told import Told, told_by

BAN = '{"code":-1003,"msg":"Way too many requests; IP banned until 1700000120000. Please use the websocket."}'


@pytest.mark.parametrize(
    ("status", "headers", "body", "told"),
    [
        (200, {"X-MBX-USED-WEIGHT-1M": "17"}, "{}", Told(weight=17)),
        (400, {"x-mbx-used-weight-1m": "18"}, "{}", Told(weight=18)),
        (
            200,
            {"X-MBX-ORDER-COUNT-10S": "3", "X-MBX-ORDER-COUNT-1M": "9"},
            "{}",
            Told(orders_10s=3, orders_1m=9),
        ),
        (429, {"Retry-After": "7"}, "{}", Told(is_turned_away=True, retry_after_ms=7_000)),
        (418, {}, BAN, Told(is_turned_away=True, is_banned=True, banned_until_ms=1_700_000_120_000)),
        (200, {"Retry-After": "7"}, BAN, Told()),
        (429, {"Retry-After": "soon", "X-MBX-USED-WEIGHT-1M": "-1"}, "<html>", Told(is_turned_away=True)),
    ],
)
def test_an_answer_is_read(status: int, headers: dict[str, str], body: str, told: Told) -> None:
    assert told_by(status, headers, body) == told
