"""Two sets of books for the tests of the audit: an exchange that answers from lists, and rows to put into them."""

from decimal import Decimal
from pathlib import Path

from ratchet.domain.bracket import Bracket
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId, TradeId
from ratchet.domain.order import MarketOrder, OrderReport, OrderStatus, Role, Side
from ratchet.domain.position import Income, IncomeKind
from ratchet.domain.symbol import Symbol
from ratchet.exchange.budget import Lane
from ratchet.exchange.client import BinanceClient
from ratchet.ledger.ledger import Ledger
from ratchet.trading.books.attribution import Attribution, AttributionParts
from ratchet.trading.books.audit import Auditor
from tests.unit.ratchet.trading.account import RULES, SYMBOL

START_MS = 1_790_000_000_000
END_MS = START_MS + 3_600_000
ORDER = 7


class Exchange(BinanceClient):
    """What it has in its books, and the names of orders by number. Asks nobody."""

    def __init__(self) -> None:
        self.now_ms = END_MS
        self.fills: list[Fill] = []
        self.income: list[Income] = []
        self.names: dict[int, str] = {}
        self.lanes: list[Lane] = []
        self.trouble: Exception | None = None

    async def fetch_time_ms(self) -> int:
        """Its clock."""
        if self.trouble is not None:
            raise self.trouble
        return self.now_ms

    async def fetch_fills(self, symbol: Symbol, *, since_ms: int) -> list[Fill]:
        """The trade history."""
        return [fill for fill in self.fills if fill.symbol == symbol and fill.at_ms >= since_ms]

    async def fetch_income(self, *, since_ms: int, until_ms: int | None = None) -> list[Income]:
        """The income history."""
        end_ms = self.now_ms if until_ms is None else until_ms
        return [row for row in self.income if since_ms <= row.at_ms <= end_ms]

    async def fetch_order_by_number(
        self, symbol: Symbol, order_id: OrderId, *, lane: Lane = Lane.PROTECTIVE
    ) -> OrderReport | None:
        """An order with its name."""
        self.lanes.append(lane)
        name = self.names.get(order_id)
        return None if name is None else a_report(symbol, order_id, name)

    def books(self, fill: Fill) -> Fill:
        """An execution in both of its histories."""
        self.fills.append(fill)
        self.income += income_of(fill)
        return fill


def a_report(symbol: Symbol, order_id: OrderId, name: str) -> OrderReport:
    """Only who it is matters."""
    return OrderReport(
        client_order_id=ClientOrderId(name),
        order_id=order_id,
        symbol=symbol,
        side=Side.BUY,
        status=OrderStatus.FILLED,
        quantity=Decimal(1),
        quantity_filled=Decimal(1),
        price_average=Decimal(100),
        reduce_only=False,
        updated_ms=START_MS,
    )


def a_fill(
    number: int,
    side: Side = Side.BUY,
    *,
    order: int = ORDER,
    fee: str = "0.04",
    fee_asset: str = "USDC",
    pnl: str = "0",
    at_ms: int = START_MS + 1_000,
) -> Fill:
    """Of one SOL at 100 USDC."""
    return Fill(
        fill_id=FillId(number),
        order_id=OrderId(order),
        client_order_id=None,
        symbol=SYMBOL,
        side=side,
        price=Decimal(100),
        quantity=Decimal(1),
        fee=Decimal(fee),
        fee_asset=fee_asset,
        realized_pnl=Decimal(pnl),
        is_maker=False,
        at_ms=at_ms,
    )


def income_of(fill: Fill) -> list[Income]:
    """Its rows in the income history: none for an amount of 0."""
    amounts = (
        (IncomeKind.REALIZED_PNL, "USDC", fill.realized_pnl),
        (IncomeKind.COMMISSION, fill.fee_asset, -fill.fee),
    )
    return [
        an_income(fill.fill_id, kind, str(amount), asset=asset, fill_id=fill.fill_id, at_ms=fill.at_ms)
        for kind, asset, amount in amounts
        if amount
    ]


def an_income(
    number: int,
    kind: IncomeKind,
    amount: str,
    *,
    name: str = "",
    asset: str = "USDC",
    symbol: Symbol | None = SYMBOL,
    fill_id: int | None = None,
    at_ms: int = START_MS + 1_000,
) -> Income:
    """A row of the income history."""
    return Income(
        income_id=number,
        kind=kind,
        name=name or kind.value,
        symbol=symbol,
        asset=asset,
        amount=Decimal(amount),
        fill_id=None if fill_id is None else FillId(fill_id),
        at_ms=at_ms,
    )


async def a_trade(ledger: Ledger, *, at_ms: int = START_MS) -> tuple[TradeId, ClientOrderId]:
    """A long with the intent of its entry."""
    trade_id = ledger.next_trade_id()
    bracket = Bracket(
        symbol=SYMBOL,
        side=Side.BUY,
        quantity=Decimal(1),
        price_entry=Decimal(100),
        price_stop=Decimal(98),
        rungs=(),
        hold_ms_max=None,
    )
    name = ledger.name_order(trade_id, Role.ENTRY)
    entry = MarketOrder(client_order_id=name, symbol=SYMBOL, side=Side.BUY, quantity=Decimal(1))
    await ledger.record_trade(trade_id, bracket, "told", [(Role.ENTRY, entry)], profile="balanced", at_ms=at_ms)
    return trade_id, name


async def open_ledger(folder: Path) -> Ledger:
    """A new one."""
    return await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")


def auditor_on(exchange: Exchange, ledger: Ledger) -> Auditor:
    """As the wiring makes it."""
    parts = AttributionParts(
        client=exchange, ledger=ledger, rules={SYMBOL: RULES}, stop_fraction=Decimal("0.02"), profile="balanced"
    )
    return Auditor(exchange, ledger, Attribution(parts))
