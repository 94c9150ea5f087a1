"""Spot's answers and frames, as they are documented, read as values."""

from decimal import Decimal
from typing import Any

import pytest

from ratchet.domain.order import OrderStatus, Side
from ratchet.domain.symbol import Symbol
from ratchet.exchange.errors import BadReply
from ratchet.exchange.parse_spot import balances, execution_report, fill, order_report, pairs

TRUMP = Symbol("TRUMPUSDC")
FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000.00", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000.000", "stepSize": "0.001"},
]
BY_SIDE = {
    "filterType": "PERCENT_PRICE_BY_SIDE",
    "bidMultiplierUp": "1.3",
    "bidMultiplierDown": "0.2",
    "askMultiplierUp": "5",
    "askMultiplierDown": "0.8",
    "avgPriceMins": 5,
}


def info(*more: dict[str, object]) -> dict[str, object]:
    row = {
        "symbol": TRUMP,
        "status": "TRADING",
        "baseAsset": "TRUMP",
        "quoteAsset": "USDC",
        "filters": [*FILTERS, *more],
    }
    return {"symbols": [row]}


def report(**other: object) -> dict[str, Any]:
    return {
        "e": "executionReport",
        "s": TRUMP,
        "c": "web_1",
        "C": "",
        "S": "BUY",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "q": "10",
        "z": "4",
        "Z": "20.4",
        "i": 7,
        "T": 99,
        "t": 5,
        "L": "5.1",
        "l": "4",
        "n": "0.004",
        "N": "TRUMP",
        "m": False,
        **other,
    }


def test_a_pair_has_the_newer_filters_and_the_older_ones() -> None:
    newer = pairs(info(BY_SIDE, {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000000"}))[TRUMP]
    assert (newer.notional_min, newer.notional_max) == (Decimal(5), Decimal(9_000_000))
    assert (newer.bid_multiplier_down, newer.ask_multiplier_up) == (Decimal("0.2"), Decimal(5))
    older = pairs(
        info(
            {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.3", "avgPriceMins": 5},
            {"filterType": "MIN_NOTIONAL", "minNotional": "10", "applyToMarket": True, "avgPriceMins": 5},
        )
    )[TRUMP]
    assert (older.notional_min, older.notional_max) == (Decimal(10), None)
    assert (older.bid_multiplier_up, older.ask_multiplier_down) == (Decimal(5), Decimal("0.3"))
    assert older.is_trading


def test_a_pair_without_a_step_is_not_guessed() -> None:
    broken = info()
    broken["symbols"][0]["filters"][1] = FILTERS[1] | {"stepSize": "0"}  # type: ignore[index]
    with pytest.raises(BadReply, match="stepSize"):
        pairs(broken)


def test_an_execution_is_read_off_the_stream_and_off_the_history_alike() -> None:
    told = execution_report(report())
    row = {
        "id": 5,
        "orderId": 7,
        "symbol": TRUMP,
        "isBuyer": True,
        "isMaker": False,
        "price": "5.1",
        "qty": "4",
        "commission": "0.004",
        "commissionAsset": "TRUMP",
        "time": 99,
    }
    found = fill(row)
    assert told.fill is not None
    assert told.report.price_average == Decimal("5.1")
    for name in ("fill_id", "order_id", "side", "price", "quantity", "fee", "fee_asset", "is_maker", "at_ms"):
        assert getattr(told.fill, name) == getattr(found, name), name


def test_a_cancelled_order_keeps_its_own_name() -> None:
    told = execution_report(report(x="CANCELED", X="CANCELED", c="the-cancels", C="web_1"))
    assert (told.report.client_order_id, told.report.status, told.fill) == ("web_1", OrderStatus.CANCELED, None)
    answered = {
        "symbol": TRUMP,
        "orderId": 7,
        "origClientOrderId": "web_1",
        "clientOrderId": "the-cancels",
        "transactTime": 3,
        "executedQty": "0",
        "cummulativeQuoteQty": "0",
        "origQty": "10",
        "status": "CANCELED",
        "side": "SELL",
    }
    assert order_report(answered).client_order_id == "web_1"
    assert order_report(answered).side is Side.SELL


def test_what_no_spot_order_is_in_is_not_understood() -> None:
    with pytest.raises(BadReply, match="X is 'SOLD'"):
        execution_report(report(X="SOLD"))
    with pytest.raises(BadReply, match="S is 'HOLD'"):
        execution_report(report(S="HOLD"))


def test_balances_are_free_and_locked() -> None:
    held = balances({"balances": [{"asset": "TRUMP", "free": "1.5", "locked": "0.5"}]})
    assert held["TRUMP"].total == Decimal(2)
