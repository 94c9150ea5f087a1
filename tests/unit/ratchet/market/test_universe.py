from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.config.sections import UniverseSettings
from ratchet.domain.symbol import Symbol
from ratchet.market.universe import Universe, select_universe

ANY = UniverseSettings(symbols_min=1)


@dataclass(frozen=True)
class Ticker:
    volume_quote: Decimal = Decimal(5_000_000)


def universe(
    volumes: dict[str, int],
    settings: UniverseSettings = ANY,
    *,
    atr_fraction: float = 0.002,
    held: tuple[str, ...] = (),
) -> Universe:
    tickers = {Symbol(name): Ticker(Decimal(volume)) for name, volume in volumes.items()}
    atr_fractions = dict.fromkeys(tickers, atr_fraction)
    return select_universe(tickers, tickers, atr_fractions, settings, held=[Symbol(name) for name in held])


def market(count: int) -> dict[str, int]:
    return {f"C{number:02}USDC": 1_000_000 * (number + 1) for number in range(count)}


def test_the_largest_come_first_and_equals_by_name() -> None:
    assert universe({"AUSDC": 2_000_000, "CUSDC": 9_000_000, "BUSDC": 9_000_000}).symbols == ("BUSDC", "CUSDC", "AUSDC")


@pytest.mark.parametrize(
    ("volume", "atr_fraction", "settings", "reason"),
    [
        (999_999, 0.002, ANY, "24 h volume 999999 USDC is below 1000000"),
        (2_000_000, 0.0002, ANY, "ATR fraction 0.000200 is outside 0.0003 to 0.03"),
        (2_000_000, 0.031, ANY, "ATR fraction 0.031000 is outside 0.0003 to 0.03"),
        (2_000_000, float("nan"), ANY, "too few candles for an ATR"),
        (2_000_000, 0.002, UniverseSettings(blacklist=("x*",)), "blacklisted by X*"),
        (2_000_000, 0.002, UniverseSettings(whitelist=("BTC*",)), "not on the whitelist"),
        (2_000_000, 0.002, UniverseSettings(whitelist=("X*",), blacklist=("XRP*",)), "blacklisted by XRP*"),
    ],
)
def test_each_rule_gives_its_reason(volume: int, atr_fraction: float, settings: UniverseSettings, reason: str) -> None:
    chosen = universe({"XRPUSDC": volume}, settings, atr_fraction=atr_fraction)
    assert (chosen.symbols, dict(chosen.rejected)) == ((), {"XRPUSDC": reason})


def test_a_symbol_on_every_bound_passes() -> None:
    assert universe({"XRPUSDC": 1_000_000}, atr_fraction=0.0003).symbols == ("XRPUSDC",)
    assert universe({"XRPUSDC": 1_000_000}, atr_fraction=0.03).symbols == ("XRPUSDC",)


def test_a_symbol_without_ticker_or_candles_is_left_out() -> None:
    name = Symbol("XRPUSDC")
    assert select_universe([name], {}, {}, ANY).rejected == {name: "no ticker"}
    assert select_universe([name], {name: Ticker()}, {}, ANY).rejected == {name: "too few candles for an ATR"}


def test_a_normal_market_gives_enough_and_not_too_many() -> None:
    chosen = universe(market(40), UniverseSettings())
    assert (len(chosen.symbols), chosen.shortfall) == (35, 0)
    assert chosen.rejected[Symbol("C00USDC")] == "number 40 by 24 h volume, 35 are traded"


def test_too_few_are_traded_and_the_shortfall_is_said() -> None:
    chosen = universe(market(20), UniverseSettings())
    assert (len(chosen.symbols), chosen.shortfall) == (20, 5)


def test_a_symbol_with_an_open_position_never_leaves() -> None:
    settings = UniverseSettings(symbols_min=1, symbols_max=2, blacklist=("C00*",))
    chosen = universe(market(4), settings, held=("C00USDC", "C01USDC"))
    assert chosen.symbols == ("C01USDC", "C00USDC")
    assert universe(market(4), settings, held=("C00USDC",)).symbols == ("C03USDC", "C00USDC")


@given(
    volumes=st.dictionaries(st.from_regex(r"[A-Z0-9]{1,4}USDC", fullmatch=True), st.integers(0, 3_000_000)),
    data=st.data(),
)
def test_every_symbol_is_in_or_out_with_a_reason_and_order_of_arrival_does_not_matter(
    volumes: dict[str, int], data: st.DataObject
) -> None:
    settings = UniverseSettings(symbols_min=1, symbols_max=3)
    chosen = universe(volumes, settings)
    assert sorted([*chosen.symbols, *chosen.rejected]) == sorted(volumes)
    shuffled = dict(data.draw(st.permutations(list(volumes.items()))))
    assert universe(shuffled, settings) == chosen
