"""The universe's choice: made anew from what the exchange says, remembered across restarts, written down as it changes.

A choice that cannot be made leaves the last one standing.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from ratchet.config.sections import UniverseSettings
from ratchet.domain.clock import Clock
from ratchet.domain.listing import Listing
from ratchet.domain.symbol import Symbol
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.places import Place
from ratchet.market.survey import Survey, Surveyor
from ratchet.market.universe import NOTHING, Universe, select_universe
from ratchet.market.verdict import Verdict
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight

NAMES_SHOWN_MAX = 12

log = structlog.get_logger(__name__)


class PlaceLedger(Protocol):
    """Where places are kept."""

    async def last_places(self) -> dict[Symbol, Place]:
        """The newest of every symbol."""

    async def record_places(self, places: Collection[Place]) -> None:
        """Write changes down."""


class AgreeOnTerms(Protocol):
    """Makes sure of margin and leverage of symbols."""

    async def __call__(self, symbols: Collection[Symbol]) -> Mapping[Symbol, str]:
        """Returns: the symbols that do not have them, with the reason. Raises: ExchangeError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceParts:
    """What it is handed."""

    surveyor: Surveyor
    ledger: PlaceLedger
    clock: Clock
    noticeboard: Noticeboard
    settings: Callable[[], UniverseSettings]  # in force now
    held: Callable[[], Collection[Symbol]]
    agree_on_terms: AgreeOnTerms


class UniverseChoice:
    """`universe` is the one in force."""

    def __init__(self, parts: ChoiceParts) -> None:
        self._parts = parts
        self._survey: Survey | None = None
        self._places: dict[Symbol, Place] | None = None  # as written down
        self._agreed: set[Symbol] = set()  # on terms; of them that left it is asked again
        self.universe = NOTHING

    async def renew(self) -> Universe:
        """Measure and choose. What follows `universe` has to follow. Raises: ExchangeError, and nothing has changed."""
        members = await self._members()
        survey = await self._parts.surveyor.look(self._parts.settings(), members, self._parts.held())
        universe = await self._chosen(survey, members)
        self._survey = survey
        await self._take(universe)
        return universe

    async def reconsider(self, listings: Mapping[Symbol, Listing]) -> Universe:
        """Choose by the figures of the last look: only what the exchange lists has changed. Raises: ExchangeError."""
        figures = {} if self._survey is None else self._survey.figures
        survey = Survey(listings=listings, figures=figures)
        universe = await self._chosen(survey, await self._members())
        await self._take(universe)
        return universe

    async def _chosen(self, survey: Survey, members: Collection[Symbol]) -> Universe:
        held = self._parts.held()
        universe = select_universe(
            survey.listings,
            survey.figures,
            self._parts.settings(),
            now_ms=self._parts.clock.now_ms(),
            members=members,
            held=held,
        )
        newcomers = [symbol for symbol in universe.symbols if symbol not in self._agreed]
        refused = await self._parts.agree_on_terms(newcomers) if newcomers else {}
        self._agreed = {symbol for symbol in universe.symbols if symbol not in refused}
        return universe.without(refused, held)

    async def _members(self) -> frozenset[Symbol]:
        """Which were in until now; at the start, those of the run before."""
        if self.universe.verdicts:
            return frozenset(self.universe.symbols)
        if self._places is None:
            try:
                self._places = await self._parts.ledger.last_places()
            except LedgerError as error:
                log.warning("universe_not_remembered", error=str(error))
                return frozenset()
        return frozenset(symbol for symbol, place in self._places.items() if place.is_traded)

    async def _take(self, universe: Universe) -> None:
        before, self.universe = self.universe, universe
        self._tell(before, universe)
        changes = [place for verdict in universe.verdicts.values() if (place := self._change(verdict)) is not None]
        if not changes:
            return
        try:
            await self._parts.ledger.record_places(changes)
        except LedgerError as error:
            log.warning("universe_not_recorded", error=str(error))  # they are changes still, the next time
        else:
            self._places = {**(self._places or {}), **{place.symbol: place for place in changes}}

    def _change(self, verdict: Verdict) -> Place | None:
        """What is to be written down of it; None where only figures have changed."""
        known = (self._places or {}).get(verdict.symbol)
        if known is not None and (known.is_traded, known.rule) == (verdict.is_in, verdict.rule.value):
            return None
        return Place(
            symbol=verdict.symbol,
            at_ms=self._parts.clock.now_ms(),
            is_traded=verdict.is_in,
            rule=verdict.rule.value,
            reason=verdict.reason,
        )

    def _tell(self, before: Universe, now: Universe) -> None:
        came = [symbol for symbol in now.symbols if symbol not in before.symbols]
        left = [symbol for symbol in before.symbols if symbol not in now.symbols]
        if before.verdicts and (came or left):
            reasons = [f"{symbol} ({now.rejected.get(symbol, 'not listed any more')})" for symbol in left]
            parts = [f"{len(now.symbols)} symbols in play", *_words("in", came), *_words("out", reasons)]
            self._post("; ".join(parts), Weight.INFO)
        if now.shortfall and now.shortfall != before.shortfall:
            self._post(f"only {len(now.symbols)} symbols are in play, {now.wanted} are wanted", Weight.WARNING)

    def _post(self, text: str, weight: Weight) -> None:
        at_ms = self._parts.clock.now_ms()
        self._parts.noticeboard.post(Notice(kind=Kind.UNIVERSE, at_ms=at_ms, text=text, weight=weight))


def _words(what: str, names: Collection[str]) -> list[str]:
    shown = [*list(names)[:NAMES_SHOWN_MAX], *(["…"] if len(names) > NAMES_SHOWN_MAX else [])]
    return [f"{what}: {', '.join(shown)}"] if names else []
