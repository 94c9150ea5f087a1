"""Naked time by the wall clock, from the log's entries alone."""

from decimal import Decimal
from itertools import count

import pytest

from localbinance.core.order import AlgoStatus, PositionSide, Side
from localbinance.server.naked_time import NakedSpell, naked_spells
from localbinance.server.request_log import AccountEntry, Instant, PositionEntry, StopChange, StopEntry, StopOrderEntry

NUMBERS = count(1)
SYMBOL, BOTH = "BTCUSDC", PositionSide.BOTH


def position(at_ms: float, quantity: str, symbol: str = SYMBOL) -> PositionEntry:
    return PositionEntry(
        number=next(NUMBERS),
        account="key",
        at=Instant(at_ms, 0),
        symbol=symbol,
        position_side=BOTH,
        quantity_signed=Decimal(quantity),
    )


def stop(
    at_ms: float,
    change: StopChange,
    quantity: str = "1",
    *,
    algo_id: int = 1,
    side: Side = Side.SELL,
    closes_all: bool = False,
    only_closes: bool = True,
) -> StopEntry:
    return StopEntry(
        number=next(NUMBERS),
        account="key",
        at=Instant(at_ms, 0),
        change=change,
        status=AlgoStatus.NEW,
        algo_id=algo_id,
        client_algo_id="",
        symbol=SYMBOL,
        side=side,
        position_side=BOTH,
        quantity=Decimal(quantity),
        closes_all=closes_all,
        only_closes=only_closes,
    )


def child(at_ms: float, remaining: str) -> StopOrderEntry:
    return StopOrderEntry(
        number=next(NUMBERS),
        account="key",
        at=Instant(at_ms, 0),
        order_id=9,
        algo_id=1,
        symbol=SYMBOL,
        side=Side.SELL,
        position_side=BOTH,
        remaining=Decimal(remaining),
    )


def spells(*entries: AccountEntry) -> list[tuple[float, float | None]]:
    return [(spell.from_ms, spell.until_ms) for spell in naked_spells(entries)]


def test_a_position_is_naked_until_its_stop_works() -> None:
    assert naked_spells([position(1.0, "1"), stop(4.5, "created")]) == [NakedSpell(SYMBOL, BOTH, 1.0, 4.5)]


def test_it_is_naked_again_when_the_stop_goes_and_until_it_is_closed() -> None:
    entries: list[AccountEntry] = [stop(0, "created"), position(1, "1"), stop(5, "cancelled"), position(8, "0")]
    assert spells(*entries) == [(5, 8)]


def test_a_spell_that_lasts_has_no_end() -> None:
    assert spells(position(1, "-2")) == [(1, None)]


def test_stop_and_successor_overlap_without_a_gap() -> None:
    entries: list[AccountEntry] = [
        stop(0, "created"),
        position(0, "1"),
        stop(3, "created", algo_id=2),
        stop(4, "cancelled"),
    ]
    assert spells(*entries) == []


def test_what_happens_in_one_instant_is_judged_by_how_it_ended() -> None:
    assert spells(stop(0, "created"), position(0, "1"), stop(5, "ended"), position(5, "0")) == []
    assert spells(position(1, "1"), stop(3, "created"), stop(3, "ended"), stop(6, "created")) == [(1, 6)]


def test_a_triggered_stop_covers_what_its_order_is_still_to_fill() -> None:
    entries: list[AccountEntry] = [
        stop(0, "created"),
        position(0, "1"),
        stop(2, "triggered"),
        child(2, "1"),
        position(3, "0.4"),
    ]
    assert spells(*entries, child(3, "0.4"), child(5, "0"), position(5, "0")) == []
    assert spells(*entries, child(4, "0")) == [(4, None)]


@pytest.mark.parametrize(
    "useless",
    [
        stop(1, "created", "0.9"),
        stop(1, "created", side=Side.BUY),
        stop(1, "created", only_closes=False),
    ],
)
def test_what_does_not_close_all_of_it_does_not_cover(useless: StopEntry) -> None:
    assert spells(useless, position(1, "1")) == [(1, None)]


def test_a_stop_on_the_whole_position_covers_whatever_it_is() -> None:
    assert spells(stop(1, "created", "0", closes_all=True), position(1, "7"), position(2, "9")) == []


def test_two_halves_cover_and_positions_are_judged_apart() -> None:
    halves: list[AccountEntry] = [stop(1, "created", "0.5"), stop(1, "created", "0.5", algo_id=2)]
    found = naked_spells([*halves, position(1, "1"), position(1, "1", "ETHUSDC")])
    assert found == [NakedSpell("ETHUSDC", BOTH, 1, None)]
