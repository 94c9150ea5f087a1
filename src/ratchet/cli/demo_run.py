"""A demo's run: a trader on an exchange in accelerated time from its start to its accounted end."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel
from rich.console import Console

from ratchet.cli.demo_report import ExchangeOrders, Report, TradeLine, naked_time
from ratchet.cli.event_loop import stop_on_signals
from ratchet.cli.local_exchange import LocalExchange, LocalExchangeFailed
from ratchet.cli.progress import show_progress
from ratchet.cli.trade_desk import trade_desk
from ratchet.cli.trade_telegram import telegram_face
from ratchet.cli.trading_venue import TradingVenue
from ratchet.config.live import LiveSettings
from ratchet.control.desk import Refused
from ratchet.control.kpi import measure, target_words
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.performance import max_drawdown
from ratchet.observe.log import logging_to
from ratchet.trading.engine import Engine
from ratchet.trading.wiring import Trader, open_trader

HOUR_MS = 3_600_000
STATUS_PATH = "/localbinance/status"
UNCOVERED_PATH = "/localbinance/uncovered"
LEDGER_FILE = "ledger.db"
NAKED_BUDGET_MS = 1_000  # one round trip, generously; at 'max' no exchange time passes at all meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRun:
    """What there is to tell of it."""

    report: Report
    trades: list[TradeLine]
    equity: list[tuple[int, Decimal]]  # ms and USDC, once a minute
    targets: list[str]  # lines
    was_interrupted: bool  # positions were left to their stops


class ExchangeStatus(BaseModel, frozen=True, extra="ignore"):
    """What localbinance says of itself."""

    now_ms: int
    start_ms: int
    end_ms: int | None
    orders_placed: int
    orders_cancelled: int
    orders_rejected: int


class UncoveredSpell(BaseModel, frozen=True, extra="ignore"):
    """A spell in which the exchange saw a position that no stop covered wholly. Times are the exchange's."""

    symbol: str
    from_ms: int
    until_ms: int | None
    requests_between: int  # order requests for the symbol while it lasted; the one that ended it is one of them


async def run_demo(
    exchange: LocalExchange,
    live: LiveSettings,
    clock: LockstepClock,
    run_dir: Path,
    hours: float,
    console: Console,
) -> DemoRun:
    """Trade for so many hours of exchange time. Ledger and log go into the folder; Telegram is told what happens, and
    operators there are heard, where the settings have a token.

    Args: clock, at the exchange's start.
    Raises: BadSettings, BadStrategy, CannotTrade, ExchangeError, LedgerError, LocalExchangeFailed.
    """
    started = time.monotonic()
    venue = TradingVenue(
        settings=live.now.model_copy(update={"log_dir": run_dir}),
        ledger_url=f"sqlite+aiosqlite:///{run_dir / LEDGER_FILE}",
        address=f"an exchange of its own at {exchange.ready.http}",
        is_embedded=True,
    )
    with logging_to(run_dir, secrets=venue.settings.secrets(), console=False):
        async with open_trader(venue.settings, clock, venue.ledger_url, settings_now=lambda: live.now) as trader:
            async with _operators(trader, live, venue, clock):
                was_interrupted = await _trade(trader, hours, clock, console)
            report, trades = await _report(trader, exchange, started)
            return DemoRun(
                report=report,
                trades=trades,
                equity=await _equity_points(trader.ledger),
                targets=await _targets(trader.ledger, clock.now_ms()),
                was_interrupted=was_interrupted,
            )


@asynccontextmanager
async def _operators(
    trader: Trader, live: LiveSettings, venue: TradingVenue, clock: LockstepClock
) -> AsyncIterator[None]:
    """Somebody to ask and to tell in Telegram, if the settings name a bot, until the block is left."""
    if venue.settings.telegram.token is None:
        yield
        return
    async with (
        trade_desk(trader, live, venue, clock) as desk,
        telegram_face(venue.settings, desk, trader.engine.noticeboard, clock),
    ):
        yield


