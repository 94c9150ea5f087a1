"""What localbinance tells of a run: asked for over its own REST, some of it along the way and the rest at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ratchet.domain.clock import Clock
from tests.end_to_end.limits_judge import Equity, Fill, History, LeverageSet, Order, Spell
from tests.wire.conftest import Venue
from tests.wire.signed import Signed, signing

MINUTE_MS = 60_000
PAGE = 1_000
QUOTE = "USDC"
LEVERAGE_PATH = "/fapi/v1/leverage"
TRANSFER = "TRANSFER"

Row = dict[str, Any]


@dataclass(slots=True)
class Onlooker:
    """Looks at the account with every minute of the exchange, at the same instant as whoever trades there."""

    client: Signed
    clock: Clock
    start_ms: int
    equity: list[Equity] = field(default_factory=list)
    leverages: list[LeverageSet] = field(default_factory=list)
    _log_read: int = 0

    async def run(self) -> None:
        """Until cancelled. Time stands still for each look."""
        while True:
            await self.clock.sleep_until((self.clock.now_ms() // MINUTE_MS + 1) * MINUTE_MS)
            with self.clock.working():
                await self.look()

    async def look(self) -> None:
        """How much there is, and what was asked since the last look."""
        account = await self._ask("/fapi/v3/account")
        [value] = [Decimal(row["marginBalance"]) for row in account["assets"] if row["asset"] == QUOTE]
        self.equity.append(Equity(at_ms=self.clock.now_ms(), value=value))
        log = await self.client.get("/localbinance/requests", since=self._log_read)
        for row in log["entries"]:
            self._log_read += 1
            assert row["number"] == self._log_read, "requests came faster than they were read"
            if _is_leverage_set(row):
                self.leverages.append(_leverage_set(row))

    async def history(self) -> History:
        """All of the run so far."""
        income = await self._income()
        symbols = sorted({row["symbol"] for row in income if row["symbol"]})
        return History(
            end_ms=self.clock.now_ms(),
            fills=[
                _fill(row) for each in symbols for row in await self._all("/fapi/v1/userTrades", each, "fromId", "id")
            ],
            orders=[
                _order(row)
                for each in symbols
                for row in await self._all("/fapi/v1/allOrders", each, "orderId", "orderId")
            ],
            leverages=tuple(self.leverages),
            equity=tuple(self.equity),
            spells=[_spell(row) for row in await self.client.get("/localbinance/uncovered")],
            income=sum((Decimal(row["income"]) for row in income if row["incomeType"] != TRANSFER), Decimal(0)),
        )

    async def _income(self) -> list[Row]:
        rows: list[Row] = []
        page: list[Row] | None = None
        while page is None or len(page) == PAGE:
            number = len(rows) // PAGE + 1
            page = await self._ask("/fapi/v1/income", startTime=self.start_ms, limit=PAGE, page=number)
            rows += page
        return rows

    async def _all(self, path: str, symbol: str, first: str, number: str) -> list[Row]:
        """Every row of a symbol. Args: first, the parameter that names the first row; number, its name in a row."""
        rows: list[Row] = []
        page: list[Row] | None = None
        while page is None or len(page) == PAGE:
            page = await self._ask(path, symbol=symbol, limit=PAGE, **{first: rows[-1][number] + 1 if rows else 1})
            rows += page
        return rows

    async def _ask(self, path: str, **parameters: object) -> Any:
        answer = await self.client.send("GET", path, parameters, at_ms=self.clock.now_ms())
        assert answer.status == 200, answer.body
        return answer.body


@asynccontextmanager
async def an_onlooker(venue: Venue, clock: Clock) -> AsyncIterator[Onlooker]:
    """From now on."""
    async with signing(venue) as client:
        yield Onlooker(client, clock, clock.now_ms())


def _is_leverage_set(row: Row) -> bool:
    is_meant = row["entry"] == "request" and (row["method"], row["path"]) == ("POST", LEVERAGE_PATH)
    return is_meant and bool(row["executed"]) and row["status"] in (0, 200)


def _leverage_set(row: Row) -> LeverageSet:
    asked = row["parameters"]
    return LeverageSet(symbol=asked["symbol"], at_ms=row["arrived"]["exchange_ms"], leverage=int(asked["leverage"]))


def _fill(row: Row) -> Fill:
    sign = 1 if row["side"] == "BUY" else -1
    return Fill(
        symbol=row["symbol"],
        at_ms=row["time"],
        number=row["id"],
        order_id=row["orderId"],
        quantity_signed=sign * Decimal(row["qty"]),
        price=Decimal(row["price"]),
    )


def _order(row: Row) -> Order:
    return Order(order_id=row["orderId"], kind=row["origType"], price_stop=Decimal(row["stopPrice"]))


def _spell(row: Row) -> Spell:
    return Spell(
        symbol=row["symbol"],
        from_ms=row["from_ms"],
        until_ms=row["until_ms"],
        requests_between=row["requests_between"],
    )
