"""A person on spot: buys by hand on the account's app, and looks what stands and what was traded."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.wire.conftest import Venue
from tests.wire.signed import Signed, signing

SYMBOL = "TRUMPUSDC"


@dataclass(slots=True)
class SpotHand:
    """Somebody at the app, and what the exchange says of the account."""

    client: Signed

    async def buys(self, quantity: str, symbol: str = SYMBOL) -> None:
        """At market."""
        await self.acts(
            act="spot_order", order={"symbol": symbol, "side": "BUY", "type": "MARKET", "quantity": quantity}
        )

    async def acts(self, **act: object) -> None:
        """Any act of localbinance."""
        answer = await self.client.send("POST", "/localbinance/act", {"act": json.dumps(act)}, signed=False)
        assert answer.status == 200, answer.body

    async def puts_fault(self, **fault: object) -> None:
        """Any fault of localbinance."""
        answer = await self.client.send("POST", "/localbinance/faults", {"faults": json.dumps(fault)}, signed=False)
        assert answer.status == 200, answer.body

    async def asks(self, path: str, **parameters: object) -> Any:
        """A signed GET below /api/v3."""
        answer = await self.client.send("GET", f"/api/v3/{path}", parameters)
        assert answer.status == 200, answer.body
        return answer.body

    async def orders(self, side: str, symbol: str = SYMBOL) -> list[dict[str, Any]]:
        """All of one side that ever were, oldest first."""
        return [row for row in await self.asks("allOrders", symbol=symbol) if row["side"] == side]

    async def fills(self, symbol: str = SYMBOL) -> list[dict[str, Any]]:
        """All of own trades, oldest first."""
        rows: list[dict[str, Any]] = await self.asks("myTrades", symbol=symbol, limit=1_000)
        return rows

    async def cancels_all(self, symbol: str = SYMBOL) -> None:
        """Whatever stands."""
        await self.client.send("DELETE", "/api/v3/openOrders", {"symbol": symbol})


def bought(fills: list[dict[str, Any]]) -> Decimal:
    """What these BUY fills left on the account, base asset."""
    base = SYMBOL.removesuffix("USDC")
    fee = sum((Decimal(row["commission"]) for row in fills if row["commissionAsset"] == base), Decimal(0))
    return sum((Decimal(row["qty"]) for row in fills), Decimal(0)) - fee


@asynccontextmanager
async def a_spot_hand(venue: Venue) -> AsyncIterator[SpotHand]:
    """It leaves nothing standing, neither orders nor faults."""
    async with signing(venue) as client:
        hand = SpotHand(client)
        try:
            yield hand
        finally:
            await client.send("DELETE", "/localbinance/faults", signed=False)
            await hand.cancels_all()
