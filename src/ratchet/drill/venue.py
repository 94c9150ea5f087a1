"""The venue: localbinance without its sockets, in the world's time, with its faults."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import orjson

from localbinance.core.account_state import Uncovered
from localbinance.core.act import FillSlowly
from localbinance.core.exchange import Exchange
from localbinance.core.spot.act import SpotFillSlowly
from localbinance.core.tick import Tick
from localbinance.market.source import Market
from localbinance.rules.market_rules import MarketRules
from localbinance.rules.rejection import Rejection
from localbinance.server import frames_account
from localbinance.server.acts import Act, perform
from localbinance.server.app import ROUTES
from localbinance.server.fault import Cut, ExpireListenKey, Fault, FeedSide
from localbinance.server.faults import AT_ONCE, UNHARMED, Treatment
from localbinance.server.feed import Feed
from localbinance.server.hub import Hub, side_of
from localbinance.server.parameters import Parameters
from localbinance.server.run import ServeOptions, build
from localbinance.server.security import Account, Gate, Security
from localbinance.server.spot.floor import SpotFloor
from localbinance.server.spot.user_feed import SpotUserFeed
from localbinance.server.stream_names import Kind, Route, Stream, parse_stream
from localbinance.server.user_feed import UserFeed
from localbinance.server.venue import Call
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.symbol import Symbol
from ratchet.drill.world import World
from ratchet.exchange import parse_market

ACCOUNT = "drill"
PART_MS = 250  # of time, where orders fill part by part
NOT_FOUND = 404
NOTHING: Mapping[str, Decimal] = {}

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one request."""

    status: int
    body: object  # what JSON is made of, or text
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Line:
    """One stream connection."""

    send: Callable[[Json, float], None]
    cut_off: Callable[[], None]
    streams: dict[str, Stream]  # of the market that it delivers, by name
    held_back: list[tuple[int, Json, float]] = field(default_factory=list)  # (frames that must pass first, it, ms)


