"""The beacon: `/health` and `/metrics` over HTTP, for who watches from outside. Trading goes on without it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import orjson
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from ratchet.config.observe_settings import ObserveSettings
from ratchet.observe.health import checks_of
from ratchet.observe.metrics import Metrics
from ratchet.observe.vitals import Vitals

ANSWER_TIMEOUT_S = 5.0
KEEP_ALIVE_S = 15.0
QUESTIONS_AT_ONCE_MAX = 8
REQUEST_BYTES_MAX = 4_096
END_TIMEOUT_S = 1.0
NOBODY_TRADES = "no trader runs just now"

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Beacon:
    """Answers with what it is handed; it asks nobody who could keep it waiting."""

    def __init__(self, settings: ObserveSettings, metrics: Metrics, redact: Callable[[str], str]) -> None:
        self._settings = settings
        self._metrics = metrics
        self._redact = redact
        self._answering = 0
        self._look: Callable[[], Vitals] | None = None

    def watch(self, look: Callable[[], Vitals] | None) -> None:
        """Where the vitals are asked for from now on; none while nobody trades."""
        self._look = look
        self._metrics.watch(look)

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
        settings = self._settings
        if not settings.port:
            return None
        await runner.setup()
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            reason = f"{settings.host}:{settings.port} cannot be listened on ({error.strerror})"
            log.warning("beacon_not_lit", reason=reason)
            say(f"no health and metrics: {reason}; name another observe.port, or 0 for none. Trading goes on")
            return None
        if not ip_address(settings.host).is_loopback:
            say(f"health and metrics on {settings.host}:{settings.port} can be read by others: there is no password")
        log.info("beacon_lit", host=settings.host, port=settings.port)
        return settings.port

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
            return _json(503, {"status": "ill", "reason": NOBODY_TRADES, "checks": {}})
        checks = checks_of(self._look(), self._settings)
        is_well = all(check.is_well for check in checks)
        told = {check.name: {"well": check.is_well, "detail": self._redact(check.detail)} for check in checks}
        return _json(200 if is_well else 503, {"status": "well" if is_well else "ill", "checks": told})

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _json(status: int, body: dict[str, object]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
