"""Whatever comes late, twice or never, a ward ends at the newest truth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.identity import AlgoId, ClientOrderId
from ratchet.domain.order import Side, StopReport, StopStatus
from ratchet.domain.symbol import Symbol
from ratchet.exchange.certainty import LAG_MS
from ratchet.trading.protection.ward import Ward

SYMBOL = Symbol("SOLUSDC")
ENTRY = Decimal(100)
ZERO = Decimal(0)
EPOCH_MS = 1_750_000_000_000
END_MS = 60_000  # of a history; later than everything in it has been delivered


@dataclass(frozen=True, slots=True)
class Change:
    """From an instant on, so much is held."""

    at_ms: int
    held: Decimal


@dataclass(frozen=True, slots=True)
class Event:
    """A change, told at a real time."""

    change: Change
    told_at: int


@dataclass(frozen=True, slots=True)
class Look:
    """The account by REST: as it stood before it was answered, at most as long before it was asked for as reads lag."""

    asked_at: int
    true_at: int
    told_at: int


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to the order that made a change: sent before it, answered after."""

    change: Change
    filled: Decimal  # signed
    sent_at: int
    told_at: int
    stamp_off_ms: int  # an order's time is not quite its position's


News: TypeAlias = Event | Look | Reply


def held_at(history: Sequence[Change], at_ms: int) -> Change:
    """The truth at an instant."""
    return [change for change in history if change.at_ms <= at_ms][-1]


def tell(history: Sequence[Change], news: Sequence[News]) -> Ward:
    """A ward that has been told all of it, each at its time."""
    ward = Ward(symbol=SYMBOL)
    versions: dict[Reply, int] = {}
    sent = [(each.sent_at, 0, each) for each in news if isinstance(each, Reply)]
    told = [(each.told_at, 1, each) for each in news]
    for now, is_told, each in sorted([*sent, *told], key=lambda item: item[:2]):
        if isinstance(each, Reply) and not is_told:
            versions[each] = ward.version
        elif isinstance(each, Reply):
            side, at_ms = Side.BUY if each.filled > 0 else Side.SELL, EPOCH_MS + each.change.at_ms + each.stamp_off_ms
            ward.on_reply(side, abs(each.filled), ENTRY, at_ms, versions[each], now)
        elif isinstance(each, Event):
            ward.on_position(each.change.held, ENTRY, EPOCH_MS + each.change.at_ms, now)
        else:
            look(ward, history, each)
    return ward


def look(ward: Ward, history: Sequence[Change], answer: Look) -> None:
    """A REST answer: a row, or the lack of one."""
    truth = held_at(history, answer.true_at)
    if truth.held:
        ward.on_rest(truth.held, ENTRY, EPOCH_MS + truth.at_ms, answer.asked_at, answer.told_at)
    else:
        ward.on_absent(answer.asked_at, answer.told_at)


def sweep(ward: Ward, history: Sequence[Change]) -> None:
    """A look after everything, however much it lags."""
    look(ward, history, Look(END_MS, END_MS - LAG_MS, END_MS))


instants = st.integers(1, 10_000)
delays = st.one_of(st.integers(0, 50), st.integers(0, 20_000))
amounts = st.integers(-4, 4).map(Decimal)


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """What was held, from flat on."""
    times = sorted(draw(st.sets(instants, min_size=1, max_size=8)))
    return [Change(0, ZERO), *(Change(at_ms, draw(amounts)) for at_ms in times)]


@st.composite
def looks(draw: st.DrawFn) -> Look:
    asked_at = draw(instants)
    true_at = max(0, asked_at + draw(st.one_of(delays, st.integers(-LAG_MS, 0))))
    return Look(asked_at, true_at, max(asked_at, true_at) + draw(delays))


@st.composite
def events_of(draw: st.DrawFn, history: Sequence[Change]) -> list[Event]:
    """Every change told at least once, after whatever delay."""
    told = [
        Event(change, change.at_ms + delay)
        for change in history[1:]
        for delay in draw(st.lists(delays, min_size=1, max_size=2))
    ]
    return draw(st.permutations(told))


@given(st.data(), histories(), st.lists(looks(), max_size=6))
def test_events_in_any_order_and_twice_with_old_answers_between_end_at_the_newest(
    data: st.DataObject, history: list[Change], answers: list[Look]
) -> None:
    ward = tell(history, [*data.draw(events_of(history)), *answers])
    assert ward.held == history[-1].held


