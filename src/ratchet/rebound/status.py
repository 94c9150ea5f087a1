"""How the companion stands, as values: for whoever shows it."""

from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.rebound import Case
from ratchet.domain.symbol import Symbol
from ratchet.strategy.minute_readings import MinuteReading


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """A case that is not over, and what it waits for."""

    case: Case
    waits_for: str  # "its SELL is filled", "TRUMPUSDC trades again (HALT)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolStatus:
    """One symbol that is watched."""

    symbol: Symbol
    watched_from: int | None  # the number of the first execution that counts; None: watching has not begun yet
    looked_ms: int | None  # when what is known was last held against the exchange; None: not yet
    trouble: str  # why the last turn failed; empty: it did not
    trouble_since_ms: int | None  # when turns began to fail; None: they do not
    is_ledger_in_trouble: bool  # it is the ledger's
    gathered: Decimal  # base asset that was bought by hand and is in no case yet
    gathered_ms: tuple[int, ...]  # of each BUY of that, when its oldest execution was
    cases: tuple[OpenCase, ...]  # oldest first
    reading: MinuteReading | None  # of the newest closed minute
    profit: Decimal | None  # quote asset, of all SELLs in the ledger, before fees; None: the ledger was not read yet


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionStatus:
    """The companion as a whole."""

    now_ms: int
    uptime_ms: float
    sends: bool  # False: a dry run
    held_back: str  # why nothing new is placed, "paused by cli since …"; empty: orders are placed
    audited_ms: int | None = None  # up to when the ledger agrees with the exchange's executions; None: not audited yet
    books_disagree: str = ""  # where it does not, in one line
    symbols: tuple[SymbolStatus, ...]
