"""The state of spot: its symbols' markets and its accounts. Plain data; the other modules change it."""

from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b

from localbinance.core.act import FillSlowly
from localbinance.core.delayed import Delayed
from localbinance.core.depth import Depth
from localbinance.core.spot.average import AveragePrice
from localbinance.core.spot.balances import Balances
from localbinance.core.spot.events import BalancesEvent, SpotEvent
from localbinance.core.spot.order import NO_LIST, OrderList, SpotOrder, SpotTrade
from localbinance.core.tick import Tick
from localbinance.rules import errors, spot_errors
from localbinance.rules.spot_rules import SpotRules, SpotSymbolRules

ORDER_ID_FIRST = 3_000_000_001
LIST_ID_FIRST = 90_001
TRADE_ID_FIRST = 60_000_000
EXECUTION_ID_FIRST = 7_000_000_000
CLIENT_ID_LENGTH = 22
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True, kw_only=True)
class SpotMarket:
    """One symbol: its rules, its latest tick, and every order of any account that waits on it."""

    rules: SpotSymbolRules
    tick: Tick
    depth: Depth
    average: AveragePrice
    trade_id: int = TRADE_ID_FIRST
    update_id: int = 0
    resting: dict[int, SpotOrder] = field(default_factory=dict)  # in the book, by id: in order of time
    waiting: dict[int, SpotOrder] = field(default_factory=dict)  # for their stop prices
    delayed: list[Delayed[SpotOrder]] = field(default_factory=list)  # by interference alone


@dataclass(slots=True, kw_only=True)
class SpotAccount:
    """One account. Orders and trades are kept for ever: an exchange of one run has no archive."""

    key: str
    balances: Balances
    updated_ms: int
    pays_in_bnb: bool = True  # where there is enough BNB
    orders: dict[int, SpotOrder] = field(default_factory=dict)
    orders_by_client: dict[tuple[str, str], SpotOrder] = field(default_factory=dict)  # (symbol, client id): the latest
    open_orders: dict[int, SpotOrder] = field(default_factory=dict)
    lists: dict[int, OrderList] = field(default_factory=dict)
    trades: dict[str, list[SpotTrade]] = field(default_factory=dict)  # by symbol


@dataclass(slots=True, kw_only=True)
class SpotState:
    """Everything."""

    rules: SpotRules
    markets: dict[str, SpotMarket] = field(default_factory=dict)  # symbols that have ticked
    accounts: dict[str, SpotAccount] = field(default_factory=dict)
    events: list[SpotEvent] = field(default_factory=list)
    slow_fills: dict[str, FillSlowly] = field(default_factory=dict)  # by symbol
    order_id: int = ORDER_ID_FIRST
    list_id: int = LIST_ID_FIRST
    execution_id: int = EXECUTION_ID_FIRST

    def account(self, key: str) -> SpotAccount:
        """Raises: Rejection -2015 for a key that nobody has."""
        account = self.accounts.get(key)
        if account is None:
            raise errors.key_unknown()
        return account

    def listed(self, symbol: str) -> SpotSymbolRules:
        """Raises: Rejection -1121."""
        rules = self.rules.symbols.get(symbol)
        if rules is None:
            raise errors.invalid_symbol()
        return rules

    def market(self, symbol: str) -> SpotMarket:
        """Raises: Rejection -1121 for an unknown symbol, -1013 for one without a market."""
        market = self.markets.get(symbol)
        if market is None:
            self.listed(symbol)
            raise spot_errors.market_closed()
        return market

    def price(self, symbol: str) -> Decimal | None:
        """The last price; None without a market."""
        market = self.markets.get(symbol)
        return None if market is None else market.tick.last

    def sibling(self, order: SpotOrder) -> SpotOrder | None:
        """The other order of its OCO, while that one is open."""
        if order.list_id == NO_LIST:
            return None
        orders = self.accounts[order.account].lists[order.list_id].orders
        return next((each for each in orders if each is not order and each.is_open), None)

    def tell_balances(self, account: SpotAccount, at_ms: int) -> None:
        """Tell what has changed of the balances, if anything has."""
        changed = account.balances.take_changed()
        if changed:
            account.updated_ms = at_ms
            self.events.append(BalancesEvent(account=account.key, time_ms=at_ms, balances=changed))


def made_id(number: int, kind: str) -> str:
    """A client id as the exchange makes them, for who has given none."""
    left = int.from_bytes(blake2b(f"{kind} {number}".encode(), digest_size=20).digest())
    digits: list[str] = []
    while len(digits) < CLIENT_ID_LENGTH:
        left, digit = divmod(left, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)