@given(st.data(), histories(), st.lists(looks(), max_size=6))
def test_events_that_never_come_are_made_good_by_a_look(
    data: st.DataObject, history: list[Change], answers: list[Look]
) -> None:
    told = data.draw(events_of(history))
    arrived = data.draw(st.lists(st.sampled_from(told), unique=True))
    ward = tell(history, [*arrived, *answers])
    sweep(ward, history)
    assert ward.held == history[-1].held


@st.composite
def replies_of(draw: st.DrawFn, history: Sequence[Change]) -> list[Reply]:
    """Some of the changes were made by orders of ours, one after the other."""
    return [
        Reply(
            after,
            after.held - before.held,
            sent_at=draw(st.integers(0, after.at_ms)),
            told_at=after.at_ms + draw(delays),
            stamp_off_ms=draw(st.integers(-50, 5_000)),
        )
        for before, after in pairwise(history)
        if after.held != before.held and draw(st.booleans())
    ]


@given(st.data(), histories(), st.lists(looks(), max_size=4))
def test_replies_may_run_ahead_of_events_or_come_after_them(
    data: st.DataObject, history: list[Change], answers: list[Look]
) -> None:
    news: list[News] = [*data.draw(events_of(history)), *answers, *data.draw(replies_of(history))]
    ward = tell(history, news)
    sweep(ward, history)
    assert ward.held == history[-1].held


@given(
    st.lists(st.integers(1, 5).map(Decimal), min_size=1, max_size=4),
    st.sampled_from(Side),
    amounts,
    st.integers(0, 4),
)
def test_an_order_filled_in_steps_of_one_instant_counts_once_wherever_its_reply_comes(
    parts: list[Decimal], side: Side, before: Decimal, steps_told: int
) -> None:
    """The stream keeps its order; the reply comes before it, after it, or in between."""
    ward = Ward(symbol=SYMBOL)
    ward.on_position(before, ENTRY, EPOCH_MS, 0)
    version = ward.version
    held, at_ms = before, EPOCH_MS + 5
    after = before + side.sign * sum(parts, ZERO)
    for number, part in enumerate(parts):
        if number == steps_told:
            ward.on_reply(side, sum(parts, ZERO), ENTRY, at_ms, version, 10)
        held += side.sign * part
        ward.on_position(held, ENTRY, at_ms, 10)
        assert steps_told > 0 or ward.held == after, "a step on the way takes back what the reply has told"
    if steps_told >= len(parts):
        ward.on_reply(side, sum(parts, ZERO), ENTRY, at_ms, version, 10)
    assert ward.held == after


ENDS = [
    [StopStatus.CANCELED],
    [StopStatus.EXPIRED],
    [StopStatus.TRIGGERING, StopStatus.TRIGGERED, StopStatus.FINISHED],
    [StopStatus.TRIGGERING, StopStatus.REJECTED],
    [],
]


@given(st.data(), st.lists(st.sampled_from(ENDS), max_size=5), st.integers(-3, 3).map(Decimal))
def test_stops_told_in_any_order_and_twice_end_with_those_that_stand(
    data: st.DataObject, lives: list[list[StopStatus]], held: Decimal
) -> None:
    reports = [
        replace(A_STOP, client_order_id=ClientOrderId(f"rt-a-1-stop{number}"), status=status)
        for number, life in enumerate(lives)
        for status in (StopStatus.NEW, *life)
    ]
    twice = data.draw(st.lists(st.sampled_from(reports), max_size=5)) if reports else []
    ward = Ward(symbol=SYMBOL)
    ward.on_position(held, ENTRY, EPOCH_MS, 0)
    for now, report in enumerate(data.draw(st.permutations([*reports, *twice]))):
        ward.on_stop(report, now)
    stand = {f"rt-a-1-stop{number}" for number, life in enumerate(lives) if not life}
    assert set(ward.standing) == stand
    assert set(ward.stood_since) == stand
    ward.on_position(ZERO, ZERO, EPOCH_MS + 1, 100)
    assert not ward.triggering
    assert not ward.flatten


A_STOP = StopReport(
    client_order_id=ClientOrderId(""),
    algo_id=AlgoId(1),
    symbol=SYMBOL,
    side=Side.SELL,
    status=StopStatus.NEW,
    quantity=Decimal(1),
    price_trigger=Decimal(95),
    closes_position=False,
    order_id=None,
    reason="",
    updated_ms=0,
)
