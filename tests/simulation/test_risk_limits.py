"""Limits of the risk guard in a trader that lives, dies and comes back: they act, and they outlive it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.drill.drill import DrillOptions, run_scenario
from ratchet.drill.event_log import EventLog
from ratchet.drill.scenarios import Scenario, does, wire
from ratchet.drill.script import Entry
from ratchet.drill.trouble import Kill, Trouble
from tests.simulation.conftest import settings

BTC, ETH, SOL = Symbol("BTCUSDC"), Symbol("ETHUSDC"), Symbol("SOLUSDC")
FALL = does(40_000, act="gap", symbol=BTC, fraction="-0.03")  # through the stop of a long


def an_entry(at_s: int, symbol: Symbol, side: Side = Side.BUY) -> Entry:
    return Entry(at_ms=at_s * 1_000, symbol=symbol, side=side)


def played(options: DrillOptions, troubles: Sequence[Trouble], *entries: Entry, **risk: Any) -> list[str]:
    """The log of a run that was found to be in order."""
    log = EventLog(wants_lines=True)
    scene = Scenario(name="limits", protects="limits act", troubles=tuple(troubles), entries=entries)
    verdict = run_scenario(replace(options, settings=settings(risk=risk), minutes=5.0), scene, log)
    assert verdict.violations == ()
    return log.lines


def outcomes(lines: Sequence[str], symbol: Symbol) -> list[str]:
    """What became of the signals of a symbol."""
    return [line.partition("outcome=")[2] for line in lines if f"symbol={symbol} side" in line and "outcome=" in line]


def test_a_stop_loss_pauses_entries_also_for_the_process_after_it(options: DrillOptions) -> None:
    entries = (an_entry(20, BTC), an_entry(80, ETH), an_entry(120, ETH))
    lines = played(options, [FALL, Kill(at_ms=100_000, down_ms=2_000)], *entries, stop_streak_max=1)
    assert outcomes(lines, BTC) == ["entry"]
    before, after = outcomes(lines, ETH)
    assert before.startswith("entries halted: 1 stop losses in a row, no entries until")
    assert after == before
    assert sum("kind=limit" in line for line in lines) == 2, "each process says it once"


def test_a_symbol_cools_down_after_its_stop_loss_and_others_need_not(options: DrillOptions) -> None:
    entries = (an_entry(20, BTC), an_entry(80, BTC), an_entry(90, ETH), an_entry(150, BTC))
    lines = played(options, [FALL, Kill(at_ms=100_000, down_ms=2_000)], *entries)
    assert outcomes(lines, ETH) == ["entry"]
    first, cool, still_cool = outcomes(lines, BTC)
    assert first == "entry"
    assert cool.startswith("cool_down: BTCUSDC is left alone until")
    assert still_cool == cool


def test_a_lost_day_closes_what_is_open_where_that_is_set(options: DrillOptions) -> None:
    entries = (an_entry(20, BTC), an_entry(22, ETH, Side.SELL), an_entry(130, SOL))
    limits = {"day_loss_fraction_max": "0.005", "day_limit_action": "flatten"}
    lines = played(options, [FALL], *entries, **limits)
    assert any("ETHUSDC short closed by day_limit" in line for line in lines)
    assert outcomes(lines, SOL)[0].startswith("entries halted: the day lost 1.")


def test_a_lost_day_leaves_what_is_open_to_its_stop_where_that_is_set(options: DrillOptions) -> None:
    entries = (an_entry(20, BTC), an_entry(22, ETH, Side.SELL), an_entry(130, SOL))
    lines = played(options, [FALL, Kill(at_ms=140_000, down_ms=2_000)], *entries, day_loss_fraction_max="0.005")
    assert not any("day_limit" in line and "closed by" in line for line in lines)
    assert outcomes(lines, SOL)[0].startswith("entries halted: the day lost 1.")


def test_positions_that_may_move_together_are_held_to_their_number(options: DrillOptions) -> None:
    entries = (an_entry(20, BTC), an_entry(30, ETH), an_entry(40, SOL), an_entry(50, SOL, Side.SELL))
    lines = played(options, [], *entries)
    assert outcomes(lines, BTC) == outcomes(lines, ETH) == ["entry"]
    long, short = outcomes(lines, SOL)
    assert long.startswith("correlated: may move with BTCUSDC, ETHUSDC")
    assert short == "entry"


def test_a_leverage_that_the_exchange_does_not_confirm_is_not_entered_at(options: DrillOptions) -> None:
    says = {"code": -4028, "message": "Leverage 1 is not valid"}
    refused = wire(10_000, 60_000, fault="answer", method="POST", path="/fapi/v1/leverage", **says)
    lines = played(options, [refused], an_entry(20, SOL), an_entry(90, SOL), leverage_atr_fraction=0.0001)
    told = [line.partition("text=")[2] for line in lines if "kind=limit" in line]
    assert len(told) == 1
    assert told[0].startswith("no entry on SOLUSDC: leverage 1 of SOLUSDC was not confirmed")
    assert sum("kind=entry" in line for line in lines) == 1, "the one after the trouble"
