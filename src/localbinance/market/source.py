"""The market source: where prices come from. The server asks it for ticks, step by step, and knows no more of it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from localbinance.core.tick import Tick
from localbinance.market.candles import Candle


class Market(Protocol):
    """A source of ticks. Asked for the same times it gives the same ticks, in whatever pieces they are asked for."""

    @property
    def name(self) -> str:
        """What is said to the user: "synthetic, seed 7"."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Those that it has prices for."""

    @property
    def start_ms(self) -> int:
        """The first instant that is served; the history lies before it."""

    @property
    def end_ms(self) -> int | None:
        """The last instant; None when it goes on for ever."""

    @property
    def step_ms(self) -> int:
        """The time between two ticks of a symbol."""

    @property
    def interval_ms(self) -> int:
        """The interval of the history's candles."""

    def history(self, symbol: str) -> Sequence[Candle]:
        """Closed candles before the start, oldest first, without a hole."""

    def advance(self, to_ms: int) -> Iterable[Tick]:
        """The ticks since the last call up to and with `to_ms`, in the order of time.

        The first call also gives one tick a symbol at `start_ms`, with nothing traded: the market as it is found.
        """

    def price_reference(self, symbol: str) -> Decimal:
        """A price of about the symbol's size, for rules that depend on it."""
