"""Spot's user stream knows how it stands: connected or not, how often, and since when it has been silent."""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import SecretStr

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.spot_user_stream import SpotUserStream


class _Clock(LockstepClock):
    real_ms = 0.0

    def elapsed_ms(self) -> float:
        return self.real_ms


class _Socket:
    """Connects, tells and is lost when it is told to."""

    def __init__(
        self,
        _name: str,
        _clock: object,
        *,
        on_frame: Callable[[dict[str, object]], None],
        on_connected: Callable[[], None],
        on_lost: Callable[[], None],
        **_others: object,
    ) -> None:
        self.tell, self.connect, self.lose = on_frame, on_connected, on_lost

    async def run(self) -> None:
        """It is told what to do instead."""

    async def follow(self, streams: Sequence[str]) -> None:
        """There is one stream."""

    async def drop(self) -> None:
        """It is lost when it is told to be."""


def test_it_knows_how_it_stands() -> None:
    sockets: list[_Socket] = []

    def make(*arguments: Any, **named: Any) -> _Socket:
        sockets.append(_Socket(*arguments, **named))
        return sockets[-1]

    settings = ExchangeSettings(api_key=SecretStr("key"), api_secret=SecretStr("secret"))
    clock = _Clock(0)
    stream = SpotUserStream(settings, clock, on_event=lambda _: None, make_socket=make)
    [it] = sockets
    assert (stream.is_open, stream.connections, stream.age_ms) == (False, 0, None)
    it.connect()
    clock.real_ms = 500.0
    assert (stream.is_open, stream.connections, stream.age_ms) == (True, 1, 500.0)
    it.tell({"event": {"e": "outboundAccountPosition"}})
    assert stream.age_ms == 0.0
    it.lose()
    assert (stream.is_open, stream.connections) == (False, 1)
    it.connect()
    assert (stream.is_open, stream.connections) == (True, 2)
