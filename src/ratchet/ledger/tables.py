"""The tables: orders with their intent, fills, trades, signals, equity. Money is exact: decimals are kept as text."""

from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Dialect, Float, ForeignKey, Index, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from ratchet.domain.money import QUOTE, ZERO


class Exact(TypeDecorator[Decimal]):
    """A Decimal as its text: neither SQLite nor a float in between may round it."""

    impl = String(64)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else Decimal(value)


class Base(DeclarativeBase):
    """All tables of the ledger. Times are ms since the epoch, UTC, on the exchange's clock."""

    def told(self) -> dict[str, Any]:
        """The columns that it was made with."""
        return {name: value for name, value in vars(self).items() if name in self.__table__.columns}


class MetaRow(Base):
    """Facts about the database itself."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(String(64))


class TradeRow(Base):
    """A trade: planned as a bracket, closed with a reason."""

    __tablename__ = "trades"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    symbol: Mapped[str] = mapped_column(String(32))
    side: Mapped[str] = mapped_column(String(4))
    quantity: Mapped[Decimal] = mapped_column(Exact)
    price_entry: Mapped[Decimal] = mapped_column(Exact)  # expected
    price_stop: Mapped[Decimal] = mapped_column(Exact)
    rungs: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    hold_ms_max: Mapped[int] = mapped_column(BigInteger)  # 0: for as long as it takes
    strategy: Mapped[str] = mapped_column(String(120))
    profile: Mapped[str] = mapped_column(String(32))
    opened_ms: Mapped[int] = mapped_column(BigInteger)
    closed_ms: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(200), default="")
    naked_ms: Mapped[float | None] = mapped_column(Float)  # of real time, from the fill to the confirmed stop
    leverage: Mapped[int | None] = mapped_column(Integer)  # none: not known, another hand's


class OrderRow(Base):
    """An order: written down before it is sent."""

    __tablename__ = "orders"
    client_order_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    trade_id: Mapped[int | None] = mapped_column(ForeignKey("trades.id"))
    origin: Mapped[str] = mapped_column(String(8))
    role: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(8))  # MARKET, LIMIT, STOP
    symbol: Mapped[str] = mapped_column(String(32))
    side: Mapped[str] = mapped_column(String(4))
    quantity: Mapped[Decimal] = mapped_column(Exact)
    price: Mapped[Decimal | None] = mapped_column(Exact)  # of a limit order, the trigger of a stop
    reduce_only: Mapped[bool] = mapped_column(Boolean)
    status: Mapped[str] = mapped_column(String(20))
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(400), default="")
    intended_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
    trade: Mapped[TradeRow | None] = relationship(lazy="raise")  # has a trade written before its orders
    __table_args__ = (Index("orders_by_trade", "trade_id"), Index("orders_by_order_id", "symbol", "order_id"))


class FillRow(Base):
    """An execution, as the exchange booked it."""

    __tablename__ = "fills"
    symbol: Mapped[str] = mapped_column(String(32), primary_key=True)
    fill_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    trade_id: Mapped[int | None] = mapped_column(ForeignKey("trades.id"))
    client_order_id: Mapped[str] = mapped_column(ForeignKey("orders.client_order_id"))
    order_id: Mapped[int] = mapped_column(BigInteger)
    side: Mapped[str] = mapped_column(String(4))
    price: Mapped[Decimal] = mapped_column(Exact)
    quantity: Mapped[Decimal] = mapped_column(Exact)
    fee: Mapped[Decimal] = mapped_column(Exact)  # of its asset
    fee_asset: Mapped[str] = mapped_column(String(16), server_default=QUOTE)
    realized_pnl: Mapped[Decimal] = mapped_column(Exact)
    is_maker: Mapped[bool] = mapped_column(Boolean)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("fills_by_trade", "trade_id"), Index("fills_by_time", "at_ms"))

    @property
    def net(self) -> Decimal:
        """What it changed, USDC. A fee in another asset is not in it."""
        return self.realized_pnl - (self.fee if self.fee_asset == QUOTE else ZERO)


class GapRow(Base):
    """What is known to lack: a change of a position or a row of income whose execution cannot be had; or, all 0,
    a time that the exchange does not tell of any more. What turns up after all is taken back by a second row.
    """

    __tablename__ = "gaps"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    trade_id: Mapped[int | None] = mapped_column(ForeignKey("trades.id"))
    symbol: Mapped[str | None] = mapped_column(String(32))
    quantity: Mapped[Decimal] = mapped_column(Exact)  # base asset, signed as the position is
    price: Mapped[Decimal] = mapped_column(Exact)  # what the exchange gave as the average entry, or the mark price
    reason: Mapped[str] = mapped_column(String(200))
    income_name: Mapped[str | None] = mapped_column(String(40))  # of a row of income: Binance's kind, number and asset
    income_id: Mapped[int | None] = mapped_column(BigInteger)
    asset: Mapped[str] = mapped_column(String(16), server_default=QUOTE)
    amount: Mapped[Decimal] = mapped_column(Exact, server_default="0")  # of the asset
    at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("gaps_by_trade", "trade_id"),)


class FundingRow(Base):
    """A funding payment, as the exchange booked it."""

    __tablename__ = "funding"
    income_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    trade_id: Mapped[int | None] = mapped_column(ForeignKey("trades.id"))
    symbol: Mapped[str | None] = mapped_column(String(32))
    amount: Mapped[Decimal] = mapped_column(Exact)
    at_ms: Mapped[int] = mapped_column(BigInteger)


class ChargeRow(Base):
    """Income that neither an execution nor funding explains: a liquidation's fee, a rebate."""

    __tablename__ = "charges"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)  # Binance's kind
    income_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    trade_id: Mapped[int | None] = mapped_column(ForeignKey("trades.id"))
    symbol: Mapped[str | None] = mapped_column(String(32))
    asset: Mapped[str] = mapped_column(String(16))
    amount: Mapped[Decimal] = mapped_column(Exact)
    at_ms: Mapped[int] = mapped_column(BigInteger)


