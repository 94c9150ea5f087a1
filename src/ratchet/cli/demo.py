"""`ratchet demo`: trade on the embedded exchange, in accelerated time, over real sockets, and account for all of it."""

import asyncio
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import BaseModel
from rich.console import Console

from ratchet.cli.demo_report import (
    ExchangeOrders,
    Report,
    TradeLine,
    naked_time,
    print_report,
)
from ratchet.cli.event_loop import run
from ratchet.cli.local_exchange import LocalExchange, LocalExchangeFailed, local_exchange
from ratchet.cli.picture import draw_equity
from ratchet.cli.progress import show_progress
from ratchet.cli.refusal import Refusal
from ratchet.config.bad_settings import BadSettings
from ratchet.config.settings import Settings, load_settings
from ratchet.control.desk import Refused
from ratchet.control.kpi import measure, target_words
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.performance import max_drawdown
from ratchet.observe.log import logging_to
from ratchet.strategy.plugin import BadStrategy, load_strategy
from ratchet.trading.engine import Engine
from ratchet.trading.wiring import CannotTrade, Trader, open_trader

HOURS_DEFAULT = 6.0
HOUR_MS = 3_600_000
STATUS_PATH = "/localbinance/status"
UNCOVERED_PATH = "/localbinance/uncovered"
INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What was asked for."""

    markets: tuple[str, ...]
    hours: float
    speed: str
    seed: int
    quote: str
    from_: str | None
    to: str | None
    profile: str | None
    out: Path
    faults: Path | None
    json: bool


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


def demo(
    market: Annotated[
        list[str] | None,
        typer.Option(
            help="'synthetic', or files and folders of recorded candles (Parquet, CSV, ZIP); may be repeated."
        ),
    ] = None,
    hours: Annotated[float, typer.Option(help="How many hours of exchange time.")] = HOURS_DEFAULT,
    speed: Annotated[str, typer.Option(help="'max', or a factor: 1 is real time.")] = "max",
    seed: Annotated[int, typer.Option(help="Of the synthetic market.")] = 7,
    quote: Annotated[str, typer.Option(help="Of the recordings: USDT serves them under the USDC name.")] = "USDC",
    from_: Annotated[str | None, typer.Option("--from", help="First instant of the recordings, ISO 8601, UTC.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last instant of the recordings.")] = None,
    profile: Annotated[str | None, typer.Option(help="conservative, balanced or aggressive.")] = None,
    out: Annotated[Path, typer.Option(help="Where ledger, log and picture go.")] = Path("var/demo"),
    faults: Annotated[
        Path | None, typer.Option(help="A JSON list of what the exchange does wrong; see ARCHITECTURE.md.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it, on stdout.")] = False,
) -> None:
    """Trade on the embedded exchange: nothing leaves this machine, no key is needed."""
    if not 0 < hours <= 24 * 366:
        raise Refusal(f"--hours is {hours}, more than 0 is wanted")
    options = DemoOptions(
        markets=tuple(market or ["synthetic"]),
        hours=hours,
        speed=speed,
        seed=seed,
        quote=quote,
        from_=from_,
        to=to,
        profile=profile,
        out=out,
        faults=faults,
        json=json,
    )
    try:
        exit_code = run(_demo(options))
    except (LocalExchangeFailed, BadSettings, BadStrategy, CannotTrade, LedgerError) as error:
        raise Refusal(str(error)) from None
    except ExchangeError as error:
        raise Refusal(f"the exchange failed: {error}") from None
    raise typer.Exit(exit_code)


async def _demo(options: DemoOptions) -> int:
    started = time.monotonic()
    _check_settings(options)
    console = Console(stderr=True) if options.json else Console()
    async with local_exchange(_exchange_arguments(options)) as exchange:
        settings = _settings(options, exchange)
        run_dir = options.out / datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S-%f")
        for line in exchange.lines:
            console.print(line, highlight=False)
        console.print(f"trading on {exchange.ready.market}; ledger and log in {run_dir}", highlight=False)
        clock = LockstepClock(exchange.ready.start_ms)
        ledger_url = f"sqlite+aiosqlite:///{run_dir / 'ledger.db'}"
        with logging_to(run_dir, secrets=settings.secrets(), console=False):
            async with open_trader(settings, clock, ledger_url) as trader:
                stopped = await _trade(trader, options, clock, console)
                report, trades = await _report(trader, exchange, started)
                points = await _equity_points(trader.ledger)
                targets = [] if options.json else await _targets(trader.ledger, clock.now_ms())
    picture = run_dir / "equity.png"
    await asyncio.to_thread(
        draw_equity, points, picture, f"{exchange.ready.market}: {report.closed_trades} closed trades"
    )
    if options.json:
        print(orjson.dumps(report.as_json()).decode())
    else:
        print_report(report, trades, console)
        for line in targets:
            console.print(line, highlight=False)
        console.print(f"equity curve: {picture}", highlight=False)
    return INTERRUPTED if stopped else 0


async def _trade(trader: Trader, options: DemoOptions, clock: LockstepClock, console: Console) -> bool:
    """Run the engine to its end. True when it was interrupted, and positions were left to their stops."""
    engine: Engine = trader.engine
    start_ms = clock.now_ms()
    end_ms = start_ms + round(options.hours * HOUR_MS)
    stop, done = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows: the loop takes no signal handlers, Ctrl-C cancels instead
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
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


NAKED_BUDGET_MS = 1_000  # one round trip, generously; at 'max' no exchange time passes at all meanwhile


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


def _exchange_arguments(options: DemoOptions) -> list[str]:
    arguments = [f"--market={market}" for market in options.markets]
    arguments += ["--speed", options.speed, "--seed", str(options.seed), "--quote", options.quote, "--balance", "400"]
    arguments += ["--port", "0", "--wait-for-client", "--check-time", "--history-days", "2"]
    for name, value in (("--from", options.from_), ("--to", options.to), ("--faults", options.faults)):
        if value is not None:
            arguments += [name, str(value)]
    return arguments


def _check_settings(options: DemoOptions) -> None:
    """What is wrong with the settings is said at once, not after an exchange has been started.

    Raises: BadSettings, BadStrategy.
    """
    nowhere = {"http_url": "http://127.0.0.1:1", "ws_url": "ws://127.0.0.1:1", "api_key": "none", "api_secret": "none"}
    for choice in _load(options, nowhere).strategies:
        load_strategy(choice)


def _settings(options: DemoOptions, exchange: LocalExchange) -> Settings:
    return _load(
        options,
        {
            "http_url": exchange.ready.http,
            "ws_url": exchange.ready.ws,
            "api_key": exchange.ready.api_key.get_secret_value(),
            "api_secret": exchange.ready.api_secret.get_secret_value(),
            "rate_limit": False,
            "budget_folder": str(options.out),  # of this exchange, which nobody else will ever meet
        },
    )


def _load(options: DemoOptions, exchange: Mapping[str, object]) -> Settings:
    overrides: dict[str, object] = {"exchange": dict(exchange)}
    if options.profile is not None:
        overrides["profile"] = options.profile
    return load_settings(overrides=overrides)
