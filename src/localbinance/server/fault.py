"""Faults: what can go wrong between a client and an exchange that works. Values.

Times are exchange time; `ms` and `jitter_ms` of delays are real milliseconds. A filter left at its default matches
everything; a `path` or `stream` that ends with `*` matches what begins with it. Every fault raises ValueError, with one
line, on what it cannot mean.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from localbinance.rules.rejection import Rejection
from localbinance.server import refusals
from localbinance.server.fault_answers import BARE, KNOWN, PAGES, Answer, of_page, of_rejection

TIMES_MAX = 1_000_000
DELAY_MS_MAX = 600_000
STALE_MS_MAX = 60_000
SKEW_MS_MAX = 86_400_000
BAN_MS_MAX = 3 * 86_400_000
TEXT_LENGTH_MAX = 100_000
COPIES_MAX = 100
BEHIND_MAX = 1_000
STATUS_MIN, STATUS_MAX = 200, 599

FeedSide: TypeAlias = Literal["user", "market"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What all faults have that stand until they are lifted."""

    name: str = ""  # to be lifted by
    times: int | None = None  # how many matches it hits; None: all
    after: int = 0  # so many matches pass unharmed first
    probability: float = 1.0
    from_ms: int | None = None
    until_ms: int | None = None  # exclusive; it is over then

    def __post_init__(self) -> None:
        if self.times is not None:
            _check("times", self.times, 1, TIMES_MAX)
        _check("after", self.after, 0, TIMES_MAX)
        if not 0 < self.probability <= 1:
            raise ValueError(f"probability is {self.probability}; a fraction above 0 and up to 1 is wanted")
        if self.from_ms is not None and self.until_ms is not None and self.until_ms <= self.from_ms:
            raise ValueError(f"until_ms is {self.until_ms}; it must be later than from_ms, {self.from_ms}")


