"""The hub: who is subscribed to which stream. Frames are built and encoded once, and only if somebody listens."""

from collections.abc import Callable, Iterable, Mapping

import orjson

from localbinance.server.connection import Connection
from localbinance.server.fault import FeedSide
from localbinance.server.faults import AT_ONCE, FaultBoard
from localbinance.server.lockstep import Lockstep
from localbinance.server.stream_names import Kind, Stream

Json = dict[str, object]


class Hub:
    """Subscriptions of all connections."""

    def __init__(self, lockstep: Lockstep, faults: FaultBoard, now_ms: Callable[[], int]) -> None:
        self.lockstep = lockstep
        self.faults = faults
        self.now_ms = now_ms  # the exchange's time
        self.connections: dict[Connection, None] = {}
        self._listeners: dict[Stream, dict[Connection, None]] = {}
        self._by_key: dict[str, Stream] = {}
        self.on_first: Callable[[Stream], None] | None = None  # told of a stream that had no listener before

    def streams(self) -> Iterable[Stream]:
        """All streams that somebody listens to."""
        return self._listeners

    def stream(self, name: str) -> Stream | None:
        """The stream of that key, which of futures is its name, if somebody listens to it."""
        return self._by_key.get(name)

    def subscribe(self, connection: Connection, stream: Stream) -> None:
        """Add a listener; twice is once."""
        if stream not in self._listeners and self.on_first is not None:
            self.on_first(stream)
        self._listeners.setdefault(stream, {})[connection] = None
        self._by_key[stream.key] = stream
        connection.names[stream.name] = stream

    def unsubscribe(self, connection: Connection, name: str) -> None:
        """Take a listener away; one that never was is no fault."""
        stream = connection.names.pop(name, None)
        connection.subscriptions.pop(name, None)
        listeners = None if stream is None else self._listeners.get(stream)
        if stream is None or listeners is None:
            return
        listeners.pop(connection, None)
        if not listeners:
            del self._listeners[stream], self._by_key[stream.key]

    def drop(self, connection: Connection) -> None:
        """The connection is gone."""
        for name in list(connection.names):
            self.unsubscribe(connection, name)
        self.connections.pop(connection, None)
        connection.release()
        self.lockstep.leave(connection.seat)

    def push(self, stream: Stream, payload: Json | list[Json], event: str = "") -> None:
        """Send to all listeners. `event` is the type of a user stream's frame: a connection may have asked for some."""
        deliveries = AT_ONCE
        if self.faults.hits_frames:
            told, symbol = _event_of(payload), _symbol_of(payload) or stream.symbol
            deliveries = self.faults.on_frame(side_of(stream), stream.name, told, symbol, self.now_ms())
            if not deliveries:
                return
        body = orjson.dumps(payload)
        wrapped = b""
        for connection in self._listeners.get(stream, ()):
            if event and connection.events and event not in connection.events:
                continue
            number = connection.subscriptions.get(stream.name)
            if number is not None:
                frame = b'{"subscriptionId":' + str(number).encode() + b',"event":' + body + b"}"
                connection.push(frame, self.lockstep, deliveries)
                continue
            if not connection.wrapped:
                connection.push(body, self.lockstep, deliveries)
                continue
            wrapped = wrapped or b'{"stream":' + orjson.dumps(stream.name) + b',"data":' + body + b"}"
            connection.push(wrapped, self.lockstep, deliveries)

    def is_mute(self, connection: Connection) -> bool:
        """Whether all that the connection is subscribed to is silent: then not even its requests are answered."""
        if not self.faults.hits_frames:
            return False
        sides = sides_of(connection)
        return bool(sides) and all(self.faults.is_silent(side, name, self.now_ms()) for name, side in sides.items())


def side_of(stream: Stream) -> FeedSide:
    """What a stream tells of: a user or the market."""
    return "user" if stream.kind is Kind.USER else "market"


def sides_of(connection: Connection) -> Mapping[str, FeedSide]:
    """The streams of a connection by name; those of the lockstep are none."""
    streams = connection.names.values()
    return {each.name: side_of(each) for each in streams if each.kind is not Kind.LOCKSTEP}


def _event_of(payload: Json | list[Json]) -> str:
    first = payload if isinstance(payload, dict) else payload[0] if payload else {}
    return str(first.get("e", ""))


def _symbol_of(payload: Json | list[Json]) -> str:
    """The symbol of which a user's frame tells, when it is one."""
    if isinstance(payload, list):
        return ""
    for part in (payload.get("o"), payload.get("ac"), payload):
        if isinstance(part, dict) and isinstance(part.get("s"), str):
            return str(part["s"])
    told = payload.get("a")
    rows = told.get("P") if isinstance(told, dict) else None
    symbols = {row["s"] for row in rows} if isinstance(rows, list) else set()
    return str(symbols.pop()) if len(symbols) == 1 else ""
