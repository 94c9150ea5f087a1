"""A bench for the server: a whole localbinance without a socket, two symbols, steps made by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Response

from localbinance.market.synthetic import SyntheticMarket
from localbinance.rules.market_rules import load_market_rules
from localbinance.server.app import App
from localbinance.server.conductor import Conductor
from localbinance.server.run import ServeOptions, build
from localbinance.server.script import Entry
from localbinance.server.security import Account, sign

KEY, SECRET = "key", "secret"
SYMBOL = "BTCUSDC"
START_MS = 1_767_571_200_000  # 2026-01-05 00:00 UTC
RULES = load_market_rules()


def built(*, rate_limited: bool = True, script: tuple[Entry, ...] = ()) -> tuple[App, Conductor]:
    """As fast as it goes: the exchange's time stands still until somebody makes a step."""
    market = SyntheticMarket([SYMBOL, "ETHUSDC"], seed=7, start_ms=START_MS, rules=RULES.symbols, step_ms=5_000)
    accounts = {KEY: Account(SECRET, {"USDC": Decimal(10_000)}, {"USDC": Decimal(5_000), "BTC": Decimal(1)})}
    options = ServeOptions(
        market=market, rules=RULES, accounts=accounts, speed=None, rate_limited=rate_limited, script=script
    )
    return build(options)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Bench:
    """Requests go straight to the application."""

    app: App = field(repr=False)  # a whole exchange is long to print
    conductor: Conductor = field(repr=False)
    account: str = KEY

    @classmethod
    def make(cls, *, rate_limited: bool = True) -> "Bench":
        return cls(*built(rate_limited=rate_limited))

    @property
    def now_ms(self) -> int:
        return self.app.venue.clock.now_ms()

    async def send(self, method: str, path: str, parameters: Mapping[str, object] | None = None) -> Answer:
        """A signed request; endpoints that ask for no signature do not mind one."""
        values = {"timestamp": self.now_ms} | dict(parameters or {})
        return await self.send_text(method, path, urlencode(values))

    async def send_text(self, method: str, path: str, text: str) -> Answer:
        """A request whose query is exactly this text, signed."""
        payload = text.encode("utf-8", "surrogateescape")
        query = f"{text}&signature={sign(SECRET, payload)}"
        request = make_mocked_request(method, f"{path}?{query}", headers={"X-MBX-APIKEY": self.account})
        reply = await self.app.handle(request)
        assert isinstance(reply, Response)
        assert isinstance(reply.body, bytes)
        return Answer(reply.status, reply.headers, orjson.loads(reply.body))
