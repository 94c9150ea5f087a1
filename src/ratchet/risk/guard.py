"""The guard: the one place that lets a bracket pass. The executor takes nothing that has not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratchet.config.sections import RiskLimits
from ratchet.domain.bracket import Bracket
from ratchet.domain.margin_bracket import MarginBracket
from ratchet.domain.money import ZERO, plain
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.risk.account_verdict import clock, judge_account
from ratchet.risk.cool_down import cool_down_until
from ratchet.risk.correlation import companions
from ratchet.risk.exposure import Exposure
from ratchet.risk.funding_cost import funding_against
from ratchet.risk.leverage import leverage_cap
from ratchet.risk.liquidation import Holding, liquidation_distance
from ratchet.risk.reason import Reason

__all__ = ["Approved", "Objection", "Reason", "Refused", "judge", "object_to"]


@dataclass(frozen=True, slots=True)
class Approved:
    """A bracket that may be sent, at this leverage. Only `judge` makes one."""

    bracket: Bracket
    leverage: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A bracket that may not, and why."""

    bracket: Bracket
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Objection:
    """Why there is no entry, whatever its size."""

    reason: Reason
    detail: str


def object_to(symbol: Symbol, side: Side, exposure: Exposure, limits: RiskLimits) -> Objection | None:
    """What stands in the way of any entry on that side of a symbol; None if only the size can be too much."""
    wish = _Wish(symbol, side, exposure, limits)
    return next((no for check in _OF_WISHES if (no := check(wish)) is not None), None)


def judge(bracket: Bracket, leverage: int, exposure: Exposure, limits: RiskLimits) -> Approved | Refused:
    """Decide whether a planned bracket may be sent at a leverage. The first broken limit is the reason."""
    no = object_to(bracket.symbol, bracket.side, exposure, limits)
    if no is None:
        case = _Case(bracket, leverage, exposure, limits)
        no = next((no for check in _OF_SIZES if (no := check(case)) is not None), None)
    return Approved(bracket, leverage) if no is None else Refused(bracket, no.reason, no.detail)


# Whatever the size ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wish:
    symbol: Symbol
    side: Side
    exposure: Exposure
    limits: RiskLimits


def _already_held(wish: _Wish) -> Objection | None:
    if any(each.bracket.symbol == wish.symbol for each in wish.exposure.held):
        return Objection(Reason.ALREADY_HELD, f"a trade is open on {wish.symbol}")
    return None


def _account(wish: _Wish) -> Objection | None:
    verdicts = judge_account(wish.exposure.record, wish.limits, wish.exposure.now_ms)
    return Objection(verdicts[0].reason, verdicts[0].detail) if verdicts else None


def _day_now(wish: _Wish) -> Objection | None:
    """The equity may have fallen since it was last written down."""
    day, equity, limits = wish.exposure.record.day, wish.exposure.balance.equity, wish.limits
    if day is None:
        return Objection(Reason.DAY_LOSS, "the equity of the day is not known yet")
    if equity <= day.equity_start * (1 - limits.day_loss_fraction_max):
        lost = day.equity_start - equity
        return Objection(Reason.DAY_LOSS, f"{lost:.2f} USDC were lost today, no entries until 00:00 UTC")
    if equity <= day.equity_high * (1 - limits.day_drawdown_fraction_max):
        lost = day.equity_high - equity
        return Objection(
            Reason.DAY_DRAWDOWN, f"{lost:.2f} USDC below the day's highest equity, no entries until 00:00 UTC"
        )
    return None


def _cool_down(wish: _Wish) -> Objection | None:
    until_ms = cool_down_until(wish.symbol, wish.exposure.record.closes, wish.limits)
    if until_ms is None or wish.exposure.now_ms >= until_ms:
        return None
    return Objection(Reason.COOL_DOWN, f"{wish.symbol} is left alone until {clock(until_ms)}, after the trade before")


def _positions(wish: _Wish) -> Objection | None:
    held, most = len(wish.exposure.held), wish.limits.open_positions_max
    return Objection(Reason.TOO_MANY_POSITIONS, f"{held} are open, {most} may be") if held >= most else None


