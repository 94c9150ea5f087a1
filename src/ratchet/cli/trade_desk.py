"""The desk of a trader that runs: built from its parts, for the door and every other face."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ratchet.cli.trading_venue import TradingVenue
from ratchet.config.bad_settings import BadSettings
from ratchet.config.live import Change, LiveSettings
from ratchet.config.settings import Settings
from ratchet.control.aside import Aside
from ratchet.control.ask_account import AccountQuestions
from ratchet.control.ask_help import help_commands
from ratchet.control.ask_log import LogQuestion
from ratchet.control.ask_market import MarketQuestions
from ratchet.control.ask_risk import RiskQuestion
from ratchet.control.ask_why import LedgerQuestions
from ratchet.control.change_settings import SettingsChanges
from ratchet.control.change_trading import TradingChanges
from ratchet.control.commands import COMMANDS
from ratchet.control.live_settings import SettingsKeeper
from ratchet.control.operators_desk import OperatorsDesk
from ratchet.control.parts import DeskParts
from ratchet.domain.clock import Clock
from ratchet.observe.log import FILE_NAME
from ratchet.trading.wiring import Trader


@asynccontextmanager
async def trade_desk(
    trader: Trader, live: LiveSettings, venue: TradingVenue, clock: Clock
) -> AsyncIterator[OperatorsDesk]:
    """Its desk, and the runtime file watched, until the block is left."""

    def on_change(change: Change) -> None:
        if any(name.startswith("universe.") for name in change.after):
            trader.market.rotate()

    keeper = SettingsKeeper(
        live,
        trader.ledger,
        trader.engine.noticeboard,
        clock,
        check=_keeps_strategies(live.now),
        on_change=on_change,
    )
    aside = Aside(venue.ledger_url)
    parts = DeskParts(
        clock=clock,
        address=venue.address,
        status=trader.engine.status,
        record=lambda: trader.engine.risk_watch.record,
        universe=lambda: trader.market.universe,
        symbols=trader.rules,
        exchange=trader.client,
        ledger=trader.ledger,
        aside=aside,
        settings=keeper,
        log_file=venue.settings.log_dir / FILE_NAME,
    )
    groups = (
        AccountQuestions(parts).commands(),
        MarketQuestions(parts).commands(),
        RiskQuestion(parts).commands(),
        LedgerQuestions(parts).commands(),
        LogQuestion(parts.log_file).commands(),
        TradingChanges(parts, trader.engine.operations).commands(),
        SettingsChanges(keeper).commands(),
        help_commands(COMMANDS),
    )
    watching = asyncio.create_task(keeper.run(), name="runtime settings")
    try:
        yield OperatorsDesk(clock, COMMANDS, groups)
    finally:
        aside.close()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _keeps_strategies(start: Settings) -> Callable[[Settings], None]:
    """Strategies are code, and loaded at the start. The check raises BadSettings for others."""

    def check(settings: Settings) -> None:
        if settings.strategies != start.strategies:
            names = ", ".join(choice.name for choice in settings.strategies)
            raise BadSettings("runtime.json", f"strategies are {names}: they are loaded at the start, begin it anew")

    return check
