"""The shared budget: requests ask it before they go out, and tell it what was answered; all processes share one."""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

import structlog

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.config.state_folder import state_folder
from ratchet.domain.clock import Clock
from ratchet.exchange.budget import MINUTE_MS, SLOW_MS, Answer, Counts, Granted, Lane, Limits, Stopped, Wait, Wish, ask
from ratchet.exchange.budget_file import BudgetFile, Busy
from ratchet.exchange.cost import Cost
from ratchet.exchange.errors import RateLimited
from ratchet.exchange.product import PERPETUALS, Product
from ratchet.exchange.told import Told

LOCK_PAUSE_S = 0.001
LOCK_ATTEMPTS_MAX = 5  # of what does not wait; then it goes out, and is counted later
OWED_MAX = 1_000  # of what could not be counted yet

log = structlog.get_logger(__name__)


class HeldBack(RateLimited):
    """The budget's own no: nothing went out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """For those who look on."""

    weight_used: int  # in the running minute, by whoever uses this address
    weight_max: int
    banned_until_ms: int | None  # exchange time; until then ordinary requests do not go out


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer that is to be noted."""

    wish: Wish
    told: Told
    sent_ms: int
    at_ms: int


class SharedBudget:
    """The limits of one exchange, kept together with every other process on this machine."""

    def __init__(self, settings: ExchangeSettings, clock: Clock, product: Product = PERPETUALS) -> None:
        self._clock = clock
        self._wait_s = settings.budget_wait_s
        self._limits_max = Limits(
            reserve=settings.budget_reserve_fraction,
            weight=product.weight,
            orders_10s=product.orders_10s,
            orders_1m=product.orders_1m,
        )
        self._limits = self._limits_max if settings.rate_limit else None
        address = (settings.http_url or product.address) + product.name
        self._account = _digest(address, settings.api_key.get_secret_value())
        self._file = BudgetFile(
            (settings.budget_folder or state_folder(os.environ)) / f"budget-{_digest(address)}.json"
        )
        self._owed: list[_Answered | tuple[Wish, int]] = []  # (a request, when it went out)
        self._protective_went = (-1, 0.0)  # when the last one did: exchange time, and elapsed ms

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def state(self) -> BudgetState:
        """What was used, as this process knows it."""
        now_ms = self._clock.now_ms()
        if self._file.exists():
            with suppress(Busy):
                self._file.update(lambda counts: (counts, None))
        counts = self._file.seen
        until_ms = counts.halt.at(now_ms).ordinary_until_ms
        return BudgetState(
            weight_used=counts.weight.at(now_ms, MINUTE_MS).used,
            weight_max=self._limits_max.weight,
            banned_until_ms=until_ms if now_ms < until_ms else None,
        )

    async def admit(self, lane: Lane, cost: Cost, what: str) -> None:
        """Return when a request may go out; it is counted then. An ordinary one may wait for exchange time to pass, so
        whoever calls this on a lockstep clock should not hold it: no longer than it would wait at most.

        Raises: HeldBack.
        """
        if self._limits is None and not self._file.exists():
            return
        wish = Wish(lane, cost, self._account)
        is_protective = lane is Lane.PROTECTIVE
        answer = await (self._ask_protective(wish) if is_protective else self._ask_ordinary(wish, what))
        if not isinstance(answer, Granted):
            left_ms = max(answer.until_ms - self._clock.now_ms(), 1)
            raise HeldBack(f"{what}: held back, the exchange's request limits are reached", left_ms)

    async def learn(self, lane: Lane, told: Told, sent_ms: int) -> None:
        """Note what an answer told. Args: sent_ms, when its request went out."""
        if self._limits is None and not told.is_turned_away:
            return
        now_ms = self._clock.now_ms()
        answered = _Answered(Wish(lane, Cost(0), self._account), told, sent_ms, now_ms)
        if self._noted(answered) == self._file.seen:
            return
        if told.is_turned_away:
            log.warning("exchange_turned_away", lane=lane.value, is_banned=told.is_banned)
        self._owe(answered)
        for _ in range(LOCK_ATTEMPTS_MAX):
            try:
                self._file.update(self._settle)
            except Busy:
                await self._pause()
            else:
                self._owed.clear()
                return
        self._file.imagine(lambda _: (self._noted(answered), None))

    def _noted(self, answered: _Answered) -> Counts:
        return self._file.seen.told(answered.wish, answered.told, answered.sent_ms, answered.at_ms)

    async def _ask_protective(self, wish: Wish) -> Answer:
        """Where exchange time stands still, held by whoever protects, the pauses of a halt are real time."""
        answer = await self._ask_at_once(wish)
        went_ms, went_elapsed_ms = self._protective_went
        stands_still = self._clock.now_ms() == went_ms and self._clock.elapsed_ms() - went_elapsed_ms >= SLOW_MS
        if isinstance(answer, Stopped) and stands_still:
            answer = Granted(self._file.seen)
        if isinstance(answer, Granted):
            self._protective_went = (self._clock.now_ms(), self._clock.elapsed_ms())
        return answer

    async def _ask_at_once(self, wish: Wish) -> Answer:
        for _ in range(LOCK_ATTEMPTS_MAX):
            try:
                return self._ask(wish)
            except Busy:
                await self._pause()
        now_ms = self._clock.now_ms()
        answer = self._file.imagine(lambda counts: self._decide(counts, wish, now_ms))
        if isinstance(answer, Granted) and self._limits is not None:
            self._owe((wish, now_ms))
        return answer

    async def _ask_ordinary(self, wish: Wish, what: str) -> Answer:
        answer: Answer | None = None
        try:
            async with asyncio.timeout(self._wait_s):
                while True:
                    try:
                        answer = self._ask(wish)
                    except Busy:
                        await self._pause()
                        continue
                    if not isinstance(answer, Wait):
                        return answer
                    await self._clock.sleep_until(answer.until_ms)
        except TimeoutError:
            if answer is None:
                raise HeldBack(f"{what}: held back, the file of the request budget is locked") from None
            return answer

    def _ask(self, wish: Wish) -> Answer:
        """Raises: Busy."""
        now_ms = self._clock.now_ms()
        answer = self._file.update(lambda counts: self._decide(self._settle(counts)[0], wish, now_ms))
        self._owed.clear()
        return answer

    def _decide(self, counts: Counts, wish: Wish, now_ms: int) -> tuple[Counts, Answer]:
        answer = ask(counts, wish, self._limits, now_ms)
        return (answer.counts if isinstance(answer, Granted) else counts), answer

    def _settle(self, counts: Counts) -> tuple[Counts, None]:
        """Count what could not be counted while others had the file."""
        for debt in self._owed:
            if isinstance(debt, _Answered):
                counts = counts.told(debt.wish, debt.told, debt.sent_ms, debt.at_ms)
            else:
                counts = counts.charged(*debt)
        return counts, None

    def _owe(self, debt: _Answered | tuple[Wish, int]) -> None:
        self._owed = [*self._owed, debt][-OWED_MAX:]

    async def _pause(self) -> None:
        # Real time: who has the file is at work, whatever the exchange's clock says.
        with self._clock.working():
            await asyncio.sleep(LOCK_PAUSE_S)


def _digest(*parts: str) -> str:
    """A name that tells nothing: neither the address nor the key can be read from it."""
    return sha256("\n".join(parts).encode()).hexdigest()[:32]
