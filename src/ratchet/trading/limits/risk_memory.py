"""The risk memory: what the guard must remember of trades, equity and operators. The ledger can give it back."""

from bisect import insort
from decimal import Decimal

from ratchet.domain.fill import Fill
from ratchet.domain.identity import TradeId
from ratchet.domain.money import QUOTE, ZERO
from ratchet.ledger.ledger import Ledger
from ratchet.risk.day import DAY_MS, day_after, day_of
from ratchet.risk.record import Close, Day, Record
from ratchet.trading.trades.trade_state import TradeState

CLOSES_MAX = 2_000  # of the last trades: more than cool-downs, streaks and win rates ask about


class RiskMemory:
    """Told of everything in the order in which the ledger has it, it is the same as one recalled from there."""

    def __init__(self) -> None:
        self._closes: list[Close] = []
        self._resumed_ms: int | None = None
        self._day: Day | None = None
        self._seen: tuple[int, Decimal] | None = None  # the last equity, and when

    async def recall(self, ledger: Ledger) -> None:
        """Know what the ledger knows, and what it does not know yet as well. Raises: LedgerUnavailable."""
        history = await ledger.risk_history(CLOSES_MAX)
        told, seen, resumed_ms = self._closes, self._seen, self._resumed_ms
        self._closes, self._seen, self._day = [], None, None
        for trade in history.closed:
            self.on_close(
                Close(
                    trade_id=trade.trade_id,
                    symbol=trade.symbol,
                    at_ms=trade.at_ms,
                    reason=trade.reason,
                    net=trade.net,
                )
            )
        for point in history.equity:
            self.on_equity(point.at_ms, point.equity)
        for close in told:
            self.on_close(close)
        last_ms = history.equity[-1].at_ms if history.equity else 0
        if seen is not None and seen[0] > last_ms:
            self.on_equity(*seen)
        for at_ms in (history.resumed_ms, resumed_ms):
            if at_ms is not None:
                self.on_resume(at_ms)

    @property
    def record(self) -> Record:
        """All of it, as the guard is handed it."""
        return Record(closes=tuple(self._closes), resumed_ms=self._resumed_ms, day=self._day)

    def on_close(self, close: Close) -> None:
        """A trade that had held something is over. One that was over before and was not counts once, as it is now."""
        self.on_reopened(close.trade_id)
        insort(self._closes, close, key=lambda each: (each.at_ms, each.trade_id))
        del self._closes[:-CLOSES_MAX]

    def on_reopened(self, trade_id: TradeId) -> None:
        """A trade that was taken to be over is not."""
        self._closes = [close for close in self._closes if close.trade_id != trade_id]

    def on_equity(self, at_ms: int, equity: Decimal) -> None:
        """The equity was seen, USDC."""
        before = None
        if self._seen is not None:
            seen_ms, seen = self._seen
            # Of longer ago it says little of how this day began: money may have been taken out since.
            before = seen if day_of(seen_ms) < day_of(at_ms) and at_ms - seen_ms <= DAY_MS else None
        self._day = day_after(self._day, at_ms, equity, before)
        self._seen = (at_ms, equity)

    def on_resume(self, at_ms: int) -> None:
        """An operator resumed: the streak begins anew."""
        self._resumed_ms = max(self._resumed_ms or 0, at_ms)


def close_of(state: TradeState, reason: str, at_ms: int) -> Close:
    """The end of a trade, as it is remembered."""
    net = sum((_net(fill) for fill in state.fills.values()), ZERO)
    return Close(trade_id=state.trade_id, symbol=state.symbol, at_ms=at_ms, reason=reason, net=net)


def _net(fill: Fill) -> Decimal:
    return fill.realized_pnl - (fill.fee if fill.fee_asset == QUOTE else ZERO)
