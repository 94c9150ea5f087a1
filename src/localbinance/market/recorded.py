"""The recorded market: candles replayed as ticks, each along one stated path.

Path: a candle that closes at or above its open goes open, low (after a quarter of its time), high (three quarters),
close; one that closes below goes open, high, low, close. Between these points prices lie on straight lines, on the
symbol's tick. Its volume is spread evenly over the steps. Ticks add up to exactly the recorded candle. Bid and ask lie
around the last price, half a basis point apart at least; mark and index are the last price.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt

from localbinance.core.tick import Tick
from localbinance.market.bad_recording import BadRecording
from localbinance.market.candle_files import Recording
from localbinance.market.candles import Candle
from localbinance.market.selection import select
from localbinance.rules.market_rules import MarketRules
from localbinance.rules.symbol_rules import SymbolRules

Integers = npt.NDArray[np.int64]
SPREAD_FRACTION = 0.00005
TOUCH_STEPS = 1.5  # what rests at the touch, in average steps' volume
TOUCH_NOTIONAL_MIN = 400.0  # quote
TRADE_NOTIONAL = 900.0  # quote, of an average trade: recordings do not count them
PLACES_MAX = 8
VOLUME_PLACES = 8
SERVED_QUOTE = "USDC"
LISTED_BEFORE_MS = 365 * 86_400_000  # a recording does not tell since when its symbol is traded: for long


@dataclass(slots=True)
class _Line:
    """One symbol, ready to be told: prices in ticks, arrays of shape (candles,)."""

    symbol: str
    rules: SymbolRules
    recording: Recording
    first: int  # index of the first candle that is served
    spread: int  # ticks
    touch: Decimal  # base
    corners: Integers  # open, first extreme, second extreme, close; shape (4, candles)


class RecordedMarket:
    """Replays a selection. Deterministic."""

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        rules: MarketRules,
        quote: str = SERVED_QUOTE,
        from_ms: int | None = None,
        to_ms: int | None = None,
        step_ms: int = 5_000,
    ) -> None:
        """Raises: BadRecording."""
        selection = select(paths, quote=quote, from_ms=from_ms, to_ms=to_ms)
        self.interval_ms = selection.recordings[0].name.interval_ms
        if self.interval_ms % step_ms or self.interval_ms // step_ms < 4:
            raise BadRecording(f"steps of {step_ms} ms do not fit into candles of {self.interval_ms} ms four times")
        self.taken, self.left = selection.taken, selection.left
        self.start_ms, self.end_ms, self.step_ms = selection.start_ms, selection.end_ms, step_ms
        self._history_ms = selection.history_ms
        self._lines = [_line(each, quote, rules, selection.start_ms, step_ms) for each in selection.recordings]
        self._by_symbol = {line.symbol: line for line in self._lines}
        self.symbols = tuple(self._by_symbol)
        self.name = f"recorded: {selection.taken[0]}" + (
            "" if quote == SERVED_QUOTE else f", {quote} as {SERVED_QUOTE}"
        )
        self._steps = self.interval_ms // step_ms
        self._told_ms = self.start_ms  # everything up to here
        self._opened = False

    @property
    def rules(self) -> Mapping[str, SymbolRules]:
        """The rules of the symbols: as listed; derived where they are not, or where recorded prices are finer."""
        return {line.symbol: line.rules for line in self._lines}

    def price_reference(self, symbol: str) -> Decimal:
        """The price at the start."""
        line = self._by_symbol[symbol]
        return line.rules.price_tick * int(line.corners[0, line.first])

    def history(self, symbol: str) -> list[Candle]:
        """The recorded candles before the start."""
        line = self._by_symbol[symbol]
        begin = (self._history_ms - line.recording.start_ms) // self.interval_ms
        return [_candle(line, number, self.interval_ms) for number in range(begin, line.first)]

    def advance(self, to_ms: int) -> Iterator[Tick]:
        """See `Market`."""
        if not self._opened and to_ms >= self.start_ms:
            self._opened = True
            for line in self._lines:
                yield _tick(line, self.start_ms, int(line.corners[3, line.first - 1]), True, Decimal(0))
        to_ms = min(to_ms, self.end_ms)
        while self._told_ms + self.step_ms <= to_ms:
            self._told_ms += self.step_ms
            passed = self._told_ms - self.start_ms - self.step_ms
            candle, step = passed // self.interval_ms, passed % self.interval_ms // self.step_ms + 1
            for line in self._lines:
                yield self._told(line, line.first + candle, step)

    def _told(self, line: _Line, number: int, step: int) -> Tick:
        price, before = self._at(line, number, step), self._at(line, number, step - 1)
        volume = Decimal(repr(float(line.recording.volume[number])))
        share = round(volume / self._steps, VOLUME_PLACES)
        quantity = share if step < self._steps else volume - share * (self._steps - 1)
        return _tick(line, self._told_ms, price, price < before, quantity)

    def _at(self, line: _Line, number: int, step: int) -> int:
        """The price after a step of a candle, in ticks. The first step is at the open: it has to be traded."""
        opened, first, second, closed = line.corners[:, number].tolist()
        quarter, three = self._steps // 4, self._steps - self._steps // 4
        price: int = opened
        if step <= 1:
            return price
        if step <= quarter:
            price = _between(opened, first, (step - 1) / max(1, quarter - 1))
        elif step <= three:
            price = _between(first, second, (step - quarter) / (three - quarter))
        else:
            price = _between(second, closed, (step - three) / (self._steps - three))
        return price


def _between(before: int, after: int, fraction: float) -> int:
    return before + round((after - before) * fraction)


def _line(recording: Recording, quote: str, rules: MarketRules, start_ms: int, step_ms: int) -> _Line:
    symbol = recording.name.symbol.removesuffix(quote) + SERVED_QUOTE
    prices = np.stack([recording.open, recording.high, recording.low, recording.close])
    first = (start_ms - recording.start_ms) // recording.name.interval_ms
    price = Decimal(repr(float(recording.open[first])))
    known = rules.symbols.get(symbol)
    fitted = _fitted(rules.derive_symbol(symbol, price) if known is None else known, prices)
    listed_ms = min(fitted.onboard_ms, start_ms - LISTED_BEFORE_MS)
    tick = float(fitted.price_tick)
    opened, high, low, closed = np.round(prices / tick).astype(np.int64)
    rises = closed >= opened
    corners = np.stack([opened, np.where(rises, low, high), np.where(rises, high, low), closed])
    per_step = float(recording.volume[first:].mean()) * step_ms / recording.name.interval_ms
    touch = Decimal(max(TOUCH_STEPS * per_step, TOUCH_NOTIONAL_MIN / float(price)))
    return _Line(
        symbol=symbol,
        rules=replace(fitted, onboard_ms=listed_ms),
        recording=recording,
        first=first,
        spread=max(1, round(float(price) * SPREAD_FRACTION / tick)),
        touch=max(fitted.quantity_step, touch // fitted.quantity_step * fitted.quantity_step),
        corners=corners,
    )


def _fitted(rules: SymbolRules, prices: npt.NDArray[np.float64]) -> SymbolRules:
    """Rules whose tick the recorded prices lie on: a symbol's tick changes over the years."""
    if _lies_on(prices, float(rules.price_tick)) and rules.status == "TRADING":
        return rules
    places = next((n for n in range(PLACES_MAX + 1) if _lies_on(prices, 10.0**-n)), PLACES_MAX)
    tick = min(rules.price_tick, Decimal(1).scaleb(-places)) if _lies_on(prices, 10.0**-places) else rules.price_tick
    return replace(
        rules,
        status="TRADING",
        price_tick=tick,
        price_min=min(rules.price_min, tick) if rules.price_min % tick else rules.price_min,
        price_precision=max(rules.price_precision, places),
    )


