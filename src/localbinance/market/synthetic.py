"""The synthetic market: seeded prices that move like a crowd of coins behind one leader.

Each step's return = beta × the market's return + the coin's own. Both are normal with a volatility that wanders slowly
(calm and wild hours follow each other), plus a rare jump. Volume swells with the move. Blocks of an hour are generated
one after the other from (seed, block), so that the ticks do not depend on the pieces in which they are asked for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import overload

import numpy as np
import numpy.typing as npt

from localbinance.core.tick import Tick
from localbinance.market.candles import Candle
from localbinance.market.coins import coin
from localbinance.rules.symbol_rules import SymbolRules

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
HISTORY_STEP_MS = 5_000  # finer steps make the minutes of the past no better, and the start slow
MARKET_VOLATILITY = 0.0005  # of a minute's return of the leader in calm times
MOOD_HALF_LIFE_MS = 2 * HOUR_MS  # of the logarithm of volatility
MOOD_SPREAD = 0.45  # its standard deviation
JUMPS_PER_HOUR = 0.08
JUMP_SIZE = 0.006
TRADE_NOTIONAL = 900.0  # quote, of an average trade
QUIET_NOTIONAL = 150.0  # a step that would trade less on average trades only now and then
TOUCH_SHARE = 1.5  # what rests at the touch, in average steps' volume
TOUCH_NOTIONAL_MIN = 400.0  # quote
PREMIUM_SIZE = 0.0002
PREMIUM_HALF_LIFE_MS = HOUR_MS
MARK_PLACES = 8
_COLUMNS = 9  # of a minute: open, high, low, close, volume, quote volume, trades, both volumes that takers bought
_STREAM_OF_TICKS = 1  # keeps the generator's blocks apart from other uses of the same seed


@dataclass(slots=True)
class _Block:
    """An hour of all symbols; arrays of shape (steps, symbols), prices in ticks and quantities in steps."""

    open_ms: int
    bid: Integers
    ask: Integers
    last: Integers
    quantity: Integers
    trades: Integers
    buyer_is_maker: npt.NDArray[np.bool_]
    touch_bid: Integers
    touch_ask: Integers
    mark: Floats
    index: Floats


class SyntheticMarket:
    """Endless. Deterministic by its seed, symbols, step and start."""

    end_ms = None
    interval_ms = MINUTE_MS

    def __init__(
        self,
        symbols: Sequence[str],
        *,
        seed: int,
        start_ms: int,
        rules: Mapping[str, SymbolRules],
        step_ms: int = 5_000,
        history_days: int = 5,
    ) -> None:
        """Raises: ValueError for a step that does not divide a minute, or a start that is not on one."""
        if MINUTE_MS % step_ms:
            raise ValueError(f"a step of {step_ms} ms does not divide a minute")
        if start_ms % MINUTE_MS:
            raise ValueError(f"a start of {start_ms} ms is not a full minute")
        self.name = f"synthetic, seed {seed}"
        self.symbols = tuple(symbols)
        self.start_ms = start_ms
        self.step_ms = step_ms
        self._seed = seed
        self._rules = [rules[symbol] for symbol in symbols]
        self._coins = [coin(each.base_asset) for each in self._rules]
        self._block_number = 0
        self._next_block_ms = start_ms - history_days * DAY_MS
        count = len(symbols)
        self._log_price = np.log(np.array([each.price for each in self._coins]))
        self._mood = np.zeros(count + 1)  # the market's last
        self._premium = np.zeros(count)
        self._last = np.round(np.exp(self._log_price) / self._price_ticks()).astype(np.int64)
        self._history = self._make_history(start_ms - history_days * DAY_MS, history_days)
        self._block: _Block | None = None
        self._row = 0
        self._opened = False

    def price_reference(self, symbol: str) -> Decimal:
        """The price at the start of the history."""
        return Decimal(repr(self._coins[self.symbols.index(symbol)].price))

    def history(self, symbol: str) -> Sequence[Candle]:
        """Minutes of the days before the start."""
        return self._history[symbol]

    def advance(self, to_ms: int) -> Iterator[Tick]:
        """See `Market`."""
        if not self._opened and to_ms >= self.start_ms:
            self._opened = True
            yield from self._opening()
        while True:
            if self._block is None or self._row == len(self._block.last):
                if self._next_block_ms + self.step_ms > to_ms:
                    return
                self._block, self._row = self._generate(self.step_ms), 0
            at_ms = self._block.open_ms + (self._row + 1) * self.step_ms
            if at_ms > to_ms:
                return
            yield from self._ticks(self._block, self._row, at_ms)
            self._row += 1

    # Generating ------------------------------------------------------------------------------------------------------

    def _price_ticks(self) -> Floats:
        return np.array([float(each.price_tick) for each in self._rules])

    def _quantity_steps(self) -> Floats:
        return np.array([float(each.quantity_step) for each in self._rules])

    def _generate(self, step_ms: int) -> _Block:
        random = np.random.default_rng([self._seed, _STREAM_OF_TICKS, self._block_number])
        path, moves = self._log_prices(random, step_ms)
        block = self._quote(random, step_ms, np.exp(path), np.abs(moves))
        self._block_number += 1
        self._next_block_ms += HOUR_MS
        return block

    def _log_prices(self, random: np.random.Generator, step_ms: int) -> tuple[Floats, Floats]:
        """The path of the hour and its moves, of shape (steps, symbols); the state goes on to its end."""
        steps, count = HOUR_MS // step_ms, len(self.symbols)
        moods = _wander(random, self._mood, steps, MOOD_HALF_LIFE_MS / step_ms, MOOD_SPREAD)
        self._mood = moods[-1]
        by_step = np.sqrt(step_ms / MINUTE_MS)
        market = random.standard_normal(steps) * np.exp(moods[:, -1]) * MARKET_VOLATILITY * by_step
        market += _jumps(random, (steps,), JUMPS_PER_HOUR / steps)
        own = np.array([each.volatility for each in self._coins]) * by_step
        moves = random.standard_normal((steps, count)) * np.exp(moods[:, :-1]) * own
        moves += _jumps(random, (steps, count), JUMPS_PER_HOUR / steps) * (own > 0)
        moves += market[:, None] * np.array([each.beta for each in self._coins])
        path: Floats = self._log_price + np.cumsum(moves, axis=0)
        self._log_price = path[-1]
        return path, moves

    def _quote(self, random: np.random.Generator, step_ms: int, mid: Floats, moves: Floats) -> _Block:
        """Bid, ask, trades and marks around the path."""
        ticks, steps_of_quantity = self._price_ticks(), self._quantity_steps()
        spread = np.maximum(1, np.round(mid * [each.spread for each in self._coins] / ticks)).astype(np.int64)
        bid = np.maximum(1, np.round(mid / ticks - spread / 2)).astype(np.int64)
        ask = bid + spread
        seller_took = random.random(mid.shape) < 0.5
        notional = self._notional(random, step_ms, moves)
        quantity = np.where(notional > 0, np.maximum(1, np.round(notional / mid / steps_of_quantity)), 0)
        last = np.where(seller_took, bid, ask)
        last = self._hold_last(last, quantity > 0)
        usual = np.array([each.volume for each in self._coins]) * step_ms / DAY_MS
        touch = np.maximum(TOUCH_NOTIONAL_MIN, TOUCH_SHARE * usual) / mid / steps_of_quantity
        touches = np.maximum(1, np.round(touch * random.lognormal(0.0, 0.5, (2, *mid.shape)))).astype(np.int64)
        premium = _wander(random, self._premium, len(mid), PREMIUM_HALF_LIFE_MS / step_ms, PREMIUM_SIZE)
        self._premium = premium[-1]
        return _Block(
            open_ms=self._next_block_ms,
            bid=bid,
            ask=ask,
            last=last,
            quantity=quantity.astype(np.int64),
            trades=np.where(quantity > 0, 1 + notional / TRADE_NOTIONAL, 0).astype(np.int64),
            buyer_is_maker=seller_took,
            touch_bid=touches[0],
            touch_ask=touches[1],
            mark=mid,
            index=mid * (1 - premium),
        )

    def _notional(self, random: np.random.Generator, step_ms: int, moves: Floats) -> Floats:
        """Quote traded in each step: more where the price moves; steps of thin coins often have none."""
        usual = np.array([each.volume for each in self._coins]) * step_ms / DAY_MS
        lively = 0.6 + 0.4 * moves / np.maximum(1e-9, moves.mean(axis=0))
        chance = np.minimum(1.0, usual / QUIET_NOTIONAL)
        happens = random.random(moves.shape) < chance
        return np.where(happens, usual / chance * lively * random.lognormal(-0.32, 0.8, moves.shape), 0.0)

    def _hold_last(self, last: Integers, traded: npt.NDArray[np.bool_]) -> Integers:
        """The last traded price stands where nothing is traded."""
        rows = np.where(traded, np.arange(len(last))[:, None], -1)
        latest = np.maximum.accumulate(rows, axis=0)
        held = np.where(latest >= 0, np.take_along_axis(last, np.maximum(latest, 0), axis=0), self._last)
        self._last = held[-1]
        return held

    # Telling ---------------------------------------------------------------------------------------------------------

    def _ticks(self, block: _Block, row: int, at_ms: int) -> Iterator[Tick]:
        columns = zip(
            self.symbols,
            self._rules,
            block.bid[row].tolist(),
            block.touch_bid[row].tolist(),
            block.ask[row].tolist(),
            block.touch_ask[row].tolist(),
            block.last[row].tolist(),
            block.quantity[row].tolist(),
            block.trades[row].tolist(),
            block.buyer_is_maker[row].tolist(),
            block.mark[row].tolist(),
            block.index[row].tolist(),
            strict=True,
        )
        for symbol, rules, bid, touch_bid, ask, touch_ask, last, quantity, trades, seller_took, mark, index in columns:
            tick, step = rules.price_tick, rules.quantity_step
            yield Tick(
                symbol,
                at_ms,
                tick * bid,
                step * touch_bid,
                tick * ask,
                step * touch_ask,
                tick * last,
                step * quantity,
                trades,
                seller_took,
                _exact(mark),
                _exact(index),
            )

    def _opening(self) -> Iterator[Tick]:
        for number, (symbol, rules) in enumerate(zip(self.symbols, self._rules, strict=True)):
            last = rules.price_tick * int(self._last[number])
            mark = _exact(float(np.exp(self._log_price[number])))
            touch = max(rules.quantity_step, (Decimal(1_000) / last).quantize(rules.quantity_step))
            yield Tick(
                symbol,
                self.start_ms,
                last,
                touch,
                last + rules.price_tick,
                touch,
                last,
                Decimal(0),
                0,
                True,
                mark,
                mark,
            )

    def _make_history(self, open_ms: int, days: int) -> dict[str, "_Minutes"]:
        step_ms = max(self.step_ms, HISTORY_STEP_MS)
        per_minute = MINUTE_MS // step_ms
        hours = [np.empty((0, len(self.symbols), _COLUMNS), np.int64)]
        for _ in range(days * DAY_MS // HOUR_MS):
            opened = self._last
            block = self._generate(step_ms)
            shape = (HOUR_MS // MINUTE_MS, per_minute, len(self.symbols))
            last, quantity = block.last.reshape(shape), block.quantity.reshape(shape)
            trades, sold = block.trades.reshape(shape), block.buyer_is_maker.reshape(shape)
            before = np.concatenate([opened[None], last[:-1, -1]])
            bounds = _ohlc(last, quantity > 0, before)
            quote = (last * quantity).sum(axis=1)
            bought, bought_quote = (quantity * ~sold).sum(axis=1), (last * quantity * ~sold).sum(axis=1)
            sums = (quantity.sum(axis=1), quote, trades.sum(axis=1), bought, bought_quote)
            hours.append(np.stack((*bounds, *sums), axis=-1))
        minutes = np.concatenate(hours)
        return {
            symbol: _Minutes(open_ms, minutes[:, number], self._rules[number])
            for number, symbol in enumerate(self.symbols)
        }


class _Minutes(Sequence[Candle]):
    """Minutes of one symbol. They are many and few are looked at: candles are made of those."""

    def __init__(self, open_ms: int, rows: Integers, rules: SymbolRules) -> None:
        """`rows`: one a minute, as `_candles` reads them."""
        self._open_ms = open_ms
        self._rows = rows
        self._rules = rules

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Candle]:
        return _candles(self._open_ms, self._rows.tolist(), self._rules)

    @overload
    def __getitem__(self, at: int) -> Candle: ...

    @overload
    def __getitem__(self, at: slice) -> list[Candle]: ...

    def __getitem__(self, at: int | slice) -> Candle | list[Candle]:
        if isinstance(at, slice):
            return list(self)[at]
        number = range(len(self))[at]
        return next(_candles(self._open_ms + number * MINUTE_MS, [self._rows[number].tolist()], self._rules))


def _wander(random: np.random.Generator, state: Floats, steps: int, half_life: float, spread: float) -> Floats:
    """Values that wander around 0 with a standard deviation of `spread`, of shape (steps, len(state))."""
    keep = 0.5 ** (1 / half_life)
    shocks = random.standard_normal((steps, len(state))) * spread * np.sqrt(1 - keep * keep)
    weights = keep ** np.arange(steps, 0, -1)
    # x[n] = keep^n x[0] + sum of keep^(n-k) shock[k], as one cumulative sum
    scaled = np.cumsum(shocks * weights[:, None], axis=0) / weights[:, None]
    result: Floats = scaled + state * (keep ** np.arange(1, steps + 1))[:, None]
    return result


def _jumps(random: np.random.Generator, shape: tuple[int, ...], chance: float) -> Floats:
    happens = random.random(shape) < chance
    sizes: Floats = random.normal(0.0, JUMP_SIZE, shape)
    return np.where(happens, sizes, 0.0)


def _ohlc(last: Integers, traded: npt.NDArray[np.bool_], before: Integers) -> tuple[Integers, ...]:
    """Open, high, low, close over axis 1; a minute without a trade is flat at the close before it."""
    empty = ~traded.any(axis=1)
    first = np.take_along_axis(last, traded.argmax(axis=1)[:, None], axis=1)[:, 0]
    high = np.where(traded, last, np.iinfo(np.int64).min).max(axis=1)
    low = np.where(traded, last, np.iinfo(np.int64).max).min(axis=1)
    close = last[:, -1]
    return tuple(np.where(empty, before, column) for column in (first, high, low, close))


def _candles(open_ms: int, rows: Iterable[Sequence[int]], rules: SymbolRules) -> Iterator[Candle]:
    """Of rows of `_COLUMNS` numbers, in ticks and steps."""
    tick, step = rules.price_tick, rules.quantity_step
    worth = tick * step
    for number, (opened, high, low, close, volume, quote, trades, bought, bought_quote) in enumerate(rows):
        at_ms = open_ms + number * MINUTE_MS
        yield Candle(
            open_ms=at_ms,
            close_ms=at_ms + MINUTE_MS - 1,
            open=tick * opened,
            high=tick * high,
            low=tick * low,
            close=tick * close,
            volume=step * volume,
            volume_quote=worth * quote,
            trades=trades,
            taker_buy_volume=step * bought,
            taker_buy_volume_quote=worth * bought_quote,
        )


def _exact(price: float) -> Decimal:
    return Decimal(round(price * 10**MARK_PLACES)).scaleb(-MARK_PLACES)
