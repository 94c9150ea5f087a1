"""A spot exchange of one trader, moved by hand: TRUMPUSDC around 30, BNBUSDC at 600."""

from collections.abc import Sequence
from decimal import Decimal

from localbinance.core.order import Side, TimeInForce
from localbinance.core.spot.events import BalancesEvent, ExecutionEvent, ListEvent, SpotEvent, TransferEvent
from localbinance.core.spot.exchange import SpotExchange
from localbinance.core.spot.order import OcoRequest, OrderList, SpotOrder, SpotRequest, SpotType
from localbinance.core.tick import Tick
from localbinance.rules.spot_rules import load_spot_rules

ACCOUNT = "trader"
SYMBOL = "TRUMPUSDC"
START_MS = 1_770_000_000_000
HALF_SPREAD = Decimal("0.001")


def tick_at(
    price: str | Decimal, at_ms: int, *, symbol: str = SYMBOL, quantity: str = "0", touch: str = "1000"
) -> Tick:
    """A tick with the last trade at `price`, bid and ask one thousandth around it."""
    last = Decimal(price)
    return Tick(
        symbol=symbol,
        time_ms=at_ms,
        bid=last - HALF_SPREAD,
        bid_quantity=Decimal(touch),
        ask=last + HALF_SPREAD,
        ask_quantity=Decimal(touch),
        last=last,
        quantity=Decimal(quantity),
        trades=1 if Decimal(quantity) else 0,
        buyer_is_maker=True,
        mark=last,
        index=last,
    )


class SpotBench:
    """1,000 USDC, 10 TRUMP and, where wanted, BNB."""

    def __init__(self, *, bnb: str = "0") -> None:
        self.exchange = SpotExchange(load_spot_rules())
        balances = {"USDC": Decimal(1_000), "TRUMP": Decimal(10), "BNB": Decimal(bnb)}
        self.exchange.open_account(ACCOUNT, balances, START_MS)
        self.now_ms = START_MS
        self.tick("600", symbol="BNBUSDC")
        self.tick("30")

    def tick(self, price: str | Decimal, *, symbol: str = SYMBOL, quantity: str = "0", touch: str = "1000") -> None:
        self.now_ms += 1_000
        self.exchange.on_tick(tick_at(price, self.now_ms, symbol=symbol, quantity=quantity, touch=touch))
        self.exchange.on_time(self.now_ms)

    def place(self, request: SpotRequest) -> SpotOrder:
        return self.exchange.place_order(ACCOUNT, request, self.now_ms)

    def market(self, side: Side, quantity: str) -> SpotOrder:
        return self.place(SpotRequest(symbol=SYMBOL, side=side, type=SpotType.MARKET, quantity=Decimal(quantity)))

    def limit(self, side: Side, quantity: str, price: str, tif: TimeInForce = TimeInForce.GTC) -> SpotOrder:
        return self.place(a_limit(side, quantity, price, tif))

    def oco_sell(self, quantity: str, above: str, stop: str, limit: str) -> OrderList:
        """Take profit above, and below a stop with a limit."""
        return self.exchange.place_oco(ACCOUNT, an_oco(quantity, above, stop, limit), self.now_ms)

    def cancel(self, order: SpotOrder) -> list[SpotOrder]:
        return self.exchange.cancel_order(
            ACCOUNT, order.symbol, order_id=order.order_id, cancel_id="bye", now_ms=self.now_ms
        )

    def free(self, asset: str) -> Decimal:
        return self._balance(asset)[0]

    def locked(self, asset: str) -> Decimal:
        return self._balance(asset)[1]

    def _balance(self, asset: str) -> tuple[Decimal, Decimal]:
        rows = self.exchange.account_state(ACCOUNT).balances
        return next((row.free, row.locked) for row in rows if row.asset == asset)


def a_limit(side: Side, quantity: str, price: str, tif: TimeInForce = TimeInForce.GTC) -> SpotRequest:
    return SpotRequest(
        symbol=SYMBOL,
        side=side,
        type=SpotType.LIMIT,
        quantity=Decimal(quantity),
        price=Decimal(price),
        time_in_force=tif,
    )


def a_stop(side: Side, kind: SpotType, quantity: str, stop: str, price: str | None = None) -> SpotRequest:
    return SpotRequest(
        symbol=SYMBOL,
        side=side,
        type=kind,
        quantity=Decimal(quantity),
        price_stop=Decimal(stop),
        price=None if price is None else Decimal(price),
        time_in_force=TimeInForce.GTC if kind.has_price else None,
    )


def an_oco(quantity: str, above: str, stop: str, limit: str) -> OcoRequest:
    return OcoRequest(
        above=SpotRequest(
            symbol=SYMBOL,
            side=Side.SELL,
            type=SpotType.LIMIT_MAKER,
            quantity=Decimal(quantity),
            price=Decimal(above),
        ),
        below=a_stop(Side.SELL, SpotType.STOP_LOSS_LIMIT, quantity, stop, limit),
    )


def told(events: Sequence[SpotEvent]) -> list[str]:
    """Events as short words, in order."""
    words: list[str] = []
    for event in events:
        match event:
            case ExecutionEvent():
                words.append(f"{event.order.type} {event.execution} {event.order.status}")
            case BalancesEvent():
                words.append("balances " + " ".join(each.asset for each in event.balances))
            case TransferEvent():
                words.append(f"transfer {event.asset} {event.amount}")
            case ListEvent():
                words.append("list done" if event.done else "list begun")
    return words
