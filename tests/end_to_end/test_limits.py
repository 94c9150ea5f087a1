"""Limits act: short days on a rough market, judged from the exchange's side, with what Telegram was told of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.end_to_end.limits_run import LimitsRun, run_limits
from tests.end_to_end.rough_market import traps

MINUTE_MS = 60_000
ROOMY: dict[str, Any] = {"open_positions_max": 2, "correlated_positions_max": 3, "cool_down_stop_minutes": 5}
BRACKET = {"hold_minutes_max": 5}


def assert_told(found: LimitsRun, words: str) -> None:
    assert found.lines(words), found.messages


async def test_stop_losses_pause_entries_a_lost_day_halts_them_until_midnight_and_holds_end(tmp_path: Path) -> None:
    risk = {**ROOMY, "stop_streak_max": 2, "stop_streak_pause_minutes": 12, "day_loss_fraction_max": "0.03"}
    found = await run_limits(
        tmp_path,
        hours=1.5,
        start="2026-01-05T23:00",
        script=traps([3, 4, 8, 9], seed=7),
        overrides={"risk": risk, "bracket": BRACKET},
    )
    verdict = found.verdict
    assert verdict.violations == []
    pause = verdict.pauses[0]
    [day] = verdict.day_limits
    assert day.until_ms % (24 * 60 * MINUTE_MS) == 0
    assert any(fill.at_ms > day.until_ms for fill in found.history.fills), "the next day is another one"
    assert verdict.held_to_the_end > 0
    assert_told(found, f"{datetime.fromtimestamp(pause.from_ms / 1_000, UTC):%H:%M:%S} stop streak: 2 stop losses")
    assert_told(found, "stop streak: over, entries are on")
    assert_told(found, "day limit: the day lost")
    assert_told(found, "00:00:00 day limit: over, entries are on")
    assert_told(found, "closed by hold")


async def test_a_lost_day_closes_what_is_open_where_that_is_set(tmp_path: Path) -> None:
    risk = {**ROOMY, "day_loss_fraction_max": "0.004", "day_limit_action": "flatten"}
    found = await run_limits(
        tmp_path,
        hours=0.6,
        start="2026-01-05T12:00",
        script=traps([3, 4], seed=7, turn=(0.01, 0.01)),
        overrides={"risk": risk, "bracket": BRACKET},
    )
    verdict = found.verdict
    assert verdict.violations == []
    assert len(verdict.day_limits) == 1
    assert verdict.flattened > 0
    assert_told(found, "a limit of the day is reached:")
    assert_told(found, "closed by day_limit")
