"""The state of the exchange: its symbols' markets and its accounts. Plain data; the other modules change it."""

from dataclasses import dataclass, field
from decimal import Decimal

from localbinance.core.account_state import IncomeRow, Uncovered
from localbinance.core.delayed import Delayed
from localbinance.core.depth import Depth
from localbinance.core.events import Event
from localbinance.core.in_force import InForce
from localbinance.core.order import ZERO, AlgoOrder, Order, PositionSide, Trade
from localbinance.core.position import Position
from localbinance.core.tick import Tick
from localbinance.rules import errors
from localbinance.rules.market_rules import MarketRules
from localbinance.rules.symbol_rules import SymbolRules

ORDER_ID_FIRST = 8_000_000_001
ALGO_ID_FIRST = 1_000_000_000_000_001
TRADE_ID_FIRST = 700_000_000
LEVERAGE_DEFAULT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPaid:
    """A funding instant that has passed."""

    time_ms: int
    rate: Decimal
    mark: Decimal


@dataclass(frozen=True, slots=True)
class Stuck:
    """A conditional order that stays TRIGGERING for a while."""

    algo: AlgoOrder
    until_ms: int


@dataclass(slots=True, kw_only=True)
class SymbolMarket:
    """One symbol: its rules, its latest tick, and every order of any account that waits on it."""

    rules: SymbolRules
    tick: Tick
    depth: Depth
    trade_id: int = TRADE_ID_FIRST
    update_id: int = 0
    resting: dict[int, Order] = field(default_factory=dict)  # open plain orders, by id: in order of time
    waiting: dict[int, AlgoOrder] = field(default_factory=dict)  # untriggered conditional orders
    delayed: list[Delayed[Order]] = field(default_factory=list)  # by interference alone, as are the next two
    stuck: list[Stuck] = field(default_factory=list)
    delivery_ms: int | None = None  # when what is held is closed at mark
    holders: dict[str, "Account"] = field(default_factory=dict)  # accounts with a position
    premium_sum: Decimal = ZERO  # of the samples since the last funding instant, one a minute
    premium_samples: int = 0
    funding_next_ms: int = 0
    fundings: list[FundingPaid] = field(default_factory=list)


@dataclass(slots=True)
class Spell:
    """A running spell without cover."""

    from_ms: int
    requests: int  # of the account for the symbol when it began


@dataclass(slots=True, kw_only=True)
class Account:
    """One account. Orders and trades are kept for ever: an exchange of one run has no archive."""

    key: str
    wallets: dict[str, Decimal]
    dual_side: bool = False
    positions: dict[tuple[str, PositionSide], Position] = field(default_factory=dict)
    leverage: dict[str, int] = field(default_factory=dict)
    isolated: set[str] = field(default_factory=set)
    orders: dict[int, Order] = field(default_factory=dict)
    orders_by_client: dict[tuple[str, str], Order] = field(default_factory=dict)  # (symbol, client id): the latest
    open_orders: dict[int, Order] = field(default_factory=dict)
    algos: dict[int, AlgoOrder] = field(default_factory=dict)
    algos_by_client: dict[str, AlgoOrder] = field(default_factory=dict)
    open_algos: dict[int, AlgoOrder] = field(default_factory=dict)
    trades: dict[str, list[Trade]] = field(default_factory=dict)
    income: list[IncomeRow] = field(default_factory=list)
    updated_ms: dict[str, int] = field(default_factory=dict)  # by asset
    margin_called: bool = False
    requests: dict[str, int] = field(default_factory=dict)  # order requests by symbol, refused ones too
    spells: dict[str, Spell] = field(default_factory=dict)  # by symbol
    uncovered: list[Uncovered] = field(default_factory=list)  # spells that have ended

    def position(self, symbol: str, side: PositionSide, margin_asset: str) -> Position:
        """The slot, made when it is first touched."""
        slot = self.positions.get((symbol, side))
        if slot is None:
            slot = Position(symbol=symbol, position_side=side, margin_asset=margin_asset)
            self.positions[symbol, side] = slot
        return slot

    def slots(self, symbol: str) -> list[Position]:
        """Every slot of a symbol that was ever touched."""
        sides = (PositionSide.BOTH, PositionSide.LONG, PositionSide.SHORT)
        return [slot for side in sides if (slot := self.positions.get((symbol, side))) is not None]

    def leverage_of(self, symbol: str, rules: SymbolRules) -> int:
        """As set, or the default as far as the symbol allows it."""
        return self.leverage.get(symbol) or min(LEVERAGE_DEFAULT, rules.brackets[0].leverage_max)

    def cross_wallet(self, asset: str) -> Decimal:
        """The wallet without what is set aside for isolated positions."""
        wallet = self.wallets.get(asset, ZERO)
        for slot in self.positions.values():
            if slot.isolated_wallet and slot.margin_asset == asset:
                wallet -= slot.isolated_wallet
        return wallet


@dataclass(slots=True, kw_only=True)
class State:
    """Everything."""

    rules: MarketRules
    clients_ids_unique: bool = False
    markets: dict[str, SymbolMarket] = field(default_factory=dict)  # symbols that have ticked
    accounts: dict[str, Account] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    in_force: InForce = field(default_factory=InForce)
    now_ms: int = 0
    order_id: int = ORDER_ID_FIRST
    algo_id: int = ALGO_ID_FIRST
    tran_id: int = 0

    def account(self, key: str) -> Account:
        """Raises: Rejection -2015 for a key that nobody has."""
        account = self.accounts.get(key)
        if account is None:
            raise errors.key_unknown()
        return account

    def listed(self, symbol: str) -> SymbolRules:
        """Raises: Rejection -1121."""
        rules = self.rules.symbols.get(symbol)
        if rules is None:
            raise errors.invalid_symbol()
        return rules

    def market(self, symbol: str) -> SymbolMarket:
        """Raises: Rejection -1121 for an unknown symbol, -2020 for one without a market."""
        market = self.markets.get(symbol)
        if market is None:
            self.listed(symbol)
            raise errors.unable_to_fill()
        return market

    def mark(self, symbol: str) -> Decimal:
        """The mark price; 0 without a market."""
        market = self.markets.get(symbol)
        return ZERO if market is None else market.tick.mark

    def book_income(
        self,
        account: Account,
        kind: str,
        symbol: str,
        asset: str,
        amount: Decimal,
        at_ms: int,
        *,
        trade: Trade | None = None,
    ) -> None:
        """Change the wallet, with a row in the income history. Nothing for an amount of 0."""
        if amount == 0:
            return
        self.tran_id += 1
        account.wallets[asset] = account.wallets.get(asset, ZERO) + amount
        account.updated_ms[asset] = at_ms
        trade_id = "" if trade is None else str(trade.trade_id)
        account.income.append(
            IncomeRow(
                kind=kind,
                symbol=symbol,
                asset=asset,
                amount=amount,
                info=trade_id or kind,
                time_ms=at_ms,
                tran_id=self.tran_id,
                trade_id=trade_id,
            )
        )
