"""A reconciler between an account and a ledger that outlives processes."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal

from ratchet.config.protection_settings import ForeignPolicy
from ratchet.config.sections import BracketSettings
from ratchet.domain.bracket import Bracket, Rung
from ratchet.domain.identity import TradeId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import MarketOrder, Role, Side, StopOrder
from ratchet.domain.symbol import Symbol
from ratchet.drill.memory_ledger import Disk
from ratchet.ledger.ledger import Ledger
from ratchet.observe.notices import Noticeboard
from ratchet.trading.start.reconciler import Found, Reconciler, ReconcilerParts
from ratchet.trading.trades.keeper import Keeper, KeeperParts
from tests.unit.ratchet.trading.account import ALL_RULES, RULES, START_MS, SYMBOL
from tests.unit.ratchet.trading.protected import Bench


class Reconciled:
    """One process on a disk. `bench` is its account and its protector."""

    def __init__(
        self, policy: ForeignPolicy, disk: Disk | None = None, rules: Mapping[Symbol, SymbolRules] = ALL_RULES
    ) -> None:
        self.disk = disk or Disk()
        self.bench = Bench(rules=rules)
        self._rules = rules
        self.account = self.bench.account
        self._policy = policy
        self._ledger: Ledger | None = None
        self._reconciler: Reconciler | None = None

    @property
    def ledger(self) -> Ledger:
        """Open while the test runs."""
        assert self._ledger is not None
        return self._ledger

    @property
    def reconciler(self) -> Reconciler:
        """There while the test runs."""
        assert self._reconciler is not None
        return self._reconciler

    def next_life(self, rules: Mapping[Symbol, SymbolRules] = ALL_RULES) -> "Reconciled":
        """A process that finds the account and the disk as this one has left them."""
        after = Reconciled(self._policy, self.disk, rules)
        after.account.take_over(self.account)
        return after

    def clock_ms(self) -> int:
        """Exchange time."""
        return self.bench.clock.now_ms()

    def run(self, live: Callable[[], Awaitable[None]], *, is_last: bool = True) -> None:
        """A life of the process: what is held is protected, then comes the test. `is_last`: the disk goes with it."""

        async def before() -> None:
            self._ledger = await self.disk.open_ledger()
            self._reconciler = Reconciler(
                ReconcilerParts(
                    client=self.account,
                    ledger=self._ledger,
                    executor=self.bench.executor,
                    protector=self.bench.protector,
                    clock=self.bench.clock,
                    rules=self._rules,
                    shape=BracketSettings(),
                    policy=self._policy,
                    profile="test",
                )
            )
            await self._reconciler.protect()

        async def then() -> None:
            try:
                await live()
            finally:
                await self.ledger.close()

        try:
            self.bench.run(then, before)
        finally:
            if is_last:
                self.disk.close()

    def keeper(self, found: Found) -> Keeper:
        """The task of a trade."""
        parts = KeeperParts(
            client=self.account,
            executor=self.bench.executor,
            protector=self.bench.protector,
            ledger=self.ledger,
            notebook=self.bench.noted,
            clock=self.bench.clock,
            noticeboard=Noticeboard(),
            break_even_extra_fraction=lambda: Decimal("0.0005"),
        )
        return Keeper(found.state, RULES, parts, lambda _name: None)

    async def record_a_long(self, quantity: str = "10") -> tuple[TradeId, MarketOrder, StopOrder]:
        """A trade of ours in the ledger, with its entry and its stop as intents."""
        trade_id = self.ledger.next_trade_id()
        bracket = Bracket(
            symbol=SYMBOL,
            side=Side.BUY,
            quantity=Decimal(quantity),
            price_entry=Decimal(100),
            price_stop=Decimal(97),
            rungs=(Rung(price=Decimal(101), quantity=Decimal(quantity)),),
            hold_ms_max=600_000,
        )
        entry = MarketOrder(
            client_order_id=self.ledger.name_order(trade_id, Role.ENTRY),
            symbol=SYMBOL,
            side=Side.BUY,
            quantity=Decimal(quantity),
        )
        stop = StopOrder(
            client_order_id=self.ledger.name_order(trade_id, Role.STOP),
            symbol=SYMBOL,
            side=Side.SELL,
            quantity=Decimal(quantity),
            price_trigger=Decimal(97),
        )
        orders: list[tuple[Role, MarketOrder | StopOrder]] = [(Role.ENTRY, entry), (Role.STOP, stop)]
        await self.ledger.record_trade(trade_id, bracket, "test", orders, profile="test", at_ms=START_MS)
        return trade_id, entry, stop
