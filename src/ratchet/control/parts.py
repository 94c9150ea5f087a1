"""What the desk's commands are built from."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ratchet.control.aside import Aside
from ratchet.control.live_settings import SettingsKeeper
from ratchet.domain.clock import Clock
from ratchet.domain.order import OrderReport, StopReport
from ratchet.domain.position import Balance, Position
from ratchet.domain.symbol import Symbol
from ratchet.ledger.ledger import Ledger
from ratchet.market.universe import Universe
from ratchet.risk.record import Record
from ratchet.trading.status import Status


class Exchange(Protocol):
    """What operators ask of the exchange: one request for all symbols each. Raises: ExchangeError."""

    async def fetch_balance(self) -> Balance:
        """The USDC of the account."""

    async def fetch_positions(self) -> list[Position]:
        """What is held."""

    async def fetch_open_orders(self, symbol: Symbol | None = None) -> list[OrderReport]:
        """Plain orders that rest in the book."""

    async def fetch_open_stops(self, symbol: Symbol | None = None) -> list[StopReport]:
        """Stops that wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskParts:
    """Where answers come from, and who does what is wanted."""

    clock: Clock
    address: str  # of the exchange, for people
    status: Callable[[], Status]
    record: Callable[[], Record]  # what limits of risk remember
    universe: Callable[[], Universe]
    symbols: Collection[Symbol]  # that the exchange has
    exchange: Exchange
    ledger: Ledger
    aside: Aside  # for what takes long to read from it
    settings: SettingsKeeper
    log_file: Path


def held(parts: DeskParts) -> Sequence[Symbol]:
    """The symbols with an open trade."""
    return [line.symbol for line in parts.status().positions]
