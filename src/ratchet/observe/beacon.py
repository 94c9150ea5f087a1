"""The beacon: `/health` and `/metrics` over HTTP, for who watches from outside. All else goes on without it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Generic

import orjson
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from ratchet.observe.health import Check
from ratchet.observe.metrics import Metrics, V

ANSWER_TIMEOUT_S = 5.0
KEEP_ALIVE_S = 15.0
QUESTIONS_AT_ONCE_MAX = 8
REQUEST_BYTES_MAX = 4_096
END_TIMEOUT_S = 1.0

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it is, and what people are told of it."""

    host: str
    port: int  # 0: nowhere
    port_setting: str  # "observe.port"
    goes_on: str  # what does without it: "Trading goes on"


class Beacon(Generic[V]):
    """Answers with what it is handed; it asks nobody who could keep it waiting."""

    def __init__(
        self,
        place: Place,
        metrics: Metrics[V],
        redact: Callable[[str], str],
        checks: Callable[[V], Sequence[Check]],
        *,
        idle: str,
    ) -> None:
        """Args: redact, takes secrets out of a text; checks, of vitals; idle, why there are none at first."""
        self._place = place
        self._metrics = metrics
        self._redact = redact
        self._checks = checks
        self._idle = idle
        self._answering = 0
        self._look: Callable[[], V] | None = None

    def watch(self, look: Callable[[], V]) -> None:
        """Where the vitals are asked for from now on."""
        self._look = look
        self._metrics.watch(look)

    def rest(self, why: str) -> None:
        """There are no vitals from now on. Args: why, in one line."""
        self._look, self._idle = None, why
        self._metrics.watch(None)

    @asynccontextmanager
    async def lit(self, say: Callable[[str], None]) -> AsyncIterator[int | None]:
        """Serve until the block is left. Where that cannot be, `say` is told in one line, and the block goes on.

        Yields: the port; None where nothing is served.
        """
        runner = web.AppRunner(
            self._app(), keepalive_timeout=KEEP_ALIVE_S, shutdown_timeout=END_TIMEOUT_S, access_log=None
        )
        try:
            yield await self._listen(runner, say)
        finally:
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner, say: Callable[[str], None]) -> int | None:
        place = self._place
        if not place.port:
            return None
        await runner.setup()
        site = web.TCPSite(runner, place.host, place.port)
        try:
            await site.start()
        except OSError as error:
            reason = f"{place.host}:{place.port} cannot be listened on ({error.strerror})"
            log.warning("beacon_not_lit", reason=reason)
            say(f"no health and metrics: {reason}; name another {place.port_setting}, or 0 for none. {place.goes_on}")
            return None
        if not ip_address(place.host).is_loopback:
            say(f"health and metrics on {place.host}:{place.port} can be read by others: there is no password")
        log.info("beacon_lit", host=place.host, port=place.port)
        return place.port

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=REQUEST_BYTES_MAX, middlewares=[self._bounded])
        app.add_routes([web.get("/health", self._health), web.get("/metrics", self._show_metrics)])
        return app

    @web.middleware
    async def _bounded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._answering >= QUESTIONS_AT_ONCE_MAX:
            return web.Response(status=503, text="busy")
        self._answering += 1
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await handler(request)
        finally:
            self._answering -= 1

    async def _health(self, _request: web.Request) -> web.Response:
        if self._look is None:
            return _json(503, {"status": "ill", "reason": self._line(self._idle), "checks": {}})
        checks = self._checks(self._look())
        told = {check.name: {"well": check.is_well, "detail": self._line(check.detail)} for check in checks}
        ill = [f"{check.name}: {self._line(check.detail)}" for check in checks if not check.is_well]
        if ill:
            return _json(503, {"status": "ill", "reason": "; ".join(ill), "checks": told})
        return _json(200, {"status": "well", "checks": told})

    def _line(self, text: str) -> str:
        return self._redact(" ".join(text.splitlines()))

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _json(status: int, body: dict[str, object]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
