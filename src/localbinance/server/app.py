"""The application: takes HTTP requests in, lets them through the gate to their endpoint, and answers."""

import logging
from dataclasses import dataclass
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
    market_endpoints,
    order_endpoints,
    other_endpoints,
    own_endpoints,
    refusals,
)
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.hub import Hub
from localbinance.server.parameters import Parameters, parse_pairs
from localbinance.server.rate_limit import Limited, RateLimits
from localbinance.server.security import Gate, Security
from localbinance.server.stage import Stage
from localbinance.server.stream_names import Kind, Target, parse_stream, parse_target
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
}
USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
WITH_BODY = frozenset((hdrs.METH_POST, hdrs.METH_PUT, hdrs.METH_DELETE))


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
        return self._answer(request, path, query, form)

    def _answer(self, request: BaseRequest, path: str, query: str, form: str) -> Response:
        headers: dict[str, str] = {}
        try:
            parameters = Parameters.read(query, form)
            reply = self._perform(request, _endpoint(request.method, path), parameters, (query, form), headers)
            body = orjson.dumps(reply)
        except Limited as limited:
            headers[hdrs.RETRY_AFTER] = str(limited.retry_after_s)
            return self._refusal(request, limited.rejection, headers)
        except Rejection as no:
            return self._refusal(request, no, headers)
        except Exception:
            # The edge of the server: a fault of ours is answered as one, and the exchange goes on.
            LOG.exception("%s %s failed", request.method, path)
            return self._refusal(request, refusals.internal(), headers)
        return Response(body=body, content_type="application/json", headers=headers)

    def _perform(
        self,
        request: BaseRequest,
        endpoint: Endpoint,
        parameters: Parameters,
        sent: tuple[str, str],
        headers: dict[str, str],
    ) -> object:
        now_ms = self.venue.clock.now_ms()
        weight = endpoint.weight if isinstance(endpoint.weight, int) else endpoint.weight(parameters.values)
        if endpoint.limited:
            headers[USED_WEIGHT] = str(self.limits.weigh(_address(request), weight, now_ms))
        account = self._admit(request, endpoint, parameters, sent, now_ms)
        if endpoint.orders != (0, 0):
            ten_s, minute = self.limits.count_orders(account, *endpoint.orders, now_ms)
            headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1M"] = str(ten_s), str(minute)
        try:
            return endpoint.handler(self.venue, Call(account, parameters, now_ms))
        finally:
            if endpoint.changes:
                self.stage.publish_events(now_ms)
                self.hub.lockstep.remind(monotonic())

    def _admit(
        self, request: BaseRequest, endpoint: Endpoint, parameters: Parameters, sent: tuple[str, str], now_ms: int
    ) -> str:
        if endpoint.security is Security.NONE:
            return ""
        key = request.headers.get("X-MBX-APIKEY")
        if endpoint.security is Security.KEY:
            return self.gate.known_key(key)
        return self.gate.admit(key, parameters, *sent, now_ms)

    def _refusal(self, request: BaseRequest, no: Rejection, headers: dict[str, str]) -> Response:
        if USED_WEIGHT not in headers:  # every answer tells it, those too that were not counted
            headers[USED_WEIGHT] = str(self.limits.used(_address(request), self.venue.clock.now_ms()))
        body = orjson.dumps({"code": no.code, "msg": no.message})
        return Response(body=body, status=no.status, content_type="application/json", headers=headers)

    async def _serve_stream(self, request: BaseRequest, path: str, query: str) -> StreamResponse:
        values: dict[str, str] = {}
        parse_pairs(query, values)
        target = parse_target(path, values)
        if target is None or not self._keys_live(target):
            return Response(status=404, text=f"no stream service at {path}")
        return await self.streams.serve(request, target)

    def _keys_live(self, target: Target) -> bool:
        """A dead listen key opens nothing."""
        now_ms = self.venue.clock.now_ms()
        streams = (parse_stream(name) for name in target.names)
        keys = [stream.name for stream in streams if stream is not None and stream.kind is Kind.USER]
        return all(self.venue.listen_keys.account_of(key, now_ms) is not None for key in keys)


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
