"""The audit: an independent record of every spell in which a position was not wholly covered by stops.

Covered is what waiting, untriggered stop orders (STOP, STOP_MARKET, TRAILING_STOP_MARKET) of the closing side would
close, together with what the child of a triggered one is still about to fill.
"""

from decimal import Decimal

from localbinance.core.account_state import Uncovered
from localbinance.core.margin import reduces
from localbinance.core.order import ZERO, AlgoType, Side
from localbinance.core.position import Position
from localbinance.core.state import Account, Spell

PROTECTING = frozenset((AlgoType.STOP, AlgoType.STOP_MARKET, AlgoType.TRAILING_STOP_MARKET))


def check(account: Account, symbol: str, at_ms: int) -> None:
    """Begin or end the spell of a symbol, as things stand."""
    is_bare = any(slot.quantity and _cover(account, slot) < abs(slot.quantity) for slot in account.slots(symbol))
    spell = account.spells.get(symbol)
    if is_bare and spell is None:
        account.spells[symbol] = Spell(at_ms, account.requests.get(symbol, 0))
    elif spell is not None and not is_bare:
        del account.spells[symbol]
        account.uncovered.append(_ended(account, symbol, spell, at_ms))


def uncovered(account: Account) -> list[Uncovered]:
    """Every spell so far, those that last too, oldest first."""
    lasting = [_ended(account, symbol, spell, None) for symbol, spell in account.spells.items()]
    return sorted((*account.uncovered, *lasting), key=lambda spell: spell.from_ms)


def _ended(account: Account, symbol: str, spell: Spell, at_ms: int | None) -> Uncovered:
    return Uncovered(
        symbol=symbol,
        from_ms=spell.from_ms,
        until_ms=at_ms,
        requests_between=account.requests.get(symbol, 0) - spell.requests,
    )


def _cover(account: Account, slot: Position) -> Decimal:
    closing = Side.SELL if slot.quantity > 0 else Side.BUY
    cover = ZERO
    for algo in account.open_algos.values():
        is_of_slot = algo.symbol == slot.symbol and algo.position_side is slot.position_side and algo.side is closing
        if is_of_slot and algo.type in PROTECTING and reduces(algo.reduce_only, closing, slot.position_side):
            cover += abs(slot.quantity) if algo.close_position else algo.quantity
    for order in account.open_orders.values():
        if order.symbol == slot.symbol and order.side is closing and order.original_type in PROTECTING:
            cover += order.remaining
    return cover
