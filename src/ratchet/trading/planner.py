"""The planner: from a signal to an approved bracket, all its orders checked before any of them is sent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from ratchet.config.sections import BracketSettings, RiskLimits
from ratchet.domain.bracket import Bracket
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.market_rules import FilterBroken, SymbolRules, check_order
from ratchet.domain.money import ZERO
from ratchet.domain.order import LimitOrder, MarketOrder, StopOrder
from ratchet.domain.position import Balance
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.risk.exposure import Exposure
from ratchet.risk.guard import Approved, Refused, judge
from ratchet.risk.plan import CannotPlan, plan_bracket
from ratchet.risk.sizing import size_entry

_UNNAMED = ClientOrderId("planned")


class Planner:
    """Sizes, plans, checks, asks the guard."""

    def __init__(self, rules: Mapping[Symbol, SymbolRules], limits: RiskLimits, shape: BracketSettings) -> None:
        self._rules = rules
        self._limits = limits
        self._shape = shape

    def plan(
        self,
        signal: Signal,
        *,
        now_ms: int,
        balance: Balance,
        equity_day_start: Decimal,
        open_brackets: Sequence[Bracket],
    ) -> Approved | str:
        """An approved bracket, or why there is none."""
        age_s = (now_ms - signal.candle_close_ms) / 1_000
        if age_s > self._limits.signal_age_s_max:
            return f"too late: {age_s:.0f} s after its candle closed, {self._limits.signal_age_s_max:g} s at most"
        rules = self._rules.get(signal.symbol)
        if rules is None:
            return f"{signal.symbol} is not traded"
        balance = replace(balance, available=self._available(balance, open_brackets))
        quantity = size_entry(balance, signal.price, self._shape.stop_fraction, self._limits, rules)
        if quantity == 0:
            return f"the smallest order of {signal.symbol} would be more than may be risked or paid for"
        try:
            bracket = plan_bracket(signal, quantity, self._shape, rules)
            for order in orders_of(bracket):
                check_order(order, rules, signal.price)
        except (CannotPlan, FilterBroken) as error:
            return str(error)
        exposure = Exposure(balance=balance, equity_day_start=equity_day_start, open_brackets=open_brackets)
        answer = judge(bracket, exposure, self._limits)
        return f"{answer.reason}: {answer.detail}" if isinstance(answer, Refused) else answer

    def _available(self, balance: Balance, open_brackets: Sequence[Bracket]) -> Decimal:
        """What is left for margin. The balance may be of before the latest entries: their margin is counted as well."""
        margin = sum((each.quantity * each.price_entry for each in open_brackets), ZERO) / self._limits.leverage
        return max(ZERO, min(balance.available, balance.equity - margin))


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
