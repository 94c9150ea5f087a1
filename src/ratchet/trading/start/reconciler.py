"""The reconciler: what the exchange holds against what the ledger remembers, at the start and ever after.

The order of a start is account, stops, ledger, everything else. Every position ends up with a trade that keeps it: the
one of an earlier process, one that was given up too early, or one that is begun for another hand's position.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import structlog

from ratchet.config.protection_settings import ForeignPolicy
from ratchet.config.sections import BracketSettings
from ratchet.domain.bracket import Bracket
from ratchet.domain.clock import Clock
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, TradeId, is_of_run
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import Side, StopReport
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.exchange.certainty import LAG_MS
from ratchet.exchange.client import BinanceClient
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.tables import TradeRow
from ratchet.risk.plan import CannotPlan, plan_bracket
from ratchet.risk.protection import default_stop_price
from ratchet.trading.books.ownership import owner_of_fill, owner_of_name
from ratchet.trading.protection.executor import Executor
from ratchet.trading.protection.protector import Protector
from ratchet.trading.start.recollection import recollect
from ratchet.trading.trades.trade_state import TradeState

STRATEGY = "foreign"  # of trades that another hand began
SEARCH_BACK_MS = 600_000  # how far before a change its execution is looked for

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A trade that has to be kept."""

    state: TradeState
    price_stop: Decimal
    close: str = ""  # why it has to be closed at once, by the operator's policy


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerParts:
    """What it is handed."""

    client: BinanceClient
    ledger: Ledger
    executor: Executor
    protector: Protector
    clock: Clock
    rules: Mapping[Symbol, SymbolRules]
    shape: BracketSettings
    policy: ForeignPolicy
    profile: str


