"""Spot's user feed: what happened to the accounts, to those of the WebSocket API's connections that have subscribed."""

from collections.abc import Sequence

from localbinance.core.spot.events import SpotEvent
from localbinance.server.hub import Hub
from localbinance.server.spot import frames_account as frames
from localbinance.server.stream_names import Kind, Product, Route, Stream


def user_stream(account: str) -> Stream:
    """The stream of an account. Only the WebSocket API subscribes to it: no name that a client gives is its name."""
    return Stream(f"user {account}", Kind.USER, Route.PRIVATE, product=Product.SPOT)


class SpotUserFeed:
    """Publishes events to whom they concern; without a subscription they are told to nobody."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def publish(self, events: Sequence[SpotEvent], now_ms: int) -> None:
        """Send all, in order."""
        for event in events:
            stream = self._hub.stream(user_stream(event.account).key)
            if stream is not None:
                told = frames.frame(event, now_ms)
                self._hub.push(stream, told, str(told["e"]))

    def end_all(self, now_ms: int) -> None:
        """End every subscription: one last frame, then silence."""
        ended = [each for each in self._hub.streams() if each.kind is Kind.USER and each.product is Product.SPOT]
        for stream in ended:
            self._hub.push(stream, frames.terminated(now_ms), "eventStreamTerminated")
            for connection in tuple(self._hub.connections):
                self._hub.unsubscribe(connection, stream.name)
