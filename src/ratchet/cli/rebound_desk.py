"""The desk of a spot companion that runs: built from its parts, for the door and every other face."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ratchet.config.live import LiveSettings
from ratchet.control.aside import Aside
from ratchet.control.companion.desk import companion_desk
from ratchet.control.companion.parts import CompanionParts
from ratchet.control.door import Door
from ratchet.control.door_file import rebound_door_file
from ratchet.control.live_settings import SettingsKeeper
from ratchet.control.operators_desk import OperatorsDesk
from ratchet.domain.clock import Clock
from ratchet.domain.symbol import Symbol
from ratchet.exchange.spot_client import SpotClient
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.spot_books import SpotBooks
from ratchet.rebound.companion import Companion


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A companion, and all that operators ask beside it."""

    companion: Companion
    client: SpotClient
    ledger: Ledger
    ledger_url: str
    books: SpotBooks
    clock: Clock
    live: LiveSettings
    log_file: Path
    watched: Sequence[Symbol]
    listed: Collection[Symbol]
    is_asked: bool  # it has a door; a dry run has none, for another companion may run beside it


@asynccontextmanager
async def rebound_desk(running: Running) -> AsyncIterator[OperatorsDesk]:
    """Its desk, behind an open door, and the runtime file watched, until the block is left."""
    companion, live = running.companion, running.live
    keeper = SettingsKeeper(live, running.ledger, companion.noticeboard, running.clock)
    aside = Aside(running.ledger_url)
    parts = CompanionParts(
        clock=running.clock,
        address=live.now.exchange.http_url or "Binance",
        status=companion.status,
        readings=companion.readings,
        watched=running.watched,
        listed=running.listed,
        exchange=running.client,
        ledger=running.ledger,
        books=running.books,
        aside=aside,
        settings=keeper,
        log_file=running.log_file,
    )
    desk = companion_desk(parts, companion.operations)
    tasks = [asyncio.create_task(keeper.run(), name="runtime settings")]
    if running.is_asked:
        door = Door(rebound_door_file(live.now), lambda: desk, behind="spot companion")
        tasks.append(asyncio.create_task(door.run(), name="door"))
    try:
        yield desk
    finally:
        aside.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
