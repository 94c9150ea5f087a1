"""Spot's numbers: whose they are, and whether the market has kept to them."""

import json
from decimal import Decimal
from importlib.resources import files
from typing import Any

import polars as pl
import pytest

from localbinance.rules.spot_rules import SpotSymbolRules, load_spot_rules
from tests.recorded import RECORDED, needs_recorded

TABLE: dict[str, Any] = json.loads((files("localbinance.rules") / "spot_rules.json").read_text(encoding="utf-8"))
ROWS = [dict(zip(TABLE["columns"], row, strict=True)) for row in TABLE["symbols"]]
SOURCES: dict[str, dict[str, str]] = TABLE["sources"]
PRICES = ("open", "high", "low", "close")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["base"])
def test_a_pair_says_where_its_numbers_are_from(row: dict[str, str]) -> None:
    steps, bounds = SOURCES[row["steps_from"]], SOURCES[row["bounds_from"]]
    assert steps["kind"] == "recorded"
    assert bounds["kind"] in {"recorded", "derived"}


@pytest.mark.parametrize("group", ["fees", "rate_limits", "filters"])
def test_what_all_pairs_share_says_where_it_is_from(group: str) -> None:
    assert TABLE[group]["from"] in SOURCES


def test_a_source_says_what_it_is_and_a_recording_when() -> None:
    named = {row[column] for row in ROWS for column in ("steps_from", "bounds_from")}
    named |= {TABLE[group]["from"] for group in ("fees", "rate_limits", "filters")}
    assert named == set(SOURCES)
    assert all(each["what"] for each in SOURCES.values())
    assert all(each["date"] for each in SOURCES.values() if each["kind"] != "derived")


def test_there_are_twenty_pairs_whose_numbers_are_all_recorded() -> None:
    recorded = [row for row in ROWS if SOURCES[row["bounds_from"]]["kind"] == "recorded"]
    assert len(recorded) >= 20
    assert "TRUMPUSDC" in load_spot_rules().symbols


@pytest.mark.parametrize("rules", load_spot_rules().symbols.values(), ids=lambda rules: rules.symbol)
def test_bounds_lie_on_the_steps_and_what_is_worth_least_can_be_bought(rules: SpotSymbolRules) -> None:
    assert rules.price_max % rules.price_tick == 0 == rules.quantity_max % rules.quantity_step
    assert rules.price_min < rules.price_max
    assert rules.quantity_min < rules.quantity_market_max
    assert rules.quantity_max * rules.price_max > rules.notional_min > 0


@needs_recorded
def test_recorded_prices_lie_on_the_tick_and_volumes_on_the_step() -> None:
    seen = 0
    for path in sorted((RECORDED / "binance-spot").glob("*.parquet")):
        rules = load_spot_rules().symbols.get(path.stem.split("-")[0])
        if rules is None:
            continue
        table = pl.read_parquet(path)
        prices = {_exact(price) for column in PRICES for price in table[column]}
        volumes = {_exact(volume) for volume in table["volume"]}
        assert not {price for price in prices if price % rules.price_tick}
        assert not {volume for volume in volumes if volume % rules.quantity_step}
        # A tick or step that is too fine fits as well: some must need it.
        assert any(price % (rules.price_tick * 10) for price in prices)
        assert any(volume % (rules.quantity_step * 10) for volume in volumes)
        seen += 1
    assert seen


def _exact(value: float) -> Decimal:
    # Published as floats: the shortest text is what the exchange sent.
    return Decimal(repr(value))
