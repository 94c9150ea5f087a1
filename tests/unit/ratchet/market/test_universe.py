from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.config.sections import UniverseSettings
from ratchet.domain.symbol import Symbol
from ratchet.market.universe import select_universe
from ratchet.market.verdict import Figures, Rule
from tests.unit.ratchet.market.listed import ANY, DAY_MS, FIGURES, HOUR_MS, NOW_MS, a_listing, universe

XRP = Symbol("XRPUSDC")
BANDED = UniverseSettings(symbols_min=1, symbols_max=3, hysteresis_fraction=Decimal("0.2"))
NAMES = st.from_regex(r"[A-Z0-9]{1,4}USDC", fullmatch=True)


def market(count: int) -> dict[str, int]:
    return {f"C{number:02}USDC": 1_000_000 * (number + 1) for number in range(count)}


def judged(
    settings: UniverseSettings = ANY,
    *,
    is_member: bool = False,
    listing: dict[str, Any] | None = None,
    **figures: Any,
) -> tuple[Rule, str]:
    """Rule and reason of one symbol."""
    chosen = select_universe(
        {XRP: a_listing(XRP, **(listing or {}))},
        {XRP: replace(FIGURES, **figures)},
        settings,
        now_ms=NOW_MS,
        members=[XRP] if is_member else [],
    )
    verdict = chosen.verdicts[XRP]
    assert (XRP in chosen.symbols) == verdict.is_in == (verdict.rule is Rule.TRADED)
    return verdict.rule, verdict.reason


def test_the_largest_come_first_and_equals_by_name() -> None:
    assert universe({"AUSDC": 2_000_000, "CUSDC": 9_000_000, "BUSDC": 9_000_000}).symbols == ("BUSDC", "CUSDC", "AUSDC")


@pytest.mark.parametrize(
    ("figures", "rule", "reason"),
    [
        ({"volume_quote": Decimal(999_999)}, Rule.VOLUME, "24 h volume 999999 USDC is below 1000000"),
        ({"volume_quote": None}, Rule.VOLUME, "no ticker"),
        ({"spread_fraction": Decimal("0.0011")}, Rule.SPREAD, "spread 0.001100 of the price is above 0.001"),
        ({"spread_fraction": None}, Rule.SPREAD, "nothing to buy or to sell in its book"),
        ({"atr_fraction": 0.0002}, Rule.ATR, "ATR fraction 0.000200 is outside 0.0003 to 0.03"),
        ({"atr_fraction": 0.031}, Rule.ATR, "ATR fraction 0.031000 is outside 0.0003 to 0.03"),
        ({"atr_fraction": float("nan")}, Rule.ATR, "too few candles for an ATR"),
        ({"atr_fraction": None}, Rule.ATR, "too few candles for an ATR"),
        ({"depth_quote": Decimal(999)}, Rule.DEPTH, "999 USDC within 0.002 of the price, 1000 are wanted"),
        ({"depth_quote": None}, Rule.DEPTH, "its book was not seen"),
    ],
)
def test_each_measured_rule_gives_its_reason(figures: dict[str, Any], rule: Rule, reason: str) -> None:
    assert judged(**figures) == (rule, reason)


@pytest.mark.parametrize(
    ("settings", "rule", "reason"),
    [
        (UniverseSettings(blacklist=("x*",)), Rule.BLACKLIST, "blacklisted by X*"),
        (UniverseSettings(whitelist=("BTC*",)), Rule.WHITELIST, "not on the whitelist"),
        (UniverseSettings(whitelist=("X*",), blacklist=("XRP*",)), Rule.BLACKLIST, "blacklisted by XRP*"),
    ],
)
def test_each_list_gives_its_reason(settings: UniverseSettings, rule: Rule, reason: str) -> None:
    assert judged(settings) == (rule, reason)


def test_what_the_exchange_takes_off_or_has_only_begun_is_not_traded() -> None:
    assert judged(listing={"status": "SETTLING"}) == (Rule.STATUS, "the exchange has it as SETTLING")
    assert judged(listing={"delivery_ms": NOW_MS + 48 * HOUR_MS}) == (
        Rule.DELISTING,
        "delisted in 48.0 h, 48 h are wanted",
    )
    assert judged(listing={"delivery_ms": NOW_MS + 48 * HOUR_MS + 1})[0] is Rule.TRADED
    assert judged(listing={"onboard_ms": NOW_MS - 13 * DAY_MS}) == (Rule.AGE, "listed for 13.0 days, 14 are wanted")
    assert judged(listing={"onboard_ms": NOW_MS - 14 * DAY_MS})[0] is Rule.TRADED


@pytest.mark.parametrize(
    ("outside", "beyond", "rule"),
    [
        ({"volume_quote": Decimal(800_000)}, {"volume_quote": Decimal(799_999)}, Rule.VOLUME),
        ({"spread_fraction": Decimal("0.0012")}, {"spread_fraction": Decimal("0.001201")}, Rule.SPREAD),
        ({"atr_fraction": 0.00024}, {"atr_fraction": 0.00023}, Rule.ATR),
        ({"atr_fraction": 0.036}, {"atr_fraction": 0.037}, Rule.ATR),
        ({"depth_quote": Decimal(800)}, {"depth_quote": Decimal(799)}, Rule.DEPTH),
    ],
)
def test_who_is_in_leaves_by_a_looser_bound_than_it_came_in_by(
    outside: dict[str, Any], beyond: dict[str, Any], rule: Rule
) -> None:
    assert judged(**outside)[0] is rule
    assert judged(**outside, is_member=True)[0] is Rule.TRADED
    assert judged(**beyond, is_member=True)[0] is rule


