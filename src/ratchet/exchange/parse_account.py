"""Parsing of the account: orders, stops, fills, positions, income, as values of the domain."""

from collections.abc import Iterable
from decimal import Decimal

from ratchet.domain.account_config import AccountConfig, SymbolConfig
from ratchet.domain.fill import Fill
from ratchet.domain.identity import AlgoId, ClientOrderId, FillId, OrderId
from ratchet.domain.money import CREDITS, QUOTE, ZERO
from ratchet.domain.order import OrderReport, OrderStatus, Side, StopReport, StopStatus
from ratchet.domain.position import Balance, Income, IncomeKind, Position
from ratchet.domain.symbol import Symbol
from ratchet.exchange.errors import BadReply
from ratchet.exchange.fields import Raw, flag, integer, number, record, records, text

_INCOME_KIND = {kind.value: kind for kind in IncomeKind} | dict.fromkeys(
    (
        "INTERNAL_TRANSFER",
        "CROSS_COLLATERAL_TRANSFER",
        "STRATEGY_UMFUTURES_TRANSFER",
        "COIN_SWAP_DEPOSIT",
        "COIN_SWAP_WITHDRAW",
        "AUTO_EXCHANGE",
        "WELCOME_BONUS",
    ),
    IncomeKind.TRANSFER,
)
_ORDER_STATUS = {status.value: status for status in OrderStatus} | {"EXPIRED_IN_MATCH": OrderStatus.EXPIRED}
_STOP_KIND = "STOP_MARKET"
_BALANCE_FIELDS = ("walletBalance", "availableBalance", "unrealizedProfit")


def order_status(name: str) -> OrderStatus:
    """What is not known is UNKNOWN, never guessed."""
    return _ORDER_STATUS.get(name, OrderStatus.UNKNOWN)


def stop_status(name: str) -> StopStatus:
    """Raises: BadReply for a state that Binance does not document."""
    try:
        return StopStatus(name)
    except ValueError:
        raise BadReply(f"a stop is {name}, which is not a known state") from None


def side(name: str) -> Side:
    """Raises: BadReply."""
    try:
        return Side(name)
    except ValueError:
        raise BadReply(f"a side is {name}") from None


def order_report(raw: object) -> OrderReport:
    """The answer to placing, cancelling or querying a plain order."""
    row = record(raw, "an order")
    return OrderReport(
        client_order_id=ClientOrderId(text(row, "clientOrderId")),
        order_id=OrderId(integer(row, "orderId")),
        symbol=Symbol(text(row, "symbol")),
        side=side(text(row, "side")),
        status=order_status(text(row, "status")),
        quantity=number(row, "origQty"),
        quantity_filled=number(row, "executedQty"),
        price_average=number(row, "avgPrice") if "avgPrice" in row else ZERO,
        reduce_only=flag(row, "reduceOnly"),
        updated_ms=integer(row, "updateTime"),
    )


def is_stop(row: Raw, field: str) -> bool:
    """Whether a conditional order is a stop, by the field of its kind. A take profit protects nothing, a trailing one
    has no price that could be relied on; both may be there by another hand."""
    return bool(row.get(field, _STOP_KIND) == _STOP_KIND)


def stop_report(raw: object) -> StopReport:
    """The answer to placing or querying a conditional order."""
    row = record(raw, "a conditional order")
    child = str(row.get("actualOrderId") or "")
    return StopReport(
        client_order_id=ClientOrderId(text(row, "clientAlgoId")),
        algo_id=AlgoId(integer(row, "algoId")),
        symbol=Symbol(text(row, "symbol")),
        side=side(text(row, "side")),
        status=stop_status(text(row, "algoStatus")),
        quantity=number(row, "quantity"),
        price_trigger=number(row, "triggerPrice"),
        closes_position=flag(row, "closePosition"),
        order_id=OrderId(int(child)) if child.isdigit() else None,
        reason=str(row.get("failReason") or ""),
        updated_ms=integer(row, "updateTime"),
    )


def fill(raw: object) -> Fill:
    """A row of `userTrades`, which does not name the client order id."""
    row = record(raw, "a trade")
    return Fill(
        fill_id=FillId(integer(row, "id")),
        order_id=OrderId(integer(row, "orderId")),
        client_order_id=None,
        symbol=Symbol(text(row, "symbol")),
        side=side(text(row, "side")),
        price=number(row, "price"),
        quantity=number(row, "qty"),
        fee=number(row, "commission"),
        fee_asset=counted_as(text(row, "commissionAsset")),
        realized_pnl=number(row, "realizedPnl"),
        is_maker=flag(row, "maker"),
        at_ms=integer(row, "time"),
    )


