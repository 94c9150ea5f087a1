"""The spot companion through seeds of people, crashes, lost replies and silences; the long form is
`ratchet drill --rebound --seeds 2000`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from localbinance.server.acts import read_act
from localbinance.server.faults import read_fault
from ratchet.domain.order import Origin
from ratchet.domain.rebound import Case, SpotFill
from ratchet.domain.symbol import Symbol
from ratchet.drill.event_log import EventLog
from ratchet.drill.market import START_MS
from ratchet.drill.rebound_draw import Deed, Hand, Operated, ReboundTrouble, Rest, Rival, Word
from ratchet.drill.rebound_drill import run_rebound
from ratchet.drill.rebound_judge import ReboundVerdict
from ratchet.drill.trouble import DiskTrouble, Interference, Kill, KillAfterOrder, WireTrouble
from ratchet.ledger.spot_books import SpotBooks
from ratchet.rebound import decide, seller, watcher
from ratchet.rebound.operations import CompanionOperations
from ratchet.rebound.panic import SpotPanic

TRUMP, DOGE = Symbol("TRUMPUSDC"), Symbol("DOGEUSDC")
SEED = 1
SEEDS = range(24)


def hand(at_s: float, does: Deed = Deed.BUY, symbol: Symbol = TRUMP, quote: int = 100, draw: float = 0.5) -> Hand:
    return Hand(at_ms=round(at_s * 1_000), symbol=symbol, does=does, quote=Decimal(quote), draw=draw)


def act(at_s: float, **what: object) -> Interference:
    return Interference(at_ms=round(at_s * 1_000), act=read_act({"symbol": TRUMP, **what}))


def fault(at_s: float, for_s: float, **what: object) -> WireTrouble:
    until_ms = START_MS + round((at_s + for_s) * 1_000)
    return WireTrouble(
        at_ms=round(at_s * 1_000), for_ms=round(for_s * 1_000), fault=read_fault({"until_ms": until_ms, **what})
    )


ORDER = {"method": "POST", "path": "/api/v3/order"}
NO_BALANCE = {"status": 400, "code": -2010, "message": "Account has insufficient balance for requested action."}


def run(*troubles: ReboundTrouble) -> ReboundVerdict:
    return run_rebound(SEED, None, troubles)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_people_buy_from_the_start_on_has_one_sell_whatever_happens(seed: int) -> None:
    verdict = run_rebound(seed)
    assert verdict.violations == ()


def test_the_same_seed_is_the_same_run() -> None:
    logs = [EventLog(wants_lines=True), EventLog(wants_lines=True)]
    verdicts = [run_rebound(3, log) for log in logs]
    assert verdicts[0] == verdicts[1]
    assert _without_names(logs[0].lines) == _without_names(logs[1].lines)


def _without_names(lines: list[str]) -> list[str]:
    return [line for line in lines if "rb-" not in line]  # the run's own token is drawn anew


@pytest.mark.parametrize(
    ("troubles", "sells", "left_alone"),
    [
        pytest.param((hand(0), hand(60)), 1, 1, id="before the start"),
        pytest.param((hand(60), hand(61, symbol=DOGE)), 2, 0, id="two symbols at once"),
        pytest.param((hand(60), Kill(at_ms=60_050, down_ms=20_000)), 1, 0, id="killed just after"),
        pytest.param((Kill(at_ms=50_000, down_ms=60_000), hand(60)), 1, 0, id="bought while it was dead"),
        pytest.param((Rest(at_ms=50_000, down_ms=60_000), hand(60), hand(200)), 1, 1, id="bought while it rested"),
        pytest.param((hand(60), KillAfterOrder(order=1, turns=0, down_ms=0)), 1, 0, id="killed as it sent"),
        pytest.param((hand(60), KillAfterOrder(order=1, turns=9, down_ms=0)), 1, 0, id="killed with the reply"),
        pytest.param((fault(10, 60, fault="lose_reply", **ORDER), hand(20)), 1, 0, id="reply lost"),
        pytest.param((fault(10, 60, fault="lose_request", times=2, **ORDER), hand(20)), 1, 0, id="request lost"),
        pytest.param((fault(10, 90, fault="answer_after", status=503, **ORDER), hand(20)), 1, 0, id="503 after"),
        pytest.param((fault(10, 30, fault="answer", status=400, code=-1021, message="x"), hand(20)), 1, 0, id="-1021"),
        pytest.param((fault(10, 9, fault="answer", status=429, retry_after_s=3), hand(12)), 1, 0, id="429"),
        pytest.param((fault(10, 30, fault="answer", ban_ms=20_000, times=1), hand(12)), 1, 0, id="418"),
        pytest.param((fault(10, 300, fault="answer", times=1, **NO_BALANCE, **ORDER), hand(20)), 1, 0, id="-2010 once"),
        pytest.param((fault(10, 60, fault="not_found"), hand(20)), 1, 0, id="not found for a minute"),
        pytest.param((fault(10, 300, fault="silent", route="user"), hand(20)), 1, 0, id="silent stream"),
        pytest.param(
            (fault(10, 300, fault="duplicate_frame", copies=3, route="user"), hand(20)), 1, 0, id="told thrice"
        ),
        pytest.param((DiskTrouble(at_ms=19_000, for_ms=30_000, answer="disk is full"), hand(20)), 1, 0, id="disk full"),
        pytest.param((hand(20, Deed.BUY_BY_PROGRAM), hand(60)), 1, 0, id="bought by a program"),
        pytest.param((hand(60), hand(120, Deed.CANCEL_SELL)), 1, 0, id="its SELL cancelled by hand"),
        pytest.param(
            (
                Kill(at_ms=50_000, down_ms=40_000),
                hand(60),
                hand(61, quote=150),
                act(65, act="gap", fraction="0.03"),
                fault(80, 90, fault="lose_reply", times=1, **ORDER),
            ),
            2,
            0,
            id="a reply lost of a SELL that has filled at once",
        ),
        pytest.param(
            (
                fault(50, 30, fault="latency", ms=4_000, **ORDER),
                hand(60),
                KillAfterOrder(order=1, turns=2, down_ms=0),
            ),
            1,
            0,
            id="a SELL that arrives when the next life asks already",
        ),
        pytest.param(
            (hand(60, quote=4), act(60.1, act="spot_filter", notional_min="5")), 0, 0, id="too little to be sold"
        ),
    ],
)
def test_one_sell_and_never_a_second(troubles: tuple[ReboundTrouble, ...], sells: int, left_alone: int) -> None:
    verdict = run(*troubles)
    assert verdict.violations == ()
    assert (verdict.sells, verdict.left_alone) == (sells, left_alone)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(hand(300), id="nothing goes wrong"),
        pytest.param(fault(10, 60, fault="lose_reply", **ORDER), id="replies lost"),
        pytest.param(fault(10, 60, fault="latency", ms=1_500, jitter_ms=1_000, **ORDER), id="both on their way"),
        pytest.param(fault(10, 60, fault="answer_after", status=503, **ORDER), id="503 after"),
        pytest.param(fault(10, 30, fault="not_found"), id="not found by its name"),
        pytest.param(Kill(at_ms=20_350, down_ms=10_000), id="both killed"),
    ],
)
def test_two_companions_of_one_account_sell_it_once(trouble: ReboundTrouble) -> None:
    log = EventLog(wants_lines=True)
    verdict = run_rebound(SEED, log, (Rival(), hand(20), hand(25, symbol=DOGE), trouble))
    assert verdict.violations == ()
    assert verdict.sells == 2 + isinstance(trouble, Hand)
    assert any(" rival " in line and ("is placed" in line or "is there already" in line) for line in log.lines)


def test_a_buy_that_fills_in_parts_has_one_sell() -> None:
    slowly = act(1, act="spot_fill_slowly", parts=4, over_ms=8_000)
    verdict = run(slowly, hand(60))
    assert verdict.violations == ()
    assert (verdict.bought, verdict.sells) == (4, 1)


def test_what_is_sold_is_bought_back_so_often_and_no_loop_comes_of_it() -> None:
    gaps = [act(at_s, act="gap", fraction=fraction) for at_s, fraction in ((150, "0.03"), (250, "-0.06"), (400, "0.2"))]
    verdict = run(*(hand(60 + each) for each in range(4)), *gaps)
    assert verdict.violations == ()
    assert (verdict.sells, verdict.backs) == (4, 2)  # two a day; and what was bought back is not sold again


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(act(63, act="spot_status", status="BREAK", ends_orders=True), id="halted for good"),
        pytest.param(act(20, act="spot_filter", multiplier_up="1.004"), id="percent price"),
        pytest.param(act(63, act="spot_filter", notional_min="5000"), id="notional"),
        pytest.param(
            fault(20, 500, fault="answer", status=400, code=-1013, message="Filter failure: MAX_NUM_ORDERS", **ORDER),
            id="too many orders",
        ),
    ],
)
def test_what_no_exchange_would_take_is_said_once_and_not_tried_for_ever(trouble: ReboundTrouble) -> None:
    log = EventLog(wants_lines=True)
    slowly = act(1, act="spot_fill_slowly", parts=3, over_ms=8_000)
    verdict = run_rebound(SEED, log, (slowly, trouble, hand(60)))
    said = [line for line in log.lines if " said " in line and "no SELL" in line]
    assert verdict.violations == ()
    assert (verdict.sells, verdict.refused, len(said)) == (0, 1, 1)


def test_what_was_bought_before_a_halt_is_sold_when_the_pair_trades_again() -> None:
    log = EventLog(wants_lines=True)
    slowly = act(1, act="spot_fill_slowly", parts=3, over_ms=8_000)
    halt, end = act(63, act="spot_status"), act(400, act="spot_status", status="TRADING")
    verdict = run_rebound(SEED, log, (slowly, halt, end, hand(60)))
    assert verdict.violations == ()
    assert (verdict.sells, verdict.refused) == (1, 0)
    assert len([line for line in log.lines if " said " in line and "no SELL yet" in line]) == 1


def test_what_cannot_be_sent_is_said_once_and_sent_when_it_can() -> None:
    log = EventLog(wants_lines=True)
    away = fault(10, 200, fault="answer", status=400, code=-1021, message="Timestamp.", **ORDER)
    verdict = run_rebound(SEED, log, (away, hand(20)))
    assert (verdict.violations, verdict.sells) == ((), 1)
    assert len([line for line in log.lines if " said " in line and "could not be sent yet" in line]) == 1


def test_a_withdrawn_balance_is_said_and_nothing_loops() -> None:
    log = EventLog(wants_lines=True)
    verdict = run_rebound(SEED, log, (hand(60), hand(60.1, Deed.WITHDRAW)))
    assert verdict.violations == ()
    assert verdict.sells == 0
    assert len([line for line in log.lines if "nothing of it is free" in line and " said " in line]) == 1


# An operator ---------------------------------------------------------------------------------------------------------


def says(at_s: float, word: Word) -> Operated:
    return Operated(at_ms=round(at_s * 1_000), word=word)


@pytest.mark.parametrize(
    ("troubles", "sells"),
    [
        pytest.param((says(50, Word.PAUSE), hand(60)), 0, id="nothing is placed while it is paused"),
        pytest.param((says(50, Word.PAUSE), hand(60), says(90, Word.RESUME)), 1, id="and is after a resume"),
        pytest.param(
            (says(50, Word.PAUSE), hand(60), Kill(at_ms=70_000, down_ms=5_000)), 0, id="also by the next life"
        ),
        pytest.param((hand(60), says(90, Word.PANIC), hand(100)), 1, id="nothing is placed after a panic"),
        pytest.param((says(50, Word.PANIC), hand(60), says(150, Word.RESUME)), 1, id="and is after its resume"),
        pytest.param((hand(60), says(90, Word.GIVE_UP), hand(100)), 2, id="what is given up is not sold again"),
        pytest.param(
            (
                fault(59, 60, fault="latency", ms=4_000, **ORDER),
                hand(60),
                says(60.5, Word.PANIC),
                says(200, Word.RESUME),
            ),
            1,
            id="a SELL that is on its way when the panic comes",
        ),
        pytest.param(
            (hand(60), says(90, Word.PANIC), Kill(at_ms=90_030, down_ms=20_000)),
            1,
            id="killed in mid-panic",
        ),
    ],
)
def test_an_operator_is_obeyed(troubles: tuple[ReboundTrouble, ...], sells: int) -> None:
    verdict = run(*troubles)
    assert verdict.violations == ()
    assert verdict.sells == sells


def test_a_panic_that_was_cut_off_is_ended_by_the_next_life() -> None:
    log = EventLog(wants_lines=True)
    verdict = run_rebound(SEED, log, (hand(60), says(90, Word.PANIC), Kill(at_ms=90_005, down_ms=5_000)))
    said = [line for line in log.lines if " said " in line]
    assert verdict.violations == ()
    assert any("panic by drill: no order of the companion stands" in line for line in said)
    assert not any("given up" in line for line in said[: said.index(next(line for line in said if "stands" in line))])


def test_what_waits_for_a_resume_is_given_up_by_a_panic_also_by_one_that_was_cut_off() -> None:
    waits = (says(50, Word.PAUSE), hand(60), says(90, Word.PANIC), says(200, Word.RESUME))
    assert run(*waits).sells == 0
    assert run(*waits, Kill(at_ms=90_005, down_ms=5_000)).sells == 0


def test_a_case_that_a_panic_ends_says_so() -> None:
    log = EventLog(wants_lines=True)
    run_rebound(SEED, log, (hand(60), says(90, Word.PANIC)))
    assert any(" said " in line and "case 1: given up by drill" in line for line in log.lines)


# What the judge would see --------------------------------------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[object, str, object], None]:
    return lambda where, name, what: monkeypatch.setattr(where, name, what)


def test_the_judge_sees_a_sell_of_too_much(broken: Callable[[object, str, object], None]) -> None:
    def without_fees(*given: object) -> object:
        case = decide.case_of(*given)  # type: ignore[arg-type]
        return replace(case, quantity=case.quantity_bought)

    broken(watcher, "case_of", without_fees)
    troubles = (hand(60), hand(200), hand(300))  # the coins of before are enough for the fees of some
    assert any("its SELL is of" in each for each in run(*troubles).violations)


def test_the_judge_sees_a_sell_that_is_placed_again(broken: Callable[[object, str, object], None]) -> None:
    def next_of(case: Case, *, buys_back: bool) -> decide.Step:
        step = decide.next_of(case, buys_back=buys_back)
        return decide.Sell(1) if isinstance(step, decide.Close) and "by hand" in step.reason else step

    async def is_not_there(*_: object) -> bool:
        return False

    broken(seller, "next_of", next_of)
    broken(seller.Seller, "_is_there", is_not_there)
    assert any("was placed 2 times" in each for each in run(hand(60), hand(120, Deed.CANCEL_SELL)).violations)


def test_books_that_are_not_the_exchanges_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    record = SpotBooks.record

    async def wrong(self: SpotBooks, symbol: Symbol, fills: Sequence[SpotFill], *rest: Any, **more: Any) -> Any:
        told = [replace(each, fill=replace(each.fill, fee=each.fill.fee * 2)) for each in fills]
        return await record(self, symbol, told, *rest, **more)

    monkeypatch.setattr(SpotBooks, "record", wrong)
    assert any("books disagree: TRUMPUSDC execution" in each for each in run(hand(60)).violations)


def test_the_judge_sees_what_is_placed_during_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CompanionOperations, "_set_gate", lambda self: setattr(self._terms.gate, "held_back", ""))
    assert any("after a halt" in each for each in run(says(40, Word.PAUSE), hand(60)).violations)


def test_the_judge_sees_a_panic_that_says_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_look(self: SpotPanic) -> None:
        self._clear_since = 0.0

    monkeypatch.setattr(SpotPanic, "_round", no_look)
    assert any("nothing stands" in each for each in run(hand(60), says(90, Word.PANIC)).violations)


def test_the_judge_sees_what_was_to_be_left_alone(broken: Callable[[object, str, object], None]) -> None:
    broken(watcher, "origin_of", lambda _name: Origin.MANUAL)
    assert run(hand(20, Deed.BUY_BY_PROGRAM)).violations != ()
