"""The exchange: the one face of the core. Commands and ticks in, events out, time passed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from localbinance.core import audit, conditional, funding, interference, liquidation, matching
from localbinance.core.account_state import (
    AccountState,
    AssetState,
    IncomeRow,
    LeverageSet,
    PositionDetail,
    SymbolConfig,
    Uncovered,
)
from localbinance.core.act import CoreAct
from localbinance.core.depth import Depth
from localbinance.core.events import ConfigEvent, Event
from localbinance.core.execution import account_event
from localbinance.core.funding import FundingView
from localbinance.core.margin import account_state, asset_state, asset_states, notional_max, open_positions
from localbinance.core.order import (
    ZERO,
    AlgoOrder,
    AlgoRequest,
    Order,
    OrderRequest,
    PositionSide,
    Side,
    Trade,
)
from localbinance.core.position import Position
from localbinance.core.state import Account, FundingPaid, State, SymbolMarket
from localbinance.core.tick import Tick
from localbinance.rules import errors
from localbinance.rules.market_rules import MarketRules


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """`client_ids_unique`: refuse a client id for ever once used; Binance does so among open orders only."""

    client_ids_unique: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BookView:
    """The modelled depth, best first: (price, base quantity)."""

    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]
    update_id: int
    time_ms: int


class Exchange:
    """The whole exchange. Accounts are named by their API key. Every refusal is a Rejection and changes nothing."""

    def __init__(self, rules: MarketRules, *, settings: CoreSettings = CoreSettings()) -> None:
        self._state = State(rules=rules, clients_ids_unique=settings.client_ids_unique)

    @property
    def rules(self) -> MarketRules:
        """What is listed, as of now: a symbol that is settled is so here."""
        return self._state.rules

    def open_account(self, account: str, balances: Mapping[str, Decimal], now_ms: int) -> None:
        """A new account: one-way, cross margin, single-asset."""
        wallets = dict.fromkeys(self._state.rules.assets, ZERO) | dict(balances)
        opened = Account(key=account, wallets=wallets)
        opened.updated_ms = dict.fromkeys(wallets, now_ms)
        self._state.accounts[account] = opened

    # The market ------------------------------------------------------------------------------------------------------

    def on_tick(self, tick: Tick) -> None:
        """The market of a symbol has gone on: fills of resting orders, triggers, liquidations.

        Triggers come before fills: within one tick the worse is taken to have happened first.
        """
        market = self._state.markets.get(tick.symbol)
        if market is None:
            self._open_market(tick)
            return
        market.tick = tick
        market.trade_id += tick.trades
        market.update_id += 1
        market.depth.renew(tick)
        was_held = bool(market.holders)
        if market.waiting:
            conditional.on_tick(self._state, market, tick)
        if market.resting:
            matching.on_tick(self._state, market, tick)
        if market.holders:
            liquidation.on_tick(self._state, market, tick.time_ms)
        if was_held or market.holders:
            self._audit_all(tick.symbol, tick.time_ms)

    def on_time(self, now_ms: int) -> None:
        """Time has passed: funding, expiry of what was good till a date."""
        before_ms, self._state.now_ms = self._state.now_ms, now_ms
        for market in self._state.markets.values():
            was_held = bool(market.holders)
            funding.on_time(self._state, market, before_ms, now_ms)
            matching.on_time(self._state, market, now_ms)
            conditional.on_time(self._state, market, now_ms)
            interference.on_time(self._state, market, now_ms)
            if was_held or market.holders:
                self._audit_all(market.rules.symbol, now_ms)

    def drain_events(self) -> list[Event]:
        """What has happened since the last call, in order."""
        events, self._state.events = self._state.events, []
        return events

    def best(self, symbol: str) -> Tick | None:
        """The latest tick."""
        market = self._state.markets.get(symbol)
        return None if market is None else market.tick

    def book(self, symbol: str, limit: int) -> BookView:
        """The modelled depth, at most `limit` levels a side. Raises: Rejection -1121, -2020."""
        market = self._state.market(symbol)
        bids, asks = market.depth.best(Side.BUY, limit), market.depth.best(Side.SELL, limit)
        return BookView(bids=bids, asks=asks, update_id=market.update_id, time_ms=market.tick.time_ms)

    def funding(self, symbol: str) -> FundingView:
        """The running funding rate. Raises: Rejection -1121, -2020."""
        return funding.view(self._state.market(symbol))

    def funding_history(self, symbol: str) -> list[FundingPaid]:
        """The instants since the start, oldest first. Raises: Rejection -1121, -2020."""
        return self._state.market(symbol).fundings

    # Orders ----------------------------------------------------------------------------------------------------------

    def place_order(self, account: str, request: OrderRequest, now_ms: int) -> Order:
        """Place and match. Returns the order as it is then."""
        owner = self._requesting(account, request.symbol)
        order = matching.place(self._state, owner, request, now_ms)
        audit.check(owner, request.symbol, now_ms)
        return order

    def test_order(self, account: str, request: OrderRequest, now_ms: int) -> None:
        """Only check."""
        matching.accept(self._state, self._state.account(account), request, now_ms)

    def modify_order(
        self,
        account: str,
        symbol: str,
        order_id: int | None,
        client_order_id: str | None,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        now_ms: int,
    ) -> Order:
        """Change a resting limit order."""
        owner = self._requesting(account, symbol)
        order = matching.find(owner, symbol, order_id, client_order_id, errors.order_does_not_exist())
        order = matching.modify(self._state, owner, order, side, quantity, price, now_ms)
        audit.check(owner, symbol, now_ms)
        return order

    def cancel_order(
        self,
        account: str,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        now_ms: int,
    ) -> Order:
        """Cancel one."""
        owner = self._requesting(account, symbol)
        self._state.listed(symbol)
        order = matching.find(owner, symbol, order_id, client_order_id, errors.unknown_order())
        order = matching.cancel(self._state, order, now_ms)
        audit.check(owner, symbol, now_ms)
        return order

    def cancel_all_orders(self, account: str, symbol: str, now_ms: int) -> None:
        """Cancel the plain ones of a symbol; conditional ones stay."""
        owner = self._requesting(account, symbol)
        for order in self.open_orders(account, symbol):
            matching.cancel(self._state, order, now_ms)
        audit.check(owner, symbol, now_ms)

    def order(
        self, account: str, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order:
        """One order, open or not."""
        owner = self._state.account(account)
        return matching.find(owner, symbol, order_id, client_order_id, errors.order_does_not_exist())

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """What rests in the book, oldest first."""
        orders = self._state.account(account).open_orders.values()
        return [order for order in orders if symbol is None or order.symbol == symbol]

    def all_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Every order ever, oldest first."""
        return list(matching.orders_of(self._state.account(account), symbol))

    def trades(self, account: str, symbol: str) -> list[Trade]:
        """Own trades, oldest first."""
        return self._state.account(account).trades.get(symbol, [])

    # Conditional orders ----------------------------------------------------------------------------------------------

    def place_algo_order(self, account: str, request: AlgoRequest, now_ms: int) -> AlgoOrder:
        """Hand one to the algo service."""
        owner = self._requesting(account, request.symbol)
        algo = conditional.place(self._state, owner, request, now_ms)
        audit.check(owner, request.symbol, now_ms)
        return algo

    def cancel_algo_order(
        self, account: str, *, algo_id: int | None = None, client_algo_id: str | None = None, now_ms: int
    ) -> AlgoOrder:
        """Cancel one that waits."""
        owner = self._state.account(account)
        algo = conditional.find(owner, algo_id, client_algo_id, errors.unknown_order())
        self._requesting(account, algo.symbol)
        algo = conditional.cancel(self._state, algo, now_ms)
        audit.check(owner, algo.symbol, now_ms)
        return algo

    def cancel_all_algo_orders(self, account: str, symbol: str, now_ms: int) -> None:
        """Cancel those of a symbol."""
        owner = self._requesting(account, symbol)
        for algo in self.open_algo_orders(account, symbol):
            conditional.cancel(self._state, algo, now_ms)
        audit.check(owner, symbol, now_ms)

    def algo_order(self, account: str, *, algo_id: int | None = None, client_algo_id: str | None = None) -> AlgoOrder:
        """One conditional order, waiting or not."""
        owner = self._state.account(account)
        return conditional.find(owner, algo_id, client_algo_id, errors.order_does_not_exist())

    def open_algo_orders(self, account: str, symbol: str | None = None) -> list[AlgoOrder]:
        """Those that wait, oldest first."""
        algos = self._state.account(account).open_algos.values()
        return [algo for algo in algos if symbol is None or algo.symbol == symbol]

    def all_algo_orders(self, account: str, symbol: str) -> list[AlgoOrder]:
        """Every conditional order ever of a symbol, oldest first."""
        return [algo for algo in self._state.account(account).algos.values() if algo.symbol == symbol]

    # The account -----------------------------------------------------------------------------------------------------

    def account_state(self, account: str) -> AccountState:
        """A snapshot."""
        return account_state(self._state, self._state.account(account))

    def assets(self, account: str) -> tuple[AssetState, ...]:
        """Of a snapshot, the assets alone."""
        return asset_states(self._state, self._state.account(account))

    def open_positions(self, account: str) -> tuple[PositionDetail, ...]:
        """Of a snapshot, the slots with a position or an order alone."""
        return open_positions(self._state, self._state.account(account))

    def symbol_config(self, account: str, symbol: str) -> SymbolConfig:
        """Leverage and margin type."""
        owner, rules = self._state.account(account), self._state.listed(symbol)
        leverage = owner.leverage_of(symbol, rules)
        return SymbolConfig(
            leverage=leverage, isolated=symbol in owner.isolated, notional_max=notional_max(rules, leverage)
        )

    def income(self, account: str) -> list[IncomeRow]:
        """The income history, oldest first."""
        return self._state.account(account).income

    def uncovered(self, account: str) -> list[Uncovered]:
        """The audit: every spell in which a position was not wholly covered by stops."""
        return audit.uncovered(self._state.account(account))

    def deposit(self, account: str, asset: str, amount: Decimal, now_ms: int) -> None:
        """Transfer in, or out when the amount is below 0."""
        owner = self._state.account(account)
        self._state.book_income(owner, "TRANSFER", "", asset, amount, now_ms)
        reason = "DEPOSIT" if amount >= 0 else "WITHDRAW"
        self._state.events.append(account_event(self._state, owner, reason, asset, now_ms, (), change=amount))

    def set_leverage(self, account: str, symbol: str, leverage: int, now_ms: int) -> LeverageSet:
        """Raises: Rejection -4028, -4161, -2027, -2028."""
        owner, rules = self._state.account(account), self._state.listed(symbol)
        leverage = self._state.in_force.leverage_granted(symbol, leverage)
        if not 1 <= leverage <= rules.brackets[0].leverage_max:
            raise errors.leverage_invalid(leverage)
        before, most = owner.leverage_of(symbol, rules), notional_max(rules, leverage)
        held = [slot for slot in owner.slots(symbol) if slot.quantity]
        if any(abs(slot.quantity) * self._state.mark(symbol) > most for slot in held):
            raise errors.position_limit_exceeded()
        if held and leverage < before and symbol in owner.isolated:
            raise errors.leverage_reduction_isolated()
        owner.leverage[symbol] = leverage
        asset = asset_state(self._state, owner, rules.margin_asset)
        if leverage < before and asset.initial_margin > asset.cross_wallet + asset.cross_unrealized:
            owner.leverage[symbol] = before
            raise errors.leverage_too_small()
        if leverage != before:
            self._state.events.append(ConfigEvent(account=account, time_ms=now_ms, symbol=symbol, leverage=leverage))
        return LeverageSet(leverage=leverage, notional_max=most)

    def set_margin_type(self, account: str, symbol: str, isolated: bool, now_ms: int) -> None:
        """Raises: Rejection -4046, -4047, -4048."""
        owner = self._state.account(account)
        rules = self._state.listed(symbol)
        self._state.in_force.check_margin_type(symbol)
        if isolated is (symbol in owner.isolated):
            raise errors.margin_type_unchanged()
        if self.open_orders(account, symbol) or self.open_algo_orders(account, symbol):
            raise errors.margin_type_has_orders()
        if any(slot.quantity for slot in owner.slots(symbol)):
            raise errors.margin_type_has_position()
        if isolated:
            owner.isolated.add(symbol)
        else:
            owner.isolated.discard(symbol)
        self._state.events.append(
            account_event(self._state, owner, "MARGIN_TYPE_CHANGE", rules.margin_asset, now_ms, ())
        )

    def set_dual_side(self, account: str, dual: bool) -> None:
        """Hedge mode on or off. Raises: Rejection -4059, -4067, -4068."""
        owner = self._state.account(account)
        if dual is owner.dual_side:
            raise errors.position_mode_unchanged()
        if owner.open_orders or owner.open_algos:
            raise errors.position_mode_has_orders()
        if any(slot.quantity for slot in owner.positions.values()):
            raise errors.position_mode_has_position()
        owner.dual_side = dual

    def set_multi_assets(self, account: str, enabled: bool) -> None:
        """Only the single-asset mode is offered. Raises: Rejection -4168, or -4171 when it is single already."""
        self._state.account(account)
        raise errors.multi_assets_refused() if enabled else errors.multi_assets_unchanged()

    def change_position_margin(
        self,
        account: str,
        symbol: str,
        side: PositionSide,
        amount: Decimal,
        add: bool,
        now_ms: int,
    ) -> None:
        """Move margin to (`add`) or from an isolated position. Raises: Rejection -4049, -4050, -4051, -4054, -4055."""
        owner, rules = self._state.account(account), self._state.listed(symbol)
        slot = owner.position(symbol, side, rules.margin_asset)
        if amount <= 0:
            raise errors.amount_not_positive()
        if symbol not in owner.isolated:
            raise errors.not_isolated()
        if not slot.quantity:
            raise errors.no_position_for_margin()
        if add and amount > asset_state(self._state, owner, rules.margin_asset).available:
            raise errors.cross_balance_insufficient()
        if not add and amount > self._removable(owner, slot):
            raise errors.isolated_balance_insufficient()
        slot.isolated_wallet += amount if add else -amount
        self._state.events.append(
            account_event(self._state, owner, "MARGIN_TRANSFER", rules.margin_asset, now_ms, (slot,))
        )

    # Interference ----------------------------------------------------------------------------------------------------

    def interfere(self, account: str, act: CoreAct, now_ms: int) -> None:
        """Perform an act; those upon an account upon this one. Raises: Rejection for what the exchange refuses."""
        interference.perform(self._state, self._state.account(account), act, now_ms)

    # ----------------------------------------------------------------------------------------------------------------

    def _removable(self, owner: Account, slot: Position) -> Decimal:
        mark = self._state.mark(slot.symbol)
        leverage = owner.leverage_of(slot.symbol, self._state.listed(slot.symbol))
        return slot.isolated_wallet + min(ZERO, slot.unrealized(mark)) - abs(slot.quantity) * mark / leverage

    def _requesting(self, account: str, symbol: str) -> Account:
        owner = self._state.account(account)
        owner.requests[symbol] = owner.requests.get(symbol, 0) + 1
        return owner

    def _open_market(self, tick: Tick) -> None:
        rules = self._state.listed(tick.symbol)
        market = SymbolMarket(rules=rules, tick=tick, depth=Depth(rules.price_tick, rules.quantity_step, tick))
        market.funding_next_ms = funding.first_instant(market, tick.time_ms)
        self._state.markets[tick.symbol] = market

    def _audit_all(self, symbol: str, at_ms: int) -> None:
        for account in self._state.markets[symbol].holders.values():
            audit.check(account, symbol, at_ms)
        # An account that a fill of this tick has made flat is no holder any more, yet its spell has to end.
        for account in self._state.accounts.values():
            if symbol in account.spells and account.key not in self._state.markets[symbol].holders:
                audit.check(account, symbol, at_ms)
