"""The judge of the guardian: whether it protects while the trader cannot, and never gets in the trader's way.

From the exchange's side, but for what it has asked for: the exchange does not know whose a cancellation was.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from localbinance.core.order import AlgoOrder, AlgoStatus, Order, OrderType
from localbinance.server.fault import Reject
from ratchet.config.guard_settings import GuardSettings
from ratchet.domain.identity import GUARDIANS
from ratchet.drill.emergencies import held_spells
from ratchet.drill.excuse import Excuse, concerns, left_ms
from ratchet.drill.guardian_lives import Span
from ratchet.drill.market import START_MS
from ratchet.drill.play import DEAD, FROZEN, NOT_SEEN, STARTING, STREAMS, Played, Stage, lag_of
from ratchet.drill.trouble import WireTrouble
from ratchet.drill.venue import ACCOUNT
from ratchet.exchange.certainty import LAG_MS
from ratchet.trading.sweep import LEFT_OVER_EVERY_MS

AWAY = "away"
REQUESTS_MS = 1_000.0  # of the promise: what the requests of a look may take
BLINK_MS = 100.0  # a close may meet a stop that came while it was on its way
TIDY_MS = LEFT_OVER_EVERY_MS + 12_000.0  # and two sweeps: until a stop that has outlived its position is taken away
AT_ONCE_MAX = 2  # of its stops over one symbol: a second where reads do not show the first
MINUTE_MS = 60_000.0
ORDERS_A_MINUTE_MAX = 8  # of one symbol: a trader and a guardian that undo each other's work would need more
CANCELS = frozenset({"fapiPrivateDeleteAlgoOrder", "fapiPrivateDeleteAlgoOpenOrders"})
OF_THE_TRADER = frozenset({STARTING, DEAD, FROZEN, NOT_SEEN, STREAMS})  # what does not keep the guardian from its work


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardianVerdict:
    """One run, judged. Times are virtual ms."""

    violations: tuple[str, ...] = ()
    naked_ms: tuple[float, ...] = ()  # spells while the trader was dead or frozen, the guardian at work
    stops_placed: int = 0
    closes_sent: int = 0


def judge_guardian(stage: Stage, played: Played) -> GuardianVerdict:
    """Hold what was seen of the guardian against what decision 7 promises."""
    seen = played.guardian
    if not seen.spans:
        return GuardianVerdict()
    promise_ms = promised_ms(stage.settings.guard)
    excuses = [*_of_everybody(played), *_absent(seen.spans, played.end_ms, promise_ms), *_slower(played)]
    stops = [each for symbol in stage.symbols for each in _stops(played, symbol)]
    closes = _closes(played)
    return GuardianVerdict(
        violations=(
            *seen.failures,
            *_bare(played, excuses, promise_ms),
            *(f"the guardian has cancelled a conditional order: {name}" for name in CANCELS & seen.asked.keys()),
            *_too_many(stage, stops, closes, played.end_ms),
            *_closed_though_covered(played, closes),
            *_left_on_flat(stage, played, stops),
        ),
        naked_ms=tuple(_guarded(played, seen.spans, excuses)),
        stops_placed=seen.stops_placed,
        closes_sent=seen.closes_sent,
    )


def promised_ms(guard: GuardSettings) -> float:
    """After so long everything held is covered, whoever is dead: a look to see it, the grace, and the requests."""
    return (guard.interval_s + guard.grace_s) * 1_000 + REQUESTS_MS


def _of_everybody(played: Played) -> list[Excuse]:
    return [each for each in played.excuses if each.reason not in OF_THE_TRADER]


def _absent(spans: Sequence[Span], end_ms: float, promise_ms: float) -> Iterator[Excuse]:
    """While there is no guardian, and until a new one, which knows nothing yet, has had its time."""
    ends = [0.0, *(end_ms if each.until_ms is None else each.until_ms for each in spans)]
    starts = [*(each.from_ms for each in spans), end_ms]
    for end, start in zip(ends, starts, strict=True):
        yield Excuse(from_ms=end, until_ms=start + promise_ms, reason="no guardian")


def _slower(played: Played) -> Iterator[Excuse]:
    """Where reads lag it sees later; where a stop is refused it closes, once it is certain that nothing covers."""
    for trouble in played.troubles:
        if not isinstance(trouble, WireTrouble):
            continue
        lag_ms = float(lag_of(trouble))
        if isinstance(trouble.fault, Reject):
            lag_ms = 2.0 * LAG_MS
        if lag_ms:
            until_ms = trouble.at_ms + trouble.for_ms + lag_ms
            yield Excuse(from_ms=trouble.at_ms, until_ms=until_ms, spell_ms=lag_ms, reason="slower")


def _bare(played: Played, excuses: Sequence[Excuse], promise_ms: float) -> Iterator[str]:
    for spell in played.spells():
        from_ms, until_ms = played.time_of(spell)
        found = [each for each in excuses if concerns(each, spell.symbol, from_ms, until_ms)]
        long_ms = left_ms(from_ms, until_ms, [each for each in found if each.spell_ms is None])
        may_ms = promise_ms + sum(each.spell_ms or 0.0 for each in found)
        if long_ms > may_ms:
            yield (
                f"{spell.symbol} was without cover for {long_ms:.0f} ms from {from_ms / 1_000:.3f} s on beside a "
                f"guardian; {may_ms:.0f} ms may be"
            )


def _too_many(stage: Stage, stops: Sequence[AlgoOrder], closes: Sequence[Order], end_ms: float) -> Iterator[str]:
    for symbol in stage.symbols:
        of_symbol = [each for each in stops if each.symbol == symbol]
        spans = [_standing_ms(each, end_ms) for each in of_symbol]
        at_once = max((sum(a <= at < b for a, b in spans) for at, _ in spans), default=0)
        if at_once > AT_ONCE_MAX:
            yield f"{at_once} stops of the guardian stood over {symbol} at once"
        sent = [at for at, _ in spans]
        sent += [float(each.created_ms - START_MS) for each in closes if each.symbol == symbol]
        in_a_minute = max((sum(at <= each < at + MINUTE_MS for each in sent) for at in sent), default=0)
        if in_a_minute > ORDERS_A_MINUTE_MAX:
            yield f"the guardian sent {in_a_minute} orders for {symbol} within a minute"


def _closed_though_covered(played: Played, closes: Iterable[Order]) -> Iterator[str]:
    """Closes of what had its stop: not those that found nothing to close."""
    for close in closes:
        at_ms = close.created_ms - START_MS
        spells = (played.time_of(each) for each in played.spells() if each.symbol == close.symbol)
        if close.filled and not any(a <= at_ms <= b + BLINK_MS for a, b in spells):
            yield f"the guardian closed {close.symbol} at {at_ms / 1_000:.3f} s though it was covered"


def _left_on_flat(stage: Stage, played: Played, stops: Iterable[AlgoOrder]) -> Iterator[str]:
    """Its stops that stood over nothing though the trader was there to take them away."""
    held: dict[str, list[tuple[float, float]]] = {
        symbol: list(held_spells(played.venue.exchange.trades(ACCOUNT, symbol), played.end_ms))
        for symbol in stage.symbols
    }
    for stop in stops:
        from_ms, until_ms = _standing_ms(stop, played.end_ms)
        for flat_from_ms, flat_until_ms in _gaps(held[stop.symbol], played.end_ms):
            a, b = max(from_ms, flat_from_ms), min(until_ms, flat_until_ms)
            if a >= b:
                continue
            excuses = [each for each in played.excuses if concerns(each, stop.symbol, a, b)]
            long_ms = left_ms(a, b, [each for each in excuses if each.spell_ms is None])
            if long_ms > TIDY_MS + max((lag_of(each) for each in played.troubles), default=0.0):
                yield f"{stop.client_algo_id} stood for {long_ms:.0f} ms over {stop.symbol}, of which nothing was held"


def _guarded(played: Played, spans: Sequence[Span], excuses: Sequence[Excuse]) -> Iterator[float]:
    """What of each spell fell into the trader's absence, where the guardian was there and nothing kept it."""
    away = [Excuse(from_ms=a, until_ms=b, reason=AWAY) for a, b in played.away]
    for spell in played.spells():
        from_ms, until_ms = played.time_of(spell)
        if any(concerns(each, spell.symbol, from_ms, until_ms) for each in excuses):
            continue
        if not any(a.from_ms <= from_ms and until_ms <= (a.until_ms or played.end_ms) for a in spans):
            continue
        alone_ms = until_ms - from_ms - left_ms(from_ms, until_ms, away)
        if alone_ms > 0:
            yield alone_ms


def _stops(played: Played, symbol: str) -> list[AlgoOrder]:
    found = played.venue.exchange.all_algo_orders(ACCOUNT, symbol)
    return [each for each in found if each.client_algo_id.startswith(GUARDIANS)]


def _closes(played: Played) -> list[Order]:
    return [
        each
        for each in played.venue.exchange.all_orders(ACCOUNT)
        if each.client_order_id.startswith(GUARDIANS) and each.algo_id is None and each.type is OrderType.MARKET
    ]


def _standing_ms(stop: AlgoOrder, end_ms: float) -> tuple[float, float]:
    """From when to when it waited for its price, virtual ms."""
    until_ms = end_ms if stop.status is AlgoStatus.NEW else float((stop.triggered_ms or stop.updated_ms) - START_MS)
    return float(stop.created_ms - START_MS), until_ms


def _gaps(held: Sequence[tuple[float, float]], end_ms: float) -> list[tuple[float, float]]:
    """When nothing was held."""
    edges = [0.0, *(at for spell in held for at in spell), end_ms]
    return [(a, b) for number, (a, b) in enumerate(pairwise(edges)) if number % 2 == 0 and a < b]