# Requests ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OfRequests(Standing):
    """Hits HTTP requests."""

    method: str = ""
    path: str = ""
    parameters: dict[str, str] = field(default_factory=dict)  # names in any case, values exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(OfRequests):
    """The request, or its reply, takes longer."""

    ms: int
    jitter_ms: int = 0  # up to so much more, drawn
    fault: Literal["latency"] = "latency"
    of: Literal["request", "reply"] = "request"

    def __post_init__(self) -> None:
        OfRequests.__post_init__(self)
        _check("ms", self.ms, 0, DELAY_MS_MAX)
        _check("jitter_ms", self.jitter_ms, 0, DELAY_MS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseRequest(OfRequests):
    """The connection is closed before anything is executed."""

    fault: Literal["lose_request"] = "lose_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseReply(OfRequests):
    """The request is executed, then the connection is closed."""

    fault: Literal["lose_reply"] = "lose_reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering(OfRequests):
    """Gives an answer of its own: `body` as it is, or the exchange's JSON of `code` and `message`.

    Without a `status` it is the one that the code travels with; a `message` left out is the code's own.
    """

    status: int | None = None
    code: int | None = None
    message: str = ""
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    retry_after_s: int | None = None
    ban_ms: int | None = None  # 418 with "banned until": what matches is answered so until then, and counts once

    def __post_init__(self) -> None:
        OfRequests.__post_init__(self)
        if self.status is not None:
            _check("status", self.status, STATUS_MIN, STATUS_MAX)
        if self.retry_after_s is not None:
            _check("retry_after_s", self.retry_after_s, 0, BAN_MS_MAX // 1_000)
        if self.ban_ms is not None:
            _check("ban_ms", self.ban_ms, 1, BAN_MS_MAX)
        _check_code(self.code)
        for text in (self.body or "", self.message):
            _check_text(text)
        for name, value in self.headers.items():
            if not name.replace("-", "").isalnum() or not f"{name}{value}".isascii() or not value.isprintable():
                raise ValueError(
                    f"headers: {name!r}: {value!r} is no header; a name of letters and one line are wanted"
                )
        self.answer(0)

    def answer(self, banned_until_ms: int) -> Answer:
        """The answer; `banned_until_ms` counts where `ban_ms` is given. Raises: ValueError where nothing says it."""
        headers = tuple(self.headers.items())
        if self.retry_after_s is not None:
            headers += (("Retry-After", str(self.retry_after_s)),)
        status = self.status
        if self.body is not None:
            return of_page(503 if status is None else status, self.body, headers)
        if self.ban_ms is not None:
            no = refusals.banned(banned_until_ms)
        elif self.code is not None:
            no = _refusal(self.code, self.message)
        elif status is not None and status in PAGES:
            return of_page(status, PAGES[status], headers)
        elif status is not None and status in BARE:
            no = BARE[status]
        else:
            raise ValueError(f"give a code, a body or ban_ms, or a status of {', '.join(map(str, (*BARE, *PAGES)))}")
        return of_rejection(Rejection(no.code, self.message or no.message, status=status or no.status), headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerInstead(Answering):
    """The answer comes in place of the execution."""

    fault: Literal["answer"] = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAfter(Answering):
    """The request is executed, then answered so: the client cannot know."""

    fault: Literal["answer_after"] = "answer_after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Standing):
    """Orders, plain and conditional, are rejected when placed. A batch is not looked into."""

    code: int
    fault: Literal["reject"] = "reject"
    message: str = ""  # "": the code's own, where it has one
    symbol: str = ""
    side: str = ""
    type: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Standing.__post_init__(self)
        _check_code(self.code)
        _check_text(self.message)
        _refusal(self.code, self.message)

    def answer(self) -> Answer:
        """400 with the code."""
        return of_rejection(Rejection(self.code, _refusal(self.code, self.message).message))


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound(Standing):
    """Questions for one order, plain or conditional, are answered with -2013, although it exists."""

    fault: Literal["not_found"] = "not_found"
    path: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale(Standing):
    """Reads of account, balance, positions, orders and own trades tell how things stood so long ago: replicas lag.

    An order that was not there then does not exist to them; orders are accepted and told by streams as ever. Not
    further back than when the fault was put: only from then on is the past kept. OCOs, income and settings are as now.
    """

    ms: int
    fault: Literal["stale"] = "stale"
    path: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Standing.__post_init__(self)
        _check("ms", self.ms, 1, STALE_MS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew(OfRequests):
    """The exchange's clock, as it tells it and checks timestamps by it, is off by so much; below 0 it is behind."""

    ms: int
    fault: Literal["clock_skew"] = "clock_skew"

    def __post_init__(self) -> None:
        OfRequests.__post_init__(self)
        _check("ms", self.ms, -SKEW_MS_MAX, SKEW_MS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseConnection(Standing):
    """Connections are accepted and closed at once: those of streams, those of requests, or both."""

    fault: Literal["refuse_connection"] = "refuse_connection"
    of: Literal["streams", "requests", "both"] = "streams"
    route: FeedSide | None = None  # of streams


# Frames --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OfFrames(Standing):
    """Hits frames of streams, for all that listen alike."""

    route: FeedSide | None = None
    stream: str = ""  # by name; a user stream is called by its listen key
    event: str = ""  # as in the frame's `e`
    symbol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFrame(OfFrames):
    """The frame never comes."""

    fault: Literal["drop_frame"] = "drop_frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayFrame(OfFrames):
    """The frame comes later, overtaken by those that come meanwhile."""

    ms: int
    jitter_ms: int = 0  # up to so much more, drawn
    fault: Literal["delay_frame"] = "delay_frame"

    def __post_init__(self) -> None:
        OfFrames.__post_init__(self)
        _check("ms", self.ms, 0, DELAY_MS_MAX)
        _check("jitter_ms", self.jitter_ms, 0, DELAY_MS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateFrame(OfFrames):
    """The frame comes again, at once or after a time."""

    fault: Literal["duplicate_frame"] = "duplicate_frame"
    copies: int = 1
    ms: int = 0  # how much later the copies come

    def __post_init__(self) -> None:
        OfFrames.__post_init__(self)
        _check("copies", self.copies, 1, COPIES_MAX)
        _check("ms", self.ms, 0, DELAY_MS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReorderFrame(OfFrames):
    """The frame is held back until so many further frames have passed on its connection."""

    behind: int = 1
    fault: Literal["reorder_frame"] = "reorder_frame"

    def __post_init__(self) -> None:
        OfFrames.__post_init__(self)
        _check("behind", self.behind, 1, BEHIND_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent(OfFrames):
    """Connections stay open and the exchange still pings, but nothing is delivered."""

    fault: Literal["silent"] = "silent"


# At once -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Stream connections are closed without a word: now, or when the exchange's clock comes to `from_ms`."""

    fault: Literal["cut"] = "cut"
    name: str = ""
    route: FeedSide | None = None
    stream: str = ""  # those that are subscribed to it
    from_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireListenKey:
    """All listen keys die: now, or when the exchange's clock comes to `from_ms`."""

    fault: Literal["expire_listen_key"] = "expire_listen_key"
    name: str = ""
    from_ms: int | None = None


RequestFault: TypeAlias = (
    Latency | LoseRequest | LoseReply | AnswerInstead | AnswerAfter | Reject | NotFound | Stale | ClockSkew
)
FrameFault: TypeAlias = DropFrame | DelayFrame | DuplicateFrame | ReorderFrame | Silent
SuddenFault: TypeAlias = Cut | ExpireListenKey
Fault: TypeAlias = RequestFault | RefuseConnection | FrameFault | SuddenFault


def _refusal(code: int, message: str) -> Rejection:
    known = KNOWN.get(code)
    if not message and known is None:
        raise ValueError(f"code {code} needs a message; {', '.join(map(str, KNOWN))} have one of their own")
    return Rejection(code, message, status=known.status if known else 400) if message or known is None else known


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}; it must lie between {least} and {most}")


def _check_code(code: int | None) -> None:
    if code is not None and not -100_000 < code < 0:
        raise ValueError(f"code is {code}; the exchange's codes are below 0")


def _check_text(text: str) -> None:
    if len(text) > TEXT_LENGTH_MAX:
        raise ValueError(f"a text has {len(text)} characters; {TEXT_LENGTH_MAX} are the most")
