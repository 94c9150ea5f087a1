"""A ward: what is known of one symbol's position and its stops, from replies, events and REST, in whatever order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ratchet.domain.identity import IDLE_STOPS, OURS, ClientOrderId, TradeId
from ratchet.domain.money import ZERO
from ratchet.domain.order import Side, StopOrder, StopReport, StopStatus
from ratchet.domain.symbol import Symbol
from ratchet.risk.protection import Standing, covered

SETTLED_MS = 1_500.0  # of real time: a REST answer that contradicts younger news than this proves nothing
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
    denied_since: float | None = None  # REST answers say something else, against belief and younger news
    coming: Decimal = ZERO  # signed: what an entry may still bring
    trade_id: TradeId | None = None
    price_wanted: Decimal | None = None  # of the trade; without one the policy decides
    planned: StopOrder | None = None  # with its intent in the ledger, not sent yet
    standing: dict[ClientOrderId, Standing] = field(default_factory=dict)
    confirmed: dict[ClientOrderId, float] = field(default_factory=dict)  # when each was last confirmed
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
        self._set(held, price_entry, at_ms, now)
        return True

    def on_reply(self, side: Side, filled: Decimal, price: Decimal, at_ms: int, version: int, now: float) -> bool:
        """A reply to an order of ours. False when events were faster and have told it.

        Args: version, of this ward when the order was sent.
        """
        is_news = at_ms > self.changed_ms or (at_ms == self.changed_ms and version == self.version)
        if filled == 0 or not is_news:
            return False
        before = self.held
        self._set(before + side.sign * filled, self.price_entry if before else price, at_ms, now)
        self.before_reply = before
        return True

    def on_rest(self, held: Decimal, price_entry: Decimal, at_ms: int, asked: float, now: float) -> bool:
        """A row of the account by REST. True when it is news: an event that should have told it is missing.

        Args: at_ms, exchange time of the change; asked, now, real ms.
        """
        if held == self.held:
            self.denied_since = None
            return False
        is_older = self.changed_at >= asked if at_ms == self.changed_ms else at_ms < self.changed_ms
        if is_older and not self._is_denied(asked, now):
            return False
        self._set(held, price_entry, at_ms, now)
        return True

    def on_absent(self, asked: float, now: float) -> bool:
        """REST knows of no position. It does not say since when: events that are still to come may be older or younger.

        Args: asked, now, real ms.
        """
        if self.held == 0:
            self.denied_since = None
            return False
        if not self._is_denied(asked, now):
            return False
        self._set(ZERO, ZERO, self.changed_ms, now)
        return True

    def doubt(self, now: float) -> None:
        """The exchange found nothing to reduce: one more word for it that nothing is held will do."""
        self.denied_since = now - SETTLED_MS

    def _is_denied(self, asked: float, now: float) -> bool:
        """Whether REST stays with it. Its answers may be a moment old: what it says against younger news is believed at
        the second look, whatever the stamps: a position that is never believed is never protected."""
        if self.changed_at >= asked:
            self.denied_since = None
        elif self.denied_since is None:
            self.denied_since = now
        return self.denied_since is not None and now - self.denied_since >= SETTLED_MS

    def _set(self, held: Decimal, price_entry: Decimal, at_ms: int, now: float) -> None:
        self.changed_at, self.version = now, self.version + 1
        self.held, self.price_entry, self.changed_ms = held, price_entry, max(at_ms, self.changed_ms)
        self.before_reply, self.denied_since = None, None
        if held == 0:
            self.triggering.clear()
            self.flatten = ""
            self.refused = None

    def _is_between(self, held: Decimal) -> bool:
        before = self.before_reply if self.before_reply is not None else self.held
        return min(before, self.held) <= held <= max(before, self.held) and held != self.held

    # Stops -----------------------------------------------------------------------------------------------------

    def on_stop(self, report: StopReport, now: float) -> bool:
        """What the exchange says of a stop. True when one that protected is gone without having triggered."""
        name = report.client_order_id
        if name.startswith(IDLE_STOPS):
            return False
        match report.status:
            case StopStatus.NEW:
                if name not in self.ended:
                    self._stand(report, now)
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

    def _stand(self, report: StopReport, now: float) -> None:
        name = report.client_order_id
        self.standing[name] = Standing(
            client_order_id=name,
            side=report.side,
            quantity=report.quantity,
            price_trigger=report.price_trigger,
            closes_position=report.closes_position,
            is_ours=name.startswith(OURS),
        )
        self.confirmed[name] = now

    def forget(self, name: ClientOrderId) -> bool:
        """It stands no more. False when it was not known to."""
        self.ended[name] = None
        while len(self.ended) > ENDED_KEPT_MAX:
            del self.ended[next(iter(self.ended))]
        self.confirmed.pop(name, None)
        return self.standing.pop(name, None) is not None

    def missing(self, reports: Sequence[StopReport], asked: float) -> list[ClientOrderId]:
        """Stops that are believed to stand, long enough to be seen, and that a list by REST does not have."""
        listed = {report.client_order_id for report in reports}
        return [name for name, at in self.confirmed.items() if name not in listed and at < asked - SETTLED_MS]

    # What follows ----------------------------------------------------------------------------------------------

    @property
    def to_cover(self) -> Decimal:
        """What the stop is to be over, signed: what is held, and what the entry under way may add to it."""
        if self.held == 0 or self.coming == 0 or (self.held > 0) != (self.coming > 0):
            return self.held
        return max(self.held, self.coming, key=abs)

    @property
    def is_covered(self) -> bool:
        """Whether stops that stand, or are triggering now, are over all that is held."""
        return self._is_stood_over or bool(self.triggering)

    @property
    def _is_stood_over(self) -> bool:
        return covered(self.held, tuple(self.standing.values())) == abs(self.held)
