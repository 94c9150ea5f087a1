"""The account view: what is on spot, as tables for people and as JSON for machines."""

from dataclasses import dataclass

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.shape import at, number
from ratchet.domain.fill import Fill
from ratchet.domain.money import plain
from ratchet.domain.symbol import Symbol
from ratchet.exchange.parse_spot import AssetBalance
from ratchet.exchange.standing_order import StandingOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotAccount:
    """What is on spot."""

    symbol: Symbol  # of the trades
    balances: dict[str, AssetBalance]  # by asset; what is held at all
    orders: list[StandingOrder]  # of every symbol
    fills: list[Fill]  # the newest, oldest first


def answers(seen: SpotAccount) -> tuple[Answer, ...]:
    """As tables."""
    held = tuple((asset, plain(each.free), plain(each.locked)) for asset, each in sorted(seen.balances.items()))
    orders = tuple(
        (
            each.symbol,
            str(each.order_id),
            at(each.placed_ms),
            each.side,
            each.kind,
            number(each.price),
            number(each.price_stop),
            plain(each.quantity),
            plain(each.quantity_filled),
        )
        for each in seen.orders
    )
    fills = tuple(
        (
            at(each.at_ms),
            str(each.order_id),
            each.side,
            plain(each.price),
            plain(each.quantity),
            f"{plain(each.fee)} {each.fee_asset}",
        )
        for each in seen.fills
    )
    columns = ("symbol", "order", "placed (UTC)", "side", "type", "price", "stop", "quantity", "filled")
    return (
        _answer("Balances", ("asset", "free", "locked"), held, numeric=range(1, 3)),
        _answer("Open orders", columns, orders, numeric=range(5, 9)),
        _answer(
            f"Last trades of {seen.symbol}",
            ("time (UTC)", "order", "side", "price", "quantity", "fee"),
            fills,
            numeric=range(3, 6),
        ),
    )


def _answer(title: str, headings: tuple[str, ...], rows: tuple[tuple[str, ...], ...], *, numeric: range) -> Answer:
    if not rows:
        return Answer(title=title, notes=("None.",))
    return Answer(title=title, table=Table(headings, rows, frozenset(numeric)))


def as_json(seen: SpotAccount) -> dict[str, Json]:
    """The same for machines: money is text, times are ms."""
    return {
        "symbol": seen.symbol,
        "balances": {
            asset: {"free": plain(each.free), "locked": plain(each.locked)} for asset, each in seen.balances.items()
        },
        "open_orders": [
            {
                "symbol": each.symbol,
                "order_id": each.order_id,
                "client_order_id": each.client_order_id,
                "side": each.side.value,
                "type": each.kind,
                "price": None if each.price is None else plain(each.price),
                "price_stop": None if each.price_stop is None else plain(each.price_stop),
                "quantity": plain(each.quantity),
                "quantity_filled": plain(each.quantity_filled),
                "placed_ms": each.placed_ms,
            }
            for each in seen.orders
        ],
        "trades": [
            {
                "fill_id": each.fill_id,
                "order_id": each.order_id,
                "side": each.side.value,
                "price": plain(each.price),
                "quantity": plain(each.quantity),
                "fee": plain(each.fee),
                "fee_asset": each.fee_asset,
                "is_maker": each.is_maker,
                "at_ms": each.at_ms,
            }
            for each in seen.fills
        ],
    }
