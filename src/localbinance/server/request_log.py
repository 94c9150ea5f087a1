"""The request log: what was asked and answered and what happened to the accounts, each with real and exchange time.

Bounded: the newest 20,000 requests and the newest 50,000 account events are kept; what was let go is counted. Neither
keys nor signatures are in it: of a request only the parameters that say what was asked for.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import dropwhile
from time import monotonic
from typing import Literal, TypeAlias

from localbinance.core.audit import PROTECTING
from localbinance.core.events import AccountEvent, AlgoEvent, Event, OrderEvent
from localbinance.core.margin import reduces
from localbinance.core.order import AlgoStatus, PositionSide, Side

REQUESTS_KEPT_MAX = 20_000
EVENTS_KEPT_MAX = 50_000
TEXT_LENGTH_MAX = 500  # of a parameter; a batch is longer, and cut
TOLD = frozenset(
    (
        "symbol",
        "side",
        "type",
        "quantity",
        "price",
        "triggerprice",
        "stopprice",
        "callbackrate",
        "reduceonly",
        "closeposition",
        "positionside",
        "timeinforce",
        "newclientorderid",
        "origclientorderid",
        "clientalgoid",
        "orderid",
        "orderlistid",
        "listclientorderid",
        "quoteorderqty",
        "cancelorderid",
        "cancelorigclientorderid",
        "algoid",
        "batchorders",
        "leverage",
        "margintype",
        "interval",
        "limit",
    )
)
StopChange: TypeAlias = Literal["created", "triggered", "cancelled", "ended"]
_CHANGES: Mapping[AlgoStatus, StopChange] = {
    AlgoStatus.NEW: "created",
    AlgoStatus.TRIGGERING: "triggered",
    AlgoStatus.TRIGGERED: "triggered",
    AlgoStatus.CANCELED: "cancelled",
    AlgoStatus.FINISHED: "ended",
    AlgoStatus.REJECTED: "ended",
    AlgoStatus.EXPIRED: "ended",
}


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both clocks."""

    real_ms: float  # of a monotonic clock, whose zero means nothing
    exchange_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEntry:
    """One HTTP request and its answer."""

    number: int
    arrived: Instant
    answered: Instant
    method: str
    path: str
    parameters: Mapping[str, str]
    status: int  # 0: the connection was closed without an answer
    code: int  # Binance's, 0 for none
    executed: bool  # False where a fault came in place of it
    disturbed: bool  # a fault hit it


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionEntry:
    """A position has a new quantity."""

    number: int
    account: str = field(repr=False)
    at: Instant
    symbol: str
    position_side: PositionSide
    quantity_signed: Decimal  # base


@dataclass(frozen=True, slots=True, kw_only=True)
class StopEntry:
    """A stop, waiting in the algo service, has changed."""

    number: int
    account: str = field(repr=False)
    at: Instant
    change: StopChange
    status: AlgoStatus
    algo_id: int
    client_algo_id: str
    symbol: str
    side: Side
    position_side: PositionSide
    quantity: Decimal  # base; 0 for all of the position
    closes_all: bool
    only_closes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrderEntry:
    """The order of a triggered stop has changed."""

    number: int
    account: str = field(repr=False)
    at: Instant
    order_id: int
    algo_id: int | None
    symbol: str
    side: Side
    position_side: PositionSide
    remaining: Decimal  # base, 0 once it is over


AccountEntry: TypeAlias = PositionEntry | StopEntry | StopOrderEntry
Entry: TypeAlias = RequestEntry | AccountEntry


