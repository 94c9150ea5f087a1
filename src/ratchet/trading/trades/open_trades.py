"""The open trades: a keeper and its task for each, found by symbol or by the name of an order."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack

import structlog

from ratchet.domain.bracket import Bracket
from ratchet.domain.clock import Clock
from ratchet.domain.identity import ClientOrderId, TradeId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import Role
from ratchet.domain.symbol import Symbol
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.risk.guard import Approved
from ratchet.trading.limits.risk_memory import RiskMemory, close_of
from ratchet.trading.protection.halts import Halts
from ratchet.trading.protection.protector import Protector
from ratchet.trading.start.reconciler import Found
from ratchet.trading.status import PositionLine
from ratchet.trading.trades.keeper import CloseWanted, Keeper, KeeperParts, LeaveWanted
from ratchet.trading.trades.trade_state import TradeState

END_TIMEOUT_S = 30.0

log = structlog.get_logger(__name__)


class OpenTrades:
    """Begins them, takes up those of before, and forgets them when they are over. The protector's watcher."""

    def __init__(
        self,
        keeper_parts: KeeperParts,
        ledger: Ledger,
        clock: Clock,
        rules: Mapping[Symbol, SymbolRules],
        halts: Halts,
        noticeboard: Noticeboard,
        agree: Callable[[Symbol, int], Awaitable[str]],
        memory: RiskMemory,
    ) -> None:
        """Args: agree, has the exchange confirm the leverage of a symbol; it answers why it did not."""
        self._parts = keeper_parts
        self._agree = agree
        self._memory = memory
        self._protector: Protector = keeper_parts.protector
        self._ledger = ledger
        self._clock = clock
        self._rules = rules
        self._halts = halts
        self._noticeboard = noticeboard
        self._keepers: dict[Symbol, Keeper] = {}
        self._by_order: dict[ClientOrderId, Keeper] = {}
        self._last: dict[Symbol, TradeId] = {}
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._none_open = asyncio.Event()
        self._none_open.set()
        self.closed = 0  # how many have ended here
        self.naked_ms_max: float | None = None
        # Told of the real ms of each trade that is over; returns at once.
        self.on_naked_known: Callable[[float], None] = lambda _: None
        # Told when one that had held something is over, and remembered; returns at once.
        self.on_over: Callable[[], None] = lambda: None

    # Which there are ----------------------------------------------------------------------------------------------

    def __contains__(self, symbol: Symbol) -> bool:
        return symbol in self._keepers

    def symbols(self) -> list[Symbol]:
        """Of those that are open."""
        return sorted(self._keepers)

    def keepers(self) -> Sequence[Keeper]:
        """Of those that are open."""
        return tuple(self._keepers.values())

    def of_symbol(self, symbol: Symbol) -> Keeper | None:
        """The keeper of a symbol's trade."""
        return self._keepers.get(symbol)

    def of_order(self, name: ClientOrderId) -> Keeper | None:
        """The keeper of the trade that an order belongs to."""
        return self._by_order.get(name)

    def last_of(self, symbol: Symbol) -> TradeId | None:
        """The trade that a symbol has, or had last."""
        return self._last.get(symbol)

    def brackets(self) -> Sequence[Bracket]:
        """What is planned for each of them."""
        return [keeper.state.bracket for keeper in self._keepers.values()]

    def lines(self) -> tuple[PositionLine, ...]:
        """Each as an operator sees it."""
        return tuple(self._line(keeper.state) for keeper in self._keepers.values())

    def _line(self, state: TradeState) -> PositionLine:
        return PositionLine(
            symbol=state.symbol,
            side=state.bracket.side,
            quantity=state.quantity_held,
            price_entry=state.price_entry,
            price_stop=self._protector.price_stop(state.symbol),
            opened_ms=state.opened_ms,
            naked_ms=state.naked_ms,
        )

    # What becomes of them -----------------------------------------------------------------------------------------

    def attach(self, group: asyncio.TaskGroup) -> None:
        """Their tasks are the group's."""
        self._group = group

    def begin(self, approved: Approved, strategy: str, profile: str) -> None:
        """A new one."""
        state = TradeState(
            trade_id=self._ledger.next_trade_id(), bracket=approved.bracket, opened_ms=self._clock.now_ms()
        )
        last = self._last.get(state.symbol)
        keeper = self._keeper(state)

        async def enter() -> bool:
            no = await self._agree(state.symbol, approved.leverage)
            if not no and self._halts:  # it may have taken a while
                no = f"entries halted: {self._halts.reason}"
            if no:
                self._not_begun(state.symbol, last, no)
                return False
            return await keeper.open(approved, strategy, profile)

        self._keep(keeper, enter)

    def _not_begun(self, symbol: Symbol, last: TradeId | None, reason: str) -> None:
        """The exchange has not confirmed its terms: there is no such trade."""
        if last is None:
            self._last.pop(symbol, None)
        else:
            self._last[symbol] = last
        log.warning("entry_not_sent", symbol=symbol, reason=reason)
        text = f"no entry on {symbol}: {reason}"
        at_ms = self._clock.now_ms()
        self._noticeboard.post(Notice(kind=Kind.LIMIT, at_ms=at_ms, text=text, weight=Weight.WARNING, symbol=symbol))

    def take_up(self, found: Found) -> None:
        """One of before, or of another hand."""
        if found.state.symbol in self._keepers:
            log.error("trade_beside_trade", symbol=found.state.symbol, trade_id=found.state.trade_id)
            return
        self._memory.on_reopened(found.state.trade_id)
        keeper = self._keeper(found.state)
        if found.close:
            keeper.on_event(CloseWanted(found.close))
        self._keep(keeper, lambda: keeper.take_up(found.price_stop))

    def close(self, symbol: Symbol, reason: str) -> bool:
        """Have the trade on a symbol closed at market. False where none is open."""
        keeper = self._keepers.get(symbol)
        if keeper is not None:
            keeper.on_event(CloseWanted(reason))
        return keeper is not None

    async def let_go(self, event: CloseWanted | LeaveWanted) -> None:
        """Have all of them closed, or left to their stops, and wait for that."""
        for keeper in self.keepers():
            keeper.on_event(event)
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                await self._none_open.wait()
        except TimeoutError:
            # Their positions stay with their stops on the exchange.
            log.error("trades_not_ended", symbols=self.symbols())
            for task in tuple(self._tasks):
                task.cancel()

    def _keeper(self, state: TradeState) -> Keeper:
        keeper = Keeper(
            state,
            self._rules[state.symbol],
            self._parts,
            lambda name: self._by_order.__setitem__(name, keeper),
        )
        self._last[state.symbol] = state.trade_id
        self._keepers[state.symbol] = keeper
        self._none_open.clear()
        return keeper

    def _keep(self, keeper: Keeper, begin: Callable[[], Awaitable[bool]]) -> None:
        if self._group is None:
            raise RuntimeError("a trade cannot begin before the engine runs")
        hold = ExitStack()
        hold.enter_context(self._clock.working())  # from now on, not from when the task gets its turn
        task = self._group.create_task(self._kept(keeper, begin, hold), name=f"trade {keeper.state.symbol}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _kept(self, keeper: Keeper, begin: Callable[[], Awaitable[bool]], hold: ExitStack) -> None:
        state = keeper.state
        try:
            with hold:
                has_begun = await begin()
            if has_begun:
                await keeper.keep()
        except LedgerError as error:
            log.error("trade_not_begun", symbol=state.symbol, error=str(error))
        except Exception:
            # One trade's failure must not take the others' keepers with it. The protector holds its stop.
            log.exception("keeper_failed", symbol=state.symbol, trade_id=state.trade_id)
            self._halts.set(f"keeper {state.symbol}", f"the keeper of {state.symbol} failed")
        finally:
            self._forget(keeper)

    def _forget(self, keeper: Keeper) -> None:
        state = keeper.state
        self.closed += bool(state.fills) and state.quantity_held == 0
        is_over = keeper.ended_by is not None and bool(state.fills)
        if keeper.ended_by is not None and is_over:
            self._memory.on_close(close_of(state, keeper.ended_by, self._clock.now_ms()))
        if state.naked_ms is not None:
            self.naked_ms_max = max(self.naked_ms_max or 0.0, state.naked_ms)
            self.on_naked_known(state.naked_ms)
        if self._keepers.get(state.symbol) is keeper:
            del self._keepers[state.symbol]
        for name in state.orders:
            self._by_order.pop(name, None)
        if not self._keepers:
            self._none_open.set()
        if is_over:
            self.on_over()

    # What the protector tells -------------------------------------------------------------------------------------

    def on_trouble(self, symbol: Symbol, cause: str, detail: str) -> None:
        """Protection did not go as planned: no entries until what caused it is gone."""
        log.error("protection_trouble", symbol=symbol, cause=cause, detail=detail)
        text = f"{cause} on {symbol}: {detail}"
        self._halts.set(f"protection of {symbol}", text)
        at_ms = self._clock.now_ms()
        self._noticeboard.post(Notice(kind=Kind.PROTECTION, at_ms=at_ms, text=text, weight=Weight.ALARM, symbol=symbol))

    def on_closing(self, symbol: Symbol, reason: str) -> None:
        """What is held is being closed at market."""
        if (keeper := self._keepers.get(symbol)) is not None:
            keeper.on_closing(reason)

    def on_naked(self, symbol: Symbol, naked_ms: float) -> None:
        """A spell without a confirmed stop has ended."""
        if (keeper := self._keepers.get(symbol)) is not None:
            keeper.on_naked(naked_ms)

    def on_sending(self, symbol: Symbol, name: ClientOrderId, role: Role) -> None:
        """The protector sends an order."""
        if (keeper := self._keepers.get(symbol)) is not None:
            keeper.on_sending(name, role)
