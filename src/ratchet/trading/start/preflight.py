"""The preflight: what must be true of the account before entries are made, proved against the exchange."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.identity import CHECK_STOP, ClientOrderId
from ratchet.domain.money import plain
from ratchet.domain.order import StopOrder, StopReport
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import BadReply, ExchangeError, Meaning, OutcomeUnknown, Rejected
from ratchet.trading.entries.symbol_terms import agree_on_terms, holds
from ratchet.trading.start.idle_stop import idle_stop, symbol_for_idle_stop

CHECK_TIMEOUT_S = 15.0  # of each check; the first one without an answer is the last
CLOCK_READINGS = 3
OFFSET_MS_MAX = 1_000  # Binance refuses what is dated further ahead
BALANCE_MIN = Decimal(10)  # USDC: with less hardly any bracket reaches the smallest order
LEFT_BEHIND_MS = 300_000  # a far stop of another process so old is nobody's any more: no preflight takes so long
LOOK_PAUSES_S = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # until what was just placed or cancelled is seen so
CLEAN_TIMEOUT_S = 5.0

MEND_KEY = "check api_key and api_secret, the key's list of addresses and its permission for futures"
MEND_NO_ANSWER = "nothing: it is asked again; if that lasts, look at the network and at the exchange's status page"

log = structlog.get_logger(__name__)


# What it finds -------------------------------------------------------------------------------------------------------


class Verdict(StrEnum):
    """What a check came to. Only PASSED is good."""

    PASSED = "passed"
    FAILED = "failed"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    seen: str
    mend: str = ""  # what to do; empty when it passed

    @property
    def passed(self) -> bool:
        """Whether it is as it must be, for certain."""
        return self.verdict is Verdict.PASSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was looked at, in that order. Without an answer the rest was not asked."""

    checks: tuple[Check, ...]
    refused: tuple[tuple[Symbol, str], ...] = ()  # symbols that may not be traded, with the exchange's reason

    @property
    def passed(self) -> bool:
        """Whether entries may be made."""
        return all(check.passed for check in self.checks)

    @property
    def has_failed(self) -> bool:
        """Whether the exchange has said no, rather than nothing."""
        return any(check.verdict is Verdict.FAILED for check in self.checks)

    @property
    def line(self) -> str:
        """The first thing that is not as it must be, and how to mend it; empty when all is."""
        return next((f"{each.name}: {each.seen}; {each.mend}" for each in self.checks if not each.passed), "")


def passed(name: str, seen: str) -> Check:
    """It is as it must be."""
    return Check(name=name, verdict=Verdict.PASSED, seen=seen)


def failed(name: str, seen: str, mend: str) -> Check:
    """It is not."""
    return Check(name=name, verdict=Verdict.FAILED, seen=seen, mend=mend)


# How it looks --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightParts:
    """What it is handed."""

    client: BinanceClient
    clock: Clock
    run: str  # whose far stop it is: the ledger's token, or one of its own
    symbols: Collection[Symbol]  # that may come to be traded
    leverage: int


