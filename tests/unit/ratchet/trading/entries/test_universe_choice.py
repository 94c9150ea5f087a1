"""The choice of the universe over time: what it remembers, what it writes down, and what it survives."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from ratchet.config.sections import UniverseSettings
from ratchet.domain.symbol import Symbol
from ratchet.exchange.errors import NotSent
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.places import Place
from ratchet.observe.notices import Notice, Noticeboard
from ratchet.trading.entries.universe_choice import ChoiceParts, UniverseChoice
from tests.unit.ratchet.ledger.test_ledger import url_of
from tests.unit.ratchet.market.listed import HOUR_MS, NOW_MS
from tests.unit.ratchet.market.test_feed import HandClock
from tests.unit.ratchet.market.test_survey import A, B, C, D, Exchange, surveyor_of

SETTINGS = UniverseSettings(symbols_min=3, symbols_max=3)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await Ledger.open(url_of(tmp_path / "ledger.db"))
    yield it
    await it.close()


class Scene:
    """One process of a trader."""

    def __init__(self, ledger: Ledger) -> None:
        self.exchange = Exchange()
        self.exchange.volumes = {symbol: Decimal(3_000_000 - number) for number, symbol in enumerate((A, B, C, D))}
        self.held: list[Symbol] = []
        self.refused: dict[Symbol, str] = {}
        self.is_out_of_reach = False
        self.agreed: list[list[Symbol]] = []
        self.notices: list[Notice] = []
        noticeboard = Noticeboard()
        noticeboard.listen(self.notices.append)
        self.parts = ChoiceParts(
            surveyor=surveyor_of(self.exchange),
            ledger=ledger,
            clock=HandClock(NOW_MS),
            noticeboard=noticeboard,
            settings=lambda: SETTINGS,
            held=lambda: self.held,
            agree_on_terms=self.agree_on_terms,
        )
        self.choice = UniverseChoice(self.parts)

    async def agree_on_terms(self, symbols: Collection[Symbol]) -> Mapping[Symbol, str]:
        if self.is_out_of_reach:
            raise NotSent("the exchange is out of reach")
        self.agreed.append(sorted(symbols))
        return {symbol: reason for symbol, reason in self.refused.items() if symbol in symbols}


async def test_a_change_is_written_down_and_told_once_and_a_figure_is_none(ledger: Ledger) -> None:
    scene = Scene(ledger)
    await scene.choice.renew()
    places = await ledger.last_places()
    assert {symbol: (place.is_traded, place.rule) for symbol, place in places.items()} == {
        **dict.fromkeys((A, B, C), (True, "traded")),
        D: (False, "rank"),
    }
    assert places[D].reason == "number 4 by 24 h volume, 3 are traded"
    scene.exchange.volumes[A] += 1
    await scene.choice.renew()
    assert [len(await ledger.places_of(symbol)) for symbol in places] == [1, 1, 1, 1]
    assert scene.notices == []
    scene.exchange.volumes[A] = Decimal(5)
    await scene.choice.renew()
    changed = await ledger.last_places()
    assert {symbol for symbol in places if changed[symbol] != places[symbol]} == {A, D}
    assert (changed[A].is_traded, changed[A].rule) == (False, "volume")
    assert [notice.text for notice in scene.notices] == [
        "3 symbols in play; in: DUSDC; out: AUSDC (24 h volume 5 USDC is below 800000)"
    ]


async def test_who_was_in_before_a_restart_has_the_looser_bounds_after_it(ledger: Ledger) -> None:
    first = Scene(ledger)
    await first.choice.renew()
    second = Scene(ledger)
    second.exchange.volumes = {A: Decimal(900_000), D: Decimal(900_000)}
    assert (await second.choice.renew()).symbols == (A,)


async def test_too_few_are_told_of_once(ledger: Ledger) -> None:
    scene = Scene(ledger)
    scene.exchange.volumes = {A: Decimal(2_000_000)}
    await scene.choice.renew()
    await scene.choice.renew()
    assert [notice.text for notice in scene.notices] == ["only 1 symbols are in play, 3 are wanted"]


async def test_terms_are_agreed_on_with_newcomers_and_what_is_refused_is_asked_again(ledger: Ledger) -> None:
    scene = Scene(ledger)
    scene.refused = {B: "no leverage"}
    universe = await scene.choice.renew()
    assert (universe.symbols, universe.rejected[B]) == ((A, C), "no leverage")
    scene.refused = {}
    assert (await scene.choice.renew()).symbols == (A, B, C)
    assert scene.agreed == [[A, B, C], [B]]


async def test_a_choice_that_fails_leaves_the_last_one(ledger: Ledger) -> None:
    scene = Scene(ledger)
    before, places = await scene.choice.renew(), await ledger.last_places()
    scene.exchange.volumes = {D: Decimal(9_000_000)}
    scene.is_out_of_reach = True
    with pytest.raises(NotSent):
        await scene.choice.renew()
    assert (scene.choice.universe, await ledger.last_places()) == (before, places)
    scene.is_out_of_reach = False
    assert (await scene.choice.renew()).symbols == (D,)


async def test_an_announced_delisting_takes_a_symbol_out_by_the_figures_of_the_last_look(ledger: Ledger) -> None:
    scene = Scene(ledger)
    await scene.choice.renew()
    asked = list(scene.exchange.books_asked)
    scene.held = [A]
    soon = {symbol: scene.exchange.listings[symbol] for symbol in (A, B, C, D)}
    soon |= {symbol: replace(soon[symbol], delivery_ms=NOW_MS + HOUR_MS) for symbol in (A, B)}
    universe = await scene.choice.reconsider(soon)
    assert universe.symbols == (A, C, D)
    assert [universe.takes(symbol) for symbol in (A, B, C, D)] == [False, False, True, True]
    assert scene.exchange.books_asked == asked
    assert (await ledger.last_places())[A].rule == "held"


async def test_a_ledger_that_cannot_take_it_stops_no_choice_and_gets_it_the_next_time(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(ledger)

    async def fail(places: Collection[Place]) -> None:
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "record_places", fail)
        assert (await scene.choice.renew()).symbols == (A, B, C)
    assert await ledger.last_places() == {}
    await scene.choice.renew()
    assert len(await ledger.last_places()) == 4
