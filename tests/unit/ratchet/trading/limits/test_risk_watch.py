"""The risk watch: limits of the account halt by themselves and are lifted by themselves, and all hear of it once."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ratchet.config.sections import DayLimitAction, RiskLimits
from ratchet.config.settings import Settings
from ratchet.domain.identity import TradeId
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.drill.memory_ledger import Disk
from ratchet.exchange.clock import SystemClock
from ratchet.ledger.errors import LedgerUnavailable
from ratchet.ledger.ledger import Ledger
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.trading.limits.risk_memory import RiskMemory
from ratchet.trading.limits.risk_watch import RiskWatch
from ratchet.trading.protection.halts import Halts
from ratchet.trading.trades.open_trades import OpenTrades
from tests.unit.ratchet.risk.brackets import MINUTE_MS, NOW_MS, a_close

BTC, ETH = Symbol("BTCUSDC"), Symbol("ETHUSDC")
MIDNIGHT_MS = NOW_MS + (11 * 60 + 30) * MINUTE_MS


class SetClock(SystemClock):
    """Exchange time as a test sets it."""

    at_ms = NOW_MS

    def now_ms(self) -> int:
        """Exchange time."""
        return self.at_ms


class Trades:
    """Open trades that only note what they are asked."""

    def __init__(self, *symbols: Symbol) -> None:
        self.open = {symbol: TradeId(number) for number, symbol in enumerate(symbols, start=1)}
        self.closed: list[tuple[Symbol, str]] = []
        self.on_over: Callable[[], None] = lambda: None

    def symbols(self) -> list[Symbol]:
        """Of those that are open."""
        return sorted(self.open)

    def of_symbol(self, symbol: Symbol) -> Any:
        """As far as the watch asks."""
        trade_id = self.open.get(symbol)
        return None if trade_id is None else SimpleNamespace(state=SimpleNamespace(trade_id=trade_id))

    def close(self, symbol: Symbol, reason: str) -> bool:
        """Wanted."""
        self.closed.append((symbol, reason))
        return symbol in self.open


@dataclass
class Watched:
    """A watch and all around it."""

    limits: RiskLimits
    trades: Trades

    def __post_init__(self) -> None:
        self.clock, self.halts, self.board, self.memory = SetClock(), Halts(), Noticeboard(), RiskMemory()
        self.heard: list[Notice] = []
        self.board.listen(self.heard.append)
        trades = cast("OpenTrades", self.trades)
        self.watch = RiskWatch(self.memory, self.settings, self.clock, self.halts, self.board, trades)

    def settings(self) -> Settings:
        """Those in force."""
        tree = {"exchange": {"api_key": "k", "api_secret": "s"}, "risk": self.limits.model_dump()}
        return Settings.model_validate(tree)

    def lose(self, times: int) -> None:
        """So many stop losses in a row, the last one now."""
        for number in range(times):
            self.memory.on_close(a_close(times - 1 - number, number=number))
        self.watch.judge()

    def told(self) -> list[tuple[Weight, str]]:
        """What was posted about limits."""
        return [(notice.weight, notice.text) for notice in self.heard if notice.kind is Kind.LIMIT]


def watched(*symbols: Symbol, **limits: Any) -> Watched:
    return Watched(RiskLimits(**limits), Trades(*symbols))


def a_position(symbol: Symbol = BTC, *, mark: str = "100", liquidation: str | None = "90") -> Position:
    return Position(
        symbol=symbol,
        quantity_signed=Decimal(1),
        price_entry=Decimal(100),
        price_mark=Decimal(mark),
        unrealized_pnl=Decimal(0),
        updated_ms=0,
        price_liquidation=None if liquidation is None else Decimal(liquidation),
    )


def test_a_streak_halts_entries_and_time_lifts_it_each_said_once() -> None:
    it = watched()
    it.lose(2)
    assert not it.halts
    it.lose(3)
    it.watch.judge()
    assert it.halts.reason == "3 stop losses in a row, no entries until 13:30 UTC"
    it.clock.at_ms += 60 * MINUTE_MS
    it.watch.judge()
    it.watch.judge()
    assert not it.halts
    assert it.told() == [
        (Weight.WARNING, "stop streak: 3 stop losses in a row, no entries until 13:30 UTC"),
        (Weight.INFO, "stop streak: over, entries are on as far as it goes"),
    ]


def test_a_streak_is_said_when_its_last_trade_is_over() -> None:
    it = watched(stop_streak_max=1)
    it.memory.on_close(a_close(0))
    assert not it.halts
    it.trades.on_over()
    assert "stop streak" in it.halts


def test_a_resume_by_an_operator_ends_the_pause() -> None:
    it = watched()
    it.lose(3)
    it.board.post(Notice(kind=Kind.RESUME, at_ms=NOW_MS + 1, text="resumed by test"))
    assert not it.halts


def test_a_lost_day_halts_entries_until_midnight_and_leaves_trades_to_their_stops() -> None:
    it = watched(BTC)
    it.watch.on_equity(NOW_MS, Decimal(400))
    assert not it.halts
    it.watch.on_equity(NOW_MS + 1, Decimal(379))
    assert "day limit" in it.halts
    assert "day drawdown" in it.halts
    it.watch.on_equity(NOW_MS + 2, Decimal(400))
    assert "day limit" in it.halts
    it.clock.at_ms = MIDNIGHT_MS
    it.watch.judge()
    assert not it.halts
    assert it.trades.closed == []


def test_a_lost_day_closes_every_trade_where_that_is_set_and_asks_each_once() -> None:
    it = watched(BTC, ETH, day_limit_action=DayLimitAction.FLATTEN)
    it.watch.on_equity(NOW_MS, Decimal(400))
    it.watch.on_equity(NOW_MS + 1, Decimal(379))
    it.watch.judge()
    assert it.trades.closed == [(BTC, "day_limit"), (ETH, "day_limit")]
    assert (Weight.ALARM, "a limit of the day is reached: closing BTCUSDC, ETHUSDC") in it.told()


def test_a_trade_that_was_on_its_way_when_the_day_was_lost_is_closed_as_well() -> None:
    it = watched(BTC, day_limit_action=DayLimitAction.FLATTEN)
    it.watch.on_equity(NOW_MS, Decimal(400))
    it.watch.on_equity(NOW_MS + 1, Decimal(379))
    it.trades.open[ETH] = TradeId(9)
    it.watch.judge()
    assert it.trades.closed == [(BTC, "day_limit"), (ETH, "day_limit")]


def test_limits_that_are_set_otherwise_hold_at_once() -> None:
    it = watched()
    it.lose(3)
    it.limits = RiskLimits(stop_streak_max=4)
    it.watch.judge()
    assert not it.halts


@pytest.mark.parametrize(
    ("positions", "closed"),
    [
        ([a_position(liquidation="95.1")], [(BTC, "liquidation_near")]),
        ([a_position(liquidation="104.9")], [(BTC, "liquidation_near")]),  # of a short
        ([a_position(liquidation="95")], []),
        ([a_position(liquidation=None)], []),
        ([a_position(), a_position(ETH, liquidation="99")], [(ETH, "liquidation_near")]),
    ],
)
def test_a_position_too_near_to_liquidation_is_closed(
    positions: Sequence[Position], closed: Sequence[tuple[Symbol, str]]
) -> None:
    it = watched(BTC, ETH)
    it.watch.on_positions(positions)
    it.watch.on_positions(positions)
    assert it.trades.closed == closed
    assert len(it.told()) == len(closed)


def test_a_position_that_no_trade_keeps_is_spoken_of_and_left_alone() -> None:
    it = watched()
    it.watch.on_positions([a_position(liquidation="99")])
    assert it.trades.closed == []
    assert it.told() == [
        (
            Weight.ALARM,
            "liquidation of BTCUSDC is 1.00% away, 5.00% may be: no trade keeps it, and it is left alone",
        )
    ]


class Unreadable:
    """A ledger that cannot be read, until it can."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.is_broken = True

    async def risk_history(self, trades_max: int) -> Any:
        """As the ledger has it."""
        if self.is_broken:
            raise LedgerUnavailable("the ledger cannot be read: disk I/O error")
        return await self._ledger.risk_history(trades_max)


async def test_without_its_memory_there_are_no_entries() -> None:
    it = watched()
    with closing(Disk()) as disk:
        ledger = Unreadable(await disk.open_ledger())
        await it.watch.recall(cast("Ledger", ledger))
        assert "is not known: the ledger cannot be read: disk I/O error" in it.halts.reason
        ledger.is_broken = False
        await it.watch.recall(cast("Ledger", ledger))
        assert not it.halts
