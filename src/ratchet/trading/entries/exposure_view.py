"""The exposure view: everything that the guard is to know, gathered at the moment of a decision."""

from collections.abc import Callable

from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.clock import Clock
from ratchet.domain.position import Balance, Position
from ratchet.domain.symbol import Symbol
from ratchet.risk.exposure import Exposure, Held, MarketFacts
from ratchet.risk.liquidation import Holding
from ratchet.trading.entries.symbol_terms import SymbolTerms
from ratchet.trading.limits.risk_facts import RiskFacts
from ratchet.trading.limits.risk_watch import RiskWatch
from ratchet.trading.trades.open_trades import OpenTrades


class ExposureView:
    """Asks nobody outside: what it gives is what is known."""

    def __init__(
        self,
        clock: Clock,
        watch: RiskWatch,
        trades: OpenTrades,
        facts: RiskFacts,
        terms: SymbolTerms,
        is_held: Callable[[Symbol], bool],
        balance: Callable[[], Balance],
        candles: Callable[[Symbol], CandleArrays | None],
    ) -> None:
        self._clock = clock
        self._watch = watch
        self._trades = trades
        self._facts = facts
        self._terms = terms
        self._is_held = is_held
        self._balance = balance
        self._candles = candles

    def now(self, symbol: Symbol) -> Exposure:
        """For a decision on a symbol."""
        brackets = self._trades.brackets()
        symbols = {symbol, *(bracket.symbol for bracket in brackets)}
        return Exposure(
            now_ms=self._clock.now_ms(),
            balance=self._balance(),
            held=tuple(Held(bracket, self._terms.leverage(bracket.symbol)) for bracket in brackets),
            others=tuple(
                self._holding(each)
                for each in self._watch.positions
                if each.symbol not in symbols and self._is_held(each.symbol)
            ),
            record=self._watch.record,
            facts=MarketFacts(
                candles={each: self._candles(each) for each in symbols},
                funding=self._facts.funding,
                brackets=self._facts.brackets,
            ),
        )

    def _holding(self, position: Position) -> Holding:
        return Holding(
            side=position.side,
            notional=position.quantity * position.price_mark,
            leverage=self._terms.leverage(position.symbol) or 1,
            brackets=self._facts.brackets.get(position.symbol, ()),
        )
