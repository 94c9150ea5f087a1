"""The application: takes HTTP requests in, lets them through the gate to their endpoint, and answers."""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from time import monotonic

import orjson
from aiohttp import hdrs
from aiohttp.web import BaseRequest, HTTPException, Response, StreamResponse

from localbinance.rules.rejection import Rejection
from localbinance.server import (
    account_endpoints,
    acts_endpoints,
    algo_endpoints,
    candle_endpoints,
    faults_endpoints,
    market_endpoints,
    order_endpoints,
    other_endpoints,
    own_endpoints,
    refusals,
)
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.fault import FeedSide
from localbinance.server.fault_answers import Answer
from localbinance.server.faults import UNHARMED, Treatment
from localbinance.server.hub import Hub
from localbinance.server.parameters import Parameters, parse_pairs
from localbinance.server.rate_limit import Limited, RateLimits
from localbinance.server.request_log import Instant
from localbinance.server.security import Gate, Security
from localbinance.server.stage import Stage
from localbinance.server.stream_names import Kind, Route, Target, parse_stream, parse_target
from localbinance.server.stream_service import StreamService
from localbinance.server.venue import Call, Venue

LOG = logging.getLogger(__name__)
ROUTES: Routes = {
    **market_endpoints.ROUTES,
    **candle_endpoints.ROUTES,
    **order_endpoints.ROUTES,
    **algo_endpoints.ROUTES,
    **account_endpoints.ROUTES,
    **other_endpoints.ROUTES,
    **own_endpoints.ROUTES,
    **acts_endpoints.ROUTES,
    **faults_endpoints.ROUTES,
}
USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
JSON = "application/json"
OWN = "/localbinance/"  # where no fault hits and nothing is logged
WITH_BODY = frozenset((hdrs.METH_POST, hdrs.METH_PUT, hdrs.METH_DELETE))


@dataclass(frozen=True, slots=True)
class _Sent:
    """One request as it came in."""

    request: BaseRequest
    path: str
    query: str
    form: str
    parameters: Parameters
    arrived: Instant


