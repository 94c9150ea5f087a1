"""The planner: from a signal to an approved bracket, all its orders checked before any of them is sent."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from ratchet.config.settings import Settings
from ratchet.domain.bracket import Bracket
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.market_rules import FilterBroken, SymbolRules, check_order
from ratchet.domain.order import LimitOrder, MarketOrder, StopOrder
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.risk.exposure import Exposure
from ratchet.risk.guard import Approved, Refused, judge, object_to
from ratchet.risk.leverage import choose_leverage
from ratchet.risk.plan import CannotPlan, plan_bracket
from ratchet.risk.sizing import notional_by_risk, size_entry

_UNNAMED = ClientOrderId("planned")


class Planner:
    """Sizes, plans, checks, asks the guard. The settings are those in force when it is asked."""

    def __init__(self, rules: Mapping[Symbol, SymbolRules], settings: Callable[[], Settings]) -> None:
        self._rules = rules
        self._settings = settings

    def plan(self, signal: Signal, exposure: Exposure) -> Approved | str:
        """An approved bracket, or why there is none."""
        settings = self._settings()
        limits, shape = settings.risk, settings.bracket
        age_s = (exposure.now_ms - signal.candle_close_ms) / 1_000
        if age_s > limits.signal_age_s_max:
            return f"too late: {age_s:.0f} s after its candle closed, {limits.signal_age_s_max:g} s at most"
        rules = self._rules.get(signal.symbol)
        if rules is None:
            return f"{signal.symbol} is not traded"
        if (no := object_to(signal.symbol, signal.side, exposure, limits)) is not None:
            return f"{no.reason}: {no.detail}"
        balance = replace(exposure.balance, available=exposure.available)
        leverage = choose_leverage(
            signal.atr_fraction,
            exposure.record.closes,
            exposure.facts.brackets.get(signal.symbol, ()),
            notional_by_risk(balance.equity, shape.stop_fraction, limits),
            limits,
        )
        quantity = size_entry(
            balance,
            signal.price,
            shape.stop_fraction,
            leverage.value,
            limits,
            rules,
            held_notional=exposure.notional,
        )
        if quantity == 0:
            return (
                f"the smallest order of {signal.symbol} would be more than may be risked or paid for"
                f" at leverage {leverage.value} ({leverage.why})"
            )
        try:
            bracket = plan_bracket(signal, quantity, shape, rules)
            for order in orders_of(bracket):
                check_order(order, rules, signal.price)
        except (CannotPlan, FilterBroken) as error:
            return str(error)
        answer = judge(bracket, leverage.value, exposure, limits)
        return f"{answer.reason}: {answer.detail}" if isinstance(answer, Refused) else answer


def orders_of(bracket: Bracket) -> Iterator[MarketOrder | LimitOrder | StopOrder]:
    """Every order that the bracket will need, without names."""
    closing = bracket.side.opposite
    yield MarketOrder(client_order_id=_UNNAMED, symbol=bracket.symbol, side=bracket.side, quantity=bracket.quantity)
    yield StopOrder(
        client_order_id=_UNNAMED,
        symbol=bracket.symbol,
        side=closing,
        quantity=bracket.quantity,
        price_trigger=bracket.price_stop,
    )
    for rung in bracket.rungs:
        yield LimitOrder(
            client_order_id=_UNNAMED,
            symbol=bracket.symbol,
            side=closing,
            quantity=rung.quantity,
            price=rung.price,
            reduce_only=True,
            post_only=True,
        )
