"""Panic: every order of the companion is cancelled, and the exchange is asked until it lists none. No coin is sold.

Nothing is believed but what the last look showed, so that it may begin in any state, and anywhere.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.identity import REBOUNDS, ClientOrderId
from ratchet.domain.symbol import Symbol
from ratchet.exchange.certainty import LATE_MS
from ratchet.exchange.errors import ExchangeError, Meaning, RateLimited, Rejected
from ratchet.exchange.spot_client import SpotClient

CALM_MS = 1_000.0  # of real time, over which looks have to show nothing: the last word may be a moment old
PAUSE_FIRST_S = 0.2  # doubled each time
PAUSE_MAX_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLeft:
    """An order of the companion that stands though it should not."""

    symbol: Symbol
    name: ClientOrderId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotPanicReport:
    """How far a panic has come, by the exchange's word."""

    who: str
    at_ms: int  # exchange time, when it was ordered
    took_ms: float  # real, until now, or until it was through
    cancelled: tuple[tuple[Symbol, ClientOrderId], ...]
    left: tuple[OrderLeft, ...]
    waits_for: str  # what it waits for before it can be sure; empty: for nothing
    is_clear: bool  # no order of the companion stands, seen by two looks a second apart, and none is on its way


class SpotPanic:
    """One of them. `run` it; `report` says how far it is."""

    def __init__(
        self,
        client: SpotClient,
        clock: Clock,
        who: str,
        *,
        at_ms: int,
        coming: Callable[[], Sequence[str]] = lambda: (),
        proof_from: float | None = None,
    ) -> None:
        """Args: at_ms, exchange time of the order to do it; coming, what may still be on its way, in a few words each;
        proof_from, elapsed ms before which nothing is proof, for what others have sent may still arrive: without it a
        receive window from now.
        """
        self._client = client
        self._clock = clock
        self._who = who
        self._coming = coming
        self._at_ms = at_ms
        self._began = clock.elapsed_ms()
        self._proof_from = self._began + LATE_MS if proof_from is None else proof_from
        self._took_ms: float | None = None
        self._cancelled: dict[ClientOrderId, Symbol] = {}
        self._left: dict[ClientOrderId, OrderLeft] = {}
        self._waits_for = "a first look at what stands"
        self._clear_since: float | None = None

    async def run(self, stands: Callable[[], bool]) -> SpotPanicReport:
        """Until nothing of the companion stands, however long that takes. Args: stands, whether it is still wanted."""
        pause_s = PAUSE_FIRST_S
        while stands() and not self._is_through():
            try:
                await self._round()
                pause_s = PAUSE_FIRST_S if self._cancelled and not self._left else min(2 * pause_s, PAUSE_MAX_S)
            except ExchangeError as error:
                self._clear_since = None
                self._waits_for = f"an answer of the exchange: {error}"
                log.warning("panic_look_failed", error=str(error))
                pause_s = min(2 * pause_s, PAUSE_MAX_S)
                if isinstance(error, RateLimited) and error.retry_after_ms is not None:
                    pause_s = max(pause_s, error.retry_after_ms / 1_000)
            if not self._is_through():
                await asyncio.sleep(pause_s)
        self._took_ms = self._clock.elapsed_ms() - self._began
        return self.report()

    def report(self) -> SpotPanicReport:
        """How far it is."""
        took_ms = self._clock.elapsed_ms() - self._began if self._took_ms is None else self._took_ms
        return SpotPanicReport(
            who=self._who,
            at_ms=self._at_ms,
            took_ms=took_ms,
            cancelled=tuple((symbol, name) for name, symbol in self._cancelled.items()),
            left=tuple(self._left.values()),
            waits_for="" if self._is_through() else self._waits_for,
            is_clear=self._is_through(),
        )

    def _is_through(self) -> bool:
        now = self._clock.elapsed_ms()
        return self._clear_since is not None and now - self._clear_since >= CALM_MS and now >= self._proof_from

    async def _round(self) -> None:
        """Look, and cancel what is there. Raises: ExchangeError."""
        coming = self._coming()  # before the look: what has arrived since is in it
        asked = self._clock.elapsed_ms()
        standing = [
            (order.symbol, order.client_order_id)
            for order in await self._client.fetch_standing_orders()
            if order.client_order_id.startswith(REBOUNDS)
        ]
        self._left = {name: self._left.get(name, _left(symbol, name, "")) for symbol, name in standing}
        for symbol, name in standing:
            await self._cancel(symbol, name)
        if standing or coming:
            self._clear_since = None
            self._waits_for = ", ".join(coming) or "another look at what stands"
        elif self._clear_since is None:
            self._clear_since = asked
            self._waits_for = "a second look, for what may still arrive"

    async def _cancel(self, symbol: Symbol, name: ClientOrderId) -> None:
        try:
            await self._client.cancel(symbol, name)
        except Rejected as no:
            if no.meaning is not Meaning.NOT_OPEN:  # else it is gone already, and the next look shows it
                self._left[name] = _left(symbol, name, str(no))
                log.warning("panic_cancel_refused", client_order_id=name, error=str(no))
                return
        except RateLimited:
            raise
        except ExchangeError as error:
            self._left[name] = _left(symbol, name, str(error))
            log.warning("panic_cancel_failed", client_order_id=name, error=str(error))
            return
        self._cancelled[name] = symbol
        self._left.pop(name, None)


def _left(symbol: Symbol, name: ClientOrderId, reason: str) -> OrderLeft:
    return OrderLeft(symbol=symbol, name=name, reason=reason)
