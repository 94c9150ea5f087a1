"""Scenarios: what has cost users of trading bots money, each as a run that has to end well.

Every scenario begins with the same two entries, so that there is something to protect when it strikes; times are
virtual ms since the world's beginning.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from localbinance.server.acts import read_act
from localbinance.server.faults import read_fault
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.drill.market import START_MS
from ratchet.drill.script import Entry
from ratchet.drill.trouble import (
    ClockJump,
    Deed,
    DiskTrouble,
    Freeze,
    FreezeAfterOrder,
    GuardianBegins,
    GuardianKill,
    Interference,
    Kill,
    KillAfterOrder,
    OtherHand,
    PanicOrdered,
    Trouble,
    WireTrouble,
)
from ratchet.exchange.certainty import LAG_MS

SOL, DOGE, ETH = Symbol("SOLUSDC"), Symbol("DOGEUSDC"), Symbol("ETHUSDC")
FIRST_MS, SECOND_MS = 20_000, 60_000  # the entries
BEFORE_MS, BETWEEN_MS, AFTER_MS = 15_000, 40_000, 90_000  # troubles: before the first entry, between, after both
ENTRIES = (Entry(at_ms=FIRST_MS, symbol=SOL), Entry(at_ms=SECOND_MS, symbol=DOGE, side=Side.SELL))
MINUTES = 15.0
SEED = 1
LONG_MS = 120_000
END_OF_HOLD_MS = FIRST_MS + 599_000  # a second before the first is closed for its age, by the usual settings
DOWN_MS, FROZEN_MS = 2_000, 60_000
GUARDED_MS = 3_000  # after so long what a trader has left bare is covered by its guardian
STALE_MS = 5_900

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One that has a name."""

    name: str
    protects: str  # what it shows, in a line
    troubles: tuple[Trouble, ...]
    entries: tuple[Entry, ...] = ENTRIES
    naked_ms_max: float = 140.0  # of any spell without cover, whatever excuses it elsewhere


def wire(at_ms: int, for_ms: int, **fault: object) -> WireTrouble:
    """A fault of the wire, from its JSON, for a while."""
    until: Json = {} if fault["fault"] in {"cut", "expire_listen_key"} else {"until_ms": START_MS + at_ms + for_ms}
    return WireTrouble(at_ms=at_ms, for_ms=for_ms, fault=read_fault({**fault, **until}))


def does(at_ms: int, **act: object) -> Interference:
    """An act of the exchange, from its JSON."""
    return Interference(at_ms=at_ms, act=read_act(act))


def _refused(code: int, times: int) -> WireTrouble:
    message = "Refused for the drill."
    return wire(BEFORE_MS, LONG_MS, fault="reject", code=code, message=message, type="STOP_MARKET", times=times)


def _killed_at_every_order(turns: int) -> tuple[Trouble, ...]:
    """Killed so many turns after each of its first orders: the entry, the stop, the rungs."""
    return tuple(KillAfterOrder(order=order, turns=turns, down_ms=DOWN_MS) for order in range(1, 16))


_AFTER_A_PANIC = (  # the first is refused, the second is not
    Entry(at_ms=AFTER_MS + 60_000, symbol=SOL),
    Entry(at_ms=AFTER_MS + LONG_MS + 60_000, symbol=DOGE),
)
ORDER, ALGO_ORDER = "/fapi/v1/order", "/fapi/v1/algoOrder"

