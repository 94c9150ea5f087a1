"""The past: accounts as they stood a while ago, for reads that answer stale. Kept only while a fault asks for it."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from localbinance.core.account_state import AccountState, AssetState, PositionDetail
from localbinance.core.exchange import Exchange
from localbinance.core.order import AlgoOrder, Order, Trade
from localbinance.core.spot.exchange import SpotAccountState, SpotExchange
from localbinance.core.spot.order import SpotOrder, SpotTrade
from localbinance.rules import errors
from localbinance.server.fault import STALE_MS_MAX

KEPT_MAX = 1_000  # moments an account; past it the oldest is forgotten


class _Dated(Protocol):
    """An order of any kind."""

    updated_ms: int


_Kind = TypeVar("_Kind", bound=_Dated)


@dataclass(frozen=True, slots=True)
class Orders(Generic[_Kind]):
    """Orders of one kind as they stood."""

    copies: Mapping[int, _Kind]  # by number, of those that have changed since, or may have
    last_id: int  # what has a later number was not there yet

    def then(self, number: int, now: _Kind) -> _Kind | None:
        """An order as it stood, from how it stands; None when it was not there."""
        return self.copies.get(number, now) if number <= self.last_id else None

    def all_then(self, numbered: Iterable[tuple[int, _Kind]]) -> list[_Kind]:
        """Those of them that were there, as they stood."""
        return [found for number, now in numbered if (found := self.then(number, now)) is not None]


@dataclass(frozen=True, slots=True)
class Moment:
    """What an account's reads tell of it, as from an instant on."""

    at_ms: int
    account: str
    state: AccountState
    open_orders: frozenset[int]
    orders: Orders[Order]
    open_algos: frozenset[int]
    algos: Orders[AlgoOrder]
    trades: Mapping[str, int]  # how many there were, by symbol
    spot_state: SpotAccountState
    open_spot_orders: frozenset[int]
    spot_orders: Orders[SpotOrder]
    spot_trades: Mapping[str, int]


class Past:
    """Moments of all accounts, oldest first."""

    def __init__(self, exchange: Exchange, spot: SpotExchange, accounts: Sequence[str]) -> None:
        self._exchange = exchange
        self._spot = spot
        self._moments: dict[str, deque[Moment]] = {account: deque(maxlen=KEPT_MAX) for account in accounts}

    def note(self, now_ms: int) -> None:
        """Remember how things stand now."""
        futures, spot = self._exchange._state, self._spot._state
        for account, moments in self._moments.items():
            owner, spot_owner = futures.account(account), spot.account(account)
            moments.append(
                Moment(
                    at_ms=now_ms,
                    account=account,
                    state=self._exchange.account_state(account),
                    open_orders=frozenset(owner.open_orders),
                    orders=_orders(owner.orders, owner.open_orders, futures.order_id, now_ms),
                    open_algos=frozenset(owner.open_algos),
                    algos=_orders(owner.algos, owner.open_algos, futures.algo_id, now_ms),
                    trades={symbol: len(trades) for symbol, trades in owner.trades.items()},
                    spot_state=self._spot.account_state(account),
                    open_spot_orders=frozenset(spot_owner.open_orders),
                    spot_orders=_orders(spot_owner.orders, spot_owner.open_orders, spot.order_id, now_ms),
                    spot_trades={symbol: len(trades) for symbol, trades in spot_owner.trades.items()},
                )
            )
            while len(moments) > 1 and moments[1].at_ms <= now_ms - STALE_MS_MAX:
                moments.popleft()

    def forget(self) -> None:
        """Nothing is asked for any more."""
        for moments in self._moments.values():
            moments.clear()

    def exchange(self, account: str, at_ms: int) -> Exchange:
        """The exchange with this account as it stood then, or at the oldest moment that is known."""
        found = self._moment(account, at_ms)
        return self._exchange if found is None else _AsItStood(self._exchange, found)

    def spot_exchange(self, account: str, at_ms: int) -> SpotExchange:
        """The same of spot."""
        found = self._moment(account, at_ms)
        return self._spot if found is None else _SpotAsItStood(self._spot, found)

    def _moment(self, account: str, at_ms: int) -> Moment | None:
        moments = self._moments.get(account)
        if not moments:
            return None
        return next((each for each in reversed(moments) if each.at_ms <= at_ms), moments[0])


