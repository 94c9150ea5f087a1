"""Acts over the wire: what each does is seen in the answers of REST and in the user stream, as of any other cause."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from tests.wire.conftest import Venue
from tests.wire.signed import EVENT_TIMEOUT_S, Answer, Signed, signing

Frame = dict[str, Any]
NOTIONAL = Decimal(500)


@dataclass(slots=True)
class Desk:
    """A trader of one symbol with its user stream. Every test has a symbol of its own."""

    client: Signed
    socket: aiohttp.ClientWebSocketResponse
    symbol: str
    price_tick: Decimal
    quantity: Decimal  # about 500 USDC
    frames: list[Frame] = field(default_factory=list)

    async def act(self, name: str, **fields: object) -> Answer:
        text = json.dumps({"act": name} | fields)
        answer = await self.client.send("POST", "/localbinance/act", {"act": text}, signed=False)
        assert answer.status == 200, answer.body
        return answer

    async def send(self, method: str, path: str, **parameters: object) -> Answer:
        return await self.client.send(method, path, {"symbol": self.symbol} | parameters)

    async def market(self, side: str, **parameters: object) -> Any:
        values = {"side": side, "type": "MARKET", "quantity": self.quantity, "newOrderRespType": "RESULT"}
        answer = await self.send("POST", "/fapi/v1/order", **(values | parameters))
        assert answer.status == 200, answer.body
        return answer.body

    async def limit(self, side: str, factor: str) -> Any:
        values = {"side": side, "type": "LIMIT", "timeInForce": "GTC", "quantity": self.quantity}
        answer = await self.send("POST", "/fapi/v1/order", **values, price=await self.near(factor))
        assert answer.status == 200, answer.body
        return answer.body

    async def stop(self, factor: str) -> Any:
        """Over a long of the usual size."""
        values = {"algoType": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET", "quantity": self.quantity}
        trigger = await self.near(factor)
        answer = await self.send("POST", "/fapi/v1/algoOrder", **values, triggerPrice=trigger, reduceOnly="true")
        assert answer.status == 200, answer.body
        return answer.body

    async def last(self) -> Decimal:
        return Decimal((await self.client.get("/fapi/v1/ticker/price", symbol=self.symbol))["price"])

    async def near(self, factor: str) -> Decimal:
        """A price on the tick, so many times the last one."""
        return (await self.last() * Decimal(factor)) // self.price_tick * self.price_tick

    async def held(self) -> Decimal:
        rows = (await self.send("GET", "/fapi/v3/positionRisk")).body
        return sum((Decimal(row["positionAmt"]) for row in rows), Decimal(0))

    async def algo(self, algo_id: int) -> Any:
        return (await self.send("GET", "/fapi/v1/algoOrder", algoId=algo_id)).body

    async def until(self, is_wanted: Callable[[Frame], bool]) -> Frame:
        """The next frame of the stream that is wanted."""
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while True:
                frame: Frame = await self.socket.receive_json()
                self.frames.append(frame)
                if is_wanted(frame):
                    return frame

    async def until_algo(self, status: str) -> Any:
        found = await self.until(lambda frame: frame["e"] == "ALGO_UPDATE" and frame["o"]["X"] == status)
        return found["o"]

    async def until_order(self, execution: str, status: str) -> Any:
        def is_wanted(frame: Frame) -> bool:
            return frame["e"] == "ORDER_TRADE_UPDATE" and (frame["o"]["x"], frame["o"]["X"]) == (execution, status)

        return (await self.until(is_wanted))["o"]


@pytest.fixture
async def client(venue: Venue) -> AsyncIterator[Signed]:
    async with signing(venue) as it:
        yield it


@asynccontextmanager
async def desk_of(client: Signed, symbol: str) -> AsyncIterator[Desk]:
    info = await client.get("/fapi/v1/exchangeInfo")
    row = next(each for each in info["symbols"] if each["symbol"] == symbol)
    rules = {each["filterType"]: each for each in row["filters"]}
    last = Decimal((await client.get("/fapi/v1/ticker/price", symbol=symbol))["price"])
    step = Decimal(rules["LOT_SIZE"]["stepSize"])
    async with client.user_stream() as socket:
        tick = Decimal(rules["PRICE_FILTER"]["tickSize"])
        yield Desk(client, socket, symbol, tick, NOTIONAL / last // step * step)


async def test_a_gap_triggers_a_stop_beyond_its_price_and_stays(client: Signed) -> None:
    async with desk_of(client, "SOLUSDC") as desk:
        await desk.market("BUY")
        before, stop = await desk.last(), await desk.stop("0.98")
        await desk.act("gap", symbol=desk.symbol, fraction=-0.06)
        fill = await desk.until_order("TRADE", "FILLED") and await desk.until_order("TRADE", "FILLED")
        assert Decimal(fill["L"]) < Decimal(stop["triggerPrice"]) * Decimal("0.97")
        await desk.until_algo("FINISHED")
        assert await desk.held() == 0
        assert await desk.last() / before == pytest.approx(Decimal("0.94"), abs=Decimal("0.01"))
        mark = Decimal((await client.get("/fapi/v1/premiumIndex", symbol=desk.symbol))["markPrice"])
        assert mark / before == pytest.approx(Decimal("0.94"), abs=Decimal("0.01"))


async def test_a_flash_triggers_a_stop_and_is_over(client: Signed) -> None:
    async with desk_of(client, "ETHUSDC") as desk:
        await desk.market("BUY")
        before = await desk.last()
        await desk.stop("0.98")
        await desk.act("flash", symbol=desk.symbol, fraction=-0.06, for_ms=2_000, returns="at_once")
        finished = await desk.until_algo("FINISHED")
        assert Decimal(finished["ap"]) < before * Decimal("0.95")
        url = f"{client.venue.ws}/ws/{desk.symbol.lower()}@markPrice@1s"
        async with asyncio.timeout(EVENT_TIMEOUT_S), client.session.ws_connect(url) as marks:
            while Decimal((await marks.receive_json())["p"]) < before * Decimal("0.98"):
                pass
        candles = await client.get("/fapi/v1/klines", symbol=desk.symbol, interval="1m", limit=2)
        assert min(Decimal(candle[3]) for candle in candles) < before * Decimal("0.95")


async def test_in_thin_depth_a_market_order_expires_half_filled(client: Signed) -> None:
    async with desk_of(client, "XRPUSDC") as desk:
        half = desk.quantity // 2
        await desk.act("thin", symbol=desk.symbol, quantity=str(half))
        answer = await desk.market("BUY")
        assert (answer["status"], Decimal(answer["executedQty"])) == ("EXPIRED", half)
        expired = await desk.until_order("EXPIRED", "EXPIRED")
        assert (Decimal(expired["z"]), expired["er"]) == (half, "9")
        assert await desk.held() == half
        await desk.act("thin", symbol=desk.symbol)
        assert (await desk.market("SELL", quantity=half))["status"] == "FILLED"


async def test_a_slow_market_order_is_answered_half_filled_and_fills_on(client: Signed) -> None:
    async with desk_of(client, "DOGEUSDC") as desk:
        await desk.act("fill_slowly", symbol=desk.symbol, parts=2, over_ms=1_500)
        answer = await desk.market("BUY")
        assert answer["status"] == "PARTIALLY_FILLED"
        assert 0 < Decimal(answer["executedQty"]) < desk.quantity
        filled = await desk.until_order("TRADE", "FILLED")
        assert Decimal(filled["z"]) == desk.quantity == await desk.held()
        trades = (await desk.send("GET", "/fapi/v1/userTrades", orderId=answer["orderId"])).body
        assert len(trades) >= 2
        await desk.act("fill_slowly", symbol=desk.symbol, parts=1)
        assert (await desk.market("SELL"))["status"] == "FILLED"


async def test_a_refused_trigger_ends_rejected_and_the_position_stays(client: Signed) -> None:
    async with desk_of(client, "BNBUSDC") as desk:
        await desk.market("BUY")
        stop = await desk.stop("0.98")
        await desk.act("refuse_trigger", symbol=desk.symbol, reason="Margin is insufficient.")
        await desk.act("gap", symbol=desk.symbol, fraction=-0.05)
        assert (await desk.until_algo("REJECTED"))["rm"] == "Margin is insufficient."
        assert (await desk.algo(stop["algoId"]))["algoStatus"] == "REJECTED"
        assert await desk.held() == desk.quantity
        await desk.market("SELL")


@pytest.mark.parametrize(("stage", "symbol"), [("TRIGGERING", "LINKUSDC"), ("TRIGGERED", "AVAXUSDC")])
async def test_a_stuck_trigger_stays_so_for_its_time_and_then_goes_on(client: Signed, stage: str, symbol: str) -> None:
    async with desk_of(client, symbol) as desk:
        await desk.market("BUY")
        stop = await desk.stop("0.98")
        await desk.act("stick_trigger", symbol=symbol, for_ms=3_000, stage=stage)
        await desk.act("gap", symbol=symbol, fraction=-0.05)
        await desk.until_algo(stage)
        assert (await desk.algo(stop["algoId"]))["algoStatus"] == stage
        assert await desk.held() == desk.quantity
        cancelled = await desk.send("DELETE", "/fapi/v1/algoOrder", algoId=stop["algoId"])
        assert cancelled.body["code"] == -2011
        resting = (await desk.send("GET", "/fapi/v1/openOrders")).body
        assert [(order["status"], order["clientOrderId"]) for order in resting] == (
            [("NEW", stop["clientAlgoId"])] if stage == "TRIGGERED" else []
        )
        await desk.until_algo("FINISHED")
        assert await desk.held() == 0


async def test_a_settling_symbol_cancels_refuses_and_delivers(client: Signed) -> None:
    async with desk_of(client, "ADAUSDC") as desk:
        await desk.market("BUY")
        rung, stop = await desk.limit("SELL", "1.02"), await desk.stop("0.98")
        now_ms = (await client.get("/fapi/v1/time"))["serverTime"]
        await desk.act("settle", symbol=desk.symbol, delivery_ms=now_ms + 2_500)
        cancelled = await desk.until_order("CANCELED", "CANCELED")
        assert (cancelled["i"], cancelled["er"]) == (rung["orderId"], "7")
        assert (await desk.until_algo("EXPIRED"))["aid"] == stop["algoId"]
        info = await client.get("/fapi/v1/exchangeInfo")
        [row] = [each for each in info["symbols"] if each["symbol"] == desk.symbol]
        assert (row["status"], row["deliveryDate"]) == ("SETTLING", now_ms + 2_500)
        refused = await desk.send("POST", "/fapi/v1/order", side="SELL", type="MARKET", quantity=desk.quantity)
        assert refused.body["code"] == -4141
        closed = await desk.until_order("CALCULATED", "FILLED")
        assert closed["c"].startswith("settlement_autoclose-")
        assert await desk.held() == 0


async def test_an_announced_delisting_is_told_traded_until_then_and_settled(client: Signed) -> None:
    async with desk_of(client, "LINKUSDC") as desk:
        await desk.market("BUY")
        rung = await desk.limit("SELL", "1.02")
        now_ms = (await client.get("/fapi/v1/time"))["serverTime"]
        await desk.act("announce_delisting", symbol=desk.symbol, delivery_ms=now_ms + 2_500)

        async def listed() -> tuple[str, int]:
            info = await client.get("/fapi/v1/exchangeInfo")
            [row] = [each for each in info["symbols"] if each["symbol"] == desk.symbol]
            return row["status"], row["deliveryDate"]

        assert await listed() == ("TRADING", now_ms + 2_500)
        assert (await desk.market("SELL"))["status"] == "FILLED"
        await desk.market("BUY")
        cancelled = await desk.until_order("CANCELED", "CANCELED")
        assert (cancelled["i"], cancelled["er"]) == (rung["orderId"], "7")
        assert (await desk.until_order("CALCULATED", "FILLED"))["c"].startswith("settlement_autoclose-")
        assert await listed() == ("SETTLING", now_ms + 2_500)
        assert await desk.held() == 0


async def test_leverage_is_refused_then_capped(client: Signed) -> None:
    async with desk_of(client, "LTCUSDC") as desk:
        await desk.act("refuse_leverage", symbol=desk.symbol, code=-4161)
        assert (await desk.send("POST", "/fapi/v1/leverage", leverage=6)).body["code"] == -4161
        await desk.act("cap_leverage", symbol=desk.symbol, leverage=3)
        assert (await desk.send("POST", "/fapi/v1/leverage", leverage=6)).body["leverage"] == 3
        told = await desk.until(lambda frame: frame["e"] == "ACCOUNT_CONFIG_UPDATE")
        assert told["ac"] == {"s": desk.symbol, "l": 3}
        assert (await desk.send("GET", "/fapi/v1/symbolConfig")).body[0]["leverage"] == 3


async def test_the_margin_type_is_refused_once(client: Signed) -> None:
    async with desk_of(client, "LTCUSDC") as desk:
        await desk.act("refuse_margin_type", symbol=desk.symbol)
        codes = [(await desk.send("POST", "/fapi/v1/marginType", marginType="ISOLATED")).body["code"] for _ in "ab"]
        assert codes == [-4047, 200]


async def test_a_forced_liquidation_takes_everything(client: Signed) -> None:
    async with desk_of(client, "SUIUSDC") as desk:
        await desk.market("BUY")
        await desk.limit("BUY", "0.95")
        await desk.act("liquidate")
        await desk.until_order("CANCELED", "CANCELED")
        closed = await desk.until_order("CALCULATED", "FILLED")
        assert (closed["o"], closed["c"][:10]) == ("LIQUIDATION", "autoclose-")
        await desk.until(lambda frame: frame["e"] == "ACCOUNT_UPDATE" and frame["a"]["m"] == "INSURANCE_CLEAR")
        assert await desk.held() == 0
        assert (await desk.send("GET", "/fapi/v1/openOrders")).body == []


async def test_a_foreign_client_trades_on_the_same_account(client: Signed) -> None:
    async with desk_of(client, "BTCUSDC") as desk:
        usual = {"symbol": desk.symbol, "quantity": str(desk.quantity)}
        order = usual | {"side": "BUY", "type": "MARKET", "client_order_id": "web_open"}
        await desk.act("foreign_order", order=order)
        assert (await desk.until_order("TRADE", "FILLED"))["c"] == "web_open"
        stop = usual | {"side": "SELL", "type": "STOP_MARKET", "reduce_only": True, "client_algo_id": "web_stop"}
        await desk.act("foreign_stop", stop=stop | {"price_trigger": str(await desk.near("0.97"))})
        assert (await desk.until_algo("NEW"))["caid"] == "web_stop"
        own = await desk.stop("0.98")
        await desk.act("foreign_cancel", algo_id=own["algoId"])
        assert (await desk.until_algo("CANCELED"))["aid"] == own["algoId"]
        waiting = (await desk.send("GET", "/fapi/v1/openAlgoOrders")).body
        assert [each["clientAlgoId"] for each in waiting] == ["web_stop"]
        await desk.act("foreign_cancel", client_id="web_stop")
        await desk.act("foreign_close", symbol=desk.symbol)
        await desk.until_order("TRADE", "FILLED")
        assert await desk.held() == 0


async def test_funding_is_booked_now(client: Signed) -> None:
    async with desk_of(client, "BCHUSDC") as desk:
        await desk.market("BUY")
        await desk.act("funding", symbol=desk.symbol, rate=0.01)
        told = await desk.until(lambda frame: frame["e"] == "ACCOUNT_UPDATE" and frame["a"]["m"] == "FUNDING_FEE")
        rows = (await desk.send("GET", "/fapi/v1/income", incomeType="FUNDING_FEE")).body
        assert [Decimal(row["income"]) for row in rows] == [Decimal(told["a"]["B"][0]["bc"])]
        assert Decimal(rows[0]["income"]) == pytest.approx(-NOTIONAL / 100, rel=Decimal("0.05"))
        await desk.market("SELL")


async def test_a_withdrawal_leaves_the_wallet(client: Signed) -> None:
    async with desk_of(client, "BTCUSDC") as desk:
        await desk.act("withdraw", asset="USDC", amount="1234.5")
        told = await desk.until(lambda frame: frame["e"] == "ACCOUNT_UPDATE")
        assert (told["a"]["m"], told["a"]["B"][0]["bc"]) == ("WITHDRAW", "-1234.5")
        rows = (await client.send("GET", "/fapi/v1/income", {"incomeType": "TRANSFER"})).body
        assert Decimal(rows[-1]["income"]) == Decimal("-1234.5")


async def test_what_is_no_act_and_who_has_no_key_is_refused_with_one_line(client: Signed) -> None:
    answer = await client.send("POST", "/localbinance/act", {"act": '{"act": "gap", "symbol": "BTCUSDC"}'})
    assert (answer.status, answer.body) == (400, {"code": -1130, "msg": "act gap, fraction: Field required"})
    text = '{"act": "liquidate"}'
    assert (await client.send("POST", "/localbinance/act", {"act": text}, key="nobody")).body["code"] == -2015
