"""The spot exchange: the one face of its core. Commands and ticks in, events out, time passed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from localbinance.core.depth import Depth
from localbinance.core.exchange import BookView
from localbinance.core.order import Side
from localbinance.core.spot import interference, matching
from localbinance.core.spot.act import SpotAct
from localbinance.core.spot.average import AveragePrice
from localbinance.core.spot.balances import Balance, Balances
from localbinance.core.spot.events import BalanceState, SpotEvent
from localbinance.core.spot.order import OcoRequest, OrderList, SpotOrder, SpotRequest, SpotTrade
from localbinance.core.spot.state import SpotAccount, SpotMarket, SpotState
from localbinance.core.tick import Tick
from localbinance.rules import errors, spot_errors
from localbinance.rules.rejection import Rejection
from localbinance.rules.spot_rules import SpotRules

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotAccountState:
    """An account at one instant."""

    balances: tuple[BalanceState, ...]  # of every asset, sorted
    updated_ms: int
    pays_in_bnb: bool


class SpotExchange:
    """All of spot. Accounts are named by their API key. Every refusal is a Rejection and changes nothing."""

    def __init__(self, rules: SpotRules) -> None:
        self._state = SpotState(rules=rules)

    @property
    def rules(self) -> SpotRules:
        """What is listed, as of now."""
        return self._state.rules

    def open_account(self, account: str, balances: Mapping[str, Decimal], now_ms: int) -> None:
        """A new account."""
        held = {asset: Balance(free=amount) for asset, amount in balances.items()}
        self._state.accounts[account] = SpotAccount(key=account, balances=Balances(held), updated_ms=now_ms)

    # The market ------------------------------------------------------------------------------------------------------

    def on_tick(self, tick: Tick) -> None:
        """The market of a symbol has gone on. Triggers come before fills, as on futures."""
        market = self._state.markets.get(tick.symbol)
        if market is None:
            self._open_market(tick)
            return
        market.tick = tick
        market.trade_id += tick.trades
        market.update_id += 1
        market.depth.renew(tick)
        market.average.on_tick(tick)
        if market.waiting or market.resting:
            matching.on_tick(self._state, market, tick)

    def on_time(self, now_ms: int) -> None:
        """Time has passed: what is delayed goes on."""
        for market in self._state.markets.values():
            if market.delayed:
                matching.on_time(self._state, market, now_ms)

    def drain_events(self) -> list[SpotEvent]:
        """What has happened since the last call, in order."""
        events, self._state.events = self._state.events, []
        return events

    def best(self, symbol: str) -> Tick | None:
        """The latest tick."""
        market = self._state.markets.get(symbol)
        return None if market is None else market.tick

    def book(self, symbol: str, limit: int) -> BookView:
        """The modelled depth, at most `limit` levels a side. Raises: Rejection -1121, -1013."""
        market = self._state.market(symbol)
        bids, asks = market.depth.best(Side.BUY, limit), market.depth.best(Side.SELL, limit)
        return BookView(bids=bids, asks=asks, update_id=market.update_id, time_ms=market.tick.time_ms)

    def average_price(self, symbol: str) -> AveragePrice:
        """What prices are measured against. Raises: Rejection -1121, -1013."""
        return self._state.market(symbol).average

    # Orders ----------------------------------------------------------------------------------------------------------

    def place_order(self, account: str, request: SpotRequest, now_ms: int) -> SpotOrder:
        """Place and match. Returns the order as it is then."""
        return matching.place(self._state, self._state.account(account), request, now_ms)

    def place_oco(self, account: str, request: OcoRequest, now_ms: int) -> OrderList:
        """Place two orders of which at most one is filled."""
        return matching.place_oco(self._state, self._state.account(account), request, now_ms)

    def test_order(self, account: str, request: SpotRequest) -> None:
        """Only check."""
        matching.check(self._state, self._state.account(account), request)

    def cancel_order(
        self,
        account: str,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        cancel_id: str,
        now_ms: int,
    ) -> list[SpotOrder]:
        """Cancel one, and the other of its OCO with it. Given both names they must be of one order.

        Raises: Rejection -2011, -2039.
        """
        owner = self._state.account(account)
        self._state.listed(symbol)
        order = matching.find(owner, symbol, order_id, client_order_id, errors.unknown_order())
        if order_id is not None and client_order_id not in (None, order.client_order_id):
            raise spot_errors.client_id_of_another()
        return matching.cancel(self._state, order, cancel_id, now_ms)

    def order(
        self, account: str, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> SpotOrder:
        """One order, open or not. Raises: Rejection -1121, -2013."""
        self._state.listed(symbol)
        owner = self._state.account(account)
        return matching.find(owner, symbol, order_id, client_order_id, errors.order_does_not_exist())

    def open_orders(self, account: str, symbol: str | None = None) -> list[SpotOrder]:
        """Oldest first, those that wait for a stop price among them."""
        orders = self._state.account(account).open_orders.values()
        return [order for order in orders if symbol is None or order.symbol == symbol]

    def all_orders(self, account: str, symbol: str) -> list[SpotOrder]:
        """Every order ever of a symbol, oldest first."""
        return [order for order in self._state.account(account).orders.values() if order.symbol == symbol]

    def lists(self, account: str) -> list[OrderList]:
        """Every OCO ever, oldest first."""
        return list(self._state.account(account).lists.values())

    def order_list(self, account: str, list_id: int | None, client_list_id: str | None, no: Rejection) -> OrderList:
        """One OCO by its number or its client id. Raises: `no`."""
        for each in self.lists(account):
            if each.list_id == list_id or (list_id is None and each.client_list_id == client_list_id):
                return each
        raise no

    def trades(self, account: str, symbol: str) -> list[SpotTrade]:
        """Own trades, oldest first."""
        return self._state.account(account).trades.get(symbol, [])

    def trades_of(self, order: SpotOrder) -> list[SpotTrade]:
        """The fills of an order, oldest first."""
        return [trade for trade in self.trades(order.account, order.symbol) if trade.order_id == order.order_id]

    # The account -----------------------------------------------------------------------------------------------------

    def account_state(self, account: str) -> SpotAccountState:
        """A snapshot, of every asset that is listed or held."""
        owner = self._state.account(account)
        assets = sorted({*self._state.rules.assets, *owner.balances.of})
        held = [(asset, owner.balances.of.get(asset, Balance())) for asset in assets]
        return SpotAccountState(
            balances=tuple(BalanceState(asset=asset, free=each.free, locked=each.locked) for asset, each in held),
            updated_ms=owner.updated_ms,
            pays_in_bnb=owner.pays_in_bnb,
        )

    def transfer(self, account: str, asset: str, amount: Decimal, now_ms: int) -> None:
        """Money comes from elsewhere or, below 0, goes there. Raises: Rejection -2010."""
        interference.transfer(self._state, self._state.account(account), asset, amount, now_ms)

    def pay_in_bnb(self, account: str, wanted: bool) -> None:
        """Whether fees are paid in BNB where there is enough of it."""
        self._state.account(account).pays_in_bnb = wanted

    def interfere(self, account: str, act: SpotAct, now_ms: int) -> None:
        """Perform an act; those upon an account upon this one. Raises: Rejection for what the exchange refuses."""
        interference.perform(self._state, self._state.account(account), act, now_ms)

    def _open_market(self, tick: Tick) -> None:
        rules = self._state.listed(tick.symbol)
        average = AveragePrice(rules.average_minutes * MINUTE_MS)
        average.on_tick(tick)
        self._state.markets[tick.symbol] = SpotMarket(
            rules=rules,
            tick=tick,
            depth=Depth(rules.price_tick, rules.quantity_step, tick),
            average=average,
        )
