"""Funding: the rate that runs, and its payment at every interval.

rate = premium + clamp(interest − premium, ±0.05 %), at most ±2 %; the premium is the mean over the interval of
(mark − index) / index, sampled every minute; interest is 0.01 % per 8 hours. Source: Binance's description of funding.
"""

from dataclasses import dataclass
from decimal import Decimal

from localbinance.core.execution import account_event
from localbinance.core.order import ZERO
from localbinance.core.position import Position, booked
from localbinance.core.state import Account, FundingPaid, State, SymbolMarket

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
INTEREST_PER_8H = Decimal("0.0001")
CLAMP = Decimal("0.0005")
RATE_MAX = Decimal("0.02")
_PLACES = Decimal("0.00000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingView:
    """The running estimate and when it is paid."""

    rate: Decimal
    next_ms: int
    interval_hours: int


def first_instant(market: SymbolMarket, at_ms: int) -> int:
    """The first funding instant after a time."""
    interval_ms = market.rules.funding_interval_hours * HOUR_MS
    return (at_ms // interval_ms + 1) * interval_ms


def estimate(market: SymbolMarket) -> Decimal:
    """The rate as it stands."""
    premium = market.premium_sum / market.premium_samples if market.premium_samples else _premium(market)
    interest = INTEREST_PER_8H * market.rules.funding_interval_hours / 8
    rate = premium + max(-CLAMP, min(CLAMP, interest - premium))
    return max(-RATE_MAX, min(RATE_MAX, rate)).quantize(_PLACES)


def view(market: SymbolMarket) -> FundingView:
    """What `premiumIndex` tells."""
    return FundingView(
        rate=estimate(market),
        next_ms=market.funding_next_ms,
        interval_hours=market.rules.funding_interval_hours,
    )


def on_time(state: State, market: SymbolMarket, before_ms: int, now_ms: int) -> None:
    """Sample the premium every minute; pay when the instant has come."""
    if now_ms // MINUTE_MS != before_ms // MINUTE_MS:
        market.premium_sum += _premium(market)
        market.premium_samples += 1
    while now_ms >= market.funding_next_ms:
        rate = estimate(market)
        market.premium_sum, market.premium_samples = ZERO, 0
        pay(state, market, rate, market.funding_next_ms)
        market.funding_next_ms = first_instant(market, market.funding_next_ms)


def _premium(market: SymbolMarket) -> Decimal:
    tick = market.tick
    return ((tick.mark - tick.index) / tick.index).quantize(_PLACES)


def pay(state: State, market: SymbolMarket, rate: Decimal, at_ms: int) -> None:
    """Book a payment at a rate with everybody who holds the symbol."""
    mark = market.tick.mark
    market.fundings.append(FundingPaid(time_ms=at_ms, rate=rate, mark=mark))
    for account in tuple(market.holders.values()):
        for slot in account.slots(market.rules.symbol):
            if slot.quantity:
                _settle(state, account, slot, booked(-slot.quantity * mark * rate), at_ms)


def _settle(state: State, account: Account, slot: Position, amount: Decimal, at_ms: int) -> None:
    state.book_income(account, "FUNDING_FEE", slot.symbol, slot.margin_asset, amount, at_ms)
    isolated = slot.symbol in account.isolated
    if isolated:
        slot.isolated_wallet += amount
    told = (slot,) if isolated else ()
    state.events.append(account_event(state, account, "FUNDING_FEE", slot.margin_asset, at_ms, told, change=amount))
