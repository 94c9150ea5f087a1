"""Questions about the market: what was signalled, and which symbols are in play."""

from ratchet.control.answer import Answer, Table
from ratchet.control.desk import Asker, Refused
from ratchet.control.parts import DeskParts
from ratchet.control.request import Commands, Request
from ratchet.control.shape import DASH, at, direction, number
from ratchet.control.words import Words
from ratchet.domain.money import plain
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol

SIGNALS = 10
SIGNALS_MAX = 200


class MarketQuestions:
    """signals, universe."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts

    def commands(self) -> Commands:
        """By name."""
        return {"signals": self._signals, "universe": self._universe}

    async def _signals(self, words: Words) -> Request:
        limit = words.count("N", default=SIGNALS, most=SIGNALS_MAX)
        words.end()
        return Request(lambda _asker: self._tell_signals(limit))

    async def _universe(self, words: Words) -> Request:
        if not words.has_more():
            return Request(self._tell_universe)
        symbol = words.symbol(self._parts.symbols)
        words.end()
        return Request(lambda _asker: self._tell_place(symbol))

    async def _tell_signals(self, limit: int) -> Answer:
        rows = await self._parts.ledger.last_signals(limit)
        return Answer(
            title="Signals",
            table=Table(
                headings=("candle closed", "symbol", "side", "price", "what became of it", "strategy"),
                rows=tuple(
                    (
                        at(row.candle_close_ms),
                        row.symbol,
                        direction(Side(row.side or "")),
                        number(row.price),
                        row.outcome,
                        row.strategy,
                    )
                    for row in rows
                ),
                numeric=frozenset({3}),
            )
            if rows
            else None,
            notes=() if rows else ("No strategy has wanted a trade yet.",),
            data={
                "signals": [
                    {
                        "candle_close_ms": row.candle_close_ms,
                        "symbol": row.symbol,
                        "side": row.side,
                        "price": None if row.price is None else plain(row.price),
                        "outcome": row.outcome,
                        "strategy": row.strategy,
                    }
                    for row in rows
                ]
            },
        )

    async def _tell_universe(self, _asker: Asker) -> Answer:
        universe = self._parts.universe()
        rows = [(str(rank), symbol, "in play") for rank, symbol in enumerate(universe.symbols, start=1)]
        rows += [(DASH, symbol, reason) for symbol, reason in universe.rejected.items()]
        notes = [f"{universe.shortfall} fewer than wanted."] if universe.shortfall else []
        if not rows:
            notes.append("The universe is not chosen yet.")
        return Answer(
            title="Universe",
            facts=(("in play", str(len(universe.symbols))), ("left out", str(len(universe.rejected)))),
            table=Table(headings=("rank", "symbol", "why"), rows=tuple(rows), numeric=frozenset({0})) if rows else None,
            notes=tuple(notes),
            data={
                "symbols": list(universe.symbols),
                "rejected": {str(symbol): reason for symbol, reason in universe.rejected.items()},
                "shortfall": universe.shortfall,
            },
        )

    async def _tell_place(self, symbol: Symbol) -> Answer:
        universe = self._parts.universe()
        if symbol in universe.symbols:
            rank = universe.symbols.index(symbol) + 1
            words = f"in play, number {rank} of {len(universe.symbols)} by volume"
        elif symbol in universe.rejected:
            words = f"left out: {universe.rejected[symbol]}"
        else:
            raise Refused("universe: it is not chosen yet; ask again in a minute")
        return Answer(
            title=f"Universe: {symbol}",
            facts=((symbol, words),),
            data={
                "symbol": symbol,
                "is_traded": symbol in universe.symbols,
                "reason": universe.rejected.get(symbol, ""),
            },
        )
