"""The costs of requests: every endpoint that is asked has one."""

import re
from pathlib import Path

import pytest

import ratchet.exchange
from ratchet.exchange.cost import COSTS, COSTS_BY_SYMBOL, DEPTH, KLINES, Cost, cost_of


@pytest.mark.parametrize(
    ("limit", "weight"), [(99, 1), (100, 2), (499, 2), (None, 5), (500, 5), (1_000, 5), (1_001, 10), (1_500, 10)]
)
def test_candles_cost_by_how_many_are_asked_for(limit: int | None, weight: int) -> None:
    parameters: dict[str, object] = {} if limit is None else {"limit": limit}
    assert cost_of(KLINES, parameters) == Cost(weight)


@pytest.mark.parametrize(("limit", "weight"), [(5, 2), (50, 2), (100, 5), (500, 10), (None, 10), (1_000, 20)])
def test_books_cost_by_how_many_levels_are_asked_for(limit: int | None, weight: int) -> None:
    parameters: dict[str, object] = {} if limit is None else {"limit": limit}
    assert cost_of(DEPTH, parameters) == Cost(weight)


def test_what_is_asked_of_all_symbols_at_once_is_dear() -> None:
    for method in ("fapiPrivateGetOpenOrders", "fapiPrivateGetOpenAlgoOrders", "fapiPublicGetTicker24hr"):
        assert cost_of(method, {"symbol": "BTCUSDC"}) == Cost(1)
        assert cost_of(method, {}) == Cost(40)


def test_every_endpoint_that_is_asked_has_a_cost() -> None:
    folder = Path(ratchet.exchange.__file__).parent
    asked = {
        name
        for file in folder.glob("*.py")
        for name in re.findall(
            r'"((?:fapiP|p)(?:ublic|rivate)V?\d?(?:Get|Post|Put|Delete)\w+)"', file.read_text("utf-8")
        )
    }
    assert len(asked) > 15
    assert asked == {*COSTS, *COSTS_BY_SYMBOL, KLINES, DEPTH}
