"""A strategy of one's own: buys a return from below the lower Bollinger band, sells one from above the upper."""

from pydantic import BaseModel

from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.order import Side
from ratchet.domain.signal import Kind, Vote
from ratchet.strategy.decision import Decision
from ratchet.strategy.indicators import bollinger, rsi

NAME = "bollinger"


class Parameters(BaseModel):
    period: int = 20
    deviations: float = 2.0


def decide(candles: CandleArrays, parameters: Parameters) -> Decision:
    upper, _, lower = bollinger(candles.close, parameters.period, parameters.deviations)
    before, now = candles.close[-2:]
    side = Side.BUY if before < lower[-2] and now > lower[-1] else None
    side = Side.SELL if before > upper[-2] and now < upper[-1] else side
    strength = float(rsi(candles.close)[-1])
    vote = Vote(name="band", kind=Kind.MOMENTUM, side=side, value=strength, note=f"RSI {strength:.0f}")
    return Decision(side=side, votes=(vote,), reason="no return into the bands")
