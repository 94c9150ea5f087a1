"""The sections: the settings of each part, with units and bounds. A part is handed its own section, not the whole."""

import json
import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

HOLD_MINUTES_MAX = 1_440
SQLITE = "sqlite+aiosqlite:///"

_PATTERN = re.compile(r"^[A-Z0-9*?\[\]!-]+$")


def conflict(key: str, value: object, wanted: str, other: str = "") -> PydanticCustomError:
    """The error of one setting that does not go with another.

    Args: key, the setting within its section, and its value; wanted, the end of the message; other, the setting that
        it does not go with, if that is another one.
    """
    return PydanticCustomError("conflict", "{wanted}", {"key": key, "value": value, "wanted": wanted, "other": other})


def number(value: Any) -> Any:
    """Refuse true and false where a number is wanted: Python takes them for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "a number is wanted")
    return value


def listed(value: Any) -> Any:
    """Read a list from a variable: `a,b` or JSON."""
    if not isinstance(value, str):
        return value
    if not value.strip().startswith("["):
        return [item.strip() for item in value.split(",") if item.strip()]
    try:
        return json.loads(value, parse_float=Decimal)
    except ValueError:
        raise PydanticCustomError("listed", "a list is wanted: a,b or a JSON list") from None


def filled(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse an empty list."""
    if not value:
        raise PydanticCustomError("filled", "at least one is wanted")
    return value


def _pattern(value: str) -> str:
    """Check a pattern of symbols. Symbols are in capitals, so it is read as if it were."""
    if not _PATTERN.match(value.upper()):
        raise PydanticCustomError("pattern", "a symbol or pattern like BTCUSDC or 1000* is wanted")
    return value.upper()


