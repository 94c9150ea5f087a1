"""Panic without a trader: no process trades, or it hangs. Straight to the exchange, with a client of its own.

It needs neither the trader's memory nor the ledger, and gets into nobody's way: everything that it sends reduces only,
so that a guardian or a trader that wakes up can close beside it without selling twice. Its orders have names like the
guardian's, whose fills the trader books to the trades that they ended.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from string import ascii_lowercase

import structlog

from ratchet.config.settings import Settings
from ratchet.domain.clock import Clock
from ratchet.domain.identity import GUARDIANS, ClientOrderId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import MarketOrder
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.exchange.certainty import LATE_MS
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import ExchangeError, Meaning, Rejected
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import Deed, OperatorEvent
from ratchet.trading.operators.emergency import flag_beside
from ratchet.trading.operators.panic import Panic, PanicReport

DURABLE_S = 1.0  # that the flag may take before anything else is done
RULES_S = 3.0
RECORDED_S = 8.0  # longer than a database waits for who writes to it
LETTERS = 4

log = structlog.get_logger(__name__)


async def panic_directly(
    settings: Settings,
    ledger_url: str,
    who: str,
    *,
    patience_s: float | None = None,
    on_word: Callable[[str], None] = lambda _: None,
) -> PanicReport:
    """Leave the emergency's flag, close everything in USDC perpetuals, cancel every order, and prove it.

    Args: ledger_url, of the trader that is meant; patience_s, after which it gives up and says what is left (None:
        never); on_word, called with what is waited for whenever that changes.
    """
    clock = SystemClock()
    event = OperatorEvent(at_ms=clock.now_ms(), who=who, what=Deed.PANIC, detail="without a trader")
    recording = asyncio.create_task(_record(ledger_url, event), name="panic into the ledger")
    try:
        await _leave_flag(ledger_url, event)
        async with BinanceClient(settings.exchange, clock) as client:
            closing = DirectClosing(client, clock)
            panic = Panic(client, clock, closing, who=who, proof_from=clock.elapsed_ms() + LATE_MS, on_word=on_word)
            until = None if patience_s is None else clock.elapsed_ms() + patience_s * 1_000
            report = await panic.run(lambda: until is None or clock.elapsed_ms() < until)
        await asyncio.wait({recording}, timeout=RECORDED_S)
    finally:
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)
    return report


class DirectClosing:
    """Closes at market what a look shows, and leaves it to the next look to show whether it is gone."""

    def __init__(self, client: BinanceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._stem = GUARDIANS + "".join(secrets.choice(ascii_lowercase) for _ in range(LETTERS))
        self._given = 0
        self._rules: Mapping[Symbol, SymbolRules] | None = None
        self._why: dict[Symbol, str] = {}

    async def close(self, positions: Sequence[Position], asked: float) -> None:
        """See `Closing`."""
        del asked  # what happened since, it did itself
        if positions and self._rules is None:
            self._rules = await self._market_rules()
        await asyncio.gather(*(self._close(position) for position in positions))

    def under_way(self) -> str:
        """See `Closing`. What others have sent arrives within the time before which nothing is proved."""
        return ""

    def why_left(self, symbol: Symbol) -> str:
        """See `Closing`."""
        return self._why.get(symbol, "being closed")

    async def _close(self, position: Position) -> None:
        symbol = position.symbol
        rules = (self._rules or {}).get(symbol)
        most = position.quantity if rules is None else min(rules.quantity_market_max, rules.quantity_max)
        close = MarketOrder(
            client_order_id=self._name(),
            symbol=symbol,
            side=position.side.opposite,
            quantity=min(position.quantity, most),
            reduce_only=True,
        )
        try:
            # Resting reduce-only orders reserve what they would close.
            await self._client.cancel_all(symbol)
        except ExchangeError as error:
            log.warning("orders_not_cancelled", symbol=symbol, error=str(error))
        try:
            await self._client.place(close)
        except Rejected as no:
            self._why[symbol] = _market_closed(no) if no.meaning is Meaning.NOT_TRADING else f"refused: {no}"
            log.warning("close_refused", symbol=symbol, error=str(no))
        except ExchangeError as error:  # the next look shows whether it happened
            self._why[symbol] = str(error)
            log.warning("close_not_confirmed", symbol=symbol, error=str(error))
        else:
            self._why.pop(symbol, None)

    async def _market_rules(self) -> Mapping[Symbol, SymbolRules]:
        """How much may be sold at once. Without them it is tried in one."""
        try:
            async with asyncio.timeout(RULES_S):
                return await self._client.load_rules()
        except (ExchangeError, TimeoutError) as error:
            log.warning("rules_not_known", error=str(error) or "no answer in time")
            return {}

    def _name(self) -> ClientOrderId:
        self._given += 1
        return ClientOrderId(f"{self._stem}-{self._given}")


def _market_closed(no: Rejected) -> str:
    return f"its market takes no orders ({no}): the exchange settles it, or opens it again"


async def _leave_flag(ledger_url: str, event: OperatorEvent) -> None:
    try:
        async with asyncio.timeout(DURABLE_S):
            await flag_beside(ledger_url).leave(event)
    except (OSError, TimeoutError) as error:
        log.error("emergency_flag_not_left", error=str(error) or "the disk takes too long")


async def _record(ledger_url: str, event: OperatorEvent) -> None:
    try:
        ledger = await Ledger.open(ledger_url)
    except LedgerError as error:
        log.error("panic_not_recorded", error=str(error))
        return
    try:
        await ledger.record_operator_event(event)
    except LedgerError as error:
        log.error("panic_not_recorded", error=str(error))
    finally:
        with suppress(LedgerError):
            await ledger.close()
