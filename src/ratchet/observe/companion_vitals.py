"""The vitals of a spot companion."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.symbol import Symbol
from ratchet.observe.vitals import ProcessVitals


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolVitals:
    """Of one symbol that is watched. Ages are seconds."""

    symbol: Symbol
    is_watched: bool  # watching has begun
    trouble: str  # why its last turn failed, empty while turns go well
    trouble_s: float  # for how long they have failed
    buys_waiting: int  # of a person, for their SELL to stand
    wait_s: float  # of the oldest of these, 0 where there is none
    profit: Decimal | None  # USDC, of all that is in the ledger, before fees; none: the ledger was not read yet


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionVitals(ProcessVitals):
    """Of a spot companion. Its look at the account is the one at the symbol that was looked at longest ago."""

    placing_halted: str  # why nothing new is placed, empty while orders are placed
    symbols: tuple[SymbolVitals, ...]
    cases: Mapping[str, int]  # open ones, by how far they are
    cases_closed: int  # since it began
    orders: Mapping[tuple[str, str], int]  # since it began, by what an order is for and what became of it
    stream_reconnects: int  # of the user stream
    books_disagree: str  # where ledger and exchange do, empty while they agree as far as is known
