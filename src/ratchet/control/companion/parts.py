"""What the companion's desk is built from."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ratchet.control.aside import Aside
from ratchet.control.live_settings import SettingsKeeper
from ratchet.domain.clock import Clock
from ratchet.domain.rebound import Case, OwnOrder, SpotRole
from ratchet.domain.symbol import Symbol
from ratchet.exchange.parse_spot import AssetBalance
from ratchet.exchange.standing_order import StandingOrder
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.spot_books import SpotBooks
from ratchet.rebound.status import CompanionStatus, OpenCase
from ratchet.strategy.minute_readings import MinuteReading

WATCHED = "a symbol that is watched"  # for refusals


class SpotExchange(Protocol):
    """What operators ask of spot: one request for all symbols each. Raises: ExchangeError."""

    async def fetch_balances(self) -> Mapping[str, AssetBalance]:
        """What is held, by asset."""

    async def fetch_standing_orders(self) -> Sequence[StandingOrder]:
        """What rests or waits, of every pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionParts:
    """Where answers come from."""

    clock: Clock
    address: str  # of the exchange, for people
    status: Callable[[], CompanionStatus]
    readings: Callable[[Symbol], Sequence[MinuteReading]]  # oldest first
    watched: Sequence[Symbol]
    listed: Collection[Symbol]  # that the exchange has
    exchange: SpotExchange
    ledger: Ledger
    books: SpotBooks
    aside: Aside  # for what takes long to read from the ledger
    settings: SettingsKeeper
    log_file: Path


def open_cases(parts: CompanionParts, symbol: Symbol | None = None) -> list[OpenCase]:
    """The cases that are not over, of one symbol or of all."""
    return [each for line in parts.status().symbols if symbol is None or line.symbol == symbol for each in line.cases]


def sell_of(case: Case) -> OwnOrder | None:
    """Its newest SELL."""
    return next((own for own in reversed(case.orders) if own.role is SpotRole.SELL), None)
