"""The lease: one trader per account, said on the exchange itself, where every other trader reads it."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.market_rules import SymbolRules
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError, Meaning, OutcomeUnknown, Rejected
from ratchet.trading.entries.market_side import CannotTrade
from ratchet.trading.start.idle_stop import idle_stop, symbol_for_idle_stop
from ratchet.trading.start.lease_verdict import (
    STALE_MS,
    Claim,
    Gone,
    Held,
    HeldByOther,
    SeenLease,
    Verdict,
    judge,
    lease_name,
    leases_among,
    may_take,
)

RENEW_MS = 30_000
LOST_MS = 75_000  # whoever could not renew for so long has lost it: well before anybody may take it
AGAIN_S = 5.0  # after a failed renewal; networks do not heal on the exchange's clock
LOOK_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # until a lease just placed is seen
RELEASE_TIMEOUT_S = 10.0

log = structlog.get_logger(__name__)


class AccountTaken(CannotTrade):
    """Another trader trades on this account: which, since when, what to do, in one line."""


async def refuse_if_taken(client: BinanceClient, run: str) -> int:
    """Look whether another trader has the account, and change nothing.

    Args: run, the ledger's token (`Ledger.run`).
    Returns: when that was, by the exchange's clock.
    Raises: AccountTaken; ExchangeError when the exchange could not be asked.
    """
    now_ms = await client.fetch_time_ms()
    answer = may_take(leases_among(await client.fetch_open_stops()), run, now_ms)
    if isinstance(answer, HeldByOther):
        raise AccountTaken(_refusal(answer))
    return now_ms


class _Lost(Exception):
    """The lease is no more: why."""


class Lease:
    """Held from `take` until `release`, as long as `watch` runs and finds nothing against it.

    It is a conditional order far from the market that never triggers; its name says who and since when, the exchange
    itself says how old it is. A renewal places the next before it cancels the last.
    """

    def __init__(
        self, client: BinanceClient, clock: Clock, rules: SymbolRules, price_mark: Decimal, claim: Claim
    ) -> None:
        self._client = client
        self._clock = clock
        self._rules = rules
        self._price_mark = price_mark  # at the taking; asked for again when the market has come near the lease
        self._claim = claim
        self._renewals = 0
        self._name = self._standing = lease_name(
            claim.run, claim.epoch_ms, 0
        )  # the last that was sent, and that was seen
        self._made = _Instant.of(clock)  # not later than the lease that stands
        self._reason_lost = ""

    @classmethod
    async def take(cls, client: BinanceClient, clock: Clock, run: str) -> Self:
        """Take the account for the trader of a ledger.

        Args: run, the ledger's token (`Ledger.run`).
        Raises: AccountTaken, and ours is withdrawn; ExchangeError when the exchange could not be asked.
        """
        price_marks = await client.fetch_mark_prices()
        rules = await client.load_rules()
        symbol = symbol_for_idle_stop(rules, price_marks)
        if symbol is None:
            raise AccountTaken("no symbol has room for the lease: its price filters end below twice the mark price")
        now_ms = await refuse_if_taken(client, run)
        lease = cls(client, clock, rules[symbol], price_marks[symbol], Claim(run=run, epoch_ms=now_ms, rank=None))
        is_taken = False
        try:
            await lease._begin()
            is_taken = True
        finally:
            if not is_taken:
                await lease.release()
        return lease

    @property
    def is_held(self) -> bool:
        """Whether it is certain at this moment that nobody else may trade on the account. Ask before every entry."""
        return not self._reason_lost and self._age_ms() < LOST_MS

    async def watch(self, on_lost: Callable[[str], None]) -> None:
        """Renew it until cancelled. When it is lost, call `on_lost` with the reason, once, withdraw what is left of it
        and return."""
        while not self._reason_lost:
            await self._clock.sleep_until(self._made.now_ms + RENEW_MS)
            failed = await self._try_to_renew()
            if self._age_ms() >= LOST_MS and not self._reason_lost:
                self._reason_lost = (
                    f"it could not be renewed for {self._age_ms() / 1_000:.0f} s: {failed or 'too late'}"
                )
            if failed and not self._reason_lost:
                log.warning("lease_not_renewed", error=failed, age_s=round(self._age_ms() / 1_000))
                await asyncio.sleep(AGAIN_S)
        log.error("lease_lost", run=self._claim.run, reason=self._reason_lost)
        on_lost(self._reason_lost)
        await self.release()

    async def release(self) -> None:
        """Give it back: another may begin at once. What cannot be cancelled now is free after 90 s by itself.

        End `watch` first: it would take it for lost.
        """
        self._reason_lost = self._reason_lost or "it was given back"
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT_S):
                await self._withdraw()
        except (ExchangeError, TimeoutError) as error:
            what = str(error) or "the exchange does not answer"
            log.warning("lease_not_released", run=self._claim.run, error=what, free_after_s=STALE_MS // 1_000)

    async def _withdraw(self) -> None:
        await self._client.cancel_stop(self._rules.symbol, self._name)  # it may stand and not be listed yet
        for lease in leases_among(await self._client.fetch_open_stops(self._rules.symbol)):
            if self._claim.is_of(lease):
                await self._client.cancel_stop(lease.symbol, lease.client_order_id)

    async def _begin(self) -> None:
        """Place the first, and see it stand with nobody before it."""
        try:
            await self._place()
        except OutcomeUnknown as error:
            log.warning("lease_unknown", error=str(error))  # the look tells whether it stands
        for pause_s in LOOK_PAUSES_S:
            match await self._look():
                case HeldByOther() as held:
                    raise AccountTaken(_refusal(held))
                case Held(obsolete=obsolete):
                    await self._cancel(obsolete)
                    log.info("lease_taken", run=self._claim.run, symbol=self._rules.symbol)
                    return
                case Gone():  # placed, and not in the list yet
                    await asyncio.sleep(pause_s)
        raise OutcomeUnknown("the lease of the account was sent and the exchange does not show it; start again")

    async def _try_to_renew(self) -> str:
        """Renew. Returns why that failed, else nothing; `_reason_lost` is set when it is lost for certain."""
        left_s = (LOST_MS - self._age_ms()) / 1_000
        if left_s <= 0:
            return "this machine stood still"
        try:
            with self._clock.working():
                async with asyncio.timeout(left_s):  # of real time: a silent exchange must not keep us waiting longer
                    await self._renew()
        except _Lost as lost:
            self._reason_lost = str(lost)
        except TimeoutError:
            return "the exchange does not answer"
        except ExchangeError as error:
            return str(error)
        return ""

    async def _renew(self) -> None:
        verdict = await self._look()
        if isinstance(verdict, HeldByOther):
            raise _Lost(f"another trader, run {verdict.lease.run}, has taken the account")
        if isinstance(verdict, Gone):
            raise _Lost("another hand has cancelled it")
        obsolete = verdict.obsolete
        if verdict.lease.client_order_id == self._standing:  # else the last try arrived after all
            made = self._made
            await self._place()
            if self._age_ms(made) >= LOST_MS:
                raise _Lost("its renewal arrived too late")
            obsolete = (verdict.lease, *obsolete)
        self._standing = self._name
        await self._cancel(obsolete)

    async def _look(self) -> Verdict:
        """Ask the exchange, and learn how old the own lease is."""
        asked = _Instant.of(self._clock)
        now_ms = await self._client.fetch_time_ms()
        leases = leases_among(await self._client.fetch_open_stops())
        verdict = judge(leases, self._claim, now_ms)
        if isinstance(verdict, Held):
            self._made = asked.before(now_ms - verdict.lease.made_ms)
            if self._claim.rank is None:
                self._claim = replace(self._claim, rank=verdict.lease.rank)
        return verdict

    async def _place(self) -> None:
        self._name = lease_name(self._claim.run, self._claim.epoch_ms, self._renewals)
        self._renewals += 1  # whatever becomes of it: no name is used twice
        asked = _Instant.of(self._clock)
        try:
            await self._client.place_stop(idle_stop(self._name, self._rules, self._price_mark))
        except Rejected as no:
            if no.meaning is Meaning.WOULD_TRIGGER:  # the price has doubled since
                price_marks = await self._client.fetch_mark_prices()
                self._price_mark = price_marks.get(self._rules.symbol, self._price_mark)
            raise
        self._made = asked

    async def _cancel(self, obsolete: Iterable[SeenLease]) -> None:
        for lease in obsolete:
            try:
                await self._client.cancel_stop(lease.symbol, lease.client_order_id)
            except ExchangeError as error:  # the next look finds it again
                log.warning("old_lease_not_cancelled", client_order_id=lease.client_order_id, error=str(error))

    def _age_ms(self, made: "_Instant | None" = None) -> float:
        """The older of what our two clocks say: one may stand still while the machine sleeps, one may be set back."""
        now, made = _Instant.of(self._clock), made or self._made
        return max(now.elapsed_ms - made.elapsed_ms, now.now_ms - made.now_ms)


@dataclass(frozen=True, slots=True)
class _Instant:
    """A moment by both readings of a clock: exchange time, and real time."""

    now_ms: int
    elapsed_ms: float

    @classmethod
    def of(cls, clock: Clock) -> Self:
        return cls(clock.now_ms(), clock.elapsed_ms())

    def before(self, age_ms: int) -> "_Instant":
        return _Instant(self.now_ms - age_ms, self.elapsed_ms - age_ms)


def _refusal(held: HeldByOther) -> str:
    left_s = max(1, -(-(STALE_MS - held.age_ms) // 1_000))
    return (
        f"another trader, run {held.lease.run}, trades on this account: its lease was renewed "
        f"{max(0, held.age_ms) / 1_000:.0f} s ago. End it, or use another account; "
        f"if it has died, start again in {left_s} s"
    )
