"""Why (not)? What became of a symbol at its last scans, of every symbol at its last one, and the funnel of a day."""

from collections.abc import Mapping, Sequence

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.desk import Refused
from ratchet.control.shape import DASH, at, direction, percent
from ratchet.domain.money import plain
from ratchet.domain.order import Side
from ratchet.domain.outcome import Stage
from ratchet.domain.signal import Kind, Vote
from ratchet.domain.symbol import Symbol
from ratchet.ledger.funnel import DecisionLine, StageCounts
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.places import Place

DECISIONS_SHOWN = 6
DAY_MS = 86_400_000

_ENDS = {
    Stage.UNIVERSE: "not traded",
    Stage.CANDLES: "nobody was asked",
    Stage.VOTES: "no entry",
    Stage.LATE: "too late",
    Stage.HALTED: "entries halted",
    Stage.RISK: "refused by the risk guard",
    Stage.FEASIBILITY: "not feasible",
    Stage.SENT: "entry",
}


async def why(ledger: Ledger, symbol: Symbol, now_ms: int) -> Answer:
    """What was decided about a symbol at its last scans, newest first. Raises: Refused for one never heard of."""
    lines = await ledger.decisions_on(symbol, DECISIONS_SHOWN)
    places = await ledger.places_of(symbol)
    if not lines and not places:
        raise Refused(f"why: nothing is known of {symbol}: no scan and no choice of the universe has seen it")
    counts = await ledger.stage_counts(now_ms - DAY_MS, now_ms, symbol)
    place = places[-1] if places else None
    return Answer(
        title=f"Why (not)? {symbol}",
        facts=(
            ("universe now", DASH if place is None else f"{_place_words(place)}, since {at(place.at_ms)}"),
            ("last 24 h", _counts_words(counts)),
        ),
        table=_funnel_table(counts),
        notes=tuple(sentence(line, _place_at(places, line.candle_close_ms), now_ms) for line in lines)
        or ("No scan has seen it yet.",),
        data={
            "symbol": symbol,
            "place": None if place is None else _place_data(place),
            "funnel": _counts_data(counts),
            "decisions": [_line_data(line) for line in lines],
        },
    )


async def why_all(ledger: Ledger, now_ms: int) -> Answer:
    """What became of every symbol at its last scan within a day, and of those that are not traded why not."""
    counts = await ledger.stage_counts(now_ms - DAY_MS, now_ms)
    lines = {line.symbol: line for line in await ledger.latest_decisions(now_ms - DAY_MS)}
    places = await ledger.last_places()
    out = [place for place in places.values() if not place.is_traded]
    in_play = [line for symbol, line in lines.items() if symbol not in {place.symbol for place in out}]
    rows = [
        (line.symbol, _time(line.candle_close_ms, now_ms), line.outcome.stage.value, _end(line)) for line in in_play
    ]
    rows += [(place.symbol, _time(place.at_ms, now_ms), Stage.UNIVERSE.value, _reason(place)) for place in out]
    return Answer(
        title="Why (not)? Every symbol",
        facts=(
            ("last 24 h", _counts_words(counts)),
            *((stage.value, f"{counts.ended[stage]} ended here") for stage in Stage if counts.ended[stage]),
        ),
        table=Table(headings=("symbol", "at", "stage", "why"), rows=tuple(rows)) if rows else None,
        notes=() if rows else ("No scan has taken place yet.",),
        data={
            "funnel": _counts_data(counts),
            "decisions": [_line_data(line) for line in in_play],
            "not_traded": [_place_data(place) for place in out],
        },
    )


def sentence(line: DecisionLine, place: Place | None, now_ms: int) -> str:
    """A decision on one line: BTCUSDC 14:35: in the universe (rank 1); candles fresh; votes: … → no entry: …"""
    steps = [] if place is None else [_place_words(place)]
    steps.append(_candles_words(line))
    if line.votes:
        steps.append(f"votes: {votes_words(line.votes)}")
    return f"{line.symbol} {_time(line.candle_close_ms, now_ms)}: {'; '.join(steps)} → {_end(line)}"