class Reconciler:
    """Asks the exchange and the ledger; decides which trades there are."""

    def __init__(self, parts: ReconcilerParts) -> None:
        self._client = parts.client
        self._ledger = parts.ledger
        self._executor = parts.executor
        self._protector = parts.protector
        self._clock = parts.clock
        self._rules = parts.rules
        self._shape = parts.shape
        self._policy = parts.policy
        self._profile = parts.profile

    async def protect(self) -> None:
        """Account, then stops, and every position covered before anything else is asked. Raises: ExchangeError."""
        asked = self._clock.elapsed_ms()
        positions = await self._client.fetch_positions()
        stops = await self._client.fetch_open_stops()
        self._ledger.recall(TradeId(0), self._clock.now_ms())
        of_symbol: defaultdict[Symbol, list[StopReport]] = defaultdict(list)
        for stop in stops:
            of_symbol[stop.symbol].append(stop)
        for symbol, reports in of_symbol.items():
            await self._protector.on_stops(symbol, reports, asked)
        self._protector.on_positions(positions, asked)
        if positions:
            log.warning("positions_found", symbols=sorted(position.symbol for position in positions))
        for position in positions:
            if position.symbol not in self._rules:
                log.error("position_not_listed", symbol=position.symbol, quantity=str(position.quantity_signed))
        await self._protector.settle_all()

    async def recall(self) -> list[Found]:
        """The trades of the ledger that were not over, and one for each position that none of them explains.

        Raises: LedgerError, ExchangeError.
        """
        found = [await self._found(row.id) for row in await self._ledger.open_trades() if row.symbol in self._rules]
        explained = {each.state.symbol for each in found}
        for symbol in self._protector.held():
            if symbol not in explained and (foreign := await self.adopt(symbol)) is not None:
                found.append(foreign)
        await self._clear_orphans({each.state.symbol for each in found})
        return found

    async def adopt(self, symbol: Symbol) -> Found | None:
        """The trade of a position that nobody keeps; None when it is gone again, or nobody can say yet.

        Raises: LedgerError, ExchangeError.
        """
        ward = self._protector.ward(symbol)
        now_ms = self._clock.now_ms()
        since_ms = min(ward.changed_ms or now_ms, now_ms) - SEARCH_BACK_MS
        held, price_entry = ward.held, ward.price_entry  # an emergency may have it closed while this asks
        left, opened_ms = held, now_ms
        for fill in reversed(await self._client.fetch_fills(symbol, since_ms=since_ms)):
            if left == 0:
                break
            owner = await owner_of_fill(self._client, self._ledger, fill)
            if owner.may_turn_up(fill, now_ms):
                log.warning("owner_not_known_yet", symbol=symbol, order_id=fill.order_id)
                return None
            if owner.trade_id is not None:
                if fill.side.sign * ward.held <= 0:
                    return None
                if not await self._is_even(owner.trade_id, fill):
                    return await self.reopen(owner.trade_id)
                break  # an exit: what is held has come since, and how is not to be seen yet
            if is_of_run(self._ledger.run, owner.name or ""):
                continue  # how it was closed meanwhile
            left -= fill.side.sign * fill.quantity
            opened_ms = fill.at_ms
        if held == 0 or (ward.held == 0 and left != 0):
            return None
        if left != 0 and ward.changed_ms > now_ms - LAG_MS:
            log.warning("executions_not_seen_yet", symbol=symbol)
            return None
        # Executions that add up to it are another hand's opening; else how it came about is nobody's knowledge.
        return await self._begin_foreign(symbol, held, price_entry, opened_ms if left == 0 else now_ms)

    async def reopen(self, trade_id: TradeId) -> Found:
        """A trade that was taken to be over is gone on with: something of it has come to light."""
        log.warning("trade_reopened", trade_id=trade_id)
        await self._ledger.reopen_trade(trade_id)
        return await self._found(trade_id)

    async def owner_of(self, name: ClientOrderId) -> TradeId | None:
        """The trade of ours that an order belongs to, by its name. Raises: LedgerError."""
        return await owner_of_name(self._ledger, name)

    async def _is_even(self, trade_id: TradeId, fill: Fill) -> bool:
        """Whether a trade has closed all that it had, by its executions that are in the ledger and this one."""
        state, _ = await recollect(self._ledger, await self._row(trade_id))
        state.book(fill)
        return state.quantity_held == 0

    async def _row(self, trade_id: int) -> TradeRow:
        row = await self._ledger.trade(TradeId(trade_id))
        if row is None:
            raise LookupError(f"trade {trade_id} is not in the ledger")
        return row

    async def _found(self, trade_id: int) -> Found:
        row = await self._row(trade_id)
        self._ledger.recall(TradeId(trade_id), self._clock.now_ms())
        state, price_stop = await recollect(self._ledger, row)
        close = self._by_policy(state.symbol) if row.strategy == STRATEGY else ""
        return Found(state=state, price_stop=price_stop, close=close)

    def _by_policy(self, symbol: Symbol) -> str:
        """Another hand's position: leave it alone if that is wanted. Returns why it is to be closed, if it is."""
        if self._policy is ForeignPolicy.IGNORE:
            self._protector.ignore(symbol)
        return "foreign" if self._policy is ForeignPolicy.FLATTEN else ""

    async def _begin_foreign(self, symbol: Symbol, held: Decimal, price_entry: Decimal, opened_ms: int) -> Found:
        """A trade for a position of another hand."""
        bracket = self._foreign_bracket(symbol, held, price_entry)
        trade_id = self._ledger.next_trade_id()
        log.warning("foreign_position", symbol=symbol, quantity=str(held), policy=self._policy.value)
        await self._ledger.record_trade(trade_id, bracket, STRATEGY, [], profile=self._profile, at_ms=opened_ms)
        state = TradeState(trade_id=trade_id, bracket=bracket, opened_ms=opened_ms)
        return Found(state=state, price_stop=bracket.price_stop, close=self._by_policy(symbol))

    def _foreign_bracket(self, symbol: Symbol, held: Decimal, price_entry: Decimal) -> Bracket:
        rules = self._rules[symbol]
        side = Side.BUY if held > 0 else Side.SELL
        if self._policy is ForeignPolicy.ADOPT:
            signal = Signal(
                strategy=STRATEGY,
                symbol=symbol,
                side=side,
                candle_close_ms=self._clock.now_ms(),
                price=price_entry,
                atr_fraction=0.0,
                breakdown=(),
            )
            try:
                return plan_bracket(signal, abs(held), self._shape, rules)
            except CannotPlan as error:
                log.warning("foreign_position_not_adopted", symbol=symbol, error=str(error))
        return Bracket(
            symbol=symbol,
            side=side,
            quantity=abs(held),
            price_entry=price_entry,
            price_stop=default_stop_price(held, price_entry, self._shape.stop_fraction, rules),
            rungs=(),
            hold_ms_max=None,
        )

    async def _clear_orphans(self, kept: set[Symbol]) -> None:
        """Plain orders of ours on symbols that no trade is open on: a rung or an entry that outlived its trade."""
        orphans = {
            order.symbol
            for order in await self._client.fetch_open_orders()
            if is_of_run(self._ledger.run, order.client_order_id) and order.symbol not in kept
        }
        for symbol in orphans:
            log.warning("orphans_cancelled", symbol=symbol)
            await self._executor.cancel_own_orders(symbol)
