"""The desk: where requests are answered, however they came: over HTTP, or over a WebSocket API.

It lets a request through the gate to its endpoint, counts it, and has what it changed told to whom it concerns.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

import orjson
from aiohttp import hdrs

from localbinance.rules.rejection import Rejection
from localbinance.server import refusals
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.fault_answers import Answer
from localbinance.server.faults import UNHARMED, Treatment
from localbinance.server.hub import Hub
from localbinance.server.parameters import Parameters
from localbinance.server.rate_limit import Limited, RateLimits
from localbinance.server.request_log import Instant
from localbinance.server.security import Gate, Security
from localbinance.server.stage import Stage
from localbinance.server.venue import Call, Venue

LOG = logging.getLogger(__name__)
USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
ORDERS_10S = "X-MBX-ORDER-COUNT-10S"
JSON = "application/json"
OWN = "/localbinance/"  # where no fault hits and nothing is logged
OF_SPOT = ("/api/", "/sapi/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    parameters: Parameters
    arrived: Instant
    address: str  # of the caller
    key: str | None  # the API key that came with it
    query: str = ""  # as signed
    form: str = ""
    session: str = ""  # the account of a connection that has proved itself: nothing is signed


@dataclass(slots=True)
class Reply:
    """What is sent back. A status of 0: nothing, the connection is closed."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    code: int = 0  # Binance's, in the body


@dataclass(slots=True)
class Desk:
    """Answers requests for both exchanges. Each has its own limits."""

    venue: Venue
    stage: Stage
    hub: Hub
    gate: Gate
    limits: RateLimits
    spot_limits: RateLimits
    routes: Routes

    async def answer(self, asked: Asked) -> Reply:
        """The answer, as the faults that stand will have it. Delays are real time: the exchange goes on meanwhile as
        it does while any other request is on its way."""
        if asked.path.startswith(OWN):
            return self._answer(asked, UNHARMED)
        if self.hub.faults.hits_requests:
            return await self._answer_disturbed(asked)
        reply = self._answer(asked, UNHARMED)
        self._note(asked, reply, UNHARMED)
        return reply

    def limits_of(self, path: str) -> RateLimits:
        """Those of the exchange to which a path belongs."""
        return self.spot_limits if path.startswith(OF_SPOT) else self.limits

    async def _answer_disturbed(self, asked: Asked) -> Reply:
        treatment = self.hub.faults.on_request(
            asked.method, asked.path, asked.parameters.values, asked.arrived.exchange_ms
        )
        await asyncio.sleep(treatment.delay_ms_before / 1_000)
        reply = self._answer(asked, treatment) if treatment.executes else Reply(0)
        if treatment.answer is not None:
            reply = self._given(asked, treatment.answer)
        await asyncio.sleep(treatment.delay_ms_after / 1_000)
        if treatment.loses_reply:
            reply = Reply(0)
        self._note(asked, reply, treatment)
        return reply

    def _answer(self, asked: Asked, treatment: Treatment) -> Reply:
        headers: dict[str, str] = {}
        try:
            reply = self._perform(self._endpoint(asked), asked, treatment, headers)
            body = orjson.dumps(reply)
        except Limited as limited:
            headers[hdrs.RETRY_AFTER] = str(limited.retry_after_s)
            return self._refusal(asked, limited.rejection, headers)
        except Rejection as no:
            return self._refusal(asked, no, headers)
        except Exception:
            # The edge of the server: a fault of ours is answered as one, and the exchange goes on.
            LOG.exception("%s %s failed", asked.method, asked.path)
            return self._refusal(asked, refusals.internal(), headers)
        headers[hdrs.CONTENT_TYPE] = JSON
        return Reply(200, body, headers)

    def _perform(self, endpoint: Endpoint, asked: Asked, treatment: Treatment, headers: dict[str, str]) -> object:
        now_ms = self.venue.clock.now_ms()
        parameters, limits = asked.parameters, self.limits_of(asked.path)
        weight = endpoint.weight if isinstance(endpoint.weight, int) else endpoint.weight(parameters.values)
        if endpoint.limited:
            headers[USED_WEIGHT] = str(limits.weigh(asked.address, weight, now_ms))
        account = self._admit(endpoint, asked, now_ms + treatment.skew_ms)
        if endpoint.orders != (0, 0):
            ten_s, longer = limits.count_orders(account, *endpoint.orders, now_ms)
            headers[ORDERS_10S], headers[limits.style.header] = str(ten_s), str(longer)
        venue = self.venue
        if treatment.stale_ms:
            venue = venue.as_it_stood(account, now_ms - treatment.stale_ms)
        try:
            return endpoint.handler(venue, Call(account, parameters, now_ms, treatment.skew_ms, asked.form))
        finally:
            if endpoint.changes:
                self.stage.publish_events(now_ms)
                self.hub.lockstep.remind(monotonic())

    def _admit(self, endpoint: Endpoint, asked: Asked, now_ms: int) -> str:
        if endpoint.security is Security.NONE:
            return ""
        if asked.session:
            return asked.session
        if endpoint.security is Security.KEY:
            return self.gate.account_of(asked.key)
        return self.gate.admit(asked.key, asked.parameters, asked.query, asked.form, now_ms)

    def _endpoint(self, asked: Asked) -> Endpoint:
        """Raises: Rejection -5000 with 404."""
        endpoint = self.routes.get((asked.method, asked.path))
        if endpoint is None:
            raise refusals.path_invalid(asked.path, asked.method)
        return endpoint

    def _refusal(self, asked: Asked, no: Rejection, headers: dict[str, str]) -> Reply:
        headers[hdrs.CONTENT_TYPE] = JSON
        self._tell_weight(asked, headers)
        return Reply(no.status, orjson.dumps(told(no)), headers, no.code)

    def _given(self, asked: Asked, answer: Answer) -> Reply:
        headers = dict(answer.headers)
        self._tell_weight(asked, headers)
        return Reply(answer.status, answer.body.encode(errors="replace"), headers, answer.code)

    def _tell_weight(self, asked: Asked, headers: dict[str, str]) -> None:
        if USED_WEIGHT not in headers:  # every answer tells it, those too that were not counted
            limits = self.limits_of(asked.path)
            headers[USED_WEIGHT] = str(limits.used(asked.address, self.venue.clock.now_ms()))

    def _note(self, asked: Asked, reply: Reply, treatment: Treatment) -> None:
        log = self.venue.log
        log.note_request(
            arrived=asked.arrived,
            answered=log.instant(self.venue.clock.now_ms()),
            method=asked.method,
            path=asked.path,
            parameters=asked.parameters.values,
            status=reply.status,
            code=reply.code,
            executed=treatment.executes,
            disturbed=treatment is not UNHARMED,
        )


def told(no: Rejection) -> Mapping[str, object]:
    """A refusal as a JSON object: of one of two steps, with what became of each."""
    body: dict[str, object] = {"code": no.code, "msg": no.message}
    return body if no.data is None else {**body, "data": no.data}