def _lies_on(prices: npt.NDArray[np.float64], tick: float) -> bool:
    in_ticks = prices / tick
    return bool(np.all(np.abs(in_ticks - np.round(in_ticks)) < 1e-4))


def _tick(line: _Line, at_ms: int, price: int, seller_took: bool, quantity: Decimal) -> Tick:
    tick = line.rules.price_tick
    last = tick * price
    bid, ask = (price, price + line.spread) if seller_took else (max(1, price - line.spread), price)
    trades = 1 + int(float(quantity * last) / TRADE_NOTIONAL) if quantity else 0
    return Tick(
        line.symbol,
        at_ms,
        tick * bid,
        line.touch,
        tick * ask,
        line.touch,
        last,
        quantity,
        trades,
        seller_took,
        last,
        last,
    )


def _candle(line: _Line, number: int, interval_ms: int) -> Candle:
    recording, tick = line.recording, line.rules.price_tick
    opened, first, second, closed = line.corners[:, number].tolist()
    open_ms = int(recording.open_ms[number])
    volume = Decimal(repr(float(recording.volume[number])))
    quote = Decimal(repr(float(recording.volume_quote[number])))
    return Candle(
        open_ms=open_ms,
        close_ms=open_ms + interval_ms - 1,
        open=tick * opened,
        high=tick * max(first, second),
        low=tick * min(first, second),
        close=tick * closed,
        volume=volume,
        volume_quote=quote,
        trades=1 + int(float(quote) / TRADE_NOTIONAL) if volume else 0,
        taker_buy_volume=volume / 2,
        taker_buy_volume_quote=quote / 2,
    )
