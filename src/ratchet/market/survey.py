"""The survey: what is measured of the exchange's symbols to choose the universe, dear questions asked of few."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

import structlog

from ratchet.config.sections import UniverseSettings
from ratchet.domain.clock import Clock
from ratchet.domain.listing import Listing
from ratchet.domain.order_book import OrderBook
from ratchet.domain.symbol import Symbol
from ratchet.domain.ticker import Ticker
from ratchet.market.objections import Candidate, objection
from ratchet.market.verdict import Figures, Rule

BOOKS_AT_ONCE_MAX = 8
BOOK_TIMEOUT_S = 10.0

_logger = structlog.get_logger(__name__)


class MarketData(Protocol):
    """Who is asked."""

    async def fetch_listings(self) -> Mapping[Symbol, Listing]:
        """Every perpetual, whether it trades or not."""

    async def fetch_tickers(self) -> Mapping[Symbol, Ticker]:
        """The last 24 hours of all that trade."""

    async def fetch_book_tops(self) -> Mapping[Symbol, OrderBook]:
        """The best bid and ask of all that trade."""

    async def fetch_order_book(self, symbol: Symbol) -> OrderBook:
        """The best levels of one."""


class Candles(Protocol):
    """Where windows of candles come from."""

    async def take_on(self, symbols: Collection[Symbol]) -> None:
        """Have those symbols filled too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was seen, at one time."""

    listings: Mapping[Symbol, Listing]
    figures: Mapping[Symbol, Figures]


class Surveyor:
    """Asks one question about all symbols first, and about single ones only while nothing is against them."""

    def __init__(
        self, data: MarketData, candles: Candles, clock: Clock, atr_fraction: Callable[[Symbol], float | None]
    ) -> None:
        """`atr_fraction`: of a symbol whose candles were taken on; None or NaN while there are too few."""
        self._data = data
        self._candles = candles
        self._clock = clock
        self._atr_fraction = atr_fraction
        self._depths: dict[Symbol, Decimal] = {}  # as last seen: one book that is not answered throws nobody out

    async def look(self, settings: UniverseSettings, members: Collection[Symbol], held: Collection[Symbol]) -> Survey:
        """Measure. Raises: whatever the client raises where all symbols are asked about."""
        listings = await self._data.fetch_listings()
        tickers, tops = await self._data.fetch_tickers(), await self._data.fetch_book_tops()
        figures = {symbol: _at_a_glance(tickers.get(symbol), tops.get(symbol)) for symbol in listings}

        def passing(before: Rule) -> list[Symbol]:
            return [
                symbol
                for symbol in sorted(listings)
                if objection(
                    Candidate(
                        listing=listings[symbol],
                        figures=figures[symbol],
                        settings=settings,
                        now_ms=self._clock.now_ms(),
                        is_member=symbol in members,
                    ),
                    before=before,
                )
                is None
            ]

        lively = passing(Rule.ATR)
        await self._candles.take_on([*lively, *(symbol for symbol in held if symbol in listings)])
        for symbol in lively:
            figures[symbol] = replace(figures[symbol], atr_fraction=self._atr_fraction(symbol))
        if settings.depth_quote_min:
            candidates = passing(Rule.DEPTH)
            await self._see_books(candidates, settings.depth_reach_fraction)
            for symbol in candidates:
                figures[symbol] = replace(figures[symbol], depth_quote=self._depths.get(symbol))
        return Survey(listings=listings, figures=figures)

    async def _see_books(self, symbols: Collection[Symbol], reach_fraction: Decimal) -> None:
        slots = asyncio.Semaphore(BOOKS_AT_ONCE_MAX)

        async def see(symbol: Symbol) -> None:
            try:
                async with slots, asyncio.timeout(BOOK_TIMEOUT_S):
                    book = await self._data.fetch_order_book(symbol)
                self._depths[symbol] = book.depth_quote(reach_fraction)
            except Exception as error:  # the task's outer edge: what the exchange's client raises is not known here
                _logger.warning("book_not_seen", symbol=symbol, error=f"{type(error).__name__}: {error}")
                _logger.debug("book_not_seen", symbol=symbol, exc_info=True)

        async with asyncio.TaskGroup() as tasks:
            for symbol in symbols:
                tasks.create_task(see(symbol), name=f"book of {symbol}")


def _at_a_glance(ticker: Ticker | None, top: OrderBook | None) -> Figures:
    return Figures(
        volume_quote=None if ticker is None else ticker.volume_quote,
        spread_fraction=None if top is None else top.spread_fraction,
    )
