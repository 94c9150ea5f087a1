"""The judge sees what it is there for: each protection is broken once, and the drill says so."""

from typing import Any

import pytest

from ratchet.domain.identity import TradeId
from ratchet.drill.drill import DrillOptions, run, run_scenario
from ratchet.drill.scenarios import scenario
from ratchet.exchange.errors import OutcomeUnknown
from ratchet.ledger.ledger import Ledger
from ratchet.trading.books.audit import Auditor
from ratchet.trading.protection.executor import Executor
from ratchet.trading.protection.steps import Steps
from ratchet.trading.protection.ward import Ward

QUIET = 0


async def _nothing(*_arguments: Any, **_named: Any) -> None:
    """Do nothing."""


async def _no_rows(*_arguments: Any) -> list[Any]:
    return []


def test_in_quiet_nothing_is_broken(options: DrillOptions) -> None:
    verdict = run(options, QUIET, [])
    assert verdict.violations == ()
    assert verdict.trades > 3
    assert len(verdict.naked_ms) >= verdict.trades
    assert verdict.naked_in_trouble_ms == ()


def test_a_position_without_a_stop_is_seen(options: DrillOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_steps: Steps, ward: Ward, *_others: Any) -> None:
        ward.ignored = True

    monkeypatch.setattr(Steps, "_place", never)
    verdict = run(options, QUIET, [])
    assert any("was without cover" in violation for violation in verdict.violations)


@pytest.mark.parametrize("mends", [True, False], ids=["though the audit mends it", "and nobody mends it"])
def test_a_fill_that_is_not_booked_is_seen(options: DrillOptions, monkeypatch: pytest.MonkeyPatch, mends: bool) -> None:
    record = Ledger.record_fill
    seen: list[int] = []

    async def forgetful(ledger: Ledger, fill: Any, *others: Any) -> bool:
        seen.append(fill.fill_id)
        return True if len(set(seen)) == 3 and fill.fill_id == seen[-1] else await record(ledger, fill, *others)

    monkeypatch.setattr(Ledger, "record_fill", forgetful)
    if not mends:
        monkeypatch.setattr(Auditor, "_mend", _no_rows)
    verdict = run(options, QUIET, [])
    assert verdict.lost_fills == 1
    assert (verdict.unexplained_pnl == 0) is mends
    assert any("the audit found" in text for text in verdict.violations) is not mends


def test_a_fill_on_the_wrong_trade_is_seen(options: DrillOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Ledger.record_fill

    async def careless(ledger: Ledger, fill: Any, trade_id: Any = None) -> bool:
        return await record(ledger, fill, TradeId(1) if trade_id else None)

    monkeypatch.setattr(Ledger, "record_fill", careless)
    verdict = run(options, QUIET, [])
    assert any("is on trade 1, not" in text for text in verdict.violations)


def test_what_is_left_standing_is_seen(options: DrillOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Executor, "cancel_own_orders", _nothing)
    monkeypatch.setattr(Executor, "clear_orders", _nothing)
    verdict = run(options, QUIET, [])
    assert any("stands after the end" in violation for violation in verdict.violations)


def test_a_stop_that_is_only_tried_once_is_seen(options: DrillOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Executor.place_stop

    async def gives_up(executor: Executor, stop: Any) -> Any:
        try:
            return await place(executor, stop)
        except Exception as error:
            raise OutcomeUnknown("given up") from error

    async def never(*_arguments: Any) -> None:
        raise OutcomeUnknown("given up")

    monkeypatch.setattr(Executor, "place_stop", gives_up)
    monkeypatch.setattr(Steps, "_place_closing", never)
    verdict = run_scenario(options, scenario("stop-refused"))
    assert any("without cover" in violation for violation in verdict.violations)
