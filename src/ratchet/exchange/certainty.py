"""Certainty: an order is sent until what became of it is known. A lost reply is asked about, never sent again blind."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from ratchet.domain.identity import ClientOrderId
from ratchet.exchange.errors import ExchangeError, Meaning, NotSent, OutcomeUnknown, RateLimited, Rejected

Report = TypeVar("Report")

SEND_ATTEMPTS_MAX = 5  # only for what provably never left this machine
LATE_MS = 7_000.0  # after this the exchange takes no request any more that was sent before: its receive window is over
LAG_MS = 6_000  # as far as the exchange's reads may be behind what it has accepted and told: it answers from replicas
# Over 11 s: longer than the receive window, after which the exchange takes a late request no more, and reads lag.
ASK_ATTEMPTS_MAX = 9
PAUSE_FIRST_S = 0.1  # doubled each time, real time: networks do not heal on the exchange's clock
PAUSE_MAX_S = 2.0

log = structlog.get_logger(__name__)


class NeverArrived(Exception):
    """The exchange does not know the order after it was asked for again and again."""


class NeverSent(NeverArrived):
    """Every attempt provably failed before the exchange could take it. `retry_after_ms`: as far as it was said."""

    def __init__(self, client_order_id: ClientOrderId, retry_after_ms: int | None = None) -> None:
        super().__init__(client_order_id)
        self.retry_after_ms = retry_after_ms


async def settle(
    client_order_id: ClientOrderId,
    send: Callable[[], Awaitable[Report]],
    ask: Callable[[], Awaitable[Report | None]],
    on_unknown: Callable[[str], None],
) -> Report:
    """Send, again only if it provably never left; when the outcome is unknown, ask until it is known.

    Args: on_unknown, told why once it may have happened.
    Raises: Rejected, NeverArrived.
    """
    retry_after_ms: int | None = None
    for pause in pauses(SEND_ATTEMPTS_MAX):
        try:
            return await send()
        except (NotSent, RateLimited) as error:
            log.warning("order_not_sent", client_order_id=client_order_id, error=str(error))
            retry_after_ms = error.retry_after_ms if isinstance(error, RateLimited) else None
            await asyncio.sleep(pause_of(error, pause))
        except OutcomeUnknown as error:
            on_unknown(str(error))
            return await ask_until_known(client_order_id, ask)
        except Rejected as no:
            if no.meaning is Meaning.DUPLICATE:
                on_unknown(str(no))
                return await ask_until_known(client_order_id, ask)
            raise
    raise NeverSent(client_order_id, retry_after_ms)


async def ask_until_known(client_order_id: ClientOrderId, ask: Callable[[], Awaitable[Report | None]]) -> Report:
    """Ask until the exchange has the order, or has said for long enough that it does not know it.

    Being unable to ask says nothing: it is tried again for as long as it takes.
    Raises: NeverArrived.
    """
    left = pauses(ASK_ATTEMPTS_MAX)
    while left:
        try:
            report = await ask()
        except ExchangeError as error:
            log.warning("order_outcome_unknown", client_order_id=client_order_id, error=str(error))
            await asyncio.sleep(PAUSE_MAX_S)
            continue
        if report is not None:
            return report
        await asyncio.sleep(left.pop(0))
    raise NeverArrived(client_order_id)


def pauses(attempts: int) -> list[float]:
    """Between attempts, growing. Seconds."""
    return [min(PAUSE_FIRST_S * 2**attempt, PAUSE_MAX_S) for attempt in range(attempts)]


def pause_of(error: NotSent | RateLimited, pause: float) -> float:
    """Before another attempt: as long as the exchange has asked for, or the usual pause. Seconds."""
    if isinstance(error, RateLimited) and error.retry_after_ms is not None:
        return min(error.retry_after_ms / 1000, PAUSE_MAX_S)
    return pause
