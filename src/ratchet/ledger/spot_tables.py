"""The tables of spot: watched symbols, cases of what a person bought, orders with their origin, executions."""

from decimal import Decimal

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from ratchet.ledger.tables import Base, Exact


class SpotWatchRow(Base):
    """A symbol that is watched: which executions are left alone, and which are known."""

    __tablename__ = "spot_watches"
    symbol: Mapped[str] = mapped_column(String(32), primary_key=True)
    start_id: Mapped[int] = mapped_column(BigInteger)
    seen_id: Mapped[int] = mapped_column(BigInteger)
    began_ms: Mapped[int] = mapped_column(BigInteger)
    ended_ms: Mapped[int | None] = mapped_column(BigInteger)  # in good order; none: it goes on, or was cut off


class SpotCaseRow(Base):
    """Executions of one BUY of a person that are sold together."""

    __tablename__ = "spot_cases"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    symbol: Mapped[str] = mapped_column(String(32))
    buy_order_id: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[Decimal] = mapped_column(Exact)  # base asset, less fees in it
    quantity_bought: Mapped[Decimal] = mapped_column(Exact)
    quote: Mapped[Decimal] = mapped_column(Exact)  # that it cost, without fees
    opened_ms: Mapped[int] = mapped_column(BigInteger)
    closed_ms: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(400), default="")


class SpotOrderRow(Base):
    """An order on a watched symbol. Those of the companion are written down before they are sent."""

    __tablename__ = "spot_orders"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    client_order_id: Mapped[str] = mapped_column(String(36))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("spot_cases.id"))
    origin: Mapped[str] = mapped_column(String(8))
    role: Mapped[str] = mapped_column(String(8))
    sequence: Mapped[int] = mapped_column(Integer)
    symbol: Mapped[str] = mapped_column(String(32))
    side: Mapped[str] = mapped_column(String(4))
    quantity: Mapped[Decimal] = mapped_column(Exact)
    price: Mapped[Decimal | None] = mapped_column(Exact)  # of the companion's
    status: Mapped[str] = mapped_column(String(20))
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    quantity_filled: Mapped[Decimal] = mapped_column(Exact)
    price_average: Mapped[Decimal] = mapped_column(Exact)
    reason: Mapped[str] = mapped_column(String(400), default="")
    intended_ms: Mapped[int] = mapped_column(BigInteger)  # of a person's: when it was first seen
    updated_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        Index("spot_orders_by_name", "client_order_id"),
        Index("spot_orders_by_order_id", "symbol", "order_id"),
        Index("spot_orders_by_case", "case_id"),
    )


class SpotFillRow(Base):
    """An execution on a watched symbol."""

    __tablename__ = "spot_fills"
    symbol: Mapped[str] = mapped_column(String(32), primary_key=True)
    fill_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    order_id: Mapped[int] = mapped_column(BigInteger)
    client_order_id: Mapped[str] = mapped_column(String(36))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("spot_cases.id"))
    origin: Mapped[str] = mapped_column(String(8))
    side: Mapped[str] = mapped_column(String(4))
    price: Mapped[Decimal] = mapped_column(Exact)
    quantity: Mapped[Decimal] = mapped_column(Exact)
    fee: Mapped[Decimal] = mapped_column(Exact)  # of its asset
    fee_asset: Mapped[str] = mapped_column(String(16))
    is_maker: Mapped[bool] = mapped_column(Boolean)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("spot_fills_by_case", "case_id"),)
