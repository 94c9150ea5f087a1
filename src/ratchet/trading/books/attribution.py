"""Attribution: to which one trade an execution belongs that nobody was there to see."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from ratchet.domain.bracket import Bracket
from ratchet.domain.fill import Fill
from ratchet.domain.identity import TradeId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.symbol import Symbol
from ratchet.exchange.budget import Lane
from ratchet.exchange.client import BinanceClient
from ratchet.ledger.ledger import Ledger
from ratchet.risk.protection import default_stop_price
from ratchet.trading.books.ownership import owner_of_fill
from ratchet.trading.start.reconciler import STRATEGY

REASON = "found by the audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionParts:
    """What it is handed."""

    client: BinanceClient
    ledger: Ledger
    rules: Mapping[Symbol, SymbolRules]
    stop_fraction: Decimal  # of the entry, for the trades that it begins
    profile: str


class Attribution:
    """Knows whose an order is by its name, its number, or by who had the symbol when it was filled."""

    def __init__(self, parts: AttributionParts) -> None:
        self._client = parts.client
        self._ledger = parts.ledger
        self._rules = parts.rules
        self._stop_fraction = parts.stop_fraction
        self._profile = parts.profile

    async def book(self, fill: Fill) -> TradeId | None:
        """Book an execution that the ledger lacks, to exactly one trade: that of its order; else, for another hand's or
        the exchange's own, the one that had the symbol; else one that is begun for it, and taken to be over.

        None when it cannot be booked: no trade has the symbol, and nothing is known of the symbol either.
        Raises: LedgerError, ExchangeError.
        """
        owner = await owner_of_fill(self._client, self._ledger, fill, Lane.ORDINARY)
        trade_id = owner.trade_id or await self._ledger.trade_at(fill.symbol, fill.at_ms) or await self._begin(fill)
        if trade_id is not None:
            await self._ledger.record_fill(replace(fill, client_order_id=owner.name), trade_id)
        return trade_id

    async def _begin(self, fill: Fill) -> TradeId | None:
        """A trade of another hand. One whose position stands is opened again by whoever finds the position."""
        rules = self._rules.get(fill.symbol)
        if rules is None:
            return None
        bracket = Bracket(
            symbol=fill.symbol,
            side=fill.side,
            quantity=fill.quantity,
            price_entry=fill.price,
            price_stop=default_stop_price(fill.side.sign * fill.quantity, fill.price, self._stop_fraction, rules),
            rungs=(),
            hold_ms_max=None,
        )
        trade_id = self._ledger.next_trade_id()
        await self._ledger.record_trade(trade_id, bracket, STRATEGY, [], profile=self._profile, at_ms=fill.at_ms)
        await self._ledger.close_trade(trade_id, reason=REASON, at_ms=fill.at_ms)
        return trade_id
