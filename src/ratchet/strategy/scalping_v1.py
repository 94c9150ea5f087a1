"""ScalpingV1: enters when the cross of its EMAs is fresh and both trend and momentum are with it.

Trend: EMA 9 against EMA 21, where EMA 21 is heading, the MACD line against its signal. Momentum: RSI beyond its middle,
the MACD histogram growing. Filters: the ATR within bounds, the RSI not exhausted.
On recorded 5-minute candles it speaks about once in two hours per symbol: a cross is an event, a trend is not.
"""

from typing import Self

import numpy as np
from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from ratchet.domain.candle_arrays import CandleArrays, Floats
from ratchet.domain.order import Side
from ratchet.domain.signal import Kind, Vote
from ratchet.strategy.decision import Decision, one_and_one
from ratchet.strategy.indicators import atr, ema, macd, rsi

NAME = "scalping_v1"
CANDLES_MAX = 150  # what a strategy is handed: one that wants more would never speak


class Parameters(BaseModel, frozen=True, extra="forbid"):
    """Periods in candles; RSI in points; ATR as a fraction of the price."""

    ema_fast: int = Field(default=9, ge=2, le=100)
    ema_slow: int = Field(default=21, ge=3, le=200)
    slope_candles: int = Field(default=3, ge=1, le=20)
    rsi_period: int = Field(default=14, ge=2, le=100)
    rsi_beyond_middle: float = Field(default=5.0, ge=0, le=30)
    rsi_exhausted: float = Field(default=25.0, gt=0, lt=50, description="distance from 0 and 100")
    macd_fast: int = Field(default=12, ge=2, le=100)
    macd_slow: int = Field(default=26, ge=3, le=200)
    macd_signal: int = Field(default=9, ge=2, le=50)
    atr_period: int = Field(default=14, ge=2, le=100)
    atr_fraction_min: float = Field(default=0.0008, ge=0, lt=1)
    atr_fraction_max: float = Field(default=0.02, gt=0, lt=1)
    fresh_candles: int = Field(default=1, ge=1, le=10, description="how old a cross may be")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        pairs = (("ema_fast", "ema_slow"), ("macd_fast", "macd_slow"), ("atr_fraction_min", "atr_fraction_max"))
        for low, high in pairs:
            if getattr(self, low) >= getattr(self, high):
                told = {"low": low, "value": getattr(self, low), "high": high, "most": getattr(self, high)}
                raise PydanticCustomError("order", "{low} is {value}, less than {high}'s {most} is wanted", told)
        if (wanted := candles_wanted(self)) > CANDLES_MAX:
            told = {"wanted": wanted, "most": CANDLES_MAX}
            raise PydanticCustomError("candles", "they need {wanted} candles, {most} at most are there", told)
        return self


def candles_wanted(parameters: Parameters) -> int:
    """How many candles the slowest indicator needs, with some for it to settle."""
    slowest = max(
        parameters.ema_slow, parameters.macd_slow + parameters.macd_signal, parameters.rsi_period, parameters.atr_period
    )
    return slowest + parameters.slope_candles + parameters.fresh_candles + 10


def decide(candles: CandleArrays, parameters: Parameters) -> Decision:
    """Decide on the newest closed candle."""
    wanted = candles_wanted(parameters)
    if len(candles.close) < wanted:
        return Decision(side=None, reason=f"{len(candles.close)} candles, {wanted} are wanted")
    close = candles.close
    fast, slow = ema(close, parameters.ema_fast), ema(close, parameters.ema_slow)
    _, _, histogram = macd(close, parameters.macd_fast, parameters.macd_slow, parameters.macd_signal)
    strength = rsi(close, parameters.rsi_period)
    fraction = float(atr(candles.high, candles.low, close, parameters.atr_period)[-1] / close[-1])
    crossed = _fresh_cross(fast - slow, parameters.fresh_candles)
    votes = (
        _above_below("ema", Kind.TREND, float(fast[-1] - slow[-1]), "EMA fast against slow"),
        _above_below(
            "ema_slope", Kind.TREND, float(slow[-1] - slow[-1 - parameters.slope_candles]), "slow EMA is heading"
        ),
        _above_below("macd", Kind.TREND, float(histogram[-1]), "MACD line against its signal"),
        _rsi_vote(float(strength[-1]), parameters),
        _growing(histogram),
        _atr_filter(fraction, parameters),
        _exhaustion_filter(float(strength[-1]), crossed, parameters),
    )
    if crossed is None:
        return Decision(side=None, votes=votes, reason="no fresh cross")
    return one_and_one(votes, crossed)


def _fresh_cross(distance: Floats, candles: int) -> Side | None:
    """The side to which a series has crossed 0 within the last candles, and has stayed on."""
    now, before = distance[-1], distance[-1 - candles]
    if np.isnan(before) or now == 0 or np.sign(now) == np.sign(before):
        return None
    return Side.BUY if now > 0 else Side.SELL


def _above_below(name: str, kind: Kind, value: float, what: str) -> Vote:
    side = None if value == 0 else Side.BUY if value > 0 else Side.SELL
    word = "level" if side is None else "above, up" if side is Side.BUY else "below, down"
    return Vote(name=name, kind=kind, side=side, value=value, note=f"{what}: {word}")


def _rsi_vote(value: float, parameters: Parameters) -> Vote:
    side = None
    if abs(value - 50) > parameters.rsi_beyond_middle:
        side = Side.BUY if value > 50 else Side.SELL
    return Vote(name="rsi", kind=Kind.MOMENTUM, side=side, value=value, note=f"RSI {value:.0f}")


def _growing(histogram: Floats) -> Vote:
    value, change = float(histogram[-1]), float(histogram[-1] - histogram[-2])
    grows = value * change > 0
    side = None if not grows else Side.BUY if value > 0 else Side.SELL
    note = f"MACD histogram {'grows' if grows else 'shrinks'}"
    return Vote(name="macd_histogram", kind=Kind.MOMENTUM, side=side, value=value, note=note)


def _atr_filter(fraction: float, parameters: Parameters) -> Vote:
    fits = parameters.atr_fraction_min <= fraction <= parameters.atr_fraction_max
    bounds = f"{parameters.atr_fraction_min:.2%} to {parameters.atr_fraction_max:.2%}"
    return Vote(
        name="atr",
        kind=Kind.FILTER,
        side=Side.BUY if fits else None,
        value=fraction,
        note=f"ATR {fraction:.3%}, {bounds} is wanted",
    )


def _exhaustion_filter(value: float, wanted: Side | None, parameters: Parameters) -> Vote:
    high, low = 100 - parameters.rsi_exhausted, parameters.rsi_exhausted
    is_exhausted = (wanted is Side.BUY and value > high) or (wanted is Side.SELL and value < low)
    return Vote(
        name="rsi_exhaustion",
        kind=Kind.FILTER,
        side=None if is_exhausted else Side.BUY,
        value=value,
        note=f"RSI {value:.0f}, {low:.0f} to {high:.0f} is wanted",
    )