class RequestLog:
    """All entries have one numbering, from 1, in the order of their writing: a request is written when answered."""

    def __init__(self, real_s: Callable[[], float] = monotonic) -> None:
        self._real_s = real_s
        self._number = 0
        self._requests: deque[RequestEntry] = deque(maxlen=REQUESTS_KEPT_MAX)
        self._events: deque[AccountEntry] = deque(maxlen=EVENTS_KEPT_MAX)
        self._held: dict[tuple[str, str, PositionSide], Decimal] = {}
        self.requests_let_go = 0
        self.events_let_go = 0

    def instant(self, exchange_ms: int) -> Instant:
        """Now, on both clocks."""
        return Instant(self._real_s() * 1_000, exchange_ms)

    def note_request(
        self,
        *,
        arrived: Instant,
        answered: Instant,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        status: int,
        code: int,
        executed: bool = True,
        disturbed: bool = False,
    ) -> None:
        """Write down an answered request, or one whose connection was closed. `parameters` by names in lower case."""
        self.requests_let_go += len(self._requests) == REQUESTS_KEPT_MAX
        self._requests.append(
            RequestEntry(
                number=self._next(),
                arrived=arrived,
                answered=answered,
                method=method,
                path=path[:TEXT_LENGTH_MAX],
                parameters={name: text[:TEXT_LENGTH_MAX] for name, text in parameters.items() if name in TOLD},
                status=status,
                code=code,
                executed=executed,
                disturbed=disturbed,
            )
        )

    def note_events(self, events: Sequence[Event], exchange_ms: int) -> None:
        """Write down what happened to positions and stops."""
        at = self.instant(exchange_ms)
        for event in events:
            match event:
                case AccountEvent():
                    self._note_positions(event, at)
                case AlgoEvent() if event.algo.type in PROTECTING:
                    self._note_stop(event, at)
                case OrderEvent() if event.order.original_type in PROTECTING:
                    self._note_stop_order(event, at)
                case _:
                    pass

    def since(self, number: int, account: str, most: int) -> list[Entry]:
        """The entries after a number, oldest first, at most so many; events only of this account."""
        events = [each for each in self._events if each.number > number and each.account == account]
        requests = dropwhile(lambda each: each.number <= number, self._requests)
        return sorted((*events, *requests), key=lambda each: each.number)[:most]

    def events(self, account: str) -> list[AccountEntry]:
        """What happened to an account, oldest first."""
        return [each for each in self._events if each.account == account]

    def _note_positions(self, event: AccountEvent, at: Instant) -> None:
        for position in event.positions:
            place = (event.account, position.symbol, position.position_side)
            if self._held.get(place, Decimal(0)) == position.quantity_signed:
                continue
            self._held[place] = position.quantity_signed
            self._keep(
                PositionEntry(
                    number=self._next(),
                    account=event.account,
                    at=at,
                    symbol=position.symbol,
                    position_side=position.position_side,
                    quantity_signed=position.quantity_signed,
                )
            )

    def _note_stop(self, event: AlgoEvent, at: Instant) -> None:
        algo = event.algo
        self._keep(
            StopEntry(
                number=self._next(),
                account=event.account,
                at=at,
                change=_CHANGES[algo.status],
                status=algo.status,
                algo_id=algo.algo_id,
                client_algo_id=algo.client_algo_id,
                symbol=algo.symbol,
                side=algo.side,
                position_side=algo.position_side,
                quantity=algo.quantity,
                closes_all=algo.close_position,
                only_closes=algo.close_position or reduces(algo.reduce_only, algo.side, algo.position_side),
            )
        )

    def _note_stop_order(self, event: OrderEvent, at: Instant) -> None:
        order = event.order
        self._keep(
            StopOrderEntry(
                number=self._next(),
                account=event.account,
                at=at,
                order_id=order.order_id,
                algo_id=order.algo_id,
                symbol=order.symbol,
                side=order.side,
                position_side=order.position_side,
                remaining=order.remaining if order.is_open else Decimal(0),
            )
        )

    def _keep(self, entry: AccountEntry) -> None:
        self.events_let_go += len(self._events) == EVENTS_KEPT_MAX
        self._events.append(entry)

    def _next(self) -> int:
        self._number += 1
        return self._number
