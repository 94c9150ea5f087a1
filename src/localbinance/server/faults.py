"""The fault board: which faults stand, and what they make of each request and each frame.

Nothing here does I/O or knows the time: what happens is a function of the seed, the faults that were put, and the
order of the calls. While no fault stands, `hits_requests`, `hits_frames` and `hits_connections` are False: who asks
them first pays one `if`.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Annotated, Any, TypeAlias, get_args

from pydantic import Field, TypeAdapter, ValidationError

from localbinance.rules import errors
from localbinance.server.fault import (
    AnswerAfter,
    AnswerInstead,
    ClockSkew,
    Cut,
    DelayFrame,
    DropFrame,
    DuplicateFrame,
    Fault,
    FeedSide,
    FrameFault,
    Latency,
    LoseReply,
    LoseRequest,
    NotFound,
    RefuseConnection,
    Reject,
    ReorderFrame,
    RequestFault,
    Silent,
    Stale,
    SuddenFault,
)
from localbinance.server.fault_answers import Answer, of_rejection

STANDING_MAX = 1_000
SPENT_KEPT_MAX = 1_000  # the newest; older ones are forgotten

_KINDS: dict[str, Any] = {kind.__dataclass_fields__["fault"].default: kind for kind in get_args(Fault)}
_READER: TypeAdapter[Fault] = TypeAdapter(Annotated[Fault, Field(discriminator="fault")])
_PLACED = frozenset(("order", "algoOrder", "oco", "cancelReplace"))
_ASKED = frozenset(("order", "openOrder", "algoOrder", "orderList"))
_READ = frozenset(
    (
        *("account", "balance", "positionRisk", "userTrades", "myTrades"),
        *("order", "openOrder", "openOrders", "allOrders"),
        *("algoOrder", "openAlgoOrders", "allAlgoOrders"),
    )
)


def read_fault(found: object) -> Fault:
    """A fault from what JSON is made of: its kind in `fault`, its fields beside it.

    Raises: ValueError with one line: what, where, how to mend.
    """
    kind = found.get("fault") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"fault is {kind!r}; give an object whose fault is one of {', '.join(sorted(_KINDS))}")
    known = [each.name for each in fields(_KINDS[kind])]
    for name in found:
        if name not in known:  # a misspelt field would silently be its default
            raise ValueError(f"fault {kind}: {name} is no field of it; it has {', '.join(known)}")
    try:
        return _READER.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        what = f"fault {kind}, {where}" if where else f"fault {kind}"
        raise ValueError(f"{what}: {first['msg'].removeprefix('Value error, ')}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What becomes of one request.

    `executes` False without an answer: the connection is closed before it. With both, the answer comes after the
    execution, in place of its own.
    """

    delay_ms_before: int = 0  # real ms
    answer: Answer | None = None
    executes: bool = True
    loses_reply: bool = False
    delay_ms_after: int = 0  # real ms
    stale_ms: int = 0  # exchange ms
    skew_ms: int = 0  # what the exchange's clock is off by


@dataclass(frozen=True, slots=True)
class Delivery:
    """One time that a frame is delivered: `delay_ms` real ms later, then held back until `behind` further frames have
    passed on its connection."""

    delay_ms: int = 0
    behind: int = 0


Deliveries: TypeAlias = tuple[Delivery, ...]

UNHARMED = Treatment()
AT_ONCE: Deliveries = (Delivery(),)
DROPPED: Deliveries = ()


@dataclass(slots=True)
class OnBoard:
    """A fault that stands, and what it has done so far."""

    fault: Fault
    seen: int = 0  # matches
    hits: int = 0
    banned_until_ms: int = 0  # by its latest hit


