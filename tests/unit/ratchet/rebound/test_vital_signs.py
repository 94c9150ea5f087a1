"""Vital signs: how a companion stands, as those see it who watch it."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, cast

import pytest

from ratchet.domain.order import OrderStatus
from ratchet.domain.rebound import Case, SpotRole
from ratchet.domain.symbol import Symbol
from ratchet.exchange.shared_budget import BudgetState
from ratchet.exchange.spot_client import SpotClient
from ratchet.observe.companion_vitals import CompanionVitals
from ratchet.rebound.companion import Companion
from ratchet.rebound.status import CompanionStatus, OpenCase, SymbolStatus
from ratchet.rebound.tally import Tally
from ratchet.rebound.vital_signs import CompanionVitalSigns
from tests.unit.ratchet.rebound.bought import NOW_MS, TRUMP, a_case, an_order, with_orders

SOL = Symbol("SOLUSDC")
LATER_MS = NOW_MS + 60_000


class _Stream:
    is_open, connections, age_ms = True, 3, 250.0


@dataclass
class _Companion:
    """Stands as it is told to."""

    symbols: tuple[SymbolStatus, ...]
    user_side: _Stream = field(default_factory=_Stream)
    tally: Tally = field(default_factory=Tally)

    def status(self) -> CompanionStatus:
        return CompanionStatus(
            now_ms=LATER_MS, uptime_ms=90_000.0, sends=True, held_back="paused by cli", symbols=self.symbols
        )


class _Client:
    def budget_state(self) -> BudgetState:
        return BudgetState(weight_used=20, weight_max=6_000, banned_until_ms=None)


def a_line(symbol: Symbol = TRUMP, *cases: Case, **changes: Any) -> SymbolStatus:
    line = SymbolStatus(
        symbol=symbol,
        watched_from=11,
        looked_ms=LATER_MS - 5_000,
        trouble="",
        trouble_since_ms=None,
        is_ledger_in_trouble=False,
        gathered=Decimal(0),
        gathered_ms=(),
        cases=tuple(OpenCase(case=case, waits_for="") for case in cases),
        reading=None,
        profit=Decimal(2),
    )
    return replace(line, **changes)


def look(*symbols: SymbolStatus) -> CompanionVitals:
    signs = CompanionVitalSigns(cast("Companion", _Companion(symbols)), cast("SpotClient", _Client()), lambda: 4)
    return signs.look()


def test_what_is_known_is_handed_on_in_seconds() -> None:
    vitals = look(a_line())
    assert (vitals.uptime_s, vitals.user_stream_age_s, vitals.is_user_stream_open) == (90.0, 0.25, True)
    assert (vitals.stream_reconnects, vitals.notes_waiting, vitals.weight_used) == (2, 4, 20)
    assert (vitals.placing_halted, vitals.ledger_trouble) == ("paused by cli", "")
    assert vitals.symbols[0].profit == Decimal(2)


def test_the_account_is_as_old_as_the_oldest_look() -> None:
    assert look(a_line(), a_line(SOL, looked_ms=LATER_MS - 9_000)).account_age_s == 9.0
    assert look(a_line(), a_line(SOL, looked_ms=None)).account_age_s is None
    assert look().account_age_s is None


@pytest.mark.parametrize(
    ("case", "stage"),
    [
        (a_case(), "to_sell"),
        (with_orders(an_order(OrderStatus.INTENDED)), "to_sell"),
        (with_orders(an_order(OrderStatus.REJECTED)), "to_sell"),
        (with_orders(an_order(OrderStatus.NEW)), "selling"),
        (with_orders(an_order(OrderStatus.PARTIALLY_FILLED)), "selling"),
        (with_orders(an_order(OrderStatus.FILLED)), "ending"),
        (with_orders(an_order(OrderStatus.CANCELED)), "ending"),
        (with_orders(an_order(OrderStatus.FILLED), an_order(OrderStatus.UNKNOWN, SpotRole.BACK)), "buying_back"),
        (with_orders(an_order(OrderStatus.FILLED), an_order(OrderStatus.NEW, SpotRole.BACK)), "buying_back"),
        (with_orders(an_order(OrderStatus.FILLED), an_order(OrderStatus.FILLED, SpotRole.BACK)), "ending"),
    ],
)
def test_a_case_is_as_far_as_its_newest_order(case: Case, stage: str) -> None:
    counts = look(a_line(TRUMP, case)).cases
    assert (counts[stage], sum(counts.values()), len(counts)) == (1, 1, 4)


def test_what_waits_for_its_sell_is_what_is_gathered_and_what_has_no_sell_that_stands() -> None:
    unsold, selling = a_case(), with_orders(an_order(OrderStatus.NEW))
    vitals = look(
        a_line(TRUMP, unsold, selling, gathered_ms=(LATER_MS - 90_000, LATER_MS - 1_000)),
        a_line(SOL, replace(unsold, opened_ms=NOW_MS + 20_000)),
    )
    assert [(each.buys_waiting, each.wait_s) for each in vitals.symbols] == [(3, 90.0), (1, 40.0)]
    assert [(each.buys_waiting, each.wait_s) for each in look(a_line(TRUMP, selling)).symbols] == [(0, 0.0)]


def test_trouble_is_told_with_its_age_and_the_ledgers_as_that() -> None:
    away = a_line(trouble="no answer", trouble_since_ms=LATER_MS - 7_000)
    locked = a_line(SOL, trouble="it is locked", trouble_since_ms=LATER_MS, is_ledger_in_trouble=True)
    vitals = look(away, locked)
    assert [(each.trouble, each.trouble_s) for each in vitals.symbols] == [("no answer", 7.0), ("it is locked", 0.0)]
    assert vitals.ledger_trouble == "it is locked"


def test_what_is_not_watched_yet_is_told() -> None:
    assert [each.is_watched for each in look(a_line(), a_line(SOL, watched_from=None)).symbols] == [True, False]
