"""The product: which of Binance's exchanges is asked. Each has an address, a clock and request limits of its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One of Binance's exchanges, as a client has to know it."""

    name: str  # "" is that of the perpetuals
    address: str  # of REST, where the settings name none
    time_method: str  # ccxt's name of the endpoint that tells the time
    weight: int  # per minute and address
    orders_10s: int  # per account
    orders_1m: int


PERPETUALS = Product(
    name="",
    address="https://fapi.binance.com",
    time_method="fapiPublicGetTime",
    weight=2_400,
    orders_10s=300,
    orders_1m=1_200,
)
SPOT = Product(
    name="spot",
    address="https://api.binance.com",
    time_method="publicGetTime",
    weight=6_000,
    orders_10s=100,
    orders_1m=600,  # Binance counts them by the day beyond ten seconds; this is what these allow
)
