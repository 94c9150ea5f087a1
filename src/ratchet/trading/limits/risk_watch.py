"""The risk watch: limits of the whole account, held against what happens, whether or not anybody wants to enter."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from ratchet.config.settings import Settings
from ratchet.domain.clock import Clock
from ratchet.domain.identity import TradeId
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.risk.account_verdict import Verdict, judge_account
from ratchet.risk.liquidation import distance_to
from ratchet.risk.reason import Reason
from ratchet.risk.record import Record
from ratchet.trading.limits.risk_memory import RiskMemory
from ratchet.trading.protection.halts import Halts
from ratchet.trading.trades.open_trades import OpenTrades

INTERVAL_MS = 60_000
DAY_LIMIT = "day_limit"  # the reason of trades that end so
LIQUIDATION_NEAR = "liquidation_near"
NOT_RECALLED = "risk memory"
CAUSES = {
    Reason.STOP_STREAK: "stop streak",
    Reason.DAY_LOSS: "day limit",
    Reason.DAY_DRAWDOWN: "day drawdown",
}


class RiskWatch:
    """Sets halts and lifts them, has trades closed where a limit says so, and posts what an operator should hear of."""

    def __init__(
        self,
        memory: RiskMemory,
        settings: Callable[[], Settings],
        clock: Clock,
        halts: Halts,
        noticeboard: Noticeboard,
        trades: OpenTrades,
    ) -> None:
        self._memory = memory
        self._settings = settings
        self._clock = clock
        self._halts = halts
        self._noticeboard = noticeboard
        self._trades = trades
        self._is_recalled = False
        self._flattened: frozenset[Reason] = frozenset()
        self._near: frozenset[Symbol] = frozenset()
        self._told: set[TradeId] = set()  # trades that were asked to end: whoever ends them goes on until they have
        self.positions: Sequence[Position] = ()  # as the exchange last told
        noticeboard.listen(self._on_notice)
        trades.on_over = self.judge  # a row of stop losses is said when it is one, not with the next look

    @property
    def record(self) -> Record:
        """What the guard is handed."""
        return self._memory.record

    def verdicts(self) -> tuple[Verdict, ...]:
        """Every limit of the account that is reached just now."""
        return judge_account(self._memory.record, self._settings().risk, self._clock.now_ms())

    async def recall(self, ledger: Ledger) -> None:
        """Know what was before, once. Until that succeeds there are no entries; ask again."""
        if self._is_recalled:
            return
        try:
            await self._memory.recall(ledger)
        except LedgerError as error:
            self._halts.set(NOT_RECALLED, f"what limits must remember is not known: {error}")
            return
        self._is_recalled = True
        self._halts.lift(NOT_RECALLED)
        self.judge()

    async def run(self, ledger: Ledger) -> None:
        """Look at the limits every minute, until cancelled: a pause ends with time alone."""
        while True:
            await self._clock.sleep_until((self._clock.now_ms() // INTERVAL_MS + 1) * INTERVAL_MS)
            with self._clock.working():
                await self.recall(ledger)
                self.judge()

    def on_equity(self, at_ms: int, equity: Decimal) -> None:
        """The equity was seen, USDC."""
        self._memory.on_equity(at_ms, equity)
        self.judge()

    def judge(self) -> None:
        """Hold the limits against what is known now. Returns at once."""
        verdicts = {verdict.reason: verdict for verdict in self.verdicts()}
        for reason, cause in CAUSES.items():
            if (verdict := verdicts.get(reason)) is not None:
                if cause not in self._halts:
                    self._say(Weight.WARNING, f"{cause}: {verdict.detail}")
                self._halts.set(cause, verdict.detail)
            elif cause in self._halts:
                self._halts.lift(cause)
                self._say(Weight.INFO, f"{cause}: over, entries are on as far as it goes")
        flattening = frozenset(reason for reason, verdict in verdicts.items() if verdict.flattens)
        if flattening:
            self._flatten(is_new=bool(flattening - self._flattened))
        self._flattened = flattening

    def on_positions(self, positions: Sequence[Position]) -> None:
        """The exchange has told what is held: what it would take too soon is closed before."""
        self.positions = positions
        least = self._settings().risk.liquidation_distance_fraction_min
        near = set()
        for position in positions:
            if position.price_liquidation is None or position.price_mark <= 0:
                continue
            distance = distance_to(position.price_mark, position.price_liquidation)
            if distance >= least:
                continue
            near.add(position.symbol)
            is_kept = self._close(position.symbol, LIQUIDATION_NEAR)
            if position.symbol not in self._near:
                follows = "it is closed" if is_kept else "no trade keeps it, and it is left alone"
                text = f"liquidation of {position.symbol} is {distance:.2%} away, {least:.2%} may be: {follows}"
                self._say(Weight.ALARM, text, position.symbol)
        self._near = frozenset(near)

    def _flatten(self, *, is_new: bool) -> None:
        """Again and again while the limit is reached: a trade may have been on its way."""
        symbols = self._trades.symbols()
        if is_new and symbols:
            self._say(Weight.ALARM, f"a limit of the day is reached: closing {', '.join(symbols)}")
        for symbol in symbols:
            self._close(symbol, DAY_LIMIT)

    def _close(self, symbol: Symbol, reason: str) -> bool:
        """Have its trade closed, asked once. False where there is none."""
        keeper = self._trades.of_symbol(symbol)
        if keeper is not None and keeper.state.trade_id not in self._told:
            self._told.add(keeper.state.trade_id)
            self._trades.close(symbol, reason)
        return keeper is not None

    def _on_notice(self, notice: Notice) -> None:
        if notice.kind is Kind.RESUME:
            self._memory.on_resume(notice.at_ms)
            self.judge()

    def _say(self, weight: Weight, text: str, symbol: Symbol | None = None) -> None:
        at_ms = self._clock.now_ms()
        self._noticeboard.post(Notice(kind=Kind.LIMIT, at_ms=at_ms, text=text, weight=weight, symbol=symbol))
