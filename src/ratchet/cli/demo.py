"""`ratchet demo`: trade on the embedded exchange, in accelerated time, over real sockets, and account for all of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from ratchet.cli.demo_report import print_report
from ratchet.cli.demo_run import run_demo
from ratchet.cli.event_loop import run
from ratchet.cli.local_exchange import LocalExchange, LocalExchangeFailed, local_exchange
from ratchet.cli.picture import draw_equity
from ratchet.cli.refusal import Refusal
from ratchet.cli.trade_telegram import load_telegram
from ratchet.config.bad_settings import BadSettings
from ratchet.config.live import LiveSettings
from ratchet.config.settings import Settings, load_settings
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.ledger.errors import LedgerError
from ratchet.strategy.plugin import BadStrategy, load_strategy
from ratchet.trading.wiring import CannotTrade

HOURS_DEFAULT = 6.0
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
    _check_settings(options)
    console = Console(stderr=True) if options.json else Console()
    async with local_exchange(_exchange_arguments(options)) as exchange:
        live = LiveSettings(_settings(options, exchange), overrides=_overrides(options))
        run_dir = options.out / datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S-%f")
        for line in exchange.lines:
            console.print(line, highlight=False)
        console.print(f"trading on {exchange.ready.market}; ledger and log in {run_dir}", highlight=False)
        clock = LockstepClock(exchange.ready.start_ms)
        found = await run_demo(exchange, live, clock, run_dir, options.hours, console)
    picture = run_dir / "equity.png"
    title = f"{exchange.ready.market}: {found.report.closed_trades} closed trades"
    await asyncio.to_thread(draw_equity, found.equity, picture, title)
    if options.json:
        print(orjson.dumps(found.report.as_json()).decode())
    else:
        print_report(found.report, found.trades, console)
        for line in found.targets:
            console.print(line, highlight=False)
        console.print(f"equity curve: {picture}", highlight=False)
    return INTERRUPTED if found.was_interrupted else 0


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
    settings = _load(options, nowhere)
    for choice in settings.strategies:
        load_strategy(choice)
    load_telegram(settings)


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
    return load_settings(overrides={"exchange": dict(exchange), **_overrides(options)})


def _overrides(options: DemoOptions) -> dict[str, Any]:
    return {} if options.profile is None else {"profile": options.profile}