@dataclass(slots=True)
class _Reply:
    """What is sent back. A status of 0: nothing, the connection is closed."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    code: int = 0  # Binance's, in the body


@dataclass(slots=True)
class App:
    """Everything behind one port."""

    venue: Venue
    stage: Stage
    hub: Hub
    gate: Gate
    limits: RateLimits
    streams: StreamService

    async def handle(self, request: BaseRequest) -> StreamResponse:
        """Answer one request, or serve one stream connection to its end."""
        path, _, query = request.raw_path.partition("?")
        if hdrs.UPGRADE in request.headers:
            return await self._serve_stream(request, path, query)
        try:
            form = await _form_of(request)
        except HTTPException as error:
            return Response(status=error.status, text=error.reason)
        arrived = self.venue.log.instant(self.venue.clock.now_ms())
        sent = _Sent(request, path, query, form, Parameters.read(query, form), arrived)
        if path.startswith(OWN):
            return _response(self._answer(sent, UNHARMED))
        if self.hub.faults.hits_requests:
            return await self._answer_disturbed(sent)
        reply = self._answer(sent, UNHARMED)
        self._note(sent, reply, UNHARMED)
        return _response(reply)

    async def _answer_disturbed(self, sent: _Sent) -> Response:
        """Answer as the faults that stand will have it. Delays are real time: the exchange goes on meanwhile as it
        does while any other request is on its way."""
        request = sent.request
        treatment = self.hub.faults.on_request(
            request.method, sent.path, sent.parameters.values, sent.arrived.exchange_ms
        )
        await asyncio.sleep(treatment.delay_ms_before / 1_000)
        reply = self._answer(sent, treatment) if treatment.executes else _Reply(0)
        if treatment.answer is not None:
            reply = self._given(request, treatment.answer)
        await asyncio.sleep(treatment.delay_ms_after / 1_000)
        if treatment.loses_reply:
            reply = _Reply(0)
        self._note(sent, reply, treatment)
        return _response(reply) if reply.status else _hung_up(request)

    def _answer(self, sent: _Sent, treatment: Treatment) -> _Reply:
        headers: dict[str, str] = {}
        request = sent.request
        try:
            reply = self._perform(_endpoint(request.method, sent.path), sent, treatment, headers)
            body = orjson.dumps(reply)
        except Limited as limited:
            headers[hdrs.RETRY_AFTER] = str(limited.retry_after_s)
            return self._refusal(request, limited.rejection, headers)
        except Rejection as no:
            return self._refusal(request, no, headers)
        except Exception:
            # The edge of the server: a fault of ours is answered as one, and the exchange goes on.
            LOG.exception("%s %s failed", request.method, sent.path)
            return self._refusal(request, refusals.internal(), headers)
        headers[hdrs.CONTENT_TYPE] = JSON
        return _Reply(200, body, headers)

    def _perform(self, endpoint: Endpoint, sent: _Sent, treatment: Treatment, headers: dict[str, str]) -> object:
        now_ms = self.venue.clock.now_ms()
        request, parameters = sent.request, sent.parameters
        weight = endpoint.weight if isinstance(endpoint.weight, int) else endpoint.weight(parameters.values)
        if endpoint.limited:
            headers[USED_WEIGHT] = str(self.limits.weigh(_address(request), weight, now_ms))
        account = self._admit(endpoint, sent, now_ms + treatment.skew_ms)
        if endpoint.orders != (0, 0):
            ten_s, minute = self.limits.count_orders(account, *endpoint.orders, now_ms)
            headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1M"] = str(ten_s), str(minute)
        venue = self.venue
        if treatment.stale_ms:
            past = venue.switchboard.past.exchange(account, now_ms - treatment.stale_ms)
            venue = replace(venue, exchange=past)
        try:
            return endpoint.handler(venue, Call(account, parameters, now_ms, treatment.skew_ms, sent.form))
        finally:
            if endpoint.changes:
                self.stage.publish_events(now_ms)
                self.hub.lockstep.remind(monotonic())

    def _admit(self, endpoint: Endpoint, sent: _Sent, now_ms: int) -> str:
        if endpoint.security is Security.NONE:
            return ""
        key = sent.request.headers.get("X-MBX-APIKEY")
        if endpoint.security is Security.KEY:
            return self.gate.known_key(key)
        return self.gate.admit(key, sent.parameters, sent.query, sent.form, now_ms)

    def _refusal(self, request: BaseRequest, no: Rejection, headers: dict[str, str]) -> _Reply:
        headers[hdrs.CONTENT_TYPE] = JSON
        self._tell_weight(request, headers)
        return _Reply(no.status, orjson.dumps({"code": no.code, "msg": no.message}), headers, no.code)

    def _given(self, request: BaseRequest, answer: Answer) -> _Reply:
        headers = dict(answer.headers)
        self._tell_weight(request, headers)
        return _Reply(answer.status, answer.body.encode(errors="replace"), headers, answer.code)

    def _tell_weight(self, request: BaseRequest, headers: dict[str, str]) -> None:
        if USED_WEIGHT not in headers:  # every answer tells it, those too that were not counted
            headers[USED_WEIGHT] = str(self.limits.used(_address(request), self.venue.clock.now_ms()))

    def _note(self, sent: _Sent, reply: _Reply, treatment: Treatment) -> None:
        log = self.venue.log
        log.note_request(
            arrived=sent.arrived,
            answered=log.instant(self.venue.clock.now_ms()),
            method=sent.request.method,
            path=sent.path,
            parameters=sent.parameters.values,
            status=reply.status,
            code=reply.code,
            executed=treatment.executes,
            disturbed=treatment is not UNHARMED,
        )

    async def _serve_stream(self, request: BaseRequest, path: str, query: str) -> StreamResponse:
        values: dict[str, str] = {}
        parse_pairs(query, values)
        target = parse_target(path, values)
        if target is None or not self._keys_live(target):
            return Response(status=404, text=f"no stream service at {path}")
        if self.hub.faults.hits_connections and self.hub.faults.refuses_stream(
            _side_of(target), self.venue.clock.now_ms()
        ):
            return _hung_up(request)
        return await self.streams.serve(request, target)

    def _keys_live(self, target: Target) -> bool:
        """A dead listen key opens nothing."""
        now_ms = self.venue.clock.now_ms()
        streams = (parse_stream(name) for name in target.names)
        keys = [stream.name for stream in streams if stream is not None and stream.kind is Kind.USER]
        return all(self.venue.listen_keys.account_of(key, now_ms) is not None for key in keys)


def _side_of(target: Target) -> FeedSide:
    streams = (parse_stream(name) for name in target.names)
    is_user = target.route is Route.PRIVATE or any(each and each.kind is Kind.USER for each in streams)
    return "user" if is_user else "market"


def _response(reply: _Reply) -> Response:
    return Response(body=reply.body, status=reply.status, headers=reply.headers)


def _hung_up(request: BaseRequest) -> Response:
    """The connection is closed; the answer that a handler owes goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return Response()


def _endpoint(method: str, path: str) -> Endpoint:
    """Raises: Rejection -5000 with 404."""
    endpoint = ROUTES.get((method, path))
    if endpoint is None:
        raise refusals.path_invalid(path, method)
    return endpoint


async def _form_of(request: BaseRequest) -> str:
    if request.method not in WITH_BODY or not request.can_read_body:
        return ""
    return (await request.read()).decode("utf-8", "surrogateescape")


def _address(request: BaseRequest) -> str:
    return request.remote or ""