def votes_words(votes: Sequence[Vote]) -> str:
    """Votes by kind: trend long (EMA 9 above EMA 21), momentum none (RSI 51). Of filters only vetoes are told."""
    told = []
    for kind in (Kind.TREND, Kind.MOMENTUM):
        for side in (Side.BUY, Side.SELL, None):
            notes = [vote.note for vote in votes if vote.kind is kind and vote.side is side]
            if notes:
                told.append(f"{kind} {'none' if side is None else direction(side)} ({'; '.join(notes)})")
    filters = [vote for vote in votes if vote.kind is Kind.FILTER]
    told += [f"veto of {vote.name} ({vote.note})" for vote in filters if vote.side is None]
    if filters and all(vote.side is not None for vote in filters):
        told.append("filters passed")
    return ", ".join(told)


def _candles_words(line: DecisionLine) -> str:
    if line.outcome.stage is Stage.CANDLES:
        return f"candle not there ({line.outcome.reason})"
    return "candles fresh"


def _end(line: DecisionLine) -> str:
    stage, reason = line.outcome.stage, line.outcome.reason
    if stage is Stage.CANDLES:
        return _ENDS[stage]
    if stage is not Stage.SENT:
        wanted = "" if line.side is None else f"{direction(line.side)} wanted, "
        return wanted + (reason if reason.startswith(_ENDS[stage]) else f"{_ENDS[stage]}: {reason}")
    side = "" if line.side is None else f" {direction(line.side)}"
    if line.trade is None:
        return f"entry{side}, whose trade was not begun"
    filled = "filled" if line.trade.is_filled else "not filled"
    ended = f", ended by {line.trade.ended_by}" if line.trade.ended_by else ", open"
    return f"entry{side}: trade {line.trade.trade_id}, {filled}{ended}"


def _place_at(places: Sequence[Place], at_ms: int) -> Place | None:
    return next((place for place in reversed(places) if place.at_ms <= at_ms), None)


def _place_words(place: Place) -> str:
    reason = _reason(place)
    return f"{'in' if place.is_traded else 'not in'} the universe" + (f" ({reason})" if reason else "")


def _reason(place: Place) -> str:
    return place.reason or place.rule


def _time(at_ms: int, now_ms: int) -> str:
    """Hour and minute, UTC; with the day before them when that is not today."""
    text = at(at_ms)[:16]
    return text[11:] if text[:10] == at(now_ms)[:10] else text


# The funnel ----------------------------------------------------------------------------------------------------------


def _funnel_table(counts: StageCounts) -> Table:
    rows = [
        (stage.value, str(counts.reached(stage)), str(counts.ended[stage]), _share(counts.ended[stage], counts.total))
        for stage in Stage
    ]
    rows.append(("filled", str(counts.filled), str(counts.filled), _share(counts.filled, counts.total)))
    return Table(
        headings=("stage", "came so far", "ended here", "share"), rows=tuple(rows), numeric=frozenset({1, 2, 3})
    )


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else DASH


def _counts_words(counts: StageCounts) -> str:
    return f"{counts.total} decisions, {counts.ended[Stage.SENT]} sent, {counts.filled} filled"


def _counts_data(counts: StageCounts) -> Mapping[str, Json]:
    return {
        "total": counts.total,
        **{stage.value: counts.ended[stage] for stage in Stage},
        "filled": counts.filled,
    }


def _place_data(place: Place) -> Mapping[str, Json]:
    return {
        "symbol": place.symbol,
        "at_ms": place.at_ms,
        "is_traded": place.is_traded,
        "rule": place.rule,
        "reason": place.reason,
    }


def _line_data(line: DecisionLine) -> Mapping[str, Json]:
    return {
        "symbol": line.symbol,
        "candle_close_ms": line.candle_close_ms,
        "strategy": line.strategy,
        "side": None if line.side is None else line.side.value,
        "price": None if line.price is None else plain(line.price),
        "stage": line.outcome.stage.value,
        "reason": line.outcome.reason,
        "votes": [
            {
                "name": vote.name,
                "kind": vote.kind.value,
                "side": None if vote.side is None else vote.side.value,
                "value": vote.value if vote.value == vote.value else None,
                "note": vote.note,
            }
            for vote in line.votes
        ],
        "trade": None
        if line.trade is None
        else {
            "trade_id": int(line.trade.trade_id),
            "is_filled": line.trade.is_filled,
            "ended_by": line.trade.ended_by,
        },
    }
