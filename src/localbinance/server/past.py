"""The past: accounts as they stood a while ago, for reads that answer stale. Kept only while a fault asks for it."""

from collections import deque
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from localbinance.core.account_state import AccountState, AssetState, PositionDetail
from localbinance.core.exchange import Exchange
from localbinance.core.order import AlgoOrder, Order
from localbinance.core.spot.exchange import SpotAccountState, SpotExchange
from localbinance.core.spot.order import SpotOrder
from localbinance.server.fault import STALE_MS_MAX

KEPT_MAX = 1_000  # moments an account; past it the oldest is forgotten


@dataclass(frozen=True, slots=True)
class Moment:
    """What an account's reads tell of it, as from an instant on."""

    at_ms: int
    account: str
    state: AccountState
    orders: tuple[Order, ...]  # copies
    algos: tuple[AlgoOrder, ...]  # copies
    spot_state: SpotAccountState
    spot_orders: tuple[SpotOrder, ...]  # copies


class Past:
    """Moments of all accounts, oldest first."""

    def __init__(self, exchange: Exchange, spot: SpotExchange, accounts: Sequence[str]) -> None:
        self._exchange = exchange
        self._spot = spot
        self._moments: dict[str, deque[Moment]] = {account: deque(maxlen=KEPT_MAX) for account in accounts}

    def note(self, now_ms: int) -> None:
        """Remember how things stand now."""
        for account, moments in self._moments.items():
            moments.append(
                Moment(
                    now_ms,
                    account,
                    self._exchange.account_state(account),
                    tuple(copy(order) for order in self._exchange.open_orders(account)),
                    tuple(copy(algo) for algo in self._exchange.open_algo_orders(account)),
                    self._spot.account_state(account),
                    tuple(copy(order) for order in self._spot.open_orders(account)),
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


class _AsItStood(Exchange):
    """The same exchange, but for what is read of one account."""

    def __init__(self, now: Exchange, moment: Moment) -> None:
        self._state = now._state
        self._moment = moment

    def account_state(self, account: str) -> AccountState:
        return self._moment.state if account == self._moment.account else super().account_state(account)

    def assets(self, account: str) -> tuple[AssetState, ...]:
        return self._moment.state.assets if account == self._moment.account else super().assets(account)

    def positions(self, account: str) -> tuple[PositionDetail, ...]:
        return self._moment.state.positions if account == self._moment.account else super().positions(account)

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        if account != self._moment.account:
            return super().open_orders(account, symbol)
        return [order for order in self._moment.orders if symbol is None or order.symbol == symbol]

    def open_algo_orders(self, account: str, symbol: str | None = None) -> list[AlgoOrder]:
        if account != self._moment.account:
            return super().open_algo_orders(account, symbol)
        return [algo for algo in self._moment.algos if symbol is None or algo.symbol == symbol]


class _SpotAsItStood(SpotExchange):
    """The same spot exchange, but for what is read of one account."""

    def __init__(self, now: SpotExchange, moment: Moment) -> None:
        self._state = now._state
        self._moment = moment

    def account_state(self, account: str) -> SpotAccountState:
        return self._moment.spot_state if account == self._moment.account else super().account_state(account)

    def open_orders(self, account: str, symbol: str | None = None) -> list[SpotOrder]:
        if account != self._moment.account:
            return super().open_orders(account, symbol)
        return [order for order in self._moment.spot_orders if symbol is None or order.symbol == symbol]
