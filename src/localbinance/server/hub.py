"""The hub: who is subscribed to which stream. Frames are built and encoded once, and only if somebody listens."""

from collections.abc import Callable, Iterable

import orjson

from localbinance.server.connection import Connection
from localbinance.server.lockstep import Lockstep
from localbinance.server.stream_names import Stream

Json = dict[str, object]


class Hub:
    """Subscriptions of all connections."""

    def __init__(self, lockstep: Lockstep) -> None:
        self.lockstep = lockstep
        self.connections: dict[Connection, None] = {}
        self._listeners: dict[Stream, dict[Connection, None]] = {}
        self._by_name: dict[str, Stream] = {}
        self.on_first: Callable[[Stream], None] | None = None  # told of a stream that had no listener before

    def streams(self) -> Iterable[Stream]:
        """All streams that somebody listens to."""
        return self._listeners

    def stream(self, name: str) -> Stream | None:
        """The stream of that name, if somebody listens to it."""
        return self._by_name.get(name)

    def subscribe(self, connection: Connection, stream: Stream) -> None:
        """Add a listener; twice is once."""
        if stream not in self._listeners and self.on_first is not None:
            self.on_first(stream)
        self._listeners.setdefault(stream, {})[connection] = None
        self._by_name[stream.name] = stream
        connection.names[stream.name] = None

    def unsubscribe(self, connection: Connection, name: str) -> None:
        """Take a listener away; one that never was is no fault."""
        connection.names.pop(name, None)
        stream = self._by_name.get(name)
        if stream is None:
            return
        listeners = self._listeners[stream]
        listeners.pop(connection, None)
        if not listeners:
            del self._listeners[stream], self._by_name[name]

    def drop(self, connection: Connection) -> None:
        """The connection is gone."""
        for name in list(connection.names):
            self.unsubscribe(connection, name)
        self.connections.pop(connection, None)
        self.lockstep.leave(connection.seat)

    def push(self, stream: Stream, payload: Json | list[Json], event: str = "") -> None:
        """Send to all listeners. `event` is the type of a user stream's frame: a connection may have asked for some."""
        body = orjson.dumps(payload)
        wrapped = b""
        for connection in self._listeners.get(stream, ()):
            if event and connection.events and event not in connection.events:
                continue
            if not connection.wrapped:
                connection.push(body, self.lockstep)
                continue
            wrapped = wrapped or b'{"stream":' + orjson.dumps(stream.name) + b',"data":' + body + b"}"
            connection.push(wrapped, self.lockstep)