SCENARIOS = (
    Scenario(
        name="stop-refused",
        protects="a stop that is refused by quantity is placed as one that closes the position",
        troubles=(_refused(-4120, 1),),
    ),
    Scenario(
        name="stop-refused-in-every-form",
        protects="what cannot have a stop is closed at market",
        troubles=(_refused(-4120, 2),),
    ),
    Scenario(
        name="stop-beyond-the-price",
        protects="a stop that would trigger at once is not tried again: the position is closed",
        troubles=(_refused(-2021, 1),),
    ),
    Scenario(
        name="stop-stolen",
        protects="a stop that another hand cancels is replaced",
        troubles=(OtherHand(at_ms=AFTER_MS, symbol=SOL, does=Deed.STEAL_STOP),),
    ),
    Scenario(
        name="stop-rejected-at-its-trigger",
        protects="a triggered stop that is rejected is followed by a market close",
        troubles=(
            does(BETWEEN_MS, act="refuse_trigger", symbol=SOL, times=1),
            does(AFTER_MS, act="gap", symbol=SOL, fraction="-0.03"),
        ),
        naked_ms_max=1_000.0,
    ),
    Scenario(
        name="stop-stuck-at-its-trigger",
        protects="a triggered stop that does not fill is followed by a market close",
        troubles=(
            does(BETWEEN_MS, act="stick_trigger", symbol=SOL, for_ms=60_000, stage="TRIGGERED"),
            does(AFTER_MS, act="gap", symbol=SOL, fraction="-0.03"),
        ),
    ),
    Scenario(
        name="entry-in-parts",
        protects="the stop is over exactly what has been filled, and grows with it",
        troubles=(
            does(BEFORE_MS, act="fill_slowly", symbol=SOL, parts=5, over_ms=4_000),
            does(BEFORE_MS, act="fill_slowly", symbol=DOGE, parts=3, over_ms=4_000),
        ),
    ),
    Scenario(
        name="old-stop-not-cancelled",
        protects="the old stop whose cancellation fails is cancelled in the end, and no further stop is made meanwhile",
        troubles=(
            wire(BETWEEN_MS, LONG_MS, fault="answer", status=500, method="DELETE", path=ALGO_ORDER),
            does(AFTER_MS, act="gap", symbol=SOL, fraction="0.006"),
        ),
    ),
    Scenario(
        name="closed-by-its-rungs",
        protects="a position that its take profits close leaves no stop behind, and gets no new one",
        troubles=(
            does(AFTER_MS, act="gap", symbol=SOL, fraction="0.03"),
            does(AFTER_MS, act="gap", symbol=DOGE, fraction="-0.03"),
        ),
    ),
    Scenario(
        name="rung-fills-while-it-is-cancelled",
        protects="a fill wins over a cancellation that came too late",
        troubles=(
            wire(END_OF_HOLD_MS, 30_000, fault="latency", ms=1_500, method="DELETE"),
            does(END_OF_HOLD_MS + 1_000, act="gap", symbol=SOL, fraction="0.006"),
        ),
    ),
    Scenario(
        name="close-reply-lost",
        protects="a close whose reply was lost is not sent again: what is still held is asked first",
        troubles=(
            wire(END_OF_HOLD_MS, LONG_MS, fault="lose_reply", method="POST", path=ORDER, times=2),
            wire(END_OF_HOLD_MS, 20_000, fault="drop_frame", route="user"),
        ),
    ),
    Scenario(
        name="stopped-and-reversed",
        protects="the fill of a stop belongs to its trade, though the next one begins at once",
        troubles=(does(AFTER_MS, act="gap", symbol=SOL, fraction="-0.03"),),
        entries=(
            *ENTRIES,
            *(Entry(at_ms=at_ms, symbol=SOL, side=Side.SELL) for at_ms in range(AFTER_MS, AFTER_MS + 15_000, 20)),
        ),
    ),
    Scenario(
        name="filled-by-a-sliver",
        protects="what is too little to be sold by the rules is closed all the same",
        troubles=(does(BEFORE_MS, act="thin", symbol=SOL, quantity="0.01"),),
    ),
    Scenario(
        name="settled",
        protects="a symbol that is delisted while it is held: no endless tries, and its last fill is booked",
        troubles=(does(AFTER_MS, act="settle", symbol=SOL, delivery_ms=START_MS + AFTER_MS + 60_000),),
        naked_ms_max=60_500.0,
    ),
    Scenario(
        name="entry-reply-lost",
        protects="an entry whose reply is lost is asked for by its name, never sent again",
        troubles=(wire(BEFORE_MS, LONG_MS, fault="lose_reply", method="POST", path=ORDER, times=1),),
    ),
    Scenario(
        name="entry-status-unknown",
        protects="a 503 of unknown status is neither a fill nor a refusal",
        troubles=(wire(BEFORE_MS, LONG_MS, fault="answer_after", status=503, method="POST", path=ORDER, times=1),),
    ),
    Scenario(
        name="entry-timed-out-behind-the-front",
        protects="-1007 after the execution: found by its name, and protected",
        troubles=(wire(BEFORE_MS, LONG_MS, fault="answer_after", code=-1007, method="POST", path=ORDER, times=1),),
    ),
    Scenario(
        name="stop-reply-lost",
        protects="one stop stands when the reply to it was lost",
        troubles=(wire(BEFORE_MS, LONG_MS, fault="lose_reply", method="POST", path=ALGO_ORDER, times=1),),
    ),
    Scenario(
        name="order-not-found-at-first",
        protects="an order that is not found yet is not taken for one that never was",
        troubles=(
            wire(BEFORE_MS, LONG_MS, fault="lose_reply", method="POST", path=ORDER, times=1),
            wire(BEFORE_MS, 8_000, fault="not_found"),
        ),
    ),
    Scenario(
        name="reads-lag",
        protects="reads that are seconds behind take no stop away, have none placed twice and close nothing",
        troubles=(wire(BEFORE_MS, LONG_MS, fault="stale", ms=5_900),),
    ),
    Scenario(
        name="position-not-seen-at-a-restart",
        protects="a stop whose position a restart is not shown yet is left where it stands",
        troubles=(
            wire(BEFORE_MS, LONG_MS, fault="stale", ms=5_000, path="/fapi/v3/positionRisk"),
            Kill(at_ms=FIRST_MS + 2_000, down_ms=1_000),
        ),
    ),
    Scenario(
        name="less-seen-at-a-restart",
        protects="a stop over more than a restart is shown of the position yet is left where it stands",
        troubles=(
            wire(FIRST_MS, LONG_MS, fault="stale", ms=5_000, path="/fapi/v3/positionRisk"),
            OtherHand(at_ms=FIRST_MS + 5_000, symbol=SOL, does=Deed.BUY),
            Kill(at_ms=FIRST_MS + 7_000, down_ms=1_000),
        ),
    ),
    Scenario(
        name="owner-not-known-at-a-restart",
        protects="an execution whose order is not to be seen yet is taken for nobody else's, and its trade ends",
        troubles=(
            wire(BEFORE_MS, LONG_MS, fault="stale", ms=5_000, path="/fapi/v1/order"),
            KillAfterOrder(order=1, turns=4, down_ms=2_000),
            Kill(at_ms=BETWEEN_MS, down_ms=1_000),
        ),
        naked_ms_max=2_200.0,
    ),
    Scenario(
        name="requests-slow",
        protects="nothing is sent twice while replies take three seconds",
        troubles=(wire(BEFORE_MS, LONG_MS, fault="latency", ms=3_000, of="reply"),),
    ),
    Scenario(
        name="exchange-out-of-reach",
        protects="ten minutes without an answer: the stops stand, and everything is found afterwards",
        troubles=(
            wire(BETWEEN_MS, 600_000, fault="lose_request"),
            wire(BETWEEN_MS, 600_000, fault="refuse_connection"),
            wire(BETWEEN_MS, 0, fault="cut"),
        ),
    ),
    Scenario(
        name="banned",
        protects="a ban ends questions, not stops, and is kept across a restart",
        troubles=(
            wire(BETWEEN_MS, 60_000, fault="answer", ban_ms=60_000),
            Kill(at_ms=BETWEEN_MS + 5_000, down_ms=2_000),
        ),
    ),
    Scenario(
        name="throttled",
        protects="-1008 and -1015 are waited for",
        troubles=(
            wire(BEFORE_MS, LONG_MS, fault="answer", code=-1008, method="POST", times=2),
            wire(BEFORE_MS, LONG_MS, fault="answer", code=-1015, method="POST", times=2, after=4),
        ),
    ),
    Scenario(
        name="stream-silent",
        protects="a stream that stands and tells nothing is found out by REST, and built anew",
        troubles=(wire(BEFORE_MS, LONG_MS, fault="silent", route="user"),),
    ),
    Scenario(
        name="stream-out-of-order",
        protects="events late, twice and in any order: every fill on one trade",
        troubles=(
            wire(BEFORE_MS, LONG_MS, fault="reorder_frame", route="user", behind=3, probability=0.5),
            wire(BEFORE_MS, LONG_MS, fault="duplicate_frame", route="user", copies=2, ms=2_000, probability=0.5),
            wire(BEFORE_MS, LONG_MS, fault="delay_frame", route="user", ms=500, jitter_ms=3_000, probability=0.5),
        ),
    ),
    Scenario(
        name="fills-untold",
        protects="fills that no event tells of are found within one sweep",
        troubles=(wire(BEFORE_MS, LONG_MS, fault="drop_frame", route="user", event="ORDER_TRADE_UPDATE"),),
    ),
    Scenario(
        name="over-before-anything-is-told",
        protects="a trade that was entered and closed while no event told of either ends all the same",
        troubles=(
            wire(BEFORE_MS, LONG_MS, fault="drop_frame", route="user"),
            _refused(-2021, 1),
        ),
        entries=(Entry(at_ms=FIRST_MS + 2_000, symbol=SOL),),  # between two sweeps
    ),
    Scenario(
        name="listen-key-expired",
        protects="the stream of a dead key is built anew",
        troubles=(wire(BETWEEN_MS, 0, fault="expire_listen_key"), wire(AFTER_MS, 0, fault="cut")),
    ),
    Scenario(
        name="clock-off",
        protects="a machine whose clock is set wrong sets it by the exchange, and goes on",
        troubles=(
            ClockJump(at_ms=BEFORE_MS, by_ms=-60_000),
            ClockJump(at_ms=BETWEEN_MS, by_ms=90_000),
            ClockJump(at_ms=AFTER_MS, by_ms=-7_000),
        ),
    ),
    Scenario(
        name="killed-before-sending",
        protects="killed with every order still in its hands",
        troubles=_killed_at_every_order(0),
        naked_ms_max=DOWN_MS + 140.0,
    ),
    Scenario(
        name="killed-before-the-reply",
        protects="killed with every order on its way",
        troubles=_killed_at_every_order(1),
        naked_ms_max=DOWN_MS + 140.0,
    ),
    Scenario(
        name="killed-after-the-reply",
        protects="killed just after every order was answered",
        troubles=_killed_at_every_order(5),
        naked_ms_max=DOWN_MS + 140.0,
    ),
    Scenario(
        name="frozen",
        protects="a process that was stopped for a minute takes note of all that it missed",
        troubles=(
            Freeze(at_ms=FIRST_MS + 12, for_ms=FROZEN_MS),
            does(BETWEEN_MS, act="gap", symbol=SOL, fraction="0.006"),
        ),
        entries=(Entry(at_ms=FIRST_MS, symbol=SOL), Entry(at_ms=LONG_MS, symbol=DOGE)),
        naked_ms_max=FROZEN_MS + 140.0,
    ),
    Scenario(
        name="frozen-before-the-ladder",
        protects="a machine that sleeps while an entry is under way goes on with it when it wakes",
        troubles=(Freeze(at_ms=FIRST_MS + 45, for_ms=FROZEN_MS), Freeze(at_ms=FIRST_MS + 60_100, for_ms=FROZEN_MS)),
        entries=(Entry(at_ms=FIRST_MS, symbol=SOL),),
        naked_ms_max=FROZEN_MS + 140.0,
    ),
    Scenario(
        name="dead-beside-a-guardian",
        protects="a guardian covers what a dead trader left bare, once, though its reads are seconds behind",
        troubles=(
            GuardianBegins(at_ms=0),
            wire(BEFORE_MS, LONG_MS, fault="stale", ms=STALE_MS),
            KillAfterOrder(order=1, turns=1, down_ms=FROZEN_MS),
        ),
        naked_ms_max=GUARDED_MS + STALE_MS,
    ),
    Scenario(
        name="frozen-beside-a-guardian",
        protects="what a guardian covers while the trader is stopped is one position with one stop when it wakes",
        troubles=(
            GuardianBegins(at_ms=0),
            FreezeAfterOrder(order=1, turns=1, for_ms=FROZEN_MS),
            GuardianKill(at_ms=FIRST_MS + 1_500, down_ms=500),
        ),
        entries=(Entry(at_ms=FIRST_MS, symbol=SOL), Entry(at_ms=LONG_MS, symbol=DOGE)),
        naked_ms_max=GUARDED_MS + 2_000,
    ),
    Scenario(
        name="stop-refused-to-a-guardian",
        protects="what a guardian can have no stop for it closes, once it is certain that nobody else has covered it",
        troubles=(
            GuardianBegins(at_ms=0),
            wire(BEFORE_MS, LONG_MS, fault="reject", code=-4045, message="Refused.", type="STOP_MARKET"),
            KillAfterOrder(order=1, turns=1, down_ms=FROZEN_MS),
        ),
        entries=(Entry(at_ms=FIRST_MS, symbol=SOL),),
        naked_ms_max=GUARDED_MS + LAG_MS,
    ),
    Scenario(
        name="covered-unseen-by-a-guardian",
        protects="a guardian that cannot see a stop, and can have none, closes nothing that is covered",
        troubles=(
            GuardianBegins(at_ms=0),
            wire(BEFORE_MS, LONG_MS, fault="stale", ms=STALE_MS, path="/fapi/v1/openAlgoOrders"),
            wire(BEFORE_MS, LONG_MS, fault="stale", ms=STALE_MS, path=ALGO_ORDER),
            wire(FIRST_MS + 500, 10_000, fault="reject", code=-2021, message="Refused.", type="STOP_MARKET"),
        ),
        entries=(Entry(at_ms=FIRST_MS, symbol=SOL),),
    ),
    Scenario(
        name="left-over-by-a-guardian",
        protects="a guardian's stop that outlived its position, and that a start was not shown yet, is taken away",
        troubles=(
            GuardianBegins(at_ms=0),
            Kill(at_ms=AFTER_MS, down_ms=6_000),
            OtherHand(at_ms=AFTER_MS + 1_000, symbol=ETH, does=Deed.BUY),
            OtherHand(at_ms=AFTER_MS + 5_000, symbol=ETH, does=Deed.CLOSE),
            wire(BETWEEN_MS, LONG_MS, fault="stale", ms=STALE_MS, path="/fapi/v1/openAlgoOrders"),
        ),
        naked_ms_max=GUARDED_MS,
    ),
    Scenario(
        name="disk-full",
        protects="stops do not wait for a commit, and no fill is lost",
        troubles=(
            DiskTrouble(at_ms=FIRST_MS + 5, for_ms=LONG_MS, answer="database or disk is full"),
            does(BETWEEN_MS, act="gap", symbol=SOL, fraction="0.006"),
        ),
    ),
    Scenario(
        name="ledger-locked-and-killed",
        protects="a process that begins while the ledger is locked protects all the same",
        troubles=(
            DiskTrouble(at_ms=BETWEEN_MS, for_ms=LONG_MS, answer="database is locked"),
            Kill(at_ms=BETWEEN_MS + 10_000, down_ms=2_000),
        ),
    ),
    Scenario(
        name="position-of-another-hand",
        protects="a position that another hand opens gets a stop, by the operator's policy",
        troubles=(
            OtherHand(at_ms=BETWEEN_MS, symbol=Symbol("ETHUSDC"), does=Deed.BUY),
            OtherHand(at_ms=AFTER_MS, symbol=Symbol("BTCUSDC"), does=Deed.SELL),
        ),
    ),
    Scenario(
        name="closed-by-another-hand",
        protects="a position that another hand closes leaves neither stop nor rung behind",
        troubles=(
            OtherHand(at_ms=BETWEEN_MS, symbol=SOL, does=Deed.CLOSE),
            OtherHand(at_ms=AFTER_MS, symbol=DOGE, does=Deed.CLOSE),
        ),
    ),
    Scenario(
        name="added-to-by-another-hand",
        protects="the stop covers what another hand has added to a position of ours",
        troubles=(
            OtherHand(at_ms=BETWEEN_MS, symbol=SOL, does=Deed.BUY),
            OtherHand(at_ms=AFTER_MS, symbol=DOGE, does=Deed.PLACE_STOP),
        ),
    ),
    Scenario(
        name="liquidated",
        protects="what the exchange closes is accounted for",
        troubles=(does(AFTER_MS, act="liquidate"),),
    ),
    Scenario(
        name="gap-through-the-stop",
        protects="a stop that is jumped over closes at the price there is, once",
        troubles=(
            does(BETWEEN_MS, act="gap", symbol=SOL, fraction="-0.05"),
            does(AFTER_MS, act="gap", symbol=DOGE, fraction="0.05"),
        ),
    ),
    Scenario(
        name="flash-crash",
        protects="a crash that comes back leaves no order behind",
        troubles=(does(AFTER_MS, act="flash", symbol=SOL, fraction="-0.06", for_ms=30_000, returns="at_once"),),
    ),
    Scenario(
        name="panic",
        protects="one order ends it all: entries, orders, positions, also those of another hand, until a resume",
        troubles=(
            OtherHand(at_ms=BETWEEN_MS, symbol=Symbol("ETHUSDC"), does=Deed.BUY),
            OtherHand(at_ms=BETWEEN_MS, symbol=Symbol("ETHUSDC"), does=Deed.PLACE_STOP),
            PanicOrdered(at_ms=AFTER_MS, for_ms=LONG_MS),
            OtherHand(at_ms=AFTER_MS + 30_000, symbol=SOL, does=Deed.SELL),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-in-the-middle-of-an-entry",
        protects="an entry that fills after the panic began is closed as well",
        troubles=(
            wire(BEFORE_MS, LONG_MS, fault="latency", ms=1_500, path=ORDER, times=1),
            PanicOrdered(at_ms=FIRST_MS + 100, for_ms=AFTER_MS + LONG_MS - FIRST_MS),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-while-an-entry-waits-for-its-turn",
        protects="an entry that was turned away is not sent again after a panic",
        troubles=(
            wire(BEFORE_MS, LONG_MS, fault="answer", code=-1015, method="POST", path=ORDER, times=3),
            PanicOrdered(at_ms=FIRST_MS + 100, for_ms=AFTER_MS + LONG_MS - FIRST_MS),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-and-killed",
        protects="a panic outlives the process: the next one goes on with it before it does anything else",
        troubles=(
            wire(AFTER_MS - 1_000, 5_000, fault="answer", status=503, method="POST", path=ORDER),
            PanicOrdered(at_ms=AFTER_MS, for_ms=LONG_MS),
            Kill(at_ms=AFTER_MS + 1_500, down_ms=1_000),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-while-nobody-trades",
        protects="a flag that was left while no trader lived is found by the next one",
        troubles=(Kill(at_ms=AFTER_MS, down_ms=5_000), PanicOrdered(at_ms=AFTER_MS + 1_000, for_ms=LONG_MS)),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-during-the-start",
        protects="a panic before anything is reconciled closes what the start finds",
        troubles=(
            Kill(at_ms=AFTER_MS, down_ms=1_000),
            wire(AFTER_MS, 8_000, fault="refuse_connection"),
            PanicOrdered(at_ms=AFTER_MS + 1_100, for_ms=LONG_MS),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-while-banned",
        protects="while the exchange turns requests away a panic goes on trying until it is through",
        troubles=(
            wire(AFTER_MS - 5_000, 20_000, fault="answer", ban_ms=20_000),
            PanicOrdered(at_ms=AFTER_MS, for_ms=LONG_MS),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-while-the-streams-are-silent",
        protects="a panic goes by what it asks, not by what it is told",
        troubles=(
            wire(BETWEEN_MS, LONG_MS, fault="silent", route="user"),
            PanicOrdered(at_ms=AFTER_MS, for_ms=LONG_MS),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-while-the-disk-is-full",
        protects="a panic does not wait for the disk",
        troubles=(
            DiskTrouble(at_ms=BETWEEN_MS, for_ms=LONG_MS, answer="database or disk is full"),
            PanicOrdered(at_ms=AFTER_MS, for_ms=LONG_MS),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-while-stops-trigger",
        protects="a stop that triggers meanwhile sells nothing twice",
        troubles=(
            does(BETWEEN_MS, act="fill_slowly", symbol=SOL, parts=4, over_ms=3_000),
            PanicOrdered(at_ms=AFTER_MS, for_ms=LONG_MS),
            does(AFTER_MS + 30, act="gap", symbol=SOL, fraction="-0.03"),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-and-replies-lost",
        protects="a close whose answer is lost is asked for, not repeated blind",
        troubles=(
            wire(AFTER_MS, 10_000, fault="lose_reply", method="POST", path=ORDER, times=2),
            PanicOrdered(at_ms=AFTER_MS, for_ms=LONG_MS),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="panic-and-closes-refused",
        protects="a close that is refused is tried again",
        troubles=(
            wire(
                AFTER_MS, 10_000, fault="reject", code=-2022, message="Refused for the drill.", type="MARKET", times=3
            ),
            PanicOrdered(at_ms=AFTER_MS, for_ms=LONG_MS),
        ),
        entries=(*ENTRIES, *_AFTER_A_PANIC),
    ),
    Scenario(
        name="funding",
        protects="funding is booked to the trade that paid it",
        troubles=(does(AFTER_MS, act="funding", symbol=SOL, rate="0.001"),),
    ),
)


def scenario(name: str) -> Scenario:
    """The one of that name. Raises: LookupError."""
    found = next((each for each in SCENARIOS if each.name == name), None)
    if found is None:
        raise LookupError(f"there is no scenario {name!r}; there are {', '.join(each.name for each in SCENARIOS)}")
    return found
