"""A strategy that always wants in, so that every symbol sends an entry at every candle."""

from pydantic import BaseModel

from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.order import Side
from ratchet.strategy.decision import Decision
from ratchet.strategy.indicators import ema, macd, rsi


class Parameters(BaseModel):
    """None."""


def decide(candles: CandleArrays, _parameters: Parameters) -> Decision:
    """Compute what a real strategy computes, then buy."""
    ema(candles.close, 9)
    ema(candles.close, 21)
    macd(candles.close)
    rsi(candles.close)
    return Decision(side=Side.BUY)
