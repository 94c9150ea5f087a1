"""Strategies of users: loaded, checked, and kept from doing harm."""

from pathlib import Path

import numpy as np
import pytest

from ratchet.config.sections import StrategyChoice
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.signal import NoSignal, Signal
from ratchet.domain.symbol import Symbol
from ratchet.strategy.plugin import BadStrategy, load_strategy
from tests.unit.ratchet.strategy.candles import STEP_MS, candles_of, random_walk

SYMBOL = Symbol("BTCUSDC")
EXAMPLE = Path(__file__).parents[4] / "examples" / "bollinger.py"

GOOD = """
from pydantic import BaseModel
from ratchet.domain.order import Side
from ratchet.strategy.decision import Decision

class Parameters(BaseModel):
    level: float = 1.0

def decide(candles, parameters):
    return Decision(side=Side.BUY if candles.close[-1] > parameters.level else None)
"""


def written(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text)
    return str(path)


def test_a_users_file_becomes_a_strategy_with_its_parameters(tmp_path: Path) -> None:
    strategy = load_strategy(StrategyChoice(name=written(tmp_path, GOOD), parameters={"level": 99}))
    said = strategy.decide(SYMBOL, candles_of(np.full(30, 100.25)))
    assert isinstance(said, Signal)
    assert (said.strategy, str(said.price), said.candle_close_ms) == ("mine", "100.25", 30 * STEP_MS)
    assert isinstance(strategy.decide(SYMBOL, candles_of(np.full(30, 98.0))), NoSignal)


def test_a_signal_carries_its_votes_and_how_far_the_price_ranges() -> None:
    strategy = load_strategy(StrategyChoice(name="scalping_v1"))
    said = [strategy.decide(SYMBOL, candles_of(random_walk(seed))) for seed in range(200)]
    signal = next(each for each in said if isinstance(each, Signal))
    votes = {vote.name: vote for vote in signal.breakdown}
    assert signal.atr_fraction == pytest.approx(votes["atr"].value)
    assert {"ema", "ema_slope", "macd", "rsi", "macd_histogram", "atr", "rsi_exhaustion"} == set(votes)
    silent = next(each for each in said if isinstance(each, NoSignal))
    assert {vote.name for vote in silent.breakdown} == set(votes)


def test_the_example_loads_and_speaks_now_and_then() -> None:
    strategy = load_strategy(StrategyChoice(name=str(EXAMPLE)))
    said = [strategy.decide(SYMBOL, candles_of(random_walk(seed))) for seed in range(400)]
    signals = [each for each in said if isinstance(each, Signal)]
    assert 5 <= len(signals) <= 200
    assert not [each for each in said if isinstance(each, NoSignal) and "failed" in each.reason]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("def decide(:", "line 1: invalid syntax"),
        ("x = 1 / 0", "loading it failed: ZeroDivisionError"),
        ("x = 1", "it has no function decide"),
        ("def decide(candles, parameters): ...", "it has no class Parameters"),
        ("raise ValueError('two\\nlines')", "loading it failed: ValueError: two lines"),
        ("raise SystemExit(4)", "loading it failed: SystemExit"),
        ("def decide(candles): ...", r"not a plain function of \(candles, parameters\)"),
        ("async def decide(candles, parameters): ...", "not a plain function"),
    ],
)
def test_a_file_that_is_no_strategy_is_refused_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(BadStrategy, match=complaint) as refused:
        load_strategy(StrategyChoice(name=written(tmp_path, text)))
    assert "\n" not in str(refused.value)


def test_unknown_names_missing_files_and_wrong_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadStrategy, match="there is no strategy scalping_v9; known are scalping_v1"):
        load_strategy(StrategyChoice(name="scalping_v9"))
    with pytest.raises(BadStrategy, match="there is no such file"):
        load_strategy(StrategyChoice(name=str(tmp_path / "none.py")))
    with pytest.raises(BadStrategy, match="parameter ema_fast"):
        load_strategy(StrategyChoice(name="scalping_v1", parameters={"ema_fast": "many"}))


def test_a_misspelt_parameter_is_refused_unless_the_author_takes_any(tmp_path: Path) -> None:
    with pytest.raises(BadStrategy, match="parameter levle: Extra inputs are not permitted"):
        load_strategy(StrategyChoice(name=written(tmp_path, GOOD), parameters={"levle": 99}))
    lenient = GOOD.replace("(BaseModel)", "(BaseModel, extra='allow')")
    load_strategy(StrategyChoice(name=written(tmp_path, lenient), parameters={"levle": 99}))


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"macd_fast": 30}, "parameters: macd_fast is 30, less than macd_slow's 26 is wanted"),
        ({"ema_fast": 21}, "parameters: ema_fast is 21, less than ema_slow's 21 is wanted"),
        ({"atr_fraction_min": 0.5}, "parameters: atr_fraction_min is 0.5, less than atr_fraction_max's 0.02 is wanted"),
        ({"ema_slow": 199}, "parameters: they need 213 candles, 150 at most are there"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(parameters: dict[str, float], complaint: str) -> None:
    with pytest.raises(BadStrategy, match=complaint):
        load_strategy(StrategyChoice(name="scalping_v1", parameters=parameters))


def test_a_file_may_postpone_its_annotations_and_define_dataclasses(tmp_path: Path) -> None:
    state = "\nfrom dataclasses import dataclass\n@dataclass\nclass State:\n    seen: int = 0\n"
    text = "from __future__ import annotations\n" + GOOD + state
    load_strategy(StrategyChoice(name=written(tmp_path, text)))


VOTE = "from ratchet.domain.signal import Kind, Vote; import numpy; return Decision(side=None, votes="


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise KeyError('x')", "the strategy failed: KeyError"),
        ("raise ValueError('two\\nlines')", "the strategy failed: ValueError: two lines"),
        ("raise SystemExit(3)", "the strategy failed: SystemExit: 3"),
        ("candles.close[-1] = 0", "the strategy failed: ValueError: assignment destination is read-only"),
        ("return 7", "answered with a int"),
        ("return Decision(side='BUY')", "answered with the side 'BUY'"),
        ("return Decision(side=None, reason=3)", "answered with the reason 3"),
        ("return Decision(side=None, votes=(1,))", "answered with votes that are not"),
        (
            f"{VOTE}(Vote(name='a', kind=Kind.TREND, side=None, value=numpy.float32(1), note=''),))",
            "votes that are not",
        ),
    ],
)
def test_a_strategy_that_misbehaves_says_nothing_and_stops_nothing(tmp_path: Path, body: str, reason: str) -> None:
    head, _, _ = GOOD.partition("    return Decision")
    strategy = load_strategy(StrategyChoice(name=written(tmp_path, f"{head}    {body}\n")))
    candles = candles_of(np.full(30, 100.0))
    said = strategy.decide(SYMBOL, candles)
    assert isinstance(said, NoSignal)
    assert reason in said.reason
    assert (candles.close == 100.0).all()


def test_where_there_are_no_candles_there_is_no_signal(tmp_path: Path) -> None:
    always = GOOD.replace("if candles.close[-1] > parameters.level else None", "")
    strategy = load_strategy(StrategyChoice(name=written(tmp_path, always)))
    nothing = np.array([])
    empty = CandleArrays(
        timeframe_ms=STEP_MS,
        open_ms=nothing.astype(np.int64),
        open=nothing,
        high=nothing,
        low=nothing,
        close=nothing,
        volume=nothing,
    )
    assert isinstance(strategy.decide(SYMBOL, empty), NoSignal)
