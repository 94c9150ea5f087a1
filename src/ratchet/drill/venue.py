"""The venue: localbinance without its sockets, in the world's time."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from localbinance.core.account_state import Uncovered
from localbinance.core.exchange import Exchange
from localbinance.core.order import Order
from localbinance.core.tick import Tick
from localbinance.market.synthetic import SyntheticMarket
from localbinance.rules.market_rules import load_market_rules
from localbinance.rules.rejection import Rejection
from localbinance.server.app import ROUTES
from localbinance.server.hub import Hub
from localbinance.server.parameters import Parameters
from localbinance.server.run import ServeOptions, build
from localbinance.server.security import Account
from localbinance.server.stream_names import Kind, Route, Stream
from localbinance.server.user_feed import UserFeed
from localbinance.server.venue import Call
from ratchet.drill.world import World

ACCOUNT = "drill"
START_MS = 1_767_225_600_000  # 2026-01-01, 00:00 UTC
STEP_MS = 10_000  # of the market
NOT_FOUND = 404

Json = dict[str, object]


class Venue:
    """One exchange with one account. It outlives every process that trades on it."""

    def __init__(self, world: World, symbols: Sequence[str], balance: Decimal, seed: int) -> None:
        rules = load_market_rules()
        market = SyntheticMarket(
            symbols, seed=seed, start_ms=START_MS, rules=rules.symbols, step_ms=STEP_MS, history_days=1
        )
        options = ServeOptions(
            market=market,
            rules=rules,
            accounts={ACCOUNT: Account(secret="drill", balances={"USDC": balance})},  # noqa: S106 - of a play account
            speed=None,
            rate_limited=False,
        )
        self._app, self._conductor = build(options)
        self._app.stage.user_feed = UserFeed(_Tap(self._app.hub, self._on_frame), self._app.venue.listen_keys, rules)
        self._world = world
        self.on_frame: Callable[[Json], None] = lambda _frame: None
        world.after(STEP_MS, self._step)

    @property
    def exchange(self) -> Exchange:
        """The exchange itself, for whoever judges or meddles."""
        return self._app.venue.exchange

    def now_ms(self) -> int:
        """Exchange time."""
        return START_MS + int(self._world.now_ms)

    def answer(self, verb: str, path: str, values: Mapping[str, str]) -> tuple[int, object]:
        """Work through a request now. Returns the HTTP status and the body as what JSON is made of."""
        endpoint = ROUTES.get((verb, path))
        if endpoint is None:
            return NOT_FOUND, {"code": -5000, "msg": f"Path {path}, Method {verb} is invalid"}
        try:
            return 200, endpoint.handler(self._app.venue, Call(ACCOUNT, Parameters(dict(values)), self.now_ms()))
        except Rejection as no:
            return no.status, {"code": no.code, "msg": no.message}
        finally:
            if endpoint.changes:
                self.publish()

    def publish(self) -> None:
        """Tell the account what has happened to it."""
        self._app.stage.publish_events(self.now_ms())

    def tick(self, symbol: str) -> Tick | None:
        """The market now."""
        return self.exchange.best(symbol)

    def uncovered(self) -> list[Uncovered]:
        """Every spell in which a position was not wholly covered, by the exchange's own account."""
        return self.exchange.uncovered(ACCOUNT)

    def orders(self) -> list[Order]:
        """Every plain order ever."""
        return self.exchange.all_orders(ACCOUNT)

    def _step(self) -> None:
        self._conductor.step()
        self._world.after(STEP_MS, self._step)

    def _on_frame(self, frame: Json) -> None:
        self.on_frame(frame)


class _Tap(Hub):
    """A hub on which whoever has a listen key listens."""

    def __init__(self, hub: Hub, on_frame: Callable[[Json], None]) -> None:
        super().__init__(hub.lockstep)
        self._on_frame = on_frame

    def stream(self, name: str) -> Stream | None:
        return Stream(name, Kind.USER, Route.PRIVATE, "")

    def push(self, stream: Stream, payload: Json | list[Json], event: str = "") -> None:
        if isinstance(payload, dict) and stream.kind is Kind.USER:
            self._on_frame(payload)
