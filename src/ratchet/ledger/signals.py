"""Signals as the ledger keeps them: what a strategy said, every vote of it, and what became of it."""

from dataclasses import asdict

from ratchet.domain.signal import NoSignal, Signal
from ratchet.ledger.tables import SignalRow

OUTCOME_LENGTH_MAX = 400


def signal_row(said: Signal | NoSignal, outcome: str) -> SignalRow:
    """One decision of a strategy."""
    signal = said if isinstance(said, Signal) else None
    return SignalRow(
        strategy=said.strategy,
        symbol=said.symbol,
        side=None if signal is None else signal.side.value,
        candle_close_ms=said.candle_close_ms,
        price=None if signal is None else signal.price,
        breakdown=[asdict(vote) for vote in said.breakdown],
        outcome=outcome[:OUTCOME_LENGTH_MAX],
    )
