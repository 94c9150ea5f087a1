"""A ward: what is known of one symbol's position and its stops, from replies, events and REST, in whatever order.

Replies to our orders and the user stream tell what has happened; REST tells how things stood at most `LAG_MS` ago, for
Binance answers reads from replicas. So REST may always tell what is newer by its stamp; but what it does not show, it
denies only when it was asked for later than that after the last news, and nothing that was found standing is taken away
before it is certain what was held since.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ratchet.domain.identity import IDLE_STOPS, OURS, ClientOrderId, TradeId
from ratchet.domain.money import ZERO
from ratchet.domain.order import Side, StopOrder, StopReport, StopStatus
from ratchet.domain.symbol import Symbol
from ratchet.exchange.certainty import LAG_MS
from ratchet.risk.protection import Standing, covered

ENDED_KEPT_MAX = 64


@dataclass(slots=True, kw_only=True)
class Ward:
    """One symbol under protection. Times are real ms but for `changed_ms`, which is the exchange's."""

    symbol: Symbol
    held: Decimal = ZERO  # base asset, signed
    price_entry: Decimal = ZERO  # average, as the exchange says
    changed_ms: int = 0  # exchange time of the change that was last heard of
    changed_at: float = 0.0  # real ms of hearing of it
    version: int = 0  # counts what was heard of the position
    before_reply: Decimal | None = None  # held before a reply that ran ahead of its events
    is_doubted: bool = False  # there was nothing to reduce: what REST says next counts, however fresh the news
    sure_at: float = float("-inf")  # real ms of which it is certain what was held
    coming: Decimal = ZERO  # signed: what an entry may still bring
    trade_id: TradeId | None = None
    price_wanted: Decimal | None = None  # of the trade; without one the policy decides
    planned: StopOrder | None = None  # with its intent in the ledger, not sent yet
    standing: dict[ClientOrderId, Standing] = field(default_factory=dict)
    stood_since: dict[ClientOrderId, float] = field(default_factory=dict)  # as it was told first
    sent: dict[ClientOrderId, None] = field(default_factory=dict)  # by this process
    triggering: dict[ClientOrderId, float] = field(default_factory=dict)  # since when
    ended: dict[ClientOrderId, None] = field(default_factory=dict)  # news that they are new come too late
    refused: tuple[Decimal, Decimal, float] | None = None  # quantity and price of a move that was refused, and when
    lost: list[float] = field(default_factory=list)  # when stops vanished that nobody of us took away
    flatten: str = ""  # why it has to be closed at market
    hindrance: str = ""  # why it could not be closed, or not yet
    naked_since: float | None = None
    is_market_closed: bool = False  # the exchange does not trade it any more
    ignored: bool = False  # another hand's, by policy left alone

    # Position --------------------------------------------------------------------------------------------------

    def on_position(self, held: Decimal, price_entry: Decimal, at_ms: int, now: float) -> bool:
        """An event: what is held now. False when it is old news."""
        if at_ms < self.changed_ms:
            return False
        if at_ms == self.changed_ms and self.before_reply is not None and self._is_between(held):
            return False  # a step on the way to what the reply has told already
        self._set(held, price_entry, at_ms, now, sure_at=now)
        return True

    def on_reply(self, side: Side, filled: Decimal, price: Decimal, at_ms: int, version: int, now: float) -> bool:
        """A reply to an order of ours. False when events were faster and have told it.

        Args: version, of this ward when the order was sent.
        """
        is_news = at_ms > self.changed_ms or (at_ms == self.changed_ms and version == self.version)
        if filled == 0 or not is_news:
            return False
        before = self.held
        self._set(before + side.sign * filled, self.price_entry if before else price, at_ms, now, sure_at=now)
        self.before_reply = before
        return True

    def on_rest(self, held: Decimal, price_entry: Decimal, at_ms: int, asked: float, now: float) -> bool:
        """A row of the account by REST. True when it is news: an event that should have told it is missing.

        Args: at_ms, exchange time of the change; asked, now, real ms.
        """
        if held == self.held:
            self._agree(asked)
            return False
        is_older = self.changed_at >= asked if at_ms == self.changed_ms else at_ms < self.changed_ms
        if is_older and not self._is_denied(asked):
            return False
        self._set(held, price_entry, at_ms, now, sure_at=asked - LAG_MS)
        return True

    def on_absent(self, asked: float, now: float) -> bool:
        """REST knows of no position. It does not say since when: events that are still to come may be older or younger.

        Args: asked, now, real ms.
        """
        if self.held == 0:
            self._agree(asked)
            return False
        if not self._is_denied(asked):
            return False
        self._set(ZERO, ZERO, self.changed_ms, now, sure_at=asked - LAG_MS)
        return True

    def doubt(self) -> None:
        """The exchange found nothing to reduce: one more word for it that nothing is held will do."""
        self.is_doubted = True

    def _agree(self, asked: float) -> None:
        self.is_doubted = False
        self.sure_at = max(self.sure_at, asked - LAG_MS)

    def _is_denied(self, asked: float) -> bool:
        """Whether REST says it of a time after the last news, whatever the stamps: a position that is never believed is
        never protected."""
        return asked > self.changed_at + (0.0 if self.is_doubted else LAG_MS)

    def _set(self, held: Decimal, price_entry: Decimal, at_ms: int, now: float, *, sure_at: float) -> None:
        self.changed_at, self.version = now, self.version + 1
        self.sure_at = max(self.sure_at, sure_at)
        self.held, self.price_entry, self.changed_ms = held, price_entry, max(at_ms, self.changed_ms)
        self.before_reply, self.is_doubted = None, False
        if held == 0:
            self.triggering.clear()
            self.flatten = ""
            self.refused = None

    def _is_between(self, held: Decimal) -> bool:
        before = self.before_reply if self.before_reply is not None else self.held
        return min(before, self.held) <= held <= max(before, self.held) and held != self.held

    # Stops -----------------------------------------------------------------------------------------------------

    def on_stop(self, report: StopReport, now: float, age_ms: float = 0.0) -> bool:
        """What the exchange says of a stop. True when one that protected is gone without having triggered.

        Args: age_ms, how long ago it came to be so, where a list says it of one that may be new to us.
        """
        name = report.client_order_id
        if name.startswith(IDLE_STOPS):
            return False
        match report.status:
            case StopStatus.NEW:
                if name not in self.ended:
                    self._stand(report, now - age_ms)
                return False
            case StopStatus.TRIGGERING | StopStatus.TRIGGERED | StopStatus.FINISHED:
                # Another hand's over a part of it leaves the rest to what still stands.
                if self.forget(name) and self.held != 0 and (name.startswith(OURS) or not self._is_stood_over):
                    self.triggering[name] = now
                return False
            case StopStatus.CANCELED | StopStatus.EXPIRED | StopStatus.REJECTED:
                was_triggering = self.triggering.pop(name, None) is not None
                if report.status is StopStatus.REJECTED and (was_triggering or name in self.standing):
                    self.flatten = self.flatten or "stop_rejected"  # at its trigger: the price is beyond it
                return self.forget(name)

    def _stand(self, report: StopReport, since: float) -> None:
        name = report.client_order_id
        self.standing[name] = Standing(
            client_order_id=name,
            side=report.side,
            quantity=report.quantity,
            price_trigger=report.price_trigger,
            closes_position=report.closes_position,
            is_ours=name.startswith(OURS),
        )
        self.stood_since.setdefault(name, since)

    def forget(self, name: ClientOrderId) -> bool:
        """It stands no more. False when it was not known to."""
        self.ended[name] = None
        while len(self.ended) > ENDED_KEPT_MAX:
            del self.ended[next(iter(self.ended))]
        return self._drop(name)

    def on_unknown(self, name: ClientOrderId, asked: float) -> bool:
        """The exchange, asked for a stop by its name, does not know it. True when one that stood is given up: it would
        have been seen by now. Should it turn up after all, it stands.

        Args: asked, real ms.
        """
        return asked > self.stood_since.get(name, asked) + LAG_MS and self._drop(name)

    def _drop(self, name: ClientOrderId) -> bool:
        self.stood_since.pop(name, None)
        self.sent.pop(name, None)
        return self.standing.pop(name, None) is not None

    def missing(self, reports: Sequence[StopReport], asked: float) -> list[ClientOrderId]:
        """Stops that were believed to stand when a list was asked for by REST, and that it does not have."""
        listed = {report.client_order_id for report in reports}
        return [name for name, at in self.stood_since.items() if name not in listed and at < asked]

    # What follows ----------------------------------------------------------------------------------------------

    @property
    def to_cover(self) -> Decimal:
        """What the stop is to be over, signed: what is held, and what the entry under way may add to it."""
        if self.held == 0 or self.coming == 0 or (self.held > 0) != (self.coming > 0):
            return self.held
        return max(self.held, self.coming, key=abs)

    @property
    def stops(self) -> tuple[Standing, ...]:
        """All that stand."""
        return tuple(self.standing.values())

    @property
    def kept(self) -> frozenset[ClientOrderId]:
        """Stops that are not taken away yet: they were found standing, and may cover what is not seen yet."""
        found = (name for name, at in self.stood_since.items() if at > self.sure_at)
        return frozenset(name for name in found if name not in self.sent)

    @property
    def is_covered(self) -> bool:
        """Whether stops that stand, or are triggering now, are over all that is held."""
        return self._is_stood_over or bool(self.triggering)

    @property
    def _is_stood_over(self) -> bool:
        return covered(self.held, self.stops) == abs(self.held)