class Venue:
    """One exchange with one account. It outlives every process that trades on it."""

    def __init__(
        self,
        world: World,
        rules: MarketRules,
        market: Market,
        balance: Decimal,
        seed: int,
        spot: Mapping[str, Decimal] = NOTHING,
    ) -> None:
        """`seed`: of the faults that are drawn; `spot`: what is in the spot wallet."""
        self.start_ms = market.start_ms
        options = ServeOptions(
            market=market,
            rules=rules,
            accounts={ACCOUNT: Account("drill", {"USDC": balance}, dict(spot))},
            speed=None,
            rate_limited=False,
            seed=seed,
        )
        self._app, self._conductor = build(options)
        self._gate = Gate({})
        self._board = self._app.venue.switchboard.board
        self._world = world
        self._lines: dict[FeedSide, _Line] = {}
        tap = _Tap(Hub(self._app.hub.lockstep, self._board, self.now_ms), self._listened, self._on_frame)
        self._app.stage.user_feed = UserFeed(tap, self._app.venue.listen_keys, rules)
        self._app.stage.spot_user_feed = SpotUserFeed(tap)
        self._app.stage.feed = Feed(tap, self.exchange, self._app.venue.books, self._app.venue.tapes)
        self.on_step: Callable[[], None] = lambda: None  # called after each step of the market
        self._step_ms = market.step_ms
        world.after(self._step_ms, self._step)

    # What a process sees ------------------------------------------------------------------------------------------

    def receive(
        self, verb: str, path: str, values: Mapping[str, str], answered: Callable[[Answer | None], None]
    ) -> None:
        """A request has come in. `answered` is called with its answer when that leaves, with None when the line is
        broken instead."""
        treatment = self._board.on_request(verb, path, values, self.now_ms())

        def work() -> None:
            answer = self._worked(verb, path, values, treatment)
            if treatment.delay_ms_after:
                self._world.after(treatment.delay_ms_after, lambda: answered(answer))
            else:
                answered(answer)

        if treatment.delay_ms_before:
            self._world.after(treatment.delay_ms_before, work)
        else:
            work()

    def connect(
        self, side: FeedSide, send: Callable[[Json, float], None], cut_off: Callable[[], None], streams: Sequence[str]
    ) -> bool:
        """A process wants to hear of the account or of the market; a line that stands is given up. False when it is
        turned away.

        Args: send, called with each frame and by how many ms it is delayed; cut_off, called when the line breaks;
            streams, of the market.
        """
        if self._board.refuses_stream(side, self.now_ms()):
            return False
        self._lines[side] = _Line(send, cut_off, _streams(streams))
        return True

    def follow(self, side: FeedSide, streams: Sequence[str]) -> None:
        """A line that stands delivers these streams from now on."""
        if (line := self._lines.get(side)) is not None:
            line.streams = _streams(streams)

    def hang_up(self) -> None:
        """Nobody listens any more."""
        self._lines.clear()

    # What is done to it -------------------------------------------------------------------------------------------

    def put(self, fault: Fault) -> None:
        """Something goes wrong between the venue and its client."""
        match fault:
            case Cut():
                self._cut()
            case ExpireListenKey():
                key = self._app.venue.listen_keys.close(ACCOUNT)
                if key is not None:
                    self._on_frame("user", "", frames_account.listen_key_expired(key, self.now_ms()))
            case _:
                self._app.venue.switchboard.put(fault, self.now_ms())

    def meddle(self, act: Act) -> str:
        """The exchange, or another hand on the account, does something. Returns why it could not, else nothing."""
        try:
            perform(self.exchange, self._app.venue.market, ACCOUNT, act, self.now_ms(), spot=self.spot)
        except Rejection as no:
            return no.message
        finally:
            self._publish()
        if isinstance(act, FillSlowly | SpotFillSlowly):
            self._pass_time()
        return ""

    # What is seen from its side -----------------------------------------------------------------------------------

    @property
    def exchange(self) -> Exchange:
        """The exchange itself."""
        return self._app.venue.exchange

    @property
    def spot(self) -> SpotFloor:
        """Spot, beside it."""
        return self._app.venue.spot

    def now_ms(self) -> int:
        """Exchange time."""
        return self.start_ms + int(self._world.now_ms)

    def tick(self, symbol: str) -> Tick | None:
        """The market now."""
        return self.exchange.best(symbol)

    def uncovered(self) -> list[Uncovered]:
        """Every spell in which a position was not wholly covered, by the exchange's own account."""
        return self.exchange.uncovered(ACCOUNT)

    def symbol_rules(self) -> dict[Symbol, SymbolRules]:
        """Its rules as a client reads them."""
        status, body = self._execute("GET", "/fapi/v1/exchangeInfo", {}, UNHARMED)
        if status != 200:
            raise LookupError("the venue does not tell its rules")
        return parse_market.usdc_perpetuals(body)

    # Within -------------------------------------------------------------------------------------------------------

    def _worked(self, verb: str, path: str, values: Mapping[str, str], treatment: Treatment) -> Answer | None:
        answer = None
        if treatment.executes:
            answer = Answer(*self._execute(verb, path, values, treatment))
        if treatment.loses_reply:
            return None
        instead = treatment.answer
        return answer if instead is None else Answer(instead.status, instead.body, dict(instead.headers))

    def _execute(self, verb: str, path: str, values: Mapping[str, str], treatment: Treatment) -> tuple[int, object]:
        endpoint = ROUTES.get((verb, path))
        if endpoint is None:
            return NOT_FOUND, {"code": -5000, "msg": f"Path {path}, Method {verb} is invalid"}
        parameters, now_ms, venue = Parameters(dict(values)), self.now_ms() + treatment.skew_ms, self._app.venue
        if treatment.stale_ms:
            venue = venue.as_it_stood(ACCOUNT, self.now_ms() - treatment.stale_ms)
        try:
            if endpoint.security is Security.SIGNED:
                self._gate.check_time(parameters, now_ms)
            return 200, endpoint.handler(venue, Call(ACCOUNT, parameters, now_ms))
        except Rejection as no:
            return no.status, {"code": no.code, "msg": no.message}
        finally:
            if endpoint.changes:
                self._publish()

    def _publish(self) -> None:
        self._app.stage.publish_events(self.now_ms())

    def _step(self) -> None:
        self._conductor.step()
        self._world.after(self._step_ms, self._step)
        self.on_step()

    def _pass_time(self) -> None:
        """Between the steps of the market too: orders fill part by part."""
        self.exchange.on_time(self.now_ms())
        self.spot.exchange.on_time(self.now_ms())
        self._publish()
        self._world.after(PART_MS, self._pass_time)

    def _cut(self) -> None:
        lines, self._lines = self._lines, {}
        for line in lines.values():
            line.cut_off()

    def _listened(self) -> Mapping[str, Stream]:
        """What is wanted of the market."""
        line = self._lines.get("market")
        return {} if line is None else line.streams

    def _on_frame(self, side: FeedSide, stream: str, frame: Json) -> None:
        line = self._lines.get(side)
        if line is None:
            return
        # As JSON: what is told is how it was, whatever becomes of it before it arrives.
        frame = orjson.loads(orjson.dumps(frame))
        order = frame.get("o")
        symbol = str(order.get("s", "")) if isinstance(order, dict) else str(frame.get("s", ""))
        deliveries = AT_ONCE
        if self._board.hits_frames:
            deliveries = self._board.on_frame(side, stream, str(frame["e"]), symbol, self.now_ms())
        for delivery in deliveries:
            if delivery.behind:
                line.held_back.append((delivery.behind, frame, delivery.delay_ms))
            else:
                line.send(frame, delivery.delay_ms)
        if deliveries:
            self._pass(line)

    def _pass(self, line: _Line) -> None:
        """One more frame has passed: those that wait for it go."""
        waiting, line.held_back = line.held_back, []
        for behind, frame, delay_ms in waiting:
            if behind > 1:
                line.held_back.append((behind - 1, frame, delay_ms))
            else:
                line.send(frame, delay_ms)


class _Tap(Hub):
    """A hub on which whoever has a listen key listens, and to the market whoever wants to."""

    def __init__(
        self, hub: Hub, listened: Callable[[], Mapping[str, Stream]], on_frame: Callable[[FeedSide, str, Json], None]
    ) -> None:
        super().__init__(hub.lockstep, hub.faults, hub.now_ms)
        self._listened = listened
        self._on_frame = on_frame

    def streams(self) -> Iterable[Stream]:
        return self._listened().values()

    def stream(self, name: str) -> Stream | None:
        return Stream(name, Kind.USER, Route.PRIVATE, "")

    def push(self, stream: Stream, payload: Json | list[Json], event: str = "") -> None:
        del event
        if isinstance(payload, dict):
            name = "" if stream.kind is Kind.USER else stream.name
            self._on_frame(side_of(stream), name, payload)


def _streams(names: Sequence[str]) -> dict[str, Stream]:
    found = {name: parse_stream(name) for name in names}
    return {name: stream for name, stream in found.items() if stream is not None}
