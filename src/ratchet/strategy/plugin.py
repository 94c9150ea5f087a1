"""Strategies as plug-ins: a module with NAME, Parameters and decide, built in or a user's own Python file."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from ratchet.config.sections import StrategyChoice
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.money import exact
from ratchet.domain.order import Side
from ratchet.domain.signal import Kind, NoSignal, Signal, Vote
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
        if not len(candles.close):
            return NoSignal(strategy=self.name, symbol=symbol, candle_close_ms=0, reason="there are no candles")
        close_ms = int(candles.open_ms[-1]) + candles.timeframe_ms
        decision = self._ask(candles)
        if decision.side is None:
            return NoSignal(
                strategy=self.name,
                symbol=symbol,
                candle_close_ms=close_ms,
                reason=decision.reason or "no side",
                breakdown=decision.votes,
                is_fault=decision.is_fault,
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

    def _ask(self, candles: CandleArrays) -> Decision:
        try:
            answer = self.function(_read_only(candles), self.parameters)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is a user's code: it must not stop the engine
            return Decision(side=None, reason=f"the strategy failed: {_told(error)}", is_fault=True)
        flaw = _flaw(answer)
        if flaw or not isinstance(answer, Decision):
            return Decision(side=None, reason=f"the strategy answered with {flaw}", is_fault=True)
        return answer


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
    if inspect.iscoroutinefunction(decide) or not _takes_two(decide):
        raise BadStrategy(f"{choice.name}: its decide is not a plain function of (candles, parameters)")
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        raise BadStrategy(f"{choice.name}: it has no class Parameters(BaseModel)")
    try:
        # An unknown parameter is a slip of the pen. Only an author who asks for them gets them.
        parameters = kind.model_validate(choice.parameters, extra=kind.model_config.get("extra", "forbid"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        which = "parameter " + ".".join(str(part) for part in first["loc"]) if first["loc"] else "parameters"
        raise BadStrategy(f"{choice.name}: {which}: {_one_line(first['msg'])}") from None
    except Exception as error:  # noqa: BLE001 - a user's validators: whatever they raise is told in one line
        raise BadStrategy(f"{choice.name}: its parameters cannot be read: {_told(error)}") from None
    return Strategy(str(getattr(module, "NAME", Path(choice.name).stem)), parameters, decide)


def _load_file(name: str) -> ModuleType:
    path = Path(name)
    if path.suffix != ".py":
        known = ", ".join(sorted(BUILT_IN))
        raise BadStrategy(f"there is no strategy {name}; known are {known}, or the path of a Python file")
    if not path.is_file():
        raise BadStrategy(f"{path}: there is no such file")
    name_inside = f"ratchet_user_strategy:{path.resolve()}"
    spec = importlib.util.spec_from_file_location(name_inside, path)
    if spec is None or spec.loader is None:
        raise BadStrategy(f"{path}: it cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name_inside] = module  # dataclasses and pydantic look their annotations up there
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        sys.modules.pop(name_inside, None)
        where = f"line {error.lineno}: " if error.lineno else ""
        raise BadStrategy(f"{path}: {where}{_one_line(error.msg)}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's code: whatever it raises is told in one line
        sys.modules.pop(name_inside, None)
        raise BadStrategy(f"{path}: loading it failed: {_told(error)}") from None
    return module


def _takes_two(decide: Callable[..., object]) -> bool:
    try:
        inspect.signature(decide).bind(None, None)
    except TypeError:
        return False
    return True


def _read_only(candles: CandleArrays) -> CandleArrays:
    """The same candles, as views that cannot be written to: other strategies see them too."""
    views = {}
    for name in ("open_ms", "open", "high", "low", "close", "volume"):
        views[name] = getattr(candles, name).view()
        views[name].flags.writeable = False
    return replace(candles, **views)


def _flaw(answer: object) -> str:
    """What keeps an answer from being a Decision that can be acted on and written down; empty if nothing does."""
    if not isinstance(answer, Decision):
        return f"a {type(answer).__name__}, a Decision is wanted"
    told: Mapping[str, Any] = {"side": answer.side, "votes": answer.votes, "reason": answer.reason}
    if not isinstance(told["side"], Side | None):
        return f"the side {told['side']!r}, Side.BUY, Side.SELL or None is wanted"
    if not isinstance(told["reason"], str):
        return f"the reason {told['reason']!r}, text is wanted"
    if not (isinstance(told["votes"], tuple) and all(_is_vote(vote) for vote in told["votes"])):
        return "votes that are not a tuple of Vote(name, kind, side, value, note), each of the type it says"
    return ""


def _is_vote(vote: object) -> bool:
    if not isinstance(vote, Vote):
        return False
    parts: tuple[tuple[Any, Any], ...] = (
        (vote.name, str),
        (vote.kind, Kind),
        (vote.side, Side | None),
        (vote.value, float | int),  # a numpy.float32 is neither, and no ledger would take it
        (vote.note, str),
    )
    return all(isinstance(part, kind) for part, kind in parts)


def _told(error: BaseException) -> str:
    return _one_line(f"{type(error).__name__}: {error}")


def _one_line(text: str) -> str:
    return " ".join(text.split())
