"""The spot companion's settings, as a person writes them."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from ratchet.config.rebound_settings import ReboundSettings


def test_a_symbol_has_its_own_percentage_or_the_usual_one() -> None:
    settings = ReboundSettings.model_validate({"percent": "2", "percent_by_symbol": "trumpusdc=1.5, BTCUSDC=0.8"})
    assert settings.percent_of("TRUMPUSDC") == Decimal("1.5")
    assert settings.percent_of("BTCUSDC") == Decimal("0.8")
    assert settings.percent_of("SOLUSDC") == Decimal(2)


def test_a_json_object_is_taken_and_its_numbers_are_exact() -> None:
    settings = ReboundSettings.model_validate({"percent_by_symbol": '{"TRUMPUSDC": 1.1}'})
    assert settings.percent_of("TRUMPUSDC") == Decimal("1.1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"percent": 0},
        {"percent": True},
        {"percent_by_symbol": "TRUMPUSDC"},
        {"percent_by_symbol": "=1"},
        {"percent_by_symbol": "{"},
        {"percent_by_symbol": "TRUMPUSDC=-1"},
        {"settle_s": 0},
        {"buy_back_count": -1},
        {"buy_back_percent": 100},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReboundSettings.model_validate(wrong)


def test_nothing_is_bought_back_unless_somebody_says_so() -> None:
    assert ReboundSettings().buy_back_count == 0