def test_a_symbol_on_every_bound_passes() -> None:
    on_bounds: dict[str, Any] = {
        "volume_quote": Decimal(1_000_000),
        "spread_fraction": Decimal("0.001"),
        "depth_quote": Decimal(1_000),
    }
    assert judged(**on_bounds, atr_fraction=0.0003)[0] is Rule.TRADED
    assert judged(**on_bounds, atr_fraction=0.03)[0] is Rule.TRADED


def test_without_a_least_depth_no_book_has_to_be_seen() -> None:
    assert judged(UniverseSettings(depth_quote_min=Decimal(0)), depth_quote=None)[0] is Rule.TRADED


def test_a_symbol_that_was_not_measured_is_left_out() -> None:
    chosen = select_universe({XRP: a_listing(XRP)}, {}, ANY, now_ms=NOW_MS)
    assert (chosen.rejected, chosen.verdicts[XRP].figures) == ({XRP: "no ticker"}, Figures())


def test_a_normal_market_gives_enough_and_not_too_many() -> None:
    chosen = universe(market(40), UniverseSettings())
    assert (len(chosen.symbols), chosen.shortfall) == (35, 0)
    last = chosen.verdicts[Symbol("C00USDC")]
    assert (last.rule, last.rank, last.reason) == (Rule.RANK, 40, "number 40 by 24 h volume, 35 are traded")
    assert chosen.verdicts[Symbol("C39USDC")].rank == 1


def test_too_few_are_traded_and_the_shortfall_is_said() -> None:
    chosen = universe(market(20), UniverseSettings())
    assert (len(chosen.symbols), chosen.shortfall) == (20, 5)


def test_two_of_nearly_the_same_volume_do_not_take_turns() -> None:
    settings = UniverseSettings(symbols_min=1, symbols_max=1)
    assert universe({"AUSDC": 5_000_000, "BUSDC": 5_900_000}, settings, members=["AUSDC"]).symbols == ("AUSDC",)
    assert universe({"AUSDC": 5_000_000, "BUSDC": 6_100_000}, settings, members=["AUSDC"]).symbols == ("BUSDC",)


def test_a_symbol_with_an_open_position_never_leaves_and_is_not_entered() -> None:
    settings = UniverseSettings(symbols_min=1, symbols_max=2, blacklist=("C00*",))
    chosen = universe(market(4), settings, held=("C00USDC", "C01USDC"))
    assert chosen.symbols == ("C01USDC", "C00USDC")
    assert (chosen.takes(Symbol("C00USDC")), chosen.takes(Symbol("C01USDC"))) == (False, True)
    verdict = chosen.verdicts[Symbol("C00USDC")]
    assert (verdict.is_in, verdict.rule, verdict.reason) == (True, Rule.HELD, "a position is open; blacklisted by C00*")
    assert universe(market(4), settings, held=("C00USDC",)).symbols == ("C03USDC", "C00USDC")


def test_refused_terms_take_a_symbol_out_unless_it_is_held() -> None:
    held, other = Symbol("C00USDC"), Symbol("C01USDC")
    chosen = universe(market(3)).without({held: "no leverage", other: "no leverage"}, held=[held])
    assert chosen.symbols == ("C02USDC", held)
    assert (chosen.verdicts[other].rule, chosen.rejected) == (Rule.TERMS, {other: "no leverage"})
    assert chosen.verdicts[held].rule is Rule.HELD


@given(
    volumes=st.dictionaries(NAMES, st.integers(0, 3_000_000)),
    data=st.data(),
)
def test_every_symbol_is_in_or_out_with_a_reason_and_order_of_arrival_does_not_matter(
    volumes: dict[str, int], data: st.DataObject
) -> None:
    members = data.draw(st.sets(st.sampled_from(sorted(volumes)))) if volumes else set()
    chosen = universe(volumes, BANDED, members=members)
    assert sorted([*chosen.symbols, *chosen.rejected]) == sorted(volumes) == list(chosen.verdicts)
    assert all(chosen.rejected.values())
    shuffled = dict(data.draw(st.permutations(list(volumes.items()))))
    assert universe(shuffled, BANDED, members=members) == chosen


@given(volumes=st.dictionaries(NAMES, st.integers(0, 3_000_000), min_size=1), data=st.data())
def test_held_symbols_stay_and_no_more_than_the_most_are_in_beside_them(
    volumes: dict[str, int], data: st.DataObject
) -> None:
    some = st.sets(st.sampled_from(sorted(volumes)))
    held, members = data.draw(some), data.draw(some)
    chosen = universe(volumes, BANDED, held=held, members=members)
    assert held <= set(chosen.symbols)
    assert len(chosen.symbols) <= max(BANDED.symbols_max, len(held))


@given(
    rounds=st.lists(
        st.tuples(
            st.integers(800_000, 999_999),
            st.decimals("0.001001", "0.0012", places=6),
            st.floats(0.00024, 0.00029) | st.floats(0.0301, 0.036),
            st.integers(800, 999),
        ),
        min_size=1,
    ),
    is_in=st.booleans(),
)
def test_within_the_band_nobody_comes_in_and_nobody_leaves(
    rounds: list[tuple[int, Decimal, float, int]], is_in: bool
) -> None:
    members = {XRP} if is_in else set()
    for volume, spread, atr_fraction, depth in rounds:
        figures: dict[str, Any] = {
            "spread_fraction": spread,
            "atr_fraction": atr_fraction,
            "depth_quote": Decimal(depth),
        }
        chosen = universe({XRP: volume}, BANDED, members=members, **figures)
        members = set(chosen.symbols)
        assert members == ({XRP} if is_in else set())