class SignalRow(Base):
    """What a strategy said about a candle, every vote of it, and what became of it. `side` none: no signal."""

    __tablename__ = "signals"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    strategy: Mapped[str] = mapped_column(String(120))
    symbol: Mapped[str] = mapped_column(String(32))
    side: Mapped[str | None] = mapped_column(String(4))
    candle_close_ms: Mapped[int] = mapped_column(BigInteger)
    price: Mapped[Decimal | None] = mapped_column(Exact)
    breakdown: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    outcome: Mapped[str] = mapped_column(String(400))
    stage: Mapped[str] = mapped_column(String(12), server_default="")  # of the funnel at which it ended
    __table_args__ = (Index("signals_by_candle", "candle_close_ms", "symbol"),)


class ScanRow(Base):
    """What became of the symbols at the close of one candle."""

    __tablename__ = "scans"
    candle_close_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    symbols: Mapped[int] = mapped_column(Integer)  # about which strategies were asked
    missing: Mapped[int] = mapped_column(Integer)  # whose candles were not there
    decided_ms_max: Mapped[float | None] = mapped_column(Float)  # from a known candle to its decision, real time


class EquityRow(Base):
    """The account at an instant."""

    __tablename__ = "equity"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    equity: Mapped[Decimal] = mapped_column(Exact)
    wallet: Mapped[Decimal] = mapped_column(Exact)


class UniverseRow(Base):
    """A symbol's place in the universe, or why it has none: written down when it changes."""

    __tablename__ = "universe"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    symbol: Mapped[str] = mapped_column(String(32))
    is_traded: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str] = mapped_column(String(200))
    __table_args__ = (Index("universe_by_symbol", "symbol", "at_ms"),)


class OperatorEventRow(Base):
    """What an operator, or a limit in an operator's place, did."""

    __tablename__ = "operator_events"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(80))
    what: Mapped[str] = mapped_column(String(32))  # pause, resume, panic, close, settings
    detail: Mapped[str] = mapped_column(String(400), server_default="")
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    __table_args__ = (Index("operator_events_by_time", "at_ms"),)


class NoticeRow(Base):
    """What an operator should have heard of."""

    __tablename__ = "notices"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    weight: Mapped[str] = mapped_column(String(8))
    symbol: Mapped[str | None] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(String(400))
    __table_args__ = (Index("notices_by_time", "at_ms"),)
