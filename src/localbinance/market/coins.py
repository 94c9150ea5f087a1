"""The coins of the synthetic market: their size, liveliness and liquidity. Plausible, not any day's facts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Coin:
    """How a coin trades."""

    price: float  # quote per base at the start of the history
    volatility: float  # standard deviation of a minute's return in calm times, fraction, its own part
    beta: float  # how much of the market's move it takes
    volume: float  # quote a day
    spread: float  # fraction of the price


COINS: dict[str, Coin] = {
    "BTC": Coin(95_000.0, 0.0, 1.0, 3.0e9, 0.000002),
    "ETH": Coin(3_300.0, 0.0003, 1.2, 1.6e9, 0.000004),
    "BNB": Coin(690.0, 0.0003, 0.8, 1.2e8, 0.00002),
    "XRP": Coin(2.3, 0.0005, 1.1, 3.0e8, 0.00005),
    "SOL": Coin(190.0, 0.0005, 1.4, 6.0e8, 0.00006),
    "DOGE": Coin(0.32, 0.0006, 1.5, 2.5e8, 0.00004),
    "SUI": Coin(3.9, 0.0007, 1.5, 1.2e8, 0.00005),
    "LINK": Coin(21.0, 0.0006, 1.3, 5.0e7, 0.00006),
    "ADA": Coin(0.95, 0.0006, 1.3, 6.0e7, 0.0001),
    "AVAX": Coin(38.0, 0.0006, 1.3, 4.0e7, 0.00008),
    "LTC": Coin(105.0, 0.0005, 1.0, 3.0e7, 0.0001),
    "BCH": Coin(440.0, 0.0005, 1.0, 3.0e7, 0.00008),
    "NEAR": Coin(5.2, 0.0007, 1.4, 2.5e7, 0.0002),
    "FIL": Coin(5.0, 0.0007, 1.3, 1.5e7, 0.0002),
    "UNI": Coin(13.0, 0.0007, 1.3, 2.0e7, 0.0001),
    "AAVE": Coin(310.0, 0.0007, 1.3, 2.5e7, 0.0001),
    "ARB": Coin(0.72, 0.0007, 1.4, 2.0e7, 0.00015),
    "CRV": Coin(0.9, 0.0009, 1.4, 1.5e7, 0.0002),
    "ENA": Coin(0.85, 0.0010, 1.5, 3.0e7, 0.0002),
    "HBAR": Coin(0.28, 0.0008, 1.3, 2.0e7, 0.0001),
    "ORDI": Coin(24.0, 0.0009, 1.5, 1.0e7, 0.0002),
    "TIA": Coin(5.1, 0.0008, 1.4, 1.5e7, 0.0002),
    "WIF": Coin(2.0, 0.0010, 1.6, 2.5e7, 0.0001),
    "WLD": Coin(2.2, 0.0009, 1.4, 2.0e7, 0.0001),
    "1000PEPE": Coin(0.018, 0.0009, 1.6, 1.5e8, 0.00006),
    "1000SHIB": Coin(0.022, 0.0006, 1.3, 4.0e7, 0.00008),
    "1000BONK": Coin(0.031, 0.0009, 1.6, 3.0e7, 0.0001),
    "TRUMP": Coin(28.0, 0.0011, 1.2, 6.0e7, 0.0001),
    "PENGU": Coin(0.033, 0.0011, 1.5, 2.5e7, 0.0002),
    "ZEC": Coin(52.0, 0.0009, 1.1, 2.0e7, 0.0002),
}
OTHER = Coin(1.5, 0.0009, 1.4, 1.0e7, 0.0002)


def coin(base_asset: str) -> Coin:
    """How a base asset trades."""
    return COINS.get(base_asset, OTHER)
