"""Questions for what the exchange has: orders, balance."""

from collections.abc import Mapping

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.companion.parts import CompanionParts
from ratchet.control.desk import Asker
from ratchet.control.exchange_words import asked
from ratchet.control.request import Commands, Request
from ratchet.control.shape import DASH, lasting, number
from ratchet.control.words import Words
from ratchet.domain.identity import OURS, REBOUNDS, CaseId, ClientOrderId
from ratchet.domain.money import QUOTE, plain
from ratchet.domain.rebound import SpotRole, base_of
from ratchet.domain.symbol import Symbol
from ratchet.exchange.standing_order import StandingOrder
from ratchet.ledger.spot_results import cases_of_orders

Known = Mapping[ClientOrderId, tuple[CaseId, SpotRole]]


class AccountQuestions:
    """orders, balance."""

    def __init__(self, parts: CompanionParts) -> None:
        self._parts = parts

    def commands(self) -> Commands:
        """By name."""
        return {"orders": self._orders, "balance": self._balance}

    async def _orders(self, words: Words) -> Request:
        symbol = words.symbol(self._parts.listed) if words.has_more() else None
        words.end()
        return Request(lambda _asker: self._tell_orders(symbol))

    async def _balance(self, words: Words) -> Request:
        words.end()
        return Request(self._tell_balance)

    async def _tell_orders(self, symbol: Symbol | None) -> Answer:
        found = await asked(self._parts.exchange.fetch_standing_orders())
        notes = [f"Without orders: {found}."] if isinstance(found, str) else []
        standing = [] if isinstance(found, str) else [each for each in found if symbol in (None, each.symbol)]
        standing.sort(key=lambda each: (each.symbol, each.placed_ms, each.order_id))
        names = [each.client_order_id for each in standing]
        known = await self._parts.ledger.ask(lambda session: cases_of_orders(session, names))
        if not standing and not notes:
            notes.append(f"Nothing stands on spot{f' for {symbol}' if symbol else ''}.")
        now_ms = self._parts.clock.now_ms()
        return Answer(
            title=f"Orders of {symbol} on spot" if symbol else "Orders on spot",
            table=Table(
                headings=("symbol", "side", "quantity", "filled", "price", "whose", "for", "name"),
                rows=tuple(_order_row(each, known, now_ms) for each in standing),
                numeric=frozenset({2, 3, 4}),
            )
            if standing
            else None,
            notes=tuple(notes),
            data={
                "orders": [_order_data(each, known) for each in standing],
                "is_whole": not isinstance(found, str),
            },
        )

    async def _tell_balance(self, _asker: Asker) -> Answer:
        found = await asked(self._parts.exchange.fetch_balances())
        if isinstance(found, str):
            return Answer(title="Balance", notes=(f"Not known: {found}.",), data={"balances": None})
        first = [QUOTE, *map(base_of, self._parts.watched)]
        assets = [asset for asset in first if asset in found] + sorted(set(found) - set(first))
        return Answer(
            title="Balance",
            table=Table(
                headings=("asset", "free", "in orders", "in all"),
                rows=tuple(
                    (asset, plain(held.free), plain(held.locked), plain(held.total))
                    for asset, held in ((asset, found[asset]) for asset in assets)
                ),
                numeric=frozenset({1, 2, 3}),
            ),
            notes=() if assets else ("Nothing is held.",),
            data={
                "balances": {
                    asset: {"free": plain(found[asset].free), "locked": plain(found[asset].locked)} for asset in assets
                }
            },
        )


def whose(name: ClientOrderId, known: Known) -> str:
    """Who placed an order, for people."""
    if name in known:
        case_id, role = known[name]
        return f"case {case_id}, {'SELL' if role is SpotRole.SELL else 'BUY back'}"
    if name.startswith(REBOUNDS):
        return "a companion with another ledger"
    return "the trader" if name.startswith(OURS) else "a person"


def _order_row(order: StandingOrder, known: Known, now_ms: int) -> tuple[str, ...]:
    return (
        order.symbol,
        order.side.value,
        plain(order.quantity),
        plain(order.quantity_filled) if order.quantity_filled else DASH,
        number(order.price),
        whose(order.client_order_id, known),
        lasting(max(now_ms - order.placed_ms, 0)),
        order.client_order_id,
    )


def _order_data(order: StandingOrder, known: Known) -> dict[str, Json]:
    case = known.get(order.client_order_id)
    return {
        "symbol": order.symbol,
        "side": order.side.value,
        "kind": order.kind,
        "quantity": plain(order.quantity),
        "quantity_filled": plain(order.quantity_filled),
        "price": None if order.price is None else plain(order.price),
        "client_order_id": order.client_order_id,
        "whose": whose(order.client_order_id, known),
        "case": None if case is None else int(case[0]),
        "placed_ms": order.placed_ms,
    }
