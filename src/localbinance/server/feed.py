"""The feed: after each step of the market, the frames of those market streams that somebody listens to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from localbinance.core.exchange import Exchange
from localbinance.core.funding import FundingView
from localbinance.core.tick import Tick
from localbinance.market.candles import INTERVALS_MS, Candle
from localbinance.server import frames_market
from localbinance.server.dialect import BookSource, CandleSource, Dialect
from localbinance.server.hub import Hub
from localbinance.server.stream_names import Kind, Product, Stream
from localbinance.server.tape import SymbolTape
from localbinance.server.wire_numbers import ZERO

Json = dict[str, object]
DEPTH_LEVELS_MAX = 1_000


@dataclass(slots=True)
class _SentBook:
    """The book as the listeners of a depth stream have it."""

    update_id: int = 0
    bids: dict[Decimal, Decimal] = field(default_factory=dict)
    asks: dict[Decimal, Decimal] = field(default_factory=dict)


@dataclass(slots=True)
class Step:
    """One step of the market: what lies in (from_ms, to_ms]."""

    from_ms: int
    to_ms: int
    ticks: Mapping[str, Sequence[Tick]]  # by symbol; a symbol without news is not in it

    def crosses(self, period_ms: int) -> bool:
        """Whether a multiple of the period lies in the step."""
        return self.to_ms // period_ms != self.from_ms // period_ms


class Feed:
    """Builds frames for the hub's listeners. At most one frame of a forming candle a step and stream; the closing
    frame exactly once a candle. There is one feed an exchange: each tells the streams of its own product."""

    def __init__(
        self,
        hub: Hub,
        exchange: BookSource,
        books: Mapping[str, CandleSource],
        tapes: Mapping[str, SymbolTape],
        *,
        product: Product = Product.FUTURES,
        dialect: Dialect = frames_market,
    ) -> None:
        self._product = product
        self._dialect = dialect
        self._hub = hub
        self._exchange = exchange
        self._books = books
        self._tapes = tapes
        self._sent_books: dict[Stream, _SentBook] = {}
        self._builders: dict[Kind, Callable[[Stream, Step], None]] = {
            Kind.KLINE: self._candles,
            Kind.CONTINUOUS_KLINE: self._candles,
            Kind.TICKER: self._ticker,
            Kind.MINI_TICKER: self._ticker,
            Kind.BOOK_TICKER: self._book_ticker,
            Kind.AGG_TRADE: self._trades,
            Kind.TRADE: self._trades,
            Kind.PARTIAL_DEPTH: self._partial_depth,
            Kind.DEPTH: self._depth,
        }
        if isinstance(exchange, Exchange):
            self._builders[Kind.MARK_PRICE] = partial(self._mark_price, exchange.funding)

    def publish(self, step: Step) -> None:
        """Send what the step brought."""
        for stream in list(self._hub.streams()):
            builder = self._builders.get(stream.kind) if stream.product is self._product else None
            if builder is not None and (stream.period_ms == 0 or step.crosses(stream.period_ms)):
                builder(stream, step)
        if self._sent_books:
            listened = set(self._hub.streams())
            for stream in [stream for stream in self._sent_books if stream not in listened]:
                del self._sent_books[stream]

    def begin(self, stream: Stream) -> None:
        """A stream has its first listener: depth events are told from the book as it is now, as a snapshot has it."""
        if stream.kind is Kind.DEPTH and stream.symbol in self._books:
            book = self._exchange.book(stream.symbol, DEPTH_LEVELS_MAX)
            self._sent_books[stream] = _SentBook(book.update_id, dict(book.bids), dict(book.asks))

    def _candles(self, stream: Stream, step: Step) -> None:
        book = self._books.get(stream.symbol)
        if book is None:
            return
        build = self._dialect.kline if stream.kind is Kind.KLINE else frames_market.continuous_kline
        interval_ms = INTERVALS_MS[stream.interval]
        if step.crosses(interval_ms):
            for candle in self._just_closed(book, stream.interval, interval_ms, step):
                self._hub.push(stream, build(stream.symbol, stream.interval, candle, step.to_ms, closed=True))
            if step.to_ms % interval_ms == 0:
                return  # the new candle has only just begun: its first frame comes with the next step
        if stream.symbol in step.ticks:
            forming = book.forming(stream.interval, step.to_ms)
            self._hub.push(stream, build(stream.symbol, stream.interval, forming, step.to_ms, closed=False))

    @staticmethod
    def _just_closed(book: CandleSource, interval: str, interval_ms: int, step: Step) -> Sequence[Candle]:
        opens_from_ms = step.from_ms // interval_ms * interval_ms
        opens_until_ms = step.to_ms // interval_ms * interval_ms - interval_ms
        if opens_from_ms == opens_until_ms:
            candle = book.last_closed(interval, step.to_ms)
            return () if candle is None or candle.open_ms != opens_from_ms else (candle,)
        return book.candles(interval, start_ms=opens_from_ms, end_ms=opens_until_ms, limit=1_500, now_ms=step.to_ms)

    def _fresh_symbols(self, stream: Stream, step: Step) -> Sequence[str]:
        if not stream.symbol:
            return tuple(step.ticks)
        return (stream.symbol,) if stream.symbol in step.ticks else ()

    def _ticker(self, stream: Stream, step: Step) -> None:
        ticks = [step.ticks[symbol][-1] for symbol in self._fresh_symbols(stream, step)]
        self._push_rows(stream, [self._ticker_row(stream.kind, tick, step.to_ms) for tick in ticks])

    def _ticker_row(self, kind: Kind, tick: Tick, now_ms: int) -> Json:
        day = self._books[tick.symbol].day(now_ms)
        if kind is Kind.MINI_TICKER:
            return self._dialect.mini_ticker(tick.symbol, day, now_ms)
        tape = self._tapes[tick.symbol]
        quantity = tape.traded[-1][0].quantity if tape.traded else ZERO
        return self._dialect.ticker(tick, day, quantity, tape.last_trade_id, now_ms)

    def _mark_price(self, funding_of: Callable[[str], FundingView], stream: Stream, step: Step) -> None:
        rows = []
        for symbol in self._fresh_symbols(stream, step):
            funding = funding_of(symbol)
            rows.append(frames_market.mark_price(step.ticks[symbol][-1], funding.rate, funding.next_ms, step.to_ms))
        self._push_rows(stream, rows)

    def _push_rows(self, stream: Stream, rows: list[Json]) -> None:
        """One array for a stream of the whole market, one object for a symbol's."""
        if rows:
            self._hub.push(stream, rows[0] if stream.symbol else rows)

    def _book_ticker(self, stream: Stream, step: Step) -> None:
        for symbol in self._fresh_symbols(stream, step):
            tick = step.ticks[symbol][-1]
            self._hub.push(stream, self._dialect.book_ticker(tick, self._tapes[symbol].update_id, step.to_ms))

    def _trades(self, stream: Stream, step: Step) -> None:
        build = self._dialect.trade if stream.kind is Kind.TRADE else self._dialect.agg_trade
        tape = self._tapes.get(stream.symbol)
        fresh = len(step.ticks.get(stream.symbol, ()))
        if tape is None or not fresh:
            return
        for tick, last_id in list(tape.traded)[-fresh:]:
            if tick.time_ms > step.from_ms:
                self._hub.push(stream, build(tick, last_id, step.to_ms))

    def _partial_depth(self, stream: Stream, step: Step) -> None:
        if stream.symbol not in step.ticks:
            return
        sent = self._sent_books.setdefault(stream, _SentBook())
        book = self._exchange.book(stream.symbol, stream.levels)
        frame = self._dialect.partial_depth(stream.symbol, book, sent.update_id, step.to_ms)
        sent.update_id = book.update_id
        self._hub.push(stream, frame)

    def _depth(self, stream: Stream, step: Step) -> None:
        if stream.symbol not in step.ticks:
            return
        book = self._exchange.book(stream.symbol, DEPTH_LEVELS_MAX)
        after = _SentBook(book.update_id, dict(book.bids), dict(book.asks))
        before = self._sent_books.get(stream, _SentBook())
        bids = frames_market.book_changes(before.bids, after.bids)
        asks = frames_market.book_changes(before.asks, after.asks)
        if bids or asks:
            self._sent_books[stream] = after  # else the next event begins where the last one that was told has ended
            ids = (before.update_id + 1, after.update_id, before.update_id)
            self._hub.push(stream, self._dialect.depth_update(stream.symbol, bids, asks, ids, step.to_ms))
