"""The application: takes HTTP requests and connections in, and hands them to the desk or the stream services."""

from dataclasses import dataclass

from aiohttp import hdrs
from aiohttp.web import BaseRequest, HTTPException, Response, StreamResponse

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
)
from localbinance.server.desk import Asked, Desk, Reply
from localbinance.server.endpoint import Routes
from localbinance.server.fault import FeedSide
from localbinance.server.hub import Hub
from localbinance.server.parameters import Parameters, parse_pairs
from localbinance.server.spot import account_endpoints as spot_account_endpoints
from localbinance.server.spot import market_endpoints as spot_market_endpoints
from localbinance.server.spot import order_endpoints as spot_order_endpoints
from localbinance.server.spot import wallet_endpoints
from localbinance.server.spot.ws_api import WebSocketApi
from localbinance.server.stage import Stage
from localbinance.server.stream_names import Kind, Product, Route, Target, parse_stream, parse_target
from localbinance.server.stream_service import StreamService
from localbinance.server.venue import Venue

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
    **spot_market_endpoints.ROUTES,
    **spot_order_endpoints.ROUTES,
    **spot_account_endpoints.ROUTES,
    **wallet_endpoints.ROUTES,
}
KEY_HEADER = "X-MBX-APIKEY"
WS_API = "ws-api"  # the part of an address by which spot's WebSocket API is known
WITH_BODY = frozenset((hdrs.METH_POST, hdrs.METH_PUT, hdrs.METH_DELETE))


@dataclass(slots=True)
class App:
    """Everything behind one port."""

    desk: Desk
    streams: StreamService
    ws_api: WebSocketApi

    @property
    def venue(self) -> Venue:
        """The exchanges."""
        return self.desk.venue

    @property
    def stage(self) -> Stage:
        """Their market's."""
        return self.desk.stage

    @property
    def hub(self) -> Hub:
        """Who listens."""
        return self.desk.hub

    async def handle(self, request: BaseRequest) -> StreamResponse:
        """Answer one request, or serve one stream connection to its end."""
        path, _, query = request.raw_path.partition("?")
        if hdrs.UPGRADE in request.headers:
            return await self._serve_stream(request, path, query)
        try:
            form = await _form_of(request)
        except HTTPException as error:
            return Response(status=error.status, text=error.reason)
        reply = await self.desk.answer(
            Asked(
                method=request.method,
                path=path,
                parameters=Parameters.read(query, form),
                arrived=self.venue.log.instant(self.venue.clock.now_ms()),
                address=_address(request),
                key=request.headers.get(KEY_HEADER),
                query=query,
                form=form,
            )
        )
        return _response(reply) if reply.status else _hung_up(request)

    async def _serve_stream(self, request: BaseRequest, path: str, query: str) -> StreamResponse:
        if WS_API in path.split("/"):
            return _hung_up(request) if self._refuses("user") else await self.ws_api.serve(request)
        values: dict[str, str] = {}
        parse_pairs(query, values)
        target = parse_target(path, values)
        if target is None or not self._keys_live(target):
            return Response(status=404, text=f"no stream service at {path}")
        if self._refuses(_side_of(target)):
            return _hung_up(request)
        return await self.streams.serve(request, target)

    def _refuses(self, side: FeedSide) -> bool:
        faults = self.hub.faults
        return faults.hits_connections and faults.refuses_stream(side, self.venue.clock.now_ms())

    def _keys_live(self, target: Target) -> bool:
        """A dead listen key opens nothing."""
        if target.product is Product.SPOT:
            return True
        now_ms = self.venue.clock.now_ms()
        streams = (parse_stream(name) for name in target.names)
        keys = [stream.name for stream in streams if stream is not None and stream.kind is Kind.USER]
        return all(self.venue.listen_keys.account_of(key, now_ms) is not None for key in keys)


def _side_of(target: Target) -> FeedSide:
    streams = (parse_stream(name, target.product) for name in target.names)
    is_user = target.route is Route.PRIVATE or any(each and each.kind is Kind.USER for each in streams)
    return "user" if is_user else "market"


def _response(reply: Reply) -> Response:
    return Response(body=reply.body, status=reply.status, headers=reply.headers)


def _hung_up(request: BaseRequest) -> Response:
    """The connection is closed; the answer that a handler owes goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return Response()


async def _form_of(request: BaseRequest) -> str:
    if request.method not in WITH_BODY or not request.can_read_body:
        return ""
    return (await request.read()).decode("utf-8", "surrogateescape")


def _address(request: BaseRequest) -> str:
    return request.remote or ""
