"""The disturbed market: any other market with jumps on top, of one symbol at a time. Without any, that market itself.

A jump shows with the symbol's next tick: nothing is traded between the price before it and the price after it. Bid,
ask, last, mark and index move by the same factor; quantities stay.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Literal, Protocol, TypeAlias

from localbinance.core.tick import Tick
from localbinance.market.candles import Candle
from localbinance.market.source import Market
from localbinance.rules import errors
from localbinance.rules.symbol_rules import SymbolRules

ONE = Decimal(1)
PLACES = Decimal("0.00000001")  # of mark and index
FRACTION_MIN, FRACTION_MAX = Decimal("-0.99"), Decimal(10)
FOR_MS_MAX = 86_400_000


class PriceGrid(Protocol):
    """Which prices a symbol has, quote per base."""

    @property
    def price_tick(self) -> Decimal:
        """The step between two prices."""

    @property
    def price_min(self) -> Decimal:
        """The least."""

    @property
    def price_max(self) -> Decimal:
        """The most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The price jumps by a fraction and stays there. Raises: ValueError."""

    symbol: str
    fraction: Decimal  # -0.05: five percent down
    act: Literal["gap"] = "gap"

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flash:
    """The price jumps by a fraction and comes back within a time: evenly, or at its end at once. Raises: ValueError."""

    symbol: str
    fraction: Decimal
    for_ms: int
    act: Literal["flash"] = "flash"
    returns: Literal["evenly", "at_once"] = "evenly"

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)
        if not 0 < self.for_ms <= FOR_MS_MAX:
            raise ValueError(f"for_ms is {self.for_ms}; it must lie between 1 and {FOR_MS_MAX}")


MarketAct: TypeAlias = Gap | Flash


@dataclass(slots=True)
class _Running:
    """A flash from its first tick on."""

    flash: Flash
    from_ms: int | None = None  # None: no tick has come yet

    def factor(self, at_ms: int) -> Decimal:
        if self.from_ms is None:
            self.from_ms = at_ms
        passed_ms = at_ms - self.from_ms
        if passed_ms >= self.flash.for_ms:
            return ONE
        left = ONE if self.flash.returns == "at_once" else ONE - Decimal(passed_ms) / self.flash.for_ms
        return ONE + self.flash.fraction * left

    def is_over(self, at_ms: int) -> bool:
        return self.from_ms is not None and at_ms - self.from_ms >= self.flash.for_ms


class Disturbed:
    """A market in which the price of a symbol can be made to jump."""

    def __init__(self, market: Market, rules: Mapping[str, SymbolRules]) -> None:
        """`rules`: of every symbol of the market; jumps stay on its tick and within its prices."""
        self._market = market
        self._rules = rules
        self._gaps: dict[str, Decimal] = {}  # by symbol: the product of its gaps
        self._flashes: dict[str, list[_Running]] = {}

    @property
    def name(self) -> str:
        """That of the market beneath."""
        return self._market.name

    @property
    def symbols(self) -> tuple[str, ...]:
        """Those of the market beneath."""
        return self._market.symbols

    @property
    def start_ms(self) -> int:
        """That of the market beneath."""
        return self._market.start_ms

    @property
    def end_ms(self) -> int | None:
        """That of the market beneath."""
        return self._market.end_ms

    @property
    def step_ms(self) -> int:
        """That of the market beneath."""
        return self._market.step_ms

    @property
    def interval_ms(self) -> int:
        """That of the market beneath."""
        return self._market.interval_ms

    def history(self, symbol: str) -> Sequence[Candle]:
        """That of the market beneath."""
        return self._market.history(symbol)

    def price_reference(self, symbol: str) -> Decimal:
        """That of the market beneath."""
        return self._market.price_reference(symbol)

    def disturb(self, act: MarketAct) -> None:
        """Perform a jump, from the symbol's next tick on. Raises: Rejection -1121 for a symbol without a market."""
        if act.symbol not in self._market.symbols:
            raise errors.invalid_symbol()
        if isinstance(act, Gap):
            self._gaps[act.symbol] = self._gaps.get(act.symbol, ONE) * (ONE + act.fraction)
        else:
            self._flashes.setdefault(act.symbol, []).append(_Running(act))

    def advance(self, to_ms: int) -> Iterable[Tick]:
        """The ticks up to and with `to_ms`, moved by what is going on."""
        ticks = self._market.advance(to_ms)
        return self._moved(ticks) if self._gaps or self._flashes else ticks

    def _moved(self, ticks: Iterable[Tick]) -> Iterator[Tick]:
        for tick in ticks:
            factor = self._factor(tick.symbol, tick.time_ms)
            yield tick if factor == ONE else moved(tick, factor, self._rules[tick.symbol])

    def _factor(self, symbol: str, at_ms: int) -> Decimal:
        factor = self._gaps.get(symbol, ONE)
        running = self._flashes.get(symbol, [])
        for each in running:
            factor *= each.factor(at_ms)
        if any(each.is_over(at_ms) for each in running):
            self._flashes[symbol] = [each for each in running if not each.is_over(at_ms)]
            if not self._flashes[symbol]:
                del self._flashes[symbol]
        return factor


def moved(tick: Tick, factor: Decimal, rules: PriceGrid) -> Tick:
    """A tick at other prices: on the symbol's tick, within its prices, the last trade where it stood to the touch."""
    bid = _on_tick(tick.bid * factor, rules, ROUND_FLOOR)
    ask = max(bid + rules.price_tick, _on_tick(tick.ask * factor, rules, ROUND_CEILING))
    last = _on_tick(tick.last * factor, rules, ROUND_HALF_EVEN)
    if tick.last >= tick.ask:
        last = max(ask, last)
    elif tick.last <= tick.bid:
        last = min(bid, last)
    mark, index = (_within((price * factor).quantize(PLACES), rules) for price in (tick.mark, tick.index))
    return replace(tick, bid=bid, ask=ask, last=last, mark=mark, index=index)


def _on_tick(price: Decimal, rules: PriceGrid, rounding: str) -> Decimal:
    ticks = (price / rules.price_tick).to_integral_value(rounding)
    return _within(ticks * rules.price_tick, rules)


def _within(price: Decimal, rules: PriceGrid) -> Decimal:
    return max(rules.price_min, min(rules.price_max - rules.price_tick, price))


def _check_fraction(fraction: Decimal) -> None:
    if not FRACTION_MIN <= fraction <= FRACTION_MAX:
        raise ValueError(f"fraction is {fraction}; it must lie between {FRACTION_MIN} and {FRACTION_MAX}")