class FaultBoard:
    """The switchboard. Faults are asked in the order in which they were put; the first that decides what becomes of a
    request is the only one that does. One that has hit as often as it may, or whose time is over, is taken down."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - made to be repeated, not to be secret
        self._standing: list[OnBoard] = []
        self._spent: deque[OnBoard] = deque(maxlen=SPENT_KEPT_MAX)
        self.hits_requests = False
        self.hits_frames = False
        self.hits_connections = False
        self.is_sudden = False  # something waits for `due`

    def put(self, fault: Fault) -> None:
        """Put a fault up. Raises: ValueError when there are too many."""
        if len(self._standing) >= STANDING_MAX:
            raise ValueError(f"{STANDING_MAX} faults stand already; lift some first")
        self._standing.append(OnBoard(fault))
        self._look()

    def lift(self, name: str | None = None) -> int:
        """Take down the faults of a name, or all; returns how many."""
        lifted = [each for each in self._standing if name is None or each.fault.name == name]
        self._retire(lifted)
        return len(lifted)

    def standing(self) -> tuple[OnBoard, ...]:
        """What stands, in the order of putting."""
        return tuple(self._standing)

    def spent(self) -> tuple[OnBoard, ...]:
        """What was taken down, oldest first; only the newest are remembered."""
        return tuple(self._spent)

    def due(self, now_ms: int) -> list[SuddenFault]:
        """The sudden faults whose time has come: they are done once, by who asks, and are off the board."""
        found = [(each, each.fault) for each in self._standing if isinstance(each.fault, SuddenFault)]
        come = [(each, fault) for each, fault in found if fault.from_ms is None or fault.from_ms <= now_ms]
        for each, _ in come:
            each.seen = each.hits = 1
        self._retire([each for each, _ in come])
        return [fault for _, fault in come]

    def on_request(self, method: str, path: str, parameters: Mapping[str, str], now_ms: int) -> Treatment:
        """What becomes of a request that has arrived now."""
        if not self.hits_requests:
            return UNHARMED
        request = _Request(method, path, {name.lower(): value for name, value in parameters.items()})
        treatment, is_decided = UNHARMED, False
        for each in self._standing:
            fault = each.fault
            if not isinstance(fault, RequestFault | RefuseConnection):
                continue
            adds = isinstance(fault, Latency | Stale | ClockSkew)
            if (adds or not is_decided) and _means(fault, request) and self._strikes(each, now_ms):
                treatment = self._worse(treatment, each, fault, now_ms)
                is_decided = is_decided or not adds
        self._retire_used_up(now_ms)
        return treatment

    def refuses_stream(self, route: FeedSide, now_ms: int) -> bool:
        """Whether a stream connection that is opened now is closed at once."""
        if not self.hits_connections:
            return False
        refused = False
        for each in self._standing:
            fault = each.fault
            if not isinstance(fault, RefuseConnection) or fault.of == "requests" or fault.route not in (None, route):
                continue
            refused = refused or self._strikes(each, now_ms)
        self._retire_used_up(now_ms)
        return refused

    def on_frame(self, route: FeedSide, stream: str, event: str, symbol: str, now_ms: int) -> Deliveries:
        """When a frame is delivered: once, late, several times, or not at all."""
        if not self.hits_frames:
            return AT_ONCE
        deliveries = AT_ONCE
        for each in self._standing:
            fault = each.fault
            if not isinstance(fault, FrameFault) or not deliveries or not _is_of(fault, route, stream):
                continue
            if fault.event in ("", event) and fault.symbol in ("", symbol) and self._strikes(each, now_ms):
                deliveries = self._moved(deliveries, fault)
        self._retire_used_up(now_ms)
        return deliveries

    def is_silent(self, route: FeedSide, stream: str, now_ms: int) -> bool:
        """Whether a stream is silent as a whole, so that not even questions on it are answered. Counts nothing."""
        return self.hits_frames and any(
            isinstance(each.fault, Silent)
            and not each.fault.event
            and not each.fault.symbol
            and each.seen >= each.fault.after
            and _is_of(each.fault, route, stream)
            and _is_in_time(each.fault, now_ms)
            for each in self._standing
        )

    def _worse(
        self, treatment: Treatment, each: OnBoard, fault: RequestFault | RefuseConnection, now_ms: int
    ) -> Treatment:
        match fault:
            case Latency(of="request"):
                return replace(treatment, delay_ms_before=treatment.delay_ms_before + self._drawn_ms(fault))
            case Latency():
                return replace(treatment, delay_ms_after=treatment.delay_ms_after + self._drawn_ms(fault))
            case Stale():
                return replace(treatment, stale_ms=max(treatment.stale_ms, fault.ms))
            case ClockSkew():
                return replace(treatment, skew_ms=treatment.skew_ms + fault.ms)
            case LoseRequest() | RefuseConnection():
                return replace(treatment, executes=False)
            case LoseReply():
                return replace(treatment, loses_reply=True)
            case AnswerInstead() | AnswerAfter():
                if fault.ban_ms is not None and now_ms >= each.banned_until_ms:
                    each.banned_until_ms = now_ms + fault.ban_ms
                executes = isinstance(fault, AnswerAfter)
                return replace(treatment, answer=fault.answer(each.banned_until_ms), executes=executes)
            case Reject():
                return replace(treatment, answer=fault.answer(), executes=False)
            case NotFound():
                return replace(treatment, answer=of_rejection(errors.order_does_not_exist()), executes=False)

    def _moved(self, deliveries: Deliveries, fault: FrameFault) -> Deliveries:
        match fault:
            case DropFrame() | Silent():
                return DROPPED
            case DelayFrame():
                delay_ms = self._drawn_ms(fault)
                return tuple(replace(each, delay_ms=each.delay_ms + delay_ms) for each in deliveries)
            case DuplicateFrame():
                copy = replace(deliveries[0], delay_ms=deliveries[0].delay_ms + fault.ms)
                return (*deliveries, *(copy,) * fault.copies)
            case ReorderFrame():
                return tuple(replace(each, behind=max(each.behind, fault.behind)) for each in deliveries)

    def _drawn_ms(self, fault: Latency | DelayFrame) -> int:
        return fault.ms + (self._random.randint(0, fault.jitter_ms) if fault.jitter_ms else 0)

    def _strikes(self, each: OnBoard, now_ms: int) -> bool:
        """Whether a fault hits what it means; counts it."""
        fault = each.fault
        if isinstance(fault, SuddenFault) or not _is_in_time(fault, now_ms):
            return False
        if now_ms < each.banned_until_ms:
            return True  # the ban goes on
        if fault.times is not None and each.hits >= fault.times:
            return False
        each.seen += 1
        if each.seen <= fault.after:
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        each.hits += 1
        return True

    def _retire_used_up(self, now_ms: int) -> None:
        if any(_is_used_up(each, now_ms) for each in self._standing):
            self._retire([each for each in self._standing if _is_used_up(each, now_ms)])

    def _retire(self, gone: Sequence[OnBoard]) -> None:
        if gone:
            self._standing = [each for each in self._standing if not any(each is other for other in gone)]
            self._spent.extend(gone)
            self._look()

    def _look(self) -> None:
        kinds = [each.fault for each in self._standing]
        self.hits_requests = any(
            isinstance(fault, RequestFault) or (isinstance(fault, RefuseConnection) and fault.of != "streams")
            for fault in kinds
        )
        self.hits_frames = any(isinstance(fault, FrameFault) for fault in kinds)
        self.hits_connections = any(isinstance(fault, RefuseConnection) and fault.of != "requests" for fault in kinds)
        self.is_sudden = any(isinstance(fault, SuddenFault) for fault in kinds)


def cuts(cut: Cut, streams: Mapping[str, FeedSide]) -> bool:
    """Whether a cut takes a connection that is subscribed to these streams; one to none only where all are cut."""
    if cut.route is None and not cut.stream:
        return True
    return any(cut.route in (None, route) and _begins(cut.stream, name) for name, route in streams.items())


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    parameters: Mapping[str, str]  # names in lower case

    @property
    def what(self) -> str:
        """The last part of the path: what is asked for, in whatever version."""
        return self.path.rsplit("/", 1)[-1]

    def has(self, wanted: Mapping[str, str]) -> bool:
        """Whether all these parameters were sent with these values."""
        return all(self.parameters.get(name.lower()) == value for name, value in wanted.items())


def _means(fault: RequestFault | RefuseConnection, request: _Request) -> bool:
    match fault:
        case RefuseConnection():
            return fault.of != "streams"
        case Reject():
            wanted = {"symbol": fault.symbol, "side": fault.side, "type": fault.type}
            return (
                request.method == "POST"
                and request.what in _PLACED
                and request.has({name: value for name, value in wanted.items() if value})
                and request.has(fault.parameters)
            )
        case NotFound():
            kind = request.method == "GET" and request.what in _ASKED
            return kind and _begins(fault.path, request.path) and request.has(fault.parameters)
        case Stale():
            kind = request.method == "GET" and request.what in _READ
            return kind and _begins(fault.path, request.path) and request.has(fault.parameters)
        case _:
            return (
                fault.method in ("", request.method)
                and _begins(fault.path, request.path)
                and request.has(fault.parameters)
            )


def _begins(wanted: str, found: str) -> bool:
    """Equal; with `*` at its end, the beginning of it; empty, anything."""
    return not wanted or wanted == found or (wanted.endswith("*") and found.startswith(wanted[:-1]))


def _is_of(fault: FrameFault, route: FeedSide, stream: str) -> bool:
    return fault.route in (None, route) and _begins(fault.stream, stream)


def _is_in_time(fault: RequestFault | RefuseConnection | FrameFault, now_ms: int) -> bool:
    begun = fault.from_ms is None or now_ms >= fault.from_ms
    return begun and (fault.until_ms is None or now_ms < fault.until_ms)


def _is_used_up(each: OnBoard, now_ms: int) -> bool:
    fault = each.fault
    if isinstance(fault, SuddenFault):
        return False
    is_over = fault.until_ms is not None and now_ms >= fault.until_ms
    return is_over or (fault.times is not None and each.hits >= fault.times and now_ms >= each.banned_until_ms)
