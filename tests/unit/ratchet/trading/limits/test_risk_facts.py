"""The risk facts: what is old is not known any more, and brackets are asked for seldom."""

from decimal import Decimal
from typing import TypeVar, cast

from ratchet.domain.funding import Funding
from ratchet.domain.margin_bracket import MarginBracket
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import OutcomeUnknown
from ratchet.trading.limits.risk_facts import BRACKETS_AGE_MS_MAX, FUNDING_AGE_MS_MAX, RiskFacts
from tests.unit.ratchet.risk.brackets import SYMBOL, a_funding, some_brackets

Known = TypeVar("Known")


class Market:
    """An exchange that answers, or does not."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_silent = False

    async def fetch_funding(self) -> dict[Symbol, Funding]:
        """Of one symbol."""
        return self._answer("funding", {SYMBOL: a_funding("0.0001")})

    async def fetch_margin_brackets(self) -> dict[Symbol, tuple[MarginBracket, ...]]:
        """Of one symbol."""
        return self._answer("brackets", {SYMBOL: some_brackets()})

    def _answer(self, what: str, answer: dict[Symbol, Known]) -> dict[Symbol, Known]:
        self.asked.append(what)
        if self.is_silent:
            raise OutcomeUnknown("no reply")
        return answer


class SetClock(SystemClock):
    """Exchange time as a test sets it."""

    at_ms = 1_000_000_000_000

    def now_ms(self) -> int:
        """Exchange time."""
        return self.at_ms


async def facts_of(market: Market, clock: SetClock) -> RiskFacts:
    facts = RiskFacts(cast("BinanceClient", market), clock)
    await facts.refresh()
    return facts


async def test_funding_is_asked_for_each_time_and_brackets_once_an_hour() -> None:
    market, clock = Market(), SetClock()
    facts = await facts_of(market, clock)
    await facts.refresh()
    clock.at_ms += BRACKETS_AGE_MS_MAX + 1
    await facts.refresh()
    assert market.asked == ["brackets", "funding", "funding", "brackets", "funding"]
    assert facts.funding[SYMBOL].rate == Decimal("0.0001")
    assert facts.brackets[SYMBOL] == some_brackets()


async def test_funding_that_has_not_been_heard_of_for_long_is_not_known() -> None:
    market, clock = Market(), SetClock()
    facts = await facts_of(market, clock)
    market.is_silent = True
    clock.at_ms += FUNDING_AGE_MS_MAX
    await facts.refresh()
    assert facts.funding
    clock.at_ms += 1
    assert not facts.funding
    assert facts.brackets


async def test_without_any_answer_nothing_is_known() -> None:
    market = Market()
    market.is_silent = True
    facts = await facts_of(market, SetClock())
    assert (facts.funding, facts.brackets) == ({}, {})
