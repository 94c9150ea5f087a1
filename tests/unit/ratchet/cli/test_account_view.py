"""What is on spot as tables and as JSON: the same, and nothing hidden where nothing is."""

from decimal import Decimal

from ratchet.cli.account_view import SpotAccount, answers, as_json
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.exchange.parse_spot import AssetBalance
from ratchet.exchange.standing_order import StandingOrder

TRUMP = Symbol("TRUMPUSDC")
AT_MS = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC
EMPTY = SpotAccount(symbol=TRUMP, balances={}, orders=[], fills=[])
FULL = SpotAccount(
    symbol=TRUMP,
    balances={
        "USDC": AssetBalance(Decimal("400.50000000"), Decimal(0)),
        "BNB": AssetBalance(Decimal("0.00012000"), Decimal(1)),
    },
    orders=[
        StandingOrder(
            symbol=TRUMP,
            order_id=OrderId(28),
            client_order_id=ClientOrderId("web_1"),
            side=Side.SELL,
            kind="STOP_LOSS",
            quantity=Decimal("10.000"),
            quantity_filled=Decimal(0),
            price=None,
            price_stop=Decimal("6.50"),
            placed_ms=AT_MS,
        )
    ],
    fills=[
        Fill(
            fill_id=FillId(5),
            order_id=OrderId(27),
            client_order_id=None,
            symbol=TRUMP,
            side=Side.BUY,
            price=Decimal("7.100"),
            quantity=Decimal("2.000"),
            fee=Decimal("0.00200000"),
            fee_asset="TRUMP",
            realized_pnl=Decimal(0),
            is_maker=False,
            at_ms=AT_MS,
        )
    ],
)


def test_the_tables_have_every_row() -> None:
    balances, orders, trades = answers(FULL)
    assert balances.table is not None
    assert balances.table.rows == (("BNB", "0.00012", "1"), ("USDC", "400.5", "0"))
    assert orders.table is not None
    assert orders.table.rows == (
        ("TRUMPUSDC", "28", "2023-11-14 22:13:20", "SELL", "STOP_LOSS", "-", "6.5", "10", "0"),
    )
    assert trades.title == "Last trades of TRUMPUSDC"
    assert trades.table is not None
    assert trades.table.rows == (("2023-11-14 22:13:20", "27", "BUY", "7.1", "2", "0.002 TRUMP"),)


def test_an_empty_account_says_so() -> None:
    assert [(each.table, each.notes) for each in answers(EMPTY)] == [(None, ("None.",))] * 3
    assert as_json(EMPTY) == {"symbol": TRUMP, "balances": {}, "open_orders": [], "trades": []}


def test_money_is_text_and_times_are_ms_in_json() -> None:
    assert as_json(FULL) == {
        "symbol": "TRUMPUSDC",
        "balances": {"USDC": {"free": "400.5", "locked": "0"}, "BNB": {"free": "0.00012", "locked": "1"}},
        "open_orders": [
            {
                "symbol": "TRUMPUSDC",
                "order_id": 28,
                "client_order_id": "web_1",
                "side": "SELL",
                "type": "STOP_LOSS",
                "price": None,
                "price_stop": "6.5",
                "quantity": "10",
                "quantity_filled": "0",
                "placed_ms": AT_MS,
            }
        ],
        "trades": [
            {
                "fill_id": 5,
                "order_id": 27,
                "side": "BUY",
                "price": "7.1",
                "quantity": "2",
                "fee": "0.002",
                "fee_asset": "TRUMP",
                "is_maker": False,
                "at_ms": AT_MS,
            }
        ],
    }
