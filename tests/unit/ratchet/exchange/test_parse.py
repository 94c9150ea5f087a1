"""Parsing: recorded answers and frames of the real exchange as values, and a clear word about what is none."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from ratchet.domain.order import OrderStatus, Side, StopStatus
from ratchet.domain.position import IncomeKind
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import IncomeBooked, OrderChanged, PositionChanged, StopChanged, UserEvent
from ratchet.exchange import parse_account, parse_market
from ratchet.exchange.errors import BadReply, Rejected
from ratchet.exchange.outcome import Refused, outcome_of
from ratchet.exchange.parse_frames import user_events
from tests.recorded import RECORDED, needs_recorded

PAYLOADS = RECORDED / "payloads"


def frames() -> Iterator[dict[str, Any]]:
    for path in sorted((PAYLOADS / "user-data").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)["frame"]


@needs_recorded
def test_the_real_rules_are_read() -> None:
    raw = json.loads((PAYLOADS / "rest" / "fapi-exchangeInfo-demo-2026-03-31.json").read_text())
    rules = parse_market.usdc_perpetuals(raw)
    assert len(rules) == 37, "38 are listed, one does not trade yet"
    btc = rules[Symbol("BTCUSDC")]
    assert (btc.price_tick, btc.quantity_step, btc.notional_min) == (Decimal("0.1"), Decimal("0.001"), Decimal(100))
    assert btc.quantity_market_max == 100


@needs_recorded
def test_rules_of_the_other_recorded_exchange_are_read() -> None:
    raw = json.loads((PAYLOADS / "rest" / "fapi-exchangeInfo-mainnet-2024-10-20.json").read_text())
    rules = parse_market.usdc_perpetuals(raw)
    assert rules
    assert all(each.price_tick > 0 and each.quantity_step > 0 and each.notional_min > 0 for each in rules.values())


def recorded_replies(endpoint: str) -> list[Any]:
    raw = json.loads((PAYLOADS / "rest" / "fapi-public-replies-2020-2025.json").read_text())
    return [each["reply"] for each in raw[endpoint]]


@needs_recorded
def test_every_recorded_candle_and_ticker_is_read() -> None:
    rows = [row for reply in recorded_replies("GET /fapi/v1/klines") if isinstance(reply, list) for row in reply]
    candles = [parse_market.candle(row) for row in rows]
    assert candles
    assert [str(candle.close) for candle in candles] == [row[4] for row in rows], "not a digit is lost"
    answers = [row for reply in recorded_replies("GET /fapi/v1/ticker/24hr") for row in _listed(reply)]
    tickers = [parse_market.ticker(row) for row in answers if "code" not in row]
    assert tickers
    assert all(ticker.last > 0 for ticker in tickers)


def _listed(reply: Any) -> list[Any]:
    return reply if isinstance(reply, list) else [reply]


@needs_recorded
def test_the_recorded_answer_of_the_algo_service_is_read() -> None:
    [raw] = json.loads((PAYLOADS / "rest" / "algo-order-xnyusdt-take-profit-2026-01.json").read_text())
    report = parse_account.stop_report(raw)
    assert (report.algo_id, report.status, report.order_id) == (1000000006010158, StopStatus.NEW, None)
    assert (report.quantity, report.price_trigger) == (Decimal(8310), Decimal("0.0036130"))


@needs_recorded
def test_every_recorded_refusal_is_a_no_with_its_code() -> None:
    for raw in json.loads((PAYLOADS / "rest" / "errors-observed.json").read_text()):
        body = json.dumps({"code": raw["code"], "msg": raw["msg"]})
        no = outcome_of(Refused(raw["status"], {}, body), "POST order")
        assert isinstance(no, Rejected), raw
        assert (no.code, no.message) == (raw["code"], raw["msg"])


@needs_recorded
def test_every_recorded_frame_is_understood() -> None:
    events: list[UserEvent] = []
    for frame in frames():
        renamed = json.loads(json.dumps(frame).replace("USDT", "USDC"))
        events += user_events(renamed)
    kinds = {type(event) for event in events}
    assert {OrderChanged, StopChanged, PositionChanged, IncomeBooked} <= kinds
    fills = [event.fill for event in events if isinstance(event, OrderChanged) and event.fill is not None]
    assert fills
    assert all(fill.quantity > 0 and fill.price > 0 for fill in fills)
    assert all(event.report.status is not OrderStatus.UNKNOWN for event in events if isinstance(event, OrderChanged))


@needs_recorded
def test_a_recorded_conditional_order_is_read() -> None:
    frame = next(frame for frame in frames() if frame["e"] == "ALGO_UPDATE" and frame["o"]["X"] == "FINISHED")
    [event] = user_events(json.loads(json.dumps(frame).replace("USDT", "USDC")))
    assert isinstance(event, StopChanged)
    assert event.report.status is StopStatus.FINISHED
    assert event.report.order_id == 88937381063
    assert event.report.side is Side.BUY


@needs_recorded
def test_frames_of_other_quotes_are_left_out() -> None:
    others = [frame for frame in frames() if "USDC" not in json.dumps(frame)]
    assert others
    assert not [event for frame in others for event in user_events(frame) if not isinstance(event, IncomeBooked)]


AN_ORDER: dict[str, Any] = {
    "clientOrderId": "rt-a-1-entry0",
    "orderId": 7,
    "symbol": "BTCUSDC",
    "side": "BUY",
    "status": "FILLED",
    "origQty": "0.010",
    "executedQty": "0.010",
    "avgPrice": "100000.1",
    "reduceOnly": False,
    "updateTime": 1,
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"orderId": None}, "orderId is None, an integer is wanted"),
        ({"origQty": "NaN"}, "origQty is 'NaN', a number in a string is wanted"),
        ({"origQty": 0.01}, "origQty is 0.01, a number in a string is wanted"),
        ({"side": "LEFT"}, "a side is LEFT"),
        ({"reduceOnly": "false"}, "reduceOnly is 'false', true or false is wanted"),
    ],
)
def test_an_answer_that_is_not_as_documented_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadReply, match=complaint):
        parse_account.order_report(AN_ORDER | change)


def test_a_missing_field_is_named_and_an_unknown_status_is_unknown() -> None:
    with pytest.raises(BadReply, match="symbol is missing"):
        parse_account.order_report({name: value for name, value in AN_ORDER.items() if name != "symbol"})
    with pytest.raises(BadReply, match="an order is a list, an object is wanted"):
        parse_account.order_report([])
    assert parse_account.order_report(AN_ORDER | {"status": "NEW_ADL"}).status is OrderStatus.UNKNOWN


A_TRADE = {
    "id": 1,
    "orderId": 7,
    "symbol": "BTCUSDC",
    "side": "BUY",
    "price": "100000",
    "qty": "0.01",
    "commission": "0.0006",
    "commissionAsset": "BNB",
    "realizedPnl": "0",
    "maker": False,
    "time": 1_790_000_000_000,
}


def test_a_fee_in_bnb_stays_one_in_bnb() -> None:
    fill = parse_account.fill(A_TRADE)
    assert (fill.fee, fill.fee_asset) == (Decimal("0.0006"), "BNB")


INCOME = {"incomeType": "COMMISSION", "income": "-0.0006", "time": 1_790_000_000_000, "tranId": 3, "tradeId": "1"}


@pytest.mark.parametrize(
    ("symbol", "asset", "is_ours"),
    [
        ("BTCUSDC", "USDC", True),
        ("BTCUSDC", "BNB", True),
        ("BTCUSDT", "BNB", False),
        ("", "USDC", True),
        ("", "USDT", False),
    ],
)
def test_income_is_of_usdc_markets_or_of_usdc(symbol: str, asset: str, *, is_ours: bool) -> None:
    found = parse_account.income(INCOME | {"symbol": symbol, "asset": asset})
    assert (found is not None) is is_ours
    assert found is None or (found.asset, found.symbol) == (asset, symbol or None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("FUNDING_FEE", IncomeKind.FUNDING_FEE),
        ("INSURANCE_CLEAR", IncomeKind.OTHER),
        ("STRATEGY_UMFUTURES_TRANSFER", IncomeKind.TRANSFER),
        ("SOMETHING_NEW", IncomeKind.OTHER),
    ],
)
def test_income_of_every_kind_keeps_its_name(name: str, kind: IncomeKind) -> None:
    found = parse_account.income(INCOME | {"incomeType": name, "symbol": "BTCUSDC", "asset": "USDC"})
    assert found is not None
    assert (found.kind, found.name) == (kind, name)


def test_hedge_mode_positions_are_refused() -> None:
    row = {
        "symbol": "BTCUSDC",
        "positionSide": "LONG",
        "positionAmt": "1",
        "entryPrice": "1",
        "markPrice": "1",
        "unRealizedProfit": "0",
        "marginAsset": "USDC",
        "updateTime": 1,
    }
    with pytest.raises(BadReply, match="hedge mode"):
        parse_account.positions([row])
    [position] = parse_account.positions([row | {"positionSide": "BOTH"}, row | {"positionAmt": "0"}])
    assert position.quantity == 1


@pytest.mark.parametrize(
    "read",
    [
        lambda: parse_market.usdc_perpetuals({"symbols": ["BTCUSDC"]}),
        lambda: parse_account.balance({"assets": [None]}),
        lambda: parse_account.positions([[]]),
        lambda: user_events({"e": "ACCOUNT_UPDATE", "T": 1, "a": {"P": ["BTCUSDC"]}}),
    ],
)
def test_a_row_that_is_no_object_is_named(read: Callable[[], object]) -> None:
    with pytest.raises(BadReply, match=r"a row of .* an object is wanted"):
        read()
