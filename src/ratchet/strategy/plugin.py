"""Strategies as plug-ins: a module with NAME, Parameters and decide, built in or a user's own Python file."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from ratchet.config.sections import StrategyChoice
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.money import exact
from ratchet.domain.signal import NoSignal, Signal
from ratchet.domain.symbol import Symbol
from ratchet.strategy import scalping_v1
from ratchet.strategy.decision import Decision
from ratchet.strategy.indicators import atr

BUILT_IN: Mapping[str, ModuleType] = {scalping_v1.NAME: scalping_v1}
ATR_PERIOD = 14


class BadStrategy(Exception):
    """A strategy that cannot be used. One line: which, what, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy with its parameters. The same `decide` serves live trading, backtest and optimisation."""

    name: str
    parameters: BaseModel
    function: Callable[[CandleArrays, Any], object]  # a Decision, if its author kept to it

    def decide(self, symbol: Symbol, candles: CandleArrays) -> Signal | NoSignal:
        """What it says to the newest closed candle. A strategy that fails says nothing, and why."""
        close_ms = int(candles.open_ms[-1]) + candles.timeframe_ms if len(candles.open_ms) else 0
        try:
            decision = self.function(candles, self.parameters)
        except Exception as error:  # noqa: BLE001 - it is a user's code: whatever it does must not stop the engine
            reason = f"the strategy failed: {type(error).__name__}: {error}"
            return NoSignal(strategy=self.name, symbol=symbol, candle_close_ms=close_ms, reason=reason)
        if not isinstance(decision, Decision):
            reason = f"the strategy answered with a {type(decision).__name__}, a Decision is wanted"
            return NoSignal(strategy=self.name, symbol=symbol, candle_close_ms=close_ms, reason=reason)
        if decision.side is None:
            return NoSignal(
                strategy=self.name,
                symbol=symbol,
                candle_close_ms=close_ms,
                reason=decision.reason or "no side",
                breakdown=decision.votes,
            )
        price = float(candles.close[-1])
        ranges = atr(candles.high, candles.low, candles.close, ATR_PERIOD)
        return Signal(
            strategy=self.name,
            symbol=symbol,
            side=decision.side,
            candle_close_ms=close_ms,
            price=exact(price),
            atr_fraction=float(np.nan_to_num(ranges[-1])) / price,
            breakdown=decision.votes,
        )


def load_strategy(choice: StrategyChoice) -> Strategy:
    """A built-in strategy by its name, or a user's by the path of its file.

    Raises: BadStrategy.
    """
    module = BUILT_IN.get(choice.name)
    if module is None:
        module = _load_file(choice.name)
    decide, kind = getattr(module, "decide", None), getattr(module, "Parameters", None)
    if not callable(decide):
        raise BadStrategy(f"{choice.name}: it has no function decide(candles, parameters)")
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        raise BadStrategy(f"{choice.name}: it has no class Parameters(BaseModel)")
    try:
        parameters = kind.model_validate(choice.parameters)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadStrategy(f"{choice.name}: parameter {name}: {first['msg']}") from None
    return Strategy(str(getattr(module, "NAME", Path(choice.name).stem)), parameters, decide)


def _load_file(name: str) -> ModuleType:
    path = Path(name)
    if path.suffix != ".py":
        known = ", ".join(sorted(BUILT_IN))
        raise BadStrategy(f"there is no strategy {name}; known are {known}, or the path of a Python file")
    if not path.is_file():
        raise BadStrategy(f"{path}: there is no such file")
    spec = importlib.util.spec_from_file_location(f"ratchet_user_strategy_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise BadStrategy(f"{path}: it cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise BadStrategy(f"{path}: line {error.lineno}: {error.msg}") from None
    except Exception as error:  # noqa: BLE001 - it is a user's code: whatever it raises is told in one line
        raise BadStrategy(f"{path}: loading it failed: {type(error).__name__}: {error}") from None
    return module
