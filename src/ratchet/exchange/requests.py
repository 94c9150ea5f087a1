"""Requests: guarded calls of the exchange: within the budget, in time, their failure told by its outcome."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import ccxt
import structlog

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.clock import Clock
from ratchet.exchange.budget import Lane
from ratchet.exchange.ccxt_transport import CcxtTransport
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.cost import cost_of
from ratchet.exchange.errors import ExchangeError, NotSent, OutcomeUnknown, RateLimited
from ratchet.exchange.outcome import outcome_of
from ratchet.exchange.product import PERPETUALS, Product
from ratchet.exchange.shared_budget import BudgetState, HeldBack, SharedBudget
from ratchet.exchange.told import Told
from ratchet.exchange.transport import Transport

READ_ATTEMPTS_MAX = 4
PAUSE_FIRST_S = 0.2  # doubled each time, of real time
PAUSE_MAX_S = 5.0
PAUSE_EXTRA_S = 0.1  # of real time, for exchange time to get there first

log = structlog.get_logger(__name__)


class Requests:
    """Sends requests within the budget, through ccxt unless another transport is given."""

    def __init__(
        self,
        settings: ExchangeSettings,
        clock: Clock,
        transport: Transport | None = None,
        product: Product = PERPETUALS,
    ) -> None:
        self._clock = clock
        self._time_method = product.time_method
        self._timeout_s = settings.reply_timeout_s
        self._budget = SharedBudget(settings, clock, product)
        self._transport = transport or CcxtTransport(settings, clock)
        self._setting_clock = asyncio.Lock()
        self._times_set = 0

    async def close(self) -> None:
        """Close connections."""
        await self._transport.close()
        self._budget.close()

    def budget_state(self) -> BudgetState:
        """What of the exchange's limits was used, and whether it turns requests away."""
        return self._budget.state()

    async def read(
        self, method: str, parameters: Mapping[str, object] | None = None, lane: Lane = Lane.ORDINARY
    ) -> Any:
        """A request that changes nothing, or nothing twice: tried again when it failed for reasons that may pass.

        Args: method, ccxt's name of the endpoint ("fapiPublicGetKlines").
        Raises: ExchangeError.
        """
        for attempt in range(READ_ATTEMPTS_MAX):
            try:
                return await self.send(method, parameters, lane)
            except (NotSent, OutcomeUnknown, RateLimited) as error:
                if attempt == READ_ATTEMPTS_MAX - 1 or _is_final(error, lane):
                    raise
                log.warning("request_repeated", error=str(error), attempt=attempt + 1)
                await self._pause(error, attempt)
        raise AssertionError("the loop returns or raises")

    async def send(
        self, method: str, parameters: Mapping[str, object] | None = None, lane: Lane = Lane.ORDINARY
    ) -> Any:
        """One request, once. Exchange time is held from when it goes out until its outcome is known.

        Raises: ExchangeError.
        """
        what, parameters = words(method), parameters or {}
        # Not held: an ordinary request may wait for exchange time to pass.
        await self._budget.admit(lane, cost_of(method, parameters), what)
        with self._clock.working():
            try:
                return await self._ask(method, parameters, lane)
            except (ccxt.BaseError, TimeoutError) as error:
                outcome = outcome_of(error, what)
        # Raised outside of the handler: ccxt's own error holds the address with its signature.
        if isinstance(outcome, NotSent):
            await self._set_clock()
        raise outcome

    async def _ask(self, method: str, parameters: Mapping[str, object], lane: Lane) -> Any:
        sent_ms = self._clock.now_ms()
        answers: list[Told] = []
        try:
            async with asyncio.timeout(self._timeout_s + 1):
                return await self._transport.ask(method, parameters, lane, answers.append)
        finally:
            for told in answers:
                await self._budget.learn(lane, told, sent_ms)

    async def _set_clock(self) -> None:
        """A refused timestamp, or a lost connection, may mean that this machine's clock is off."""
        if not isinstance(self._clock, SystemClock):
            return
        method, lane = self._time_method, Lane.PROTECTIVE  # with a wrong clock nothing can be protected
        times_set = self._times_set
        async with self._setting_clock:  # one at a time: a measurement across another's correction would undo it
            if times_set != self._times_set:
                return
            try:
                await self._budget.admit(lane, cost_of(method, {}), words(method))
                asked_ms = self._clock.now_ms()
                answer = await self._ask(method, {}, lane)
            except (ccxt.BaseError, TimeoutError, HeldBack):
                return
            self._clock.set_by(int(answer["serverTime"]), asked_ms, self._clock.now_ms())
            self._times_set += 1

    async def _pause(self, error: ExchangeError, attempt: int) -> None:
        if isinstance(error, RateLimited) and error.retry_after_ms is not None:
            # Not held: the exchange speaks of its own time, which has to pass.
            with suppress(TimeoutError):
                async with asyncio.timeout(min(error.retry_after_ms / 1_000, PAUSE_MAX_S) + PAUSE_EXTRA_S):
                    await self._clock.sleep_until(self._clock.now_ms() + error.retry_after_ms)
            return
        with self._clock.working():
            await asyncio.sleep(min(PAUSE_FIRST_S * 2**attempt, PAUSE_MAX_S))


@cache  # of every request, and there are few methods
def words(method: str) -> str:
    """ "fapiPrivatePostAlgoOrder" as "POST algoOrder"."""
    for verb in ("Get", "Post", "Put", "Delete"):
        _, found, endpoint = method.partition(verb)
        if found:
            return f"{verb.upper()} {endpoint[:1].lower()}{endpoint[1:]}"
    return method


def _is_final(error: ExchangeError, lane: Lane) -> bool:
    """Whether another attempt would not go out, or not soon. What protects is tried all the same."""
    if lane is Lane.PROTECTIVE or not isinstance(error, RateLimited):
        return False
    return isinstance(error, HeldBack) or (error.retry_after_ms or 0) > PAUSE_MAX_S * 1_000
