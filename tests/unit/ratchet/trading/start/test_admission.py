"""When entries are let in, and on what terms a run is given up before."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ratchet.config.settings import load_settings
from ratchet.domain.order import Side
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import OutcomeUnknown
from ratchet.trading.entries.market_side import CannotTrade
from ratchet.trading.protection.halts import Halts
from ratchet.trading.start import admission as admission_module
from ratchet.trading.start.admission import Admission, AdmissionParts
from ratchet.trading.start.lease import AccountTaken, Lease
from ratchet.trading.start.preflight import Check, Report, Verdict, failed, passed
from ratchet.trading.wiring import build_engine

GOOD = Report(checks=(passed("balance", "400 USDC"),))
BAD = Report(checks=(passed("key", "may trade"), failed("balance", "3 USDC", "pay in")))
SILENT = Report(checks=(Check(name="clock", verdict=Verdict.NO_ANSWER, seen="no answer", mend="nothing"),))


class FakeLease:
    """A lease as the admission sees it."""

    def __init__(self) -> None:
        self.is_held = True
        self.released = False

    async def watch(self, on_lost: Any) -> None:
        on_lost("another hand has cancelled it")

    async def release(self) -> None:
        self.released = True


class Gate:
    """An admission with what it was asked noted."""

    def __init__(
        self,
        reports: Sequence[Report] = (GOOD,),
        takes: Sequence[Exception | None] = (None,),
        *,
        is_strict: bool = False,
    ) -> None:
        self.reports, self.takes = list(reports), list(takes)
        self.lease = FakeLease()
        self.halts = Halts()
        self.reasons: list[str] = []  # at each question
        self.admission = Admission(
            AdmissionParts(preflight=self._preflight, take_lease=self._take, is_strict=is_strict), self.halts
        )

    async def obtain(self, *, holds: bool = False) -> None:
        async with asyncio.timeout(5):
            await self.admission.obtain(lambda: holds)

    async def _preflight(self) -> Report:
        self.reasons.append(self.halts.reason)
        return self.reports.pop(0)

    async def _take(self) -> Lease:
        self.reasons.append(self.halts.reason)
        if (trouble := self.takes.pop(0)) is not None:
            raise trouble
        return cast("Lease", self.lease)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission_module, "AGAIN_S", 0.0)


async def test_entries_are_off_until_the_preflight_passes_and_then_until_the_account_is_taken() -> None:
    gate = Gate([BAD, SILENT, GOOD], [OutcomeUnknown("lost"), None])
    await gate.obtain()
    assert gate.reasons == [
        "the preflight has not been passed yet",
        "preflight: balance: 3 USDC; pay in",
        "preflight: clock: no answer; nothing",
        "the account has not been taken yet",
        "the account could not be taken: lost",
    ]
    assert not gate.halts


async def test_a_strict_one_gives_up_what_the_exchange_says_no_to_while_nothing_is_held() -> None:
    with pytest.raises(CannotTrade, match="the preflight has not passed: balance: 3 USDC; pay in"):
        await Gate([BAD], is_strict=True).obtain()


async def test_a_strict_one_asks_again_while_something_is_held() -> None:
    gate = Gate([BAD, GOOD], is_strict=True)
    await gate.obtain(holds=True)
    assert not gate.halts


async def test_a_strict_one_asks_again_where_there_was_no_answer() -> None:
    gate = Gate([SILENT, GOOD], is_strict=True)
    await gate.obtain()
    assert not gate.halts


async def test_an_account_that_another_has_taken_ends_the_run() -> None:
    with pytest.raises(CannotTrade, match="run bbbb"):
        await Gate(takes=[AccountTaken("another trader, run bbbb")]).obtain()


async def test_a_lease_that_is_too_old_halts_entries_at_the_very_question() -> None:
    gate = Gate()
    await gate.obtain()
    gate.admission.check()
    assert not gate.halts
    gate.lease.is_held = False
    gate.admission.check()
    assert "start again" in gate.halts.reason


async def test_a_lost_lease_halts_entries_with_the_reason() -> None:
    gate = Gate()
    await gate.obtain()
    await gate.admission.watch()
    assert "another hand has cancelled it" in gate.halts.reason


async def test_at_the_end_the_account_is_given_back_where_it_was_taken() -> None:
    gate = Gate()
    await gate.admission.end()
    assert not gate.lease.released
    await gate.obtain()
    await gate.admission.end()
    assert gate.lease.released


def a_signal() -> Signal:
    return Signal(
        strategy="a",
        symbol=Symbol("SOLUSDC"),
        side=Side.BUY,
        candle_close_ms=0,
        price=Decimal(100),
        atr_fraction=0.001,
        breakdown=(),
    )


async def test_the_engine_asks_before_every_entry_whether_the_account_is_still_its_own() -> None:
    gate = Gate()

    def make_admission(halts: Halts) -> Admission:
        gate.halts = halts
        gate.admission = Admission(
            AdmissionParts(preflight=gate._preflight, take_lease=gate._take, is_strict=False), halts
        )
        return gate.admission

    settings = load_settings(environ={}, overrides={"exchange": {"api_key": "k", "api_secret": "s"}})
    nothing: Any = SimpleNamespace(name_order=None, run="aaaa", candles=lambda _symbol: None)
    engine = build_engine(
        settings, SystemClock(), nothing, nothing, {}, lambda _: nothing, lambda _: nothing, make_admission
    )
    assert engine.consider(a_signal()).reason == "entries halted: the preflight has not been passed yet"
    await gate.obtain()
    engine.halts.lift("starting")
    assert engine.consider(a_signal()).reason.startswith("too late")  # nothing is in the way of entries but its age
    gate.lease.is_held = False
    assert engine.consider(a_signal()).reason.startswith("entries halted: the lease of the account is too old")
