"""Requests to localbinance as a client that signs by hand: for what no library would send."""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.wire.conftest import Venue

EVENT_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class Signed:
    """Signs with the venue's key unless told otherwise."""

    venue: Venue
    session: aiohttp.ClientSession

    async def send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object] | None = None,
        *,
        in_body: bool = False,
        key: str | None = None,
        secret: str | None = None,
        at_ms: int | None = None,
        signed: bool = True,
    ) -> Answer:
        values = {name: str(value) for name, value in (parameters or {}).items()}
        if signed:
            values["timestamp"] = str(int(time.time() * 1_000) if at_ms is None else at_ms)
        text = urlencode(values)
        if signed:
            digest = hmac.new((secret or self.venue.secret).encode(), text.encode(), hashlib.sha256).hexdigest()
            text += f"&signature={digest}"
        url = f"{self.venue.http}{path}"
        headers = {"X-MBX-APIKEY": self.venue.key if key is None else key}
        if in_body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        async with self.session.request(
            method, url if in_body or not text else f"{url}?{text}", data=text if in_body else None, headers=headers
        ) as reply:
            return Answer(reply.status, dict(reply.headers), await reply.json())

    async def get(self, path: str, **parameters: object) -> Any:
        """An unsigned GET's body."""
        return (await self.send("GET", path, parameters, signed=False)).body

    @asynccontextmanager
    async def user_stream(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        key = (await self.send("POST", "/fapi/v1/listenKey", signed=False)).body["listenKey"]
        async with self.session.ws_connect(f"{self.venue.ws}/private/ws?listenKey={key}") as socket:
            yield socket


@asynccontextmanager
async def signing(venue: Venue) -> AsyncIterator[Signed]:
    async with aiohttp.ClientSession() as session:
        yield Signed(venue, session)
