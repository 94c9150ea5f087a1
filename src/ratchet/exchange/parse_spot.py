"""Spot's answers and frames as values of the domain. Raises: BadReply, with the field that is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId
from ratchet.domain.money import ZERO
from ratchet.domain.order import OrderReport, OrderStatus, Side
from ratchet.domain.spot_rules import SpotRules
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import OrderChanged
from ratchet.exchange.errors import BadReply
from ratchet.exchange.fields import Raw, flag, integer, number, record, records, text

STATUSES = {
    "PENDING_NEW": OrderStatus.NEW,
    "PENDING_CANCEL": OrderStatus.NEW,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
    **{status.value: status for status in OrderStatus if status not in (OrderStatus.INTENDED, OrderStatus.SENT)},
}
TRADED, CANCELED = "TRADE", "CANCELED"  # kinds of execution reports
NO_FILTER: Raw = {}


@dataclass(frozen=True, slots=True)
class AssetBalance:
    """What of an asset is free, and what is locked for orders."""

    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.free + self.locked


def pairs(answer: object) -> dict[Symbol, SpotRules]:
    """`exchangeInfo`: every pair, whether it trades or not."""
    found = (_rules(row) for row in records(record(answer, "exchangeInfo").get("symbols"), "symbols"))
    return {rules.symbol: rules for rules in found}


def _rules(row: Raw) -> SpotRules:
    filters = {text(each, "filterType"): each for each in records(row.get("filters"), "filters")}
    price, lot = _filter(filters, row, "PRICE_FILTER"), _filter(filters, row, "LOT_SIZE")
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or NO_FILTER
    by_side, both = filters.get("PERCENT_PRICE_BY_SIDE"), filters.get("PERCENT_PRICE")

    def multiplier(name: str) -> Decimal | None:
        if by_side is not None:
            return number(by_side, name)
        return None if both is None else number(both, "multiplierUp" if name.endswith("Up") else "multiplierDown")

    return SpotRules(
        symbol=Symbol(text(row, "symbol")),
        status=text(row, "status"),
        base_asset=text(row, "baseAsset"),
        quote_asset=text(row, "quoteAsset"),
        price_tick=_step(price, "tickSize"),
        price_min=number(price, "minPrice"),
        price_max=number(price, "maxPrice"),
        quantity_step=_step(lot, "stepSize"),
        quantity_min=number(lot, "minQty"),
        quantity_max=number(lot, "maxQty"),
        notional_min=number(notional, "minNotional") if "minNotional" in notional else ZERO,
        notional_max=number(notional, "maxNotional") if "maxNotional" in notional else None,
        bid_multiplier_up=multiplier("bidMultiplierUp"),
        bid_multiplier_down=multiplier("bidMultiplierDown"),
        ask_multiplier_up=multiplier("askMultiplierUp"),
        ask_multiplier_down=multiplier("askMultiplierDown"),
    )


def _filter(filters: Mapping[str, Raw], row: Raw, name: str) -> Raw:
    if name not in filters:
        raise BadReply(f"{row.get('symbol')} has no {name}")
    return filters[name]


def _step(raw: Raw, name: str) -> Decimal:
    found = number(raw, name)
    if found <= 0:
        raise BadReply(f"{name} is {found}, more than 0 is wanted")
    return found


def balances(answer: object) -> dict[str, AssetBalance]:
    """`account`: what is held, by asset."""
    held = records(record(answer, "account").get("balances"), "balances")
    return {text(row, "asset"): AssetBalance(number(row, "free"), number(row, "locked")) for row in held}


def order_report(answer: object) -> OrderReport:
    """A placed, queried or cancelled order."""
    raw = record(answer, "order")
    quantity_filled = number(raw, "executedQty")
    return OrderReport(
        # Of a cancelled order `clientOrderId` is the cancel's.
        client_order_id=ClientOrderId(
            text(raw, "origClientOrderId" if "origClientOrderId" in raw else "clientOrderId")
        ),
        order_id=OrderId(integer(raw, "orderId")),
        symbol=Symbol(text(raw, "symbol")),
        side=_side(raw, "side"),
        status=_status(raw, "status"),
        quantity=number(raw, "origQty"),
        quantity_filled=quantity_filled,
        price_average=_average(number(raw, "cummulativeQuoteQty"), quantity_filled),
        reduce_only=False,
        updated_ms=integer(raw, "updateTime" if "updateTime" in raw else "transactTime"),
    )


def fill(answer: object) -> Fill:
    """One row of `myTrades`, which does not name the order's client id."""
    raw = record(answer, "a row of myTrades")
    return Fill(
        fill_id=FillId(integer(raw, "id")),
        order_id=OrderId(integer(raw, "orderId")),
        client_order_id=None,
        symbol=Symbol(text(raw, "symbol")),
        side=Side.BUY if flag(raw, "isBuyer") else Side.SELL,
        price=number(raw, "price"),
        quantity=number(raw, "qty"),
        fee=number(raw, "commission"),
        fee_asset=text(raw, "commissionAsset"),
        realized_pnl=ZERO,
        is_maker=flag(raw, "isMaker"),
        at_ms=integer(raw, "time"),
    )


def execution_report(frame: Raw) -> OrderChanged:
    """`executionReport`."""
    name = text(frame, "C") if frame.get("x") == CANCELED and frame.get("C") else text(frame, "c")
    quantity_filled = number(frame, "z")
    report = OrderReport(
        client_order_id=ClientOrderId(name),
        order_id=OrderId(integer(frame, "i")),
        symbol=Symbol(text(frame, "s")),
        side=_side(frame, "S"),
        status=_status(frame, "X"),
        quantity=number(frame, "q"),
        quantity_filled=quantity_filled,
        price_average=_average(number(frame, "Z"), quantity_filled),
        reduce_only=False,
        updated_ms=integer(frame, "T"),
    )
    return OrderChanged(report=report, fill=_traded(frame, report) if frame.get("x") == TRADED else None)


def _traded(frame: Raw, report: OrderReport) -> Fill:
    return Fill(
        fill_id=FillId(integer(frame, "t")),
        order_id=report.order_id,
        client_order_id=report.client_order_id,
        symbol=report.symbol,
        side=report.side,
        price=number(frame, "L"),
        quantity=number(frame, "l"),
        fee=number(frame, "n"),
        fee_asset=text(frame, "N"),
        realized_pnl=ZERO,
        is_maker=flag(frame, "m"),
        at_ms=report.updated_ms,
    )


def _average(quote: Decimal, quantity: Decimal) -> Decimal:
    return quote / quantity if quantity else ZERO


def _side(raw: Raw, name: str) -> Side:
    value: Any = raw.get(name)
    if value not in ("BUY", "SELL"):
        raise BadReply(f"{name} is {value!r}, BUY or SELL is wanted")
    return Side(value)


def _status(raw: Raw, name: str) -> OrderStatus:
    found = STATUSES.get(text(raw, name))
    if found is None:
        raise BadReply(f"{name} is {raw[name]!r}, a status of an order is wanted")
    return found
