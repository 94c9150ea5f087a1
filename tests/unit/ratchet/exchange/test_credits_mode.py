"""Credits mode, that of accounts in the EU: what the account has is read from its credits, one for one with USDC."""

from decimal import Decimal
from typing import Any

import pytest

from ratchet.exchange import parse_account
from ratchet.exchange.errors import BadReply
from ratchet.exchange.parse_frames import user_events


def a_row(asset: str, wallet: str = "0", available: str = "0", unrealized: str = "0") -> dict[str, Any]:
    return {"asset": asset, "walletBalance": wallet, "availableBalance": available, "unrealizedProfit": unrealized}


def an_account(*rows: dict[str, Any], wallet: str = "0", available: str = "0", unrealized: str = "0") -> dict[str, Any]:
    totals = {"totalWalletBalance": wallet, "availableBalance": available, "totalUnrealizedProfit": unrealized}
    return {**totals, "assets": list(rows)}


def read(raw: dict[str, Any]) -> tuple[Decimal, Decimal, Decimal]:
    balance = parse_account.balance(raw)
    return balance.wallet, balance.available, balance.unrealized_pnl


USDC = a_row("USDC", "400", "390", "-2")


@pytest.mark.parametrize(
    ("account", "balance"),
    [
        (an_account(USDC), ("400", "390", "-2")),
        (an_account(USDC, a_row("BNFCR")), ("400", "390", "-2")),  # listed for everybody
        (an_account(USDC, a_row("BNFCR"), wallet="7", available="7"), ("400", "390", "-2")),  # the totals: of USDT
        (an_account(a_row("BNFCR", "500", "480", "3")), ("500", "480", "3")),
        (an_account(a_row("USDC"), a_row("BNFCR", "500", "480")), ("500", "480", "0")),
        # Collateral in other assets: the credits' own row has only what was won or lost.
        (
            an_account(USDC, a_row("BNFCR", "-3", "385"), wallet="397", available="385", unrealized="-2"),
            ("397", "385", "-2"),
        ),
        (
            an_account(a_row("USDC", "400"), a_row("BNFCR", "0", "399"), wallet="400", available="399"),
            ("400", "399", "0"),
        ),
    ],
)
def test_the_balance(account: dict[str, Any], balance: tuple[str, str, str]) -> None:
    assert read(account) == tuple(Decimal(number) for number in balance)


def test_an_account_without_either_is_none_of_ours() -> None:
    with pytest.raises(BadReply, match="the account has no USDC"):
        parse_account.balance(an_account(a_row("USDT", "5")))


def a_position(symbol: str, asset: str, *, liquidation: str = "0") -> dict[str, Any]:
    return {
        "symbol": symbol,
        "positionSide": "BOTH",
        "positionAmt": "0.01",
        "entryPrice": "100000",
        "markPrice": "100000",
        "unRealizedProfit": "0",
        "liquidationPrice": liquidation,
        "marginAsset": asset,
        "updateTime": 1,
    }


def test_positions_that_credits_stand_for_are_seen() -> None:
    raw = [a_position("BTCUSDC", "BNFCR"), a_position("ETHUSDT", "BNFCR"), a_position("SOLUSDT", "USDT")]
    assert [position.symbol for position in parse_account.positions(raw)] == ["BTCUSDC"]


@pytest.mark.parametrize(("told", "price"), [("95000.5", "95000.5"), ("0", None), ("-12", None)])
def test_a_price_of_liquidation_is_one_only_above_nothing(told: str, price: str | None) -> None:
    (position,) = parse_account.positions([a_position("BTCUSDC", "USDC", liquidation=told)])
    assert position.price_liquidation == (None if price is None else Decimal(price))


def test_a_position_without_a_price_of_liquidation_is_a_position() -> None:
    raw = a_position("BTCUSDC", "USDC")
    del raw["liquidationPrice"]
    assert parse_account.positions([raw])[0].price_liquidation is None


def test_fees_and_income_in_credits_are_counted_as_usdc() -> None:
    trade = {
        "id": 1,
        "orderId": 2,
        "symbol": "BTCUSDC",
        "side": "BUY",
        "price": "1",
        "qty": "1",
        "commission": "0.1",
        "commissionAsset": "BNFCR",
        "realizedPnl": "0",
        "maker": False,
        "time": 1,
    }
    assert parse_account.fill(trade).fee_asset == "USDC"
    assert parse_account.fill(trade | {"commissionAsset": "BNB"}).fee_asset == "BNB"
    row = {"tranId": 1, "incomeType": "COMMISSION", "asset": "BNFCR", "symbol": "BTCUSDC", "income": "-1", "time": 1}
    found = parse_account.income(row)
    assert found is not None
    assert found.asset == "USDC"


def test_a_fee_in_credits_that_the_stream_tells_of_is_counted_as_usdc() -> None:
    order = {
        "s": "BTCUSDC",
        "c": "rt-1",
        "S": "BUY",
        "x": "TRADE",
        "X": "FILLED",
        "i": 1,
        "t": 2,
        "q": "1",
        "z": "1",
        "l": "1",
        "L": "100",
        "ap": "100",
        "n": "0.1",
        "N": "BNFCR",
        "rp": "0",
        "m": False,
        "R": False,
        "T": 1,
    }
    (event,) = user_events({"e": "ORDER_TRADE_UPDATE", "E": 1, "T": 1, "o": order})
    assert getattr(event, "fill").fee_asset == "USDC"  # noqa: B009 - an OrderChanged
