"""The venue: everything that an endpoint may look at, in one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from localbinance.core.exchange import Exchange
from localbinance.market.candles import CandleBook
from localbinance.market.disturbed import Disturbed
from localbinance.rules import errors
from localbinance.rules.market_rules import MarketRules
from localbinance.rules.symbol_rules import SymbolRules
from localbinance.server.clock import ExchangeClock
from localbinance.server.conductor import Conductor
from localbinance.server.listen_keys import ListenKeys
from localbinance.server.parameters import Parameters
from localbinance.server.request_log import RequestLog
from localbinance.server.spot.floor import SpotFloor
from localbinance.server.switchboard import Switchboard
from localbinance.server.tape import SymbolTape


@dataclass(slots=True)
class RequestCounts:
    """How many order requests were handled since the start, plain and conditional ones together."""

    placed: int = 0
    cancelled: int = 0
    rejected: int = 0


@dataclass(slots=True)
class Venue:
    """The exchange with its market, its clock and what the wire keeps beside them."""

    exchange: Exchange
    spot: SpotFloor
    market: Disturbed
    market_name: str
    start_ms: int
    end_ms: int | None
    clock: ExchangeClock
    conductor: Conductor
    listen_keys: ListenKeys
    switchboard: Switchboard
    log: RequestLog
    books: Mapping[str, CandleBook]  # of the symbols that have a market
    tapes: Mapping[str, SymbolTape]
    counts: RequestCounts = field(default_factory=RequestCounts)
    countdowns: dict[tuple[str, str], int] = field(default_factory=dict)  # (account, symbol) -> cancel all at, ms

    def as_it_stood(self, account: str, at_ms: int) -> "Venue":
        """The same, but for what is read of an account: that is of a while ago."""
        past = self.switchboard.past
        spot = replace(self.spot, exchange=past.spot_exchange(account, at_ms))
        return replace(self, exchange=past.exchange(account, at_ms), spot=spot)

    @property
    def rules(self) -> MarketRules:
        """What is listed, as of now."""
        return self.exchange.rules

    def listed(self, symbol: str) -> SymbolRules:
        """The rules of a symbol. Raises: Rejection -1121."""
        rules = self.rules.symbols.get(symbol)
        if rules is None:
            raise errors.invalid_symbol()
        return rules

    def traded(self, symbol: str) -> str:
        """The symbol, when it has a market here. Raises: Rejection -1121."""
        if symbol not in self.books:
            raise errors.invalid_symbol()
        return symbol


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has passed the gate."""

    account: str  # the API key; "" on public endpoints
    parameters: Parameters
    now_ms: int
    skew_ms: int = 0  # what the clock is off by that the caller is told
    body: str = ""  # as sent

    @property
    def symbol(self) -> str:
        """The mandatory symbol, upper case."""
        return self.parameters.required("symbol").upper()

    @property
    def symbol_or_none(self) -> str | None:
        """The optional symbol, upper case."""
        symbol = self.parameters.text("symbol")
        return None if symbol is None else symbol.upper()