async def _trade(trader: Trader, hours: float, clock: LockstepClock, console: Console) -> bool:
    """Run the engine to its end. True when it was interrupted, and positions were left to their stops."""
    engine: Engine = trader.engine
    start_ms = clock.now_ms()
    end_ms = start_ms + round(hours * HOUR_MS)
    stop, done = stop_on_signals(), asyncio.Event()
    progress = asyncio.create_task(
        show_progress(engine.status, start_ms=start_ms, end_ms=end_ms, console=console, stop=done), name="progress"
    )
    try:
        await engine.run(end_ms, stop)
    finally:
        done.set()
        await progress
    return stop.is_set()


async def _report(trader: Trader, exchange: LocalExchange, started: float) -> tuple[Report, list[TradeLine]]:
    summary = await trader.ledger.summary(0)
    unexplained = await trader.engine.accountant.unexplained_pnl()
    balance = await trader.client.fetch_balance()
    status = ExchangeStatus.model_validate(await exchange.ask(STATUS_PATH))
    spells = [UncoveredSpell.model_validate(row) for row in _rows(await exchange.ask(UNCOVERED_PATH))]
    equity = [point.equity for point in summary.equity]
    trades = [
        TradeLine(
            symbol=row.symbol,
            side=row.side,
            opened_ms=row.opened_ms,
            hold_ms=(row.closed_ms or status.now_ms) - row.opened_ms,
            quantity=row.quantity,
            price_entry=row.price_entry,
            price_exit=row.price_exit,
            net_pnl=row.net_pnl,
            naked_ms=row.naked_ms,
            reason=row.reason,
        )
        for row in summary.trade_rows
        if row.closed_ms is not None and row.quantity > 0
    ]
    report = Report(
        trades=summary.trades,
        closed_trades=summary.closed_trades,
        win_rate=summary.win_rate,
        net_pnl=summary.net_pnl,
        fees=summary.fees,
        funding=summary.funding,
        max_drawdown=max_drawdown(equity),
        start_balance=trader.engine.start_balance,
        end_balance=balance.wallet,
        symbols=len(trader.market.universe.symbols),
        signals=summary.signals,
        naked_ms=naked_time(summary.naked_ms),
        unexplained_pnl=unexplained,
        unprotected_positions=_unprotected(spells, exchange.ready.speed or 1.0),
        exchange_orders=ExchangeOrders(
            placed=status.orders_placed, cancelled=status.orders_cancelled, rejected=status.orders_rejected
        ),
        simulated_hours=(status.now_ms - exchange.ready.start_ms) / HOUR_MS,
        wall_seconds=time.monotonic() - started,
    )
    return report, trades


def _unprotected(spells: list[UncoveredSpell], speed: float) -> int:
    """How many times the exchange saw a position stand without a stop for longer than a round trip: until now, for more
    than a second (which is `speed` seconds of its time), or while it was asked for anything else than the stop."""
    budget_ms = NAKED_BUDGET_MS * max(1.0, speed)
    return sum(
        spell.until_ms is None or spell.until_ms - spell.from_ms > budget_ms or spell.requests_between > 1
        for spell in spells
    )


def _rows(answer: object) -> list[object]:
    if not isinstance(answer, list):
        raise LocalExchangeFailed(f"localbinance answered {UNCOVERED_PATH} with something else than a list")
    return answer


async def _equity_points(ledger: Ledger) -> list[tuple[int, Decimal]]:
    return [(point.at_ms, point.equity) for point in (await ledger.summary(0)).equity]


async def _targets(ledger: Ledger, now_ms: int) -> list[str]:
    """How the run stands with what is wanted of it; nothing before the first minute."""
    try:
        measured = await measure(ledger, 0, now_ms)
    except Refused:
        return []
    return [f"{target.name}: {target_words(target)}" for target in measured.targets]