Fraction = Annotated[Decimal, BeforeValidator(number), Field(gt=0, lt=1)]
Share = Annotated[Decimal, BeforeValidator(number), Field(gt=0, le=1)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Section(BaseModel, frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False):
    """What all sections have in common: they do not change, and take no key they do not know."""


class UniverseSettings(Section):
    """Which symbols are in play."""

    volume_quote_min: Annotated[Decimal, BeforeValidator(number)] = Field(
        default=Decimal(1_000_000), ge=0, le=Decimal("1e12"), description="USDC traded in 24 hours"
    )
    atr_fraction_min: Annotated[float, BeforeValidator(number)] = Field(
        default=0.0003, ge=0, lt=1, description="average true range of the 5-minute candles / price"
    )
    atr_fraction_max: Annotated[float, BeforeValidator(number)] = Field(
        default=0.03, gt=0, lt=1, description="above it, a symbol is too wild"
    )
    symbols_min: Annotated[int, BeforeValidator(number)] = Field(
        default=25, ge=1, le=200, description="fewer are reported, and traded all the same"
    )
    symbols_max: Annotated[int, BeforeValidator(number)] = Field(
        default=35, ge=1, le=200, description="the largest ones are traded; what is held stays beside them"
    )
    hysteresis_fraction: Annotated[Decimal, BeforeValidator(number)] = Field(
        default=Decimal("0.2"), ge=0, le=Decimal("0.9"), description="bounds are so much looser for what is in play"
    )
    spread_fraction_max: Annotated[Decimal, BeforeValidator(number)] = Field(
        default=Decimal("0.001"), gt=0, lt=1, description="from the best bid to the best ask / price"
    )
    depth_quote_min: Annotated[Decimal, BeforeValidator(number)] = Field(
        default=Decimal(1_000), ge=0, le=Decimal("1e9"), description="USDC near the price on the thinner side; 0: any"
    )
    depth_reach_fraction: Fraction = Field(
        default=Decimal("0.002"), description="what rests within so much of the price is near it"
    )
    age_days_min: Annotated[int, BeforeValidator(number)] = Field(
        default=14, ge=0, le=3_650, description="since the symbol began to trade"
    )
    delisting_notice_hours: Annotated[int, BeforeValidator(number)] = Field(
        default=48, ge=1, le=720, description="a symbol that is delisted sooner is not entered, and what is held closed"
    )
    rotation_minutes: Annotated[int, BeforeValidator(number)] = Field(
        default=60, ge=5, le=1_440, description="between two choices of the symbols"
    )
    whitelist: Annotated[tuple[Pattern, ...], BeforeValidator(listed)] = Field(
        default=(), description="patterns; empty: every symbol"
    )
    blacklist: Annotated[tuple[Pattern, ...], BeforeValidator(listed)] = Field(
        default=("*TEST*",), description="patterns; stronger than the whitelist"
    )

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.atr_fraction_min >= self.atr_fraction_max:
            raise conflict(
                "atr_fraction_max",
                self.atr_fraction_max,
                f"above {self.atr_fraction_min} is wanted",
                "atr_fraction_min",
            )
        if self.symbols_min > self.symbols_max:
            raise conflict("symbols_max", self.symbols_max, f"at least {self.symbols_min} is wanted", "symbols_min")
        return self


class StrategyChoice(Section):
    """One strategy that is asked for signals, with parameters that it checks itself."""

    name: str = Field(min_length=1, description="a built-in one, or the path of a Python file")
    parameters: dict[str, Any] = Field(default_factory=dict, description="its own; those left out are as it says")

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class DayLimitAction(StrEnum):
    """What follows when a limit of the day is reached."""

    HALT = "halt"  # no entries until 00:00 UTC; what is open goes on under its stop
    FLATTEN = "flatten"  # the same, and what is open is closed at market


class RiskLimits(Section):
    """What the risk guard may allow. A day begins at 00:00 UTC."""

    risk_per_trade_fraction: Fraction = Field(
        default=Decimal("0.01"), description="of the balance, lost when the stop is hit"
    )
    position_notional_fraction_max: Share = Field(
        default=Decimal("0.3"), description="of balance × leverage: the most that one position may be worth"
    )
    exposure_fraction_max: Annotated[Decimal, BeforeValidator(number)] = Field(
        default=Decimal(3), gt=0, le=50, description="all positions together, by notional / equity: 3 is three times it"
    )
    signal_age_s_max: Annotated[float, BeforeValidator(number)] = Field(
        default=30.0, gt=0, le=3_600, description="an entry later than so long after its candle is not made"
    )
    open_positions_max: Annotated[int, BeforeValidator(number)] = Field(
        default=3, ge=1, le=35, description="positions at a time"
    )
    correlated_positions_max: Annotated[int, BeforeValidator(number)] = Field(
        default=2, ge=1, le=35, description="positions at a time that win and lose together, the new one counted"
    )
    correlation_min: Annotated[float, BeforeValidator(number)] = Field(
        default=0.7, gt=0, le=1, description="of log returns, from which on two symbols count as moving together"
    )
    correlation_candles: Annotated[int, BeforeValidator(number)] = Field(
        default=72, ge=20, le=500, description="closed 5-minute candles over which the correlation is taken"
    )
    liquidation_distance_fraction_min: Fraction = Field(
        default=Decimal("0.05"),
        description="move of all positions against us that must not liquidate; always more than the stop's distance",
    )
    stop_streak_max: Annotated[int, BeforeValidator(number)] = Field(
        default=3, ge=1, le=20, description="stop losses in a row, after which entries pause; each further one too"
    )
    stop_streak_pause_minutes: Annotated[int, BeforeValidator(number)] = Field(
        default=60, ge=1, le=1_440, description="how long that pause is, from the last stop loss on"
    )
    cool_down_stop_minutes: Annotated[int, BeforeValidator(number)] = Field(
        default=15, ge=0, le=1_440, description="no entry on a symbol for so long after a stop loss on it; 0: none"
    )
    cool_down_close_minutes: Annotated[int, BeforeValidator(number)] = Field(
        default=0, ge=0, le=1_440, description="no entry on a symbol for so long after any trade on it; 0: none"
    )
    day_loss_fraction_max: Fraction = Field(
        default=Decimal("0.05"), description="of the equity at 00:00 UTC; then no entries until the next 00:00 UTC"
    )
    day_drawdown_fraction_max: Fraction = Field(
        default=Decimal("0.05"),
        description="of the highest equity since 00:00 UTC; then no entries until the next 00:00 UTC",
    )
    day_limit_action: DayLimitAction = Field(
        default=DayLimitAction.HALT, description="halt or flatten: what follows when a limit of the day is reached"
    )
    funding_minutes_before: Annotated[int, BeforeValidator(number)] = Field(
        default=5, ge=0, le=60, description="no entry so shortly before a funding payment that we would pay; 0: any"
    )
    funding_cost_fraction_max: Annotated[Decimal, BeforeValidator(number)] = Field(
        default=Decimal("0.0002"), ge=0, lt=1, description="of the notional: a payment up to this is put up with"
    )
    leverage: Annotated[int, BeforeValidator(number)] = Field(
        default=5, ge=1, le=50, description="at most: in a calm market, with trades that win as often as they should"
    )
    leverage_min: Annotated[int, BeforeValidator(number)] = Field(
        default=1, ge=1, le=50, description="at least, unless the exchange's bracket allows less"
    )
    leverage_atr_fraction: Annotated[float, BeforeValidator(number)] = Field(
        default=0.004, gt=0, lt=1, description="ATR / price up to which the market is calm; twice that halves leverage"
    )
    win_rate_window: Annotated[int, BeforeValidator(number)] = Field(
        default=20, ge=5, le=200, description="closed trades over which the win rate is taken"
    )
    win_rate_target: Fraction = Field(
        default=Decimal("0.55"),
        description="of these trades; the leverage falls with a rate below it. Trades that lack count as meeting it",
    )

    @model_validator(mode="after")
    def _leverage_in_order(self) -> Self:
        if self.leverage_min > self.leverage:
            raise conflict("leverage_min", self.leverage_min, f"at most {self.leverage} is wanted", "leverage")
        return self


class BracketSettings(Section):
    """The shape of every bracket. Fractions are of the entry price."""

    stop_fraction: Fraction = Field(
        default=Decimal("0.02"), description="how far from the entry the stop lies, on the losing side"
    )
    rung_fractions: Annotated[tuple[Fraction, ...], BeforeValidator(listed), AfterValidator(filled)] = Field(
        default=(Decimal("0.004"), Decimal("0.008"), Decimal("0.012")),
        description="how far from the entry the take profits lie, nearest first",
    )
    rung_shares: Annotated[tuple[Share, ...], BeforeValidator(listed)] = Field(
        default=(Decimal("0.4"), Decimal("0.3"), Decimal("0.3")), description="of the quantity, 1 in all"
    )
    break_even_extra_fraction: Annotated[Decimal, BeforeValidator(number)] = Field(
        default=Decimal("0.0005"), ge=0, lt=1, description="how far beyond the entry the break-even stop lies"
    )
    hold_minutes_max: Annotated[int, BeforeValidator(number)] = Field(
        default=10, ge=1, le=HOLD_MINUTES_MAX, description="what is still held after so long is closed at market"
    )

    @model_validator(mode="after")
    def _ladder_fits(self) -> Self:
        rungs, shares = self.rung_fractions, self.rung_shares
        if list(rungs) != sorted(set(rungs)):
            raise conflict("rung_fractions", rungs, "each above the one before it is wanted")
        if len(shares) != len(rungs):
            raise conflict(
                "rung_shares", shares, f"one share for each of {len(rungs)} rungs is wanted", "rung_fractions"
            )
        if sum(shares) != 1:
            raise conflict("rung_shares", shares, f"shares of 1 in all are wanted, not {sum(shares)}")
        if self.break_even_extra_fraction >= rungs[0]:
            wanted = f"less than the first rung's {rungs[0]} is wanted"
            raise conflict("break_even_extra_fraction", self.break_even_extra_fraction, wanted, "rung_fractions")
        return self


def _sqlite_url(value: str) -> str:
    if not value.startswith(SQLITE) or value == SQLITE:
        raise PydanticCustomError("url", f"an address like {SQLITE}var/ratchet.db is wanted")
    return value


class LedgerSettings(Section):
    """Where the memory is kept."""

    url: Annotated[str, AfterValidator(_sqlite_url)] = f"{SQLITE}var/ratchet.db"
