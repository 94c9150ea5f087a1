"""An exchange whose reads are seconds behind: nothing is sold twice, nothing is left bare, nothing is lost for it."""

from decimal import Decimal

import pytest

from localbinance.server.acts import read_act
from localbinance.server.faults import read_fault
from ratchet.domain.symbol import Symbol
from ratchet.drill.market import START_MS
from ratchet.drill.rebound_draw import Deed, Hand, ReboundTrouble, Rest
from ratchet.drill.rebound_drill import run_rebound
from ratchet.drill.trouble import Interference, Kill, KillAfterOrder, WireTrouble

DOGE = Symbol("DOGEUSDC")
LAG_MS = 6_000
LAST_TRADE = {"path": "/api/v3/myTrades", "parameters": {"limit": "1"}}
ORDER = {"path": "/api/v3/order", "method": "POST"}


def bought(at_s: float) -> Hand:
    return Hand(at_ms=round(at_s * 1_000), symbol=DOGE, does=Deed.BUY, quote=Decimal(100), draw=0.5)


def fault(at_s: float, for_s: float, **fields: object) -> WireTrouble:
    at_ms, for_ms = round(at_s * 1_000), round(for_s * 1_000)
    found = read_fault({"until_ms": START_MS + at_ms + for_ms} | fields)
    return WireTrouble(at_ms=at_ms, for_ms=for_ms, fault=found)


@pytest.mark.parametrize(
    ("troubles", "sells", "left_alone"),
    [
        pytest.param((fault(40, 60, fault="stale", ms=LAG_MS), bought(60)), 1, 0, id="all reads"),
        pytest.param(
            (
                fault(40, 60, fault="stale", ms=LAG_MS),
                fault(50, 30, fault="latency", ms=4_500, **ORDER),
                fault(61, 40, fault="silent", route="user"),
                bought(0),  # what a second SELL would take
                bought(60),
                KillAfterOrder(order=1, turns=2, down_ms=0),
            ),
            1,
            1,
            id="a SELL that arrives late and is seen later still",
        ),
        pytest.param(
            (
                fault(40, 60, fault="stale", ms=LAG_MS, **LAST_TRADE),
                Rest(at_ms=50_000, down_ms=20_000),
                bought(68),
                bought(90),
            ),
            1,
            1,
            id="bought just before the start, and not seen then",
        ),
        pytest.param(
            (
                fault(40, 60, fault="stale", ms=LAG_MS, **LAST_TRADE),
                bought(60),
                Kill(at_ms=61_300, down_ms=0),
            ),
            1,
            0,
            id="the last execution is not seen after a crash",
        ),
    ],
)
def test_one_sell_and_never_a_second(troubles: tuple[ReboundTrouble, ...], sells: int, left_alone: int) -> None:
    verdict = run_rebound(1, troubles=troubles)
    assert verdict.violations == ()
    assert (verdict.sells, verdict.left_alone) == (sells, left_alone)


@pytest.mark.parametrize("seed", [5, 11])
def test_a_buy_whose_parts_are_seen_now_and_then_has_one_sell(seed: int) -> None:
    slowly = {"act": "spot_fill_slowly", "symbol": DOGE, "parts": 4, "over_ms": 9_000}
    troubles = (
        Interference(at_ms=1_000, act=read_act(slowly)),
        fault(40, 60, fault="stale", ms=LAG_MS, probability=0.5),
        fault(40, 60, fault="silent", route="user"),
        bought(60),
    )
    verdict = run_rebound(seed, troubles=troubles)
    assert verdict.violations == ()
    assert verdict.sells == 1