def counted_as(asset: str) -> str:
    """Credits are counted as USDC, one for one: in credits mode fees, profits and margin of USDC markets are booked in
    them."""
    return QUOTE if asset == CREDITS else asset


def balance(raw: object) -> Balance:
    """`v3/account`: its USDC row, as the totals speak of USDT; in credits mode, which is that of accounts in the EU,
    the credits, which stand for all that the account has.

    An account is in credits mode when its row of credits is not all zero. The totals then speak of all its assets in
    credits; where they know less than the row itself does, the row is taken.
    """
    account = record(raw, "account")
    assets = {each.get("asset"): each for each in records(account.get("assets"), "account.assets")}
    row = assets.get(CREDITS)
    if row is not None and any(number(row, name) for name in _BALANCE_FIELDS):
        if number(account, "totalWalletBalance") > number(row, "walletBalance"):
            return Balance(
                wallet=number(account, "totalWalletBalance"),
                available=number(account, "availableBalance"),
                unrealized_pnl=number(account, "totalUnrealizedProfit"),
            )
    elif (row := assets.get(QUOTE)) is None:
        raise BadReply(f"the account has no {QUOTE}")
    return Balance(
        wallet=number(row, "walletBalance"),
        available=number(row, "availableBalance"),
        unrealized_pnl=number(row, "unrealizedProfit"),
    )


def positions(raw: object) -> list[Position]:
    """`v3/positionRisk`: the USDC positions that are not flat."""
    return list(_positions(records(raw, "positionRisk")))


def _positions(found: Iterable[Raw]) -> Iterable[Position]:
    for row in found:
        quantity = number(row, "positionAmt")
        margin_asset = row.get("marginAsset", QUOTE)
        is_ours = margin_asset == QUOTE or (margin_asset == CREDITS and text(row, "symbol").endswith(QUOTE))
        if not is_ours or quantity == 0:
            continue
        if text(row, "positionSide") != "BOTH":
            raise BadReply("the account is in hedge mode, one-way mode is wanted")
        yield Position(
            symbol=Symbol(text(row, "symbol")),
            quantity_signed=quantity,
            price_entry=number(row, "entryPrice"),
            price_mark=number(row, "markPrice"),
            unrealized_pnl=number(row, "unRealizedProfit"),
            updated_ms=integer(row, "updateTime"),
            price_liquidation=_price_liquidation(row),
        )


def _price_liquidation(row: Raw) -> Decimal | None:
    """None where the exchange names none: it says 0, or something below it, of what no price can liquidate."""
    price = number(row, "liquidationPrice") if row.get("liquidationPrice") else ZERO
    return price if price > 0 else None


def income(raw: object) -> Income | None:
    """A row of `income`; None for one of another quote's market, and for one of no market in another asset."""
    row = record(raw, "an income row")
    name, asset = text(row, "incomeType"), counted_as(text(row, "asset"))
    symbol, trade = str(row.get("symbol") or ""), str(row.get("tradeId") or "")
    if not (symbol or asset).endswith(QUOTE):
        return None
    return Income(
        income_id=integer(row, "tranId"),
        kind=_INCOME_KIND.get(name, IncomeKind.OTHER),
        name=name,
        symbol=Symbol(symbol) if symbol else None,
        asset=asset,
        amount=number(row, "income"),
        fill_id=FillId(int(trade)) if trade.isdigit() else None,
        at_ms=integer(row, "time"),
    )


def account_config(raw: object) -> AccountConfig:
    """The answer of `accountConfig`."""
    row = record(raw, "accountConfig")
    return AccountConfig(can_trade=flag(row, "canTrade"), is_hedge_mode=flag(row, "dualSidePosition"))


def symbol_config(raw: object) -> SymbolConfig:
    """A row of `symbolConfig`."""
    row = record(raw, "a row of symbolConfig")
    return SymbolConfig(
        symbol=Symbol(text(row, "symbol")),
        is_cross=text(row, "marginType") == "CROSSED",
        leverage=integer(row, "leverage"),
    )
