"""The other hand: what another client of the account does, as acts upon the venue, by how things stand there."""

from decimal import Decimal

from localbinance.core.act import ForeignCancel, ForeignClose, ForeignOrder, ForeignStop
from localbinance.core.order import AlgoRequest, AlgoType, OrderRequest, OrderType, Side
from localbinance.server.acts import Act
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import floor_to
from ratchet.drill.trouble import Deed, OtherHand
from ratchet.drill.venue import ACCOUNT, Venue

NOTIONAL = Decimal(60)  # USDC, of what it buys or sells
FAR = Decimal("0.7")  # of the price, where its stop lies


def act_of(deed: OtherHand, venue: Venue, rules: SymbolRules) -> Act | None:
    """What it comes to; None when there is nothing to be done it to."""
    symbol, tick = deed.symbol, venue.tick(deed.symbol)
    if tick is None:
        return None
    quantity = max(floor_to(NOTIONAL / tick.last, rules.quantity_step), rules.quantity_min)
    match deed.does:
        case Deed.BUY | Deed.SELL:
            side = Side.BUY if deed.does is Deed.BUY else Side.SELL
            return ForeignOrder(order=OrderRequest(symbol=symbol, side=side, type=OrderType.MARKET, quantity=quantity))
        case Deed.CLOSE:
            return ForeignClose(symbol=symbol)
        case Deed.STEAL_STOP:
            standing = venue.exchange.open_algo_orders(ACCOUNT, symbol)
            return ForeignCancel(algo_id=standing[0].algo_id) if standing else None
        case Deed.PLACE_STOP:
            return ForeignStop(
                stop=AlgoRequest(
                    symbol=symbol,
                    side=Side.SELL,
                    type=AlgoType.STOP_MARKET,
                    quantity=quantity,
                    price_trigger=floor_to(tick.last * FAR, rules.price_tick),
                    reduce_only=True,
                )
            )
