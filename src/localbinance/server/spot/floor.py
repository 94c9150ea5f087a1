"""The floor of spot: its exchange and its market, which is that of the perpetuals, told on spot's own price ticks.

A pair has a market where the perpetual of the same name has one. It sleeps until somebody asks for it: whoever trades
futures alone pays nothing for spot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from localbinance.core.spot.exchange import SpotExchange
from localbinance.core.tick import Tick
from localbinance.market.candles import CandleBook
from localbinance.market.disturbed import moved
from localbinance.rules import errors
from localbinance.rules.spot_rules import FEE_ASSET, SpotRules, SpotSymbolRules
from localbinance.rules.symbol_rules import SymbolRules
from localbinance.server.dialect import CandleSource
from localbinance.server.rate_limit import RateLimits
from localbinance.server.spot.candles import SpotCandles
from localbinance.server.tape import SymbolTape

UNMOVED = Decimal(1)


@dataclass(slots=True)
class SpotFloor:
    """Everything of spot that an endpoint or a stream looks at."""

    exchange: SpotExchange
    perpetual_rules: Mapping[str, SymbolRules]
    perpetuals: Mapping[str, SymbolTape]  # by symbol
    perpetual_books: Mapping[str, CandleBook]
    limits: RateLimits
    books: dict[str, CandleSource] = field(default_factory=dict)  # of the pairs that are awake
    tapes: dict[str, SymbolTape] = field(default_factory=dict)
    on_grid: set[str] = field(default_factory=set)  # pairs whose perpetual has no price that they have not

    @property
    def rules(self) -> SpotRules:
        """What is listed, as of now."""
        return self.exchange.rules

    @property
    def symbols(self) -> Sequence[str]:
        """The pairs that have a market."""
        return [symbol for symbol in self.rules.symbols if symbol in self.perpetual_books]

    def listed(self, symbol: str) -> SpotSymbolRules:
        """The rules of a pair, whose market wakes up where it has one. Raises: Rejection -1121."""
        rules = self.rules.symbols.get(symbol)
        if rules is None:
            raise errors.invalid_symbol()
        self.wake(symbol)
        return rules

    def traded(self, symbol: str) -> str:
        """The pair, when it has a market here. Raises: Rejection -1121."""
        self.listed(symbol)
        if symbol not in self.books:
            raise errors.invalid_symbol()
        return symbol

    def wake(self, symbol: str) -> None:
        """Begin to follow the perpetual: with what it traded lately, and with the pair in which fees may be paid."""
        if symbol in self.tapes:
            return
        rules, perpetual = self.rules.symbols.get(symbol), self.perpetuals.get(symbol)
        if rules is None or perpetual is None or perpetual.latest is None:
            return
        tape = self.tapes[symbol] = SymbolTape()
        self.books[symbol] = SpotCandles(self.perpetual_books[symbol], rules.price_tick)
        if not self.perpetual_rules[symbol].price_tick % rules.price_tick:
            self.on_grid.add(symbol)
        for tick in (*(tick for tick, _ in perpetual.traded), perpetual.latest):
            told = self._told(tick)
            tape.on_tick(told)
            self.exchange.on_tick(told)
        self.wake(FEE_ASSET + rules.quote_asset)

    def wake_all(self) -> None:
        """For whoever looks at all of the market."""
        for symbol in self.symbols:
            self.wake(symbol)

    def on_tick(self, tick: Tick) -> Tick | None:
        """A perpetual has gone on. Returns the pair's tick; None while it sleeps."""
        tape = self.tapes.get(tick.symbol)
        if tape is None:
            return None
        told = self._told(tick)
        self.exchange.on_tick(told)
        tape.on_tick(told)
        return told

    def _told(self, tick: Tick) -> Tick:
        return tick if tick.symbol in self.on_grid else moved(tick, UNMOVED, self.rules.symbols[tick.symbol])
