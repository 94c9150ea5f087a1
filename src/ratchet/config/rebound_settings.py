"""The spot companion's section of the settings."""

import json
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ratchet.config.sections import Section, number

Percent = Annotated[Decimal, BeforeValidator(number), Field(gt=0, le=1_000)]


def _by_symbol(value: Any) -> Any:
    """Read `TRUMPUSDC=1.5,BTCUSDC=0.8` or a JSON object from a variable."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith("{"):
        try:
            return json.loads(value, parse_float=Decimal)
        except ValueError:
            raise PydanticCustomError("by_symbol", "TRUMPUSDC=1.5,BTCUSDC=0.8 or a JSON object is wanted") from None
    pairs = [item.partition("=") for item in value.split(",") if item.strip()]
    if not all(found and name.strip() for name, found, _ in pairs):
        raise PydanticCustomError("by_symbol", "TRUMPUSDC=1.5,BTCUSDC=0.8 or a JSON object is wanted")
    return {name.strip(): percent.strip() for name, _, percent in pairs}


def _in_capitals(value: dict[str, Decimal]) -> dict[str, Decimal]:
    return {name.upper(): percent for name, percent in value.items()}


class ReboundSettings(Section):
    """What is placed for what a person buys by hand on spot."""

    percent: Percent = Field(default=Decimal(1), description="above its average price what was bought is sold")
    percent_by_symbol: Annotated[dict[str, Percent], BeforeValidator(_by_symbol), AfterValidator(_in_capitals)] = Field(
        default_factory=dict, description="for symbols that have another one: TRUMPUSDC=1.5,BTCUSDC=0.8"
    )
    settle_s: Annotated[float, BeforeValidator(number)] = Field(
        default=10.0,
        ge=0.5,
        le=86_400,
        description="an open BUY that was quiet for so long is sold as far as it filled",
    )
    sweep_s: Annotated[float, BeforeValidator(number)] = Field(
        default=30.0, ge=1, le=3_600, description="between two looks at a symbol's executions and orders"
    )
    buy_back_count: Annotated[int, BeforeValidator(number)] = Field(
        default=0, ge=0, le=1_000, description="what was sold is bought back so often a day and symbol; 0: never"
    )
    buy_back_percent: Annotated[Decimal, BeforeValidator(number)] = Field(
        default=Decimal(1), gt=0, lt=100, description="below the price of its SELL"
    )
    buy_back_quote_max: Annotated[Decimal, BeforeValidator(number)] = Field(
        default=Decimal(50), ge=0, le=Decimal("1e9"), description="USDC that all open BUYs back may cost together"
    )

    def percent_of(self, symbol: str) -> Decimal:
        """Above its average price what was bought of a symbol is sold."""
        return self.percent_by_symbol.get(symbol, self.percent)