class Preflight:
    """Call `run` as often as needed. It changes the account to what the trader wants where it may: one-way mode, cross
    margin, leverage; and it places one order, a stop far from the market, which it cancels again."""

    def __init__(self, parts: PreflightParts) -> None:
        self._client = parts.client
        self._clock = parts.clock
        self._run = parts.run
        self._symbols = parts.symbols
        self._leverage = parts.leverage
        self._refused: dict[Symbol, str] = {}

    async def run(self) -> Report:
        """Look at everything once. Never raises for what the exchange says, or does not say."""
        self._refused = {}
        checks: list[Check] = []
        for name, look in (
            ("clock", self._clock_is_right),
            ("key", self._key_may_trade),
            ("position mode", self._mode_is_one_way),
            ("balance", self._balance_suffices),
            ("symbols", self._symbols_have_their_terms),
            ("far stop", self._stop_is_taken),
        ):
            check = await _answered(name, look)
            checks.append(check)
            log.info("preflight", check=name, verdict=check.verdict.value, seen=check.seen)
            if check.verdict is Verdict.NO_ANSWER:
                break
        return Report(checks=tuple(checks), refused=tuple(self._refused.items()))

    async def _clock_is_right(self, name: str) -> Check:
        offset_ms, trip_ms = await self._offset()
        was_off = ""
        if isinstance(self._clock, SystemClock) and abs(offset_ms) > trip_ms:
            self._clock.set_by(offset_ms, 0, 0)
            was_off = f", after it was set by {offset_ms} ms"
            offset_ms, trip_ms = await self._offset()
        seen = f"{abs(offset_ms)} ms off the exchange's, a question takes {trip_ms} ms{was_off}"
        if abs(offset_ms) + trip_ms // 2 > OFFSET_MS_MAX:
            return failed(name, seen, f"set this machine's clock; more than {OFFSET_MS_MAX} ms are refused")
        return passed(name, seen)

    async def _offset(self) -> tuple[int, int]:
        """How far the exchange's clock is ahead of ours, ms, by the quickest answer; how long that took."""
        readings: list[tuple[int, int]] = []
        for _ in range(CLOCK_READINGS):
            asked_ms, asked = self._clock.now_ms(), self._clock.elapsed_ms()
            server_ms = await self._client.fetch_time_ms()
            trip_ms = round(self._clock.elapsed_ms() - asked)
            readings.append((trip_ms, server_ms - asked_ms - trip_ms // 2))
        trip_ms, offset_ms = min(readings)
        return offset_ms, trip_ms

    async def _key_may_trade(self, name: str) -> Check:
        if not (await self._client.fetch_account_config()).can_trade:
            return failed(name, "the exchange says that this account may not trade", MEND_KEY)
        return passed(name, "may trade")

    async def _mode_is_one_way(self, name: str) -> Check:
        if not (await self._client.fetch_account_config()).is_hedge_mode:
            return passed(name, "one-way")
        mend = "close positions and orders, then switch to one-way mode: hedge mode is not traded in"
        try:
            is_flat = not await self._client.fetch_positions()
        except BadReply:  # of one side: what hedge mode is
            is_flat = False
        if not is_flat:
            return failed(name, "hedge mode, and something is held", mend)
        try:
            await self._client.use_one_way_mode()
        except Rejected as no:
            return failed(name, f"hedge mode, and the exchange does not switch: {no}", mend)
        if (await self._client.fetch_account_config()).is_hedge_mode:
            return failed(name, "hedge mode, though it was told to switch", mend)
        return passed(name, "one-way, after it was switched")

    async def _balance_suffices(self, name: str) -> Check:
        equity = (await self._client.fetch_balance()).equity
        if equity < BALANCE_MIN:
            mend = f"put at least {BALANCE_MIN} USDC into the futures account"
            return failed(name, f"{plain(equity)} USDC", mend)
        return passed(name, f"{plain(equity)} USDC")

    async def _symbols_have_their_terms(self, name: str) -> Check:
        if not self._symbols:
            return failed(name, "none is left by the lists", "widen universe.whitelist and universe.blacklist")
        self._refused = await agree_on_terms(self._client, self._symbols, self._leverage)
        configs = await self._client.fetch_symbol_configs()
        # Those with a position are left as they are, and say nothing about what the exchange would confirm.
        count = sum(holds(configs.get(symbol), self._leverage) for symbol in self._symbols)
        seen = f"{count} of {len(self._symbols)} confirmed with cross margin and leverage {self._leverage}"
        if count == 0 and self._refused:
            reason = next(iter(self._refused.values()))
            mend = "close their positions and orders, or change risk.leverage"
            return failed(name, f"{seen}: {reason}", mend)
        return passed(name, seen)

    async def _stop_is_taken(self, name: str) -> Check:
        await self._clear_up()
        rules, price_marks = await self._client.load_rules(), await self._client.fetch_mark_prices()
        held = {position.symbol for position in await self._client.fetch_positions()}
        symbol = symbol_for_idle_stop(rules, price_marks, held=held)
        if symbol is None:
            return failed(name, "no symbol has room for it", "close a position on a liquid symbol")
        stop = idle_stop(self._name(), rules[symbol], price_marks[symbol])
        try:
            return await self._placed_seen_cancelled(name, stop)
        finally:
            await self._clean(stop)

    async def _placed_seen_cancelled(self, name: str, stop: StopOrder) -> Check:
        mend = "nothing can be protected so: look at the exchange's announcements, and at the key's permissions"
        about = f"{stop.symbol}, {plain(stop.quantity)} at {plain(stop.price_trigger)}"
        try:
            await self._client.place_stop(stop)
        except OutcomeUnknown as error:
            log.warning("far_stop_unknown", error=str(error))  # the look tells whether it stands
        if (seen := await self._seen(stop, stands=True)) is None:
            return failed(name, f"{about}: placed, and the exchange does not show it", mend)
        if (seen.price_trigger, seen.quantity) != (stop.price_trigger, stop.quantity):
            return failed(name, f"{about}: it stands otherwise, {seen.quantity} at {seen.price_trigger}", mend)
        await self._client.cancel_stop(stop.symbol, stop.client_order_id)
        if await self._seen(stop, stands=False) is None:
            return failed(name, f"{about}: cancelled, and it still stands", mend)
        return passed(name, f"{about}: placed, seen, cancelled")

    async def _seen(self, stop: StopOrder, *, stands: bool) -> StopReport | None:
        """Its report once it stands, or stands no more; None when that does not come about."""
        for pause_s in LOOK_PAUSES_S:
            await asyncio.sleep(pause_s)
            report = await self._client.fetch_stop(stop.symbol, stop.client_order_id)
            if report is not None and report.status.protects is stands:
                return report
        return None

    async def _clean(self, stop: StopOrder) -> None:
        """Whatever happened, it must not stay. What cannot be cancelled now is found by the next preflight."""
        try:
            async with asyncio.timeout(CLEAN_TIMEOUT_S):
                await self._client.cancel_stop(stop.symbol, stop.client_order_id)
        except (ExchangeError, TimeoutError) as error:
            log.warning("far_stop_not_cancelled", client_order_id=stop.client_order_id, error=str(error))

    async def _clear_up(self) -> None:
        """Far stops that preflights left behind when they were killed."""
        now_ms = self._clock.now_ms()
        for stop in await self._client.fetch_open_stops():
            is_own = stop.client_order_id.startswith(f"{CHECK_STOP}{self._run}-")
            is_old = now_ms - stop.updated_ms > LEFT_BEHIND_MS
            if stop.client_order_id.startswith(CHECK_STOP) and (is_own or is_old):
                log.warning("far_stop_found", client_order_id=stop.client_order_id)
                await self._client.cancel_stop(stop.symbol, stop.client_order_id)

    def _name(self) -> ClientOrderId:
        return ClientOrderId(f"{CHECK_STOP}{self._run}-{self._clock.now_ms()}")


async def _answered(name: str, look: Callable[[str], Awaitable[Check]]) -> Check:
    """A check, whatever comes of it."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await look(name)
    except Rejected as no:
        return failed(name, f"the exchange refuses: {no}", _mend(no))
    except (ExchangeError, TimeoutError) as error:
        seen = str(error) or f"no answer within {CHECK_TIMEOUT_S:.0f} s"
        return Check(name=name, verdict=Verdict.NO_ANSWER, seen=seen, mend=MEND_NO_ANSWER)


def _mend(no: Rejected) -> str:
    return MEND_KEY if no.meaning is Meaning.KEY_REFUSED else "mend what the exchange says"
