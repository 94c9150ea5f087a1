"""A demo's run that is judged by its limits: its own exchange, an onlooker there, and Telegram told of it."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from ratchet.cli.demo_run import LEDGER_FILE, DemoRun, run_demo
from ratchet.cli.local_exchange import LocalExchange, local_exchange
from ratchet.config.live import LiveSettings
from ratchet.config.sections import DayLimitAction
from ratchet.config.settings import Settings, load_settings
from ratchet.exchange.lockstep_clock import LockstepClock
from tests.end_to_end.exchange_history import an_onlooker
from tests.end_to_end.limits_judge import History, Limits, Verdict, judge
from tests.telegram.bot import OPERATOR
from tests.telegram.server import TOKEN, BotApi, bot_api
from tests.wire.conftest import venue_of

MINUTE_MS = 60_000
BALANCE = 400  # USDC
MESSAGES_SETTINGS = {"grouping_window_s": 0.2, "messages_per_minute_max": 60}
BOOKED = "SELECT realized_pnl, fee, fee_asset FROM fills"
BOOKED_ELSE = "SELECT amount FROM funding UNION ALL SELECT amount FROM charges"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsRun:
    """What came of it."""

    demo: DemoRun
    history: History
    verdict: Verdict
    messages: Sequence[str]  # as Telegram shows them, oldest first
    wall_s: float

    def lines(self, words: str) -> list[str]:
        """The lines of Telegram's messages with these words."""
        return [line for text in self.messages for line in text.splitlines() if words in line]


async def run_limits(
    folder: Path, *, hours: float, start: str, script: Sequence[Mapping[str, Any]], overrides: Mapping[str, Any]
) -> LimitsRun:
    """Trade on a market that goes as the script says, and judge it.

    Args: start, ISO 8601, UTC; overrides, of the settings, as a tree.
    """
    began = time.monotonic()
    faults = folder / "market.json"
    faults.write_text(json.dumps(list(script)), encoding="utf-8")
    arguments = ("--market=synthetic", "--speed=max", "--port=0", f"--balance={BALANCE}", "--history-days=2")
    more = (f"--from={start}", f"--faults={faults}", "--wait-for-client", "--check-time")
    async with local_exchange((*arguments, *more)) as exchange, bot_api() as api:
        live = _settings(exchange, api, folder, overrides)
        clock = LockstepClock(exchange.ready.start_ms)
        async with an_onlooker(venue_of(exchange), clock) as onlooker:
            await onlooker.look()
            looking = asyncio.create_task(onlooker.run(), name="onlooker")
            try:
                demo = await run_demo(exchange, live, clock, folder, hours, Console(file=StringIO()))
            finally:
                looking.cancel()
                [end] = await asyncio.gather(looking, return_exceptions=True)
            assert isinstance(end, asyncio.CancelledError), end
            history = await onlooker.history()
    verdict = judge(history, limits_of(live.now), booked(folder / LEDGER_FILE))
    wall_s = time.monotonic() - began
    return LimitsRun(demo=demo, history=history, verdict=verdict, messages=api.texts(OPERATOR), wall_s=wall_s)


def limits_of(settings: Settings) -> Limits:
    """What these settings allow."""
    risk = settings.risk
    return Limits(
        open_positions_max=risk.open_positions_max,
        position_notional_fraction_max=risk.position_notional_fraction_max,
        exposure_fraction_max=risk.exposure_fraction_max,
        leverage_max=risk.leverage,
        hold_ms_max=settings.bracket.hold_minutes_max * MINUTE_MS,
        stop_streak_max=risk.stop_streak_max,
        stop_streak_pause_ms=risk.stop_streak_pause_minutes * MINUTE_MS,
        cool_down_stop_ms=risk.cool_down_stop_minutes * MINUTE_MS,
        cool_down_close_ms=risk.cool_down_close_minutes * MINUTE_MS,
        day_loss_fraction_max=risk.day_loss_fraction_max,
        day_drawdown_fraction_max=risk.day_drawdown_fraction_max,
        day_limit_flattens=risk.day_limit_action is DayLimitAction.FLATTEN,
    )


def booked(ledger: Path) -> Decimal:
    """What a ledger comes to, USDC: results, fees, funding and charges."""
    with closing(sqlite3.connect(ledger)) as connection:
        fills = connection.execute(BOOKED).fetchall()
        others = connection.execute(BOOKED_ELSE).fetchall()
    net = sum((Decimal(pnl) - Decimal(fee) for pnl, fee, asset in fills if asset == "USDC"), Decimal(0))
    return net + sum((Decimal(amount) for (amount,) in others), Decimal(0))


def _settings(exchange: LocalExchange, api: BotApi, folder: Path, overrides: Mapping[str, Any]) -> LiveSettings:
    """Nobody's environment and files but those of the run."""
    ready = exchange.ready
    own = {
        "exchange": {
            "http_url": ready.http,
            "ws_url": ready.ws,
            "api_key": ready.api_key.get_secret_value(),
            "api_secret": ready.api_secret.get_secret_value(),
            "rate_limit": False,
            "budget_folder": str(folder),
        },
        "telegram": {"token": TOKEN, "base_url": api.address, "operators": [OPERATOR], **MESSAGES_SETTINGS},
    }
    files: dict[str, Any] = {"env_file": folder / "no.env", "runtime_file": folder / "runtime.json", "environ": {}}
    return LiveSettings(load_settings(overrides={**overrides, **own}, **files), overrides=overrides, **files)