def _orders(all_: Mapping[int, _Kind], opened: Mapping[int, _Kind], last_id: int, now_ms: int) -> Orders[_Kind]:
    """Copies of those that may change yet. One that has ended may still for a moment: a stop that has triggered."""
    fresh = {number: copy(order) for number, order in all_.items() if order.updated_ms > now_ms - STALE_MS_MAX}
    return Orders(fresh | {number: copy(order) for number, order in opened.items()}, last_id)


class _AsItStood(Exchange):
    """The same exchange, but for what is read of one account."""

    def __init__(self, now: Exchange, moment: Moment) -> None:
        self._state = now._state
        self._moment = moment

    def account_state(self, account: str) -> AccountState:
        return self._moment.state if account == self._moment.account else super().account_state(account)

    def assets(self, account: str) -> tuple[AssetState, ...]:
        return self._moment.state.assets if account == self._moment.account else super().assets(account)

    def open_positions(self, account: str) -> tuple[PositionDetail, ...]:
        if account != self._moment.account:
            return super().open_positions(account)
        return tuple(each for each in self._moment.state.positions if each.is_open)

    def order(
        self, account: str, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order:
        now = super().order(account, symbol, order_id=order_id, client_order_id=client_order_id)
        found = self._moment.orders.then(now.order_id, now) if account == self._moment.account else now
        if found is None:
            raise errors.order_does_not_exist()
        return found

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        if account != self._moment.account:
            return super().open_orders(account, symbol)
        found = (self._moment.orders.copies[number] for number in sorted(self._moment.open_orders))
        return [order for order in found if symbol is None or order.symbol == symbol]

    def all_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        found = super().all_orders(account, symbol)
        if account != self._moment.account:
            return found
        return self._moment.orders.all_then((order.order_id, order) for order in found)

    def trades(self, account: str, symbol: str) -> list[Trade]:
        found = super().trades(account, symbol)
        return found if account != self._moment.account else found[: self._moment.trades.get(symbol, 0)]

    def algo_order(self, account: str, *, algo_id: int | None = None, client_algo_id: str | None = None) -> AlgoOrder:
        now = super().algo_order(account, algo_id=algo_id, client_algo_id=client_algo_id)
        found = self._moment.algos.then(now.algo_id, now) if account == self._moment.account else now
        if found is None:
            raise errors.order_does_not_exist()
        return found

    def open_algo_orders(self, account: str, symbol: str | None = None) -> list[AlgoOrder]:
        if account != self._moment.account:
            return super().open_algo_orders(account, symbol)
        found = (self._moment.algos.copies[number] for number in sorted(self._moment.open_algos))
        return [algo for algo in found if symbol is None or algo.symbol == symbol]

    def all_algo_orders(self, account: str, symbol: str) -> list[AlgoOrder]:
        found = super().all_algo_orders(account, symbol)
        if account != self._moment.account:
            return found
        return self._moment.algos.all_then((algo.algo_id, algo) for algo in found)


class _SpotAsItStood(SpotExchange):
    """The same spot exchange, but for what is read of one account."""

    def __init__(self, now: SpotExchange, moment: Moment) -> None:
        self._state = now._state
        self._moment = moment

    def account_state(self, account: str) -> SpotAccountState:
        return self._moment.spot_state if account == self._moment.account else super().account_state(account)

    def order(
        self, account: str, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> SpotOrder:
        now = super().order(account, symbol, order_id=order_id, client_order_id=client_order_id)
        found = self._moment.spot_orders.then(now.order_id, now) if account == self._moment.account else now
        if found is None:
            raise errors.order_does_not_exist()
        return found

    def open_orders(self, account: str, symbol: str | None = None) -> list[SpotOrder]:
        if account != self._moment.account:
            return super().open_orders(account, symbol)
        found = (self._moment.spot_orders.copies[number] for number in sorted(self._moment.open_spot_orders))
        return [order for order in found if symbol is None or order.symbol == symbol]

    def all_orders(self, account: str, symbol: str) -> list[SpotOrder]:
        found = super().all_orders(account, symbol)
        if account != self._moment.account:
            return found
        return self._moment.spot_orders.all_then((order.order_id, order) for order in found)

    def trades(self, account: str, symbol: str) -> list[SpotTrade]:
        found = super().trades(account, symbol)
        return found if account != self._moment.account else found[: self._moment.spot_trades.get(symbol, 0)]
