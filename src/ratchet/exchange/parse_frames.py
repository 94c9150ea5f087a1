"""Parsing of user stream frames: what Binance tells by itself, as events of the domain."""

from decimal import Decimal

from ratchet.domain.fill import Fill
from ratchet.domain.identity import AlgoId, ClientOrderId, FillId, OrderId
from ratchet.domain.money import QUOTE, ZERO
from ratchet.domain.order import OrderReport, StopReport
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import IncomeBooked, OrderChanged, PositionChanged, StopChanged, UserEvent
from ratchet.exchange.errors import BadReply
from ratchet.exchange.fields import Raw, flag, integer, number, record, records, text
from ratchet.exchange.parse_account import counted_as, is_stop, order_status, side, stop_status

EXECUTIONS = frozenset({"TRADE", "CALCULATED"})
OF_NO_ORDER = frozenset({"FUNDING_FEE", "INSURANCE_CLEAR"})  # reasons of a change of the balance


def user_events(frame: Raw) -> list[UserEvent]:
    """The events of a frame; none for a kind of frame that tells nothing more. Other quotes than USDC are left out.

    Raises: BadReply.
    """
    match frame.get("e"):
        case "ORDER_TRADE_UPDATE":
            body = record(frame.get("o"), "ORDER_TRADE_UPDATE.o")
            return [_order_changed(body)] if text(body, "s").endswith(QUOTE) else []
        case "ALGO_UPDATE":
            body = record(frame.get("o"), "ALGO_UPDATE.o")
            is_ours = text(body, "s").endswith(QUOTE) and is_stop(body, "o")
            return [_stop_changed(body, integer(frame, "T"))] if is_ours else []
        case "ACCOUNT_UPDATE":
            return _account_updated(record(frame.get("a"), "ACCOUNT_UPDATE.a"), integer(frame, "T"))
        case str():
            return []
        case other:
            raise BadReply(f"a frame of the user stream is of kind {other!r}")


def _order_changed(body: Raw) -> OrderChanged:
    report = OrderReport(
        client_order_id=ClientOrderId(text(body, "c")),
        order_id=OrderId(integer(body, "i")),
        symbol=Symbol(text(body, "s")),
        side=side(text(body, "S")),
        status=order_status(text(body, "X")),
        quantity=number(body, "q"),
        quantity_filled=number(body, "z"),
        price_average=number(body, "ap"),
        reduce_only=flag(body, "R"),
        updated_ms=integer(body, "T"),
    )
    return OrderChanged(report=report, fill=_fill(body, report) if text(body, "x") in EXECUTIONS else None)


def _fill(body: Raw, report: OrderReport) -> Fill:
    fee: Decimal = number(body, "n") if body.get("n") is not None else ZERO
    return Fill(
        fill_id=FillId(integer(body, "t")),
        order_id=report.order_id,
        client_order_id=report.client_order_id,
        symbol=report.symbol,
        side=report.side,
        price=number(body, "L"),
        quantity=number(body, "l"),
        fee=fee,
        fee_asset=counted_as(str(body.get("N") or QUOTE)),
        realized_pnl=number(body, "rp"),
        is_maker=flag(body, "m"),
        at_ms=report.updated_ms,
    )


def _stop_changed(body: Raw, at_ms: int) -> StopChanged:
    child = str(body.get("ai") or "")
    return StopChanged(
        report=StopReport(
            client_order_id=ClientOrderId(text(body, "caid")),
            algo_id=AlgoId(integer(body, "aid")),
            symbol=Symbol(text(body, "s")),
            side=side(text(body, "S")),
            status=stop_status(text(body, "X")),
            quantity=number(body, "q"),
            price_trigger=number(body, "tp"),
            closes_position=flag(body, "cp"),
            order_id=OrderId(int(child)) if child.isdigit() else None,
            reason=str(body.get("rm") or ""),
            updated_ms=at_ms,
        )
    )


def _account_updated(body: Raw, at_ms: int) -> list[UserEvent]:
    events: list[UserEvent] = [
        PositionChanged(
            symbol=Symbol(text(row, "s")),
            quantity_signed=number(row, "pa"),
            price_entry=number(row, "ep"),
            at_ms=at_ms,
        )
        for row in records(body.get("P", []), "ACCOUNT_UPDATE.P")
        if text(row, "s").endswith(QUOTE)
    ]
    if body.get("m") in OF_NO_ORDER:
        events.append(IncomeBooked(at_ms=at_ms))
    return events