def _correlated(wish: _Wish) -> Objection | None:
    brackets = [each.bracket for each in wish.exposure.held]
    found = companions(wish.symbol, wish.side, brackets, wish.exposure.facts.candles, wish.limits)
    most = wish.limits.correlated_positions_max
    if found.count + 1 <= most:
        return None
    told = [f"moves with {', '.join(found.known)}"] if found.known else []
    told += [f"may move with {', '.join(found.unknown)} (correlation not known)"] if found.unknown else []
    return Objection(Reason.CORRELATED, f"{' and '.join(told)}: {most} may be held together")


def _funding(wish: _Wish) -> Objection | None:
    funding = wish.exposure.facts.funding.get(wish.symbol)
    told = funding_against(wish.side, funding, wish.limits, wish.exposure.now_ms)
    return None if told is None else Objection(Reason.FUNDING, told)


_OF_WISHES: tuple[Callable[[_Wish], Objection | None], ...] = (
    _already_held,
    _account,
    _day_now,
    _cool_down,
    _positions,
    _correlated,
    _funding,
)


# Of this size --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    bracket: Bracket
    leverage: int
    exposure: Exposure
    limits: RiskLimits

    @property
    def notional(self) -> Decimal:
        return self.bracket.quantity * self.bracket.price_entry

    @property
    def brackets(self) -> Sequence[MarginBracket]:
        return self.exposure.facts.brackets.get(self.bracket.symbol, ())


def _leverage(case: _Case) -> Objection | None:
    most = case.limits.leverage
    told = f"{most} may be"
    if not case.brackets and case.limits.leverage_min < most:
        most = case.limits.leverage_min
        told = f"margin brackets not known, {most} may be"
    elif case.brackets and (allowed := leverage_cap(case.brackets, case.notional)) < most:
        most = allowed
        told = f"the exchange's bracket of {case.notional:.2f} USDC allows {most}"
    return None if 1 <= case.leverage <= most else Objection(Reason.LEVERAGE, f"a leverage of {case.leverage}, {told}")


def _size(case: _Case) -> Objection | None:
    most = case.exposure.balance.equity * case.leverage * case.limits.position_notional_fraction_max
    if case.notional > most:
        return Objection(
            Reason.TOO_LARGE, f"{case.notional:.2f} USDC, at most {max(ZERO, most):.2f} may be held of a symbol"
        )
    return None


def _in_all(case: _Case) -> Objection | None:
    exposure, fraction = case.exposure, case.limits.exposure_fraction_max
    together = exposure.notional + case.notional
    if together > exposure.balance.equity * fraction:
        return Objection(
            Reason.TOO_MUCH_IN_ALL, f"{together:.2f} USDC held in all, {plain(fraction)} times the equity may be"
        )
    return None


def _margin(case: _Case) -> Objection | None:
    margin, available = case.notional / case.leverage, case.exposure.available
    if margin > available:
        return Objection(Reason.TOO_LITTLE_MARGIN, f"{margin:.2f} USDC of margin, {available:.2f} are available")
    return None


def _liquidation(case: _Case) -> Objection | None:
    bracket = case.bracket
    own = Holding(side=bracket.side, notional=case.notional, leverage=case.leverage, brackets=case.brackets)
    distance = liquidation_distance(case.exposure.balance.equity, [*case.exposure.holdings(), own])
    stop = abs(bracket.price_entry - bracket.price_stop) / bracket.price_entry
    least = case.limits.liquidation_distance_fraction_min
    unknown = "" if case.brackets else " (margin brackets not known)"
    if distance < least:
        wanted = f"{least:.2%} at least is wanted"
    elif distance <= stop:
        wanted = f"the stop {stop:.2%}"
    else:
        return None
    return Objection(Reason.LIQUIDATION_NEAR, f"liquidation {distance:.2%} away, {wanted}{unknown}")


_OF_SIZES: tuple[Callable[[_Case], Objection | None], ...] = (_leverage, _size, _in_all, _margin, _liquidation)
