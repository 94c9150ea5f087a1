"""The survey: few are asked about, and one answer that does not come changes nothing."""

from collections.abc import Collection
from decimal import Decimal

from ratchet.config.sections import UniverseSettings
from ratchet.domain.listing import Listing
from ratchet.domain.order_book import Level, OrderBook
from ratchet.domain.symbol import Symbol
from ratchet.domain.ticker import Ticker
from ratchet.market.survey import Surveyor
from tests.unit.ratchet.market.listed import ANY, NOW_MS, a_listing
from tests.unit.ratchet.market.test_feed import HandClock

A, B, C, D = (Symbol(f"{name}USDC") for name in "ABCD")


def a_book(symbol: Symbol, quantity: int = 100) -> OrderBook:
    amount = Decimal(quantity)
    return OrderBook(symbol=symbol, bids=(Level(Decimal(1_000), amount),), asks=(Level(Decimal("1000.2"), amount),))


class Exchange:
    """Every symbol is lively; tests make some of them otherwise."""

    def __init__(self) -> None:
        self.listings: dict[Symbol, Listing] = {symbol: a_listing(symbol) for symbol in (A, B, C, D)}
        self.volumes = dict.fromkeys(self.listings, Decimal(2_000_000))
        self.atr_fractions: dict[Symbol, float | None] = dict.fromkeys(self.listings, 0.002)
        self.taken_on: list[Symbol] = []
        self.books_asked: list[Symbol] = []
        self.silent_on: set[Symbol] = set()

    async def fetch_listings(self) -> dict[Symbol, Listing]:
        return self.listings

    async def fetch_tickers(self) -> dict[Symbol, Ticker]:
        return {
            symbol: Ticker(symbol=symbol, last=Decimal(1_000), volume_quote=volume)
            for symbol, volume in self.volumes.items()
        }

    async def fetch_book_tops(self) -> dict[Symbol, OrderBook]:
        return {symbol: a_book(symbol, 1) for symbol in self.listings}

    async def fetch_order_book(self, symbol: Symbol) -> OrderBook:
        self.books_asked.append(symbol)
        if symbol in self.silent_on:
            raise OSError("no answer")
        return a_book(symbol)

    async def take_on(self, symbols: Collection[Symbol]) -> None:
        self.taken_on = list(symbols)


def surveyor_of(exchange: Exchange) -> Surveyor:
    return Surveyor(exchange, exchange, HandClock(NOW_MS), exchange.atr_fractions.get)


async def test_what_is_out_already_costs_no_more_requests() -> None:
    exchange = Exchange()
    exchange.listings[A] = a_listing(A, status="SETTLING")
    exchange.volumes[B] = Decimal(1)
    exchange.atr_fractions[C] = 0.9
    survey = await surveyor_of(exchange).look(ANY, members=(), held=())
    assert (exchange.taken_on, exchange.books_asked) == ([C, D], [D])
    assert {symbol for symbol, its in survey.figures.items() if its.depth_quote is not None} == {D}
    assert survey.figures[D].depth_quote == 100_000
    assert survey.figures[B].atr_fraction is None
    assert set(survey.listings) == {A, B, C, D}


async def test_without_a_least_depth_no_book_is_asked_for() -> None:
    exchange = Exchange()
    await surveyor_of(exchange).look(UniverseSettings(symbols_min=1, depth_quote_min=Decimal(0)), (), ())
    assert exchange.books_asked == []


async def test_candles_of_what_is_held_are_kept_whatever_is_against_it() -> None:
    exchange = Exchange()
    exchange.volumes = {}
    await surveyor_of(exchange).look(ANY, members=(), held=[B])
    assert exchange.taken_on == [B]


async def test_a_book_that_is_not_answered_leaves_the_depth_as_it_was_seen_last() -> None:
    exchange = Exchange()
    surveyor = surveyor_of(exchange)
    exchange.silent_on = {A}
    assert (await surveyor.look(ANY, (), ())).figures[A].depth_quote is None
    exchange.silent_on = set()
    await surveyor.look(ANY, (), ())
    exchange.silent_on = {A}
    assert (await surveyor.look(ANY, (), ())).figures[A].depth_quote == 100_000
