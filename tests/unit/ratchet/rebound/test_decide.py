"""What the companion decides: which SELL, when, and when not again."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ratchet.domain.identity import ClientOrderId
from ratchet.domain.money import is_multiple
from ratchet.domain.order import LimitOrder, OrderStatus, Origin, Side
from ratchet.domain.rebound import SpotRole, flows_of
from ratchet.domain.spot_rules import SpotRules
from ratchet.rebound.decide import (
    SELLS_MAX,
    Ask,
    BackLimits,
    BuyBack,
    Close,
    Follow,
    Gathering,
    Ready,
    Refusal,
    Sell,
    Step,
    Wait,
    buy_back_of,
    next_of,
    origin_of,
    ripeness,
    sell_of,
    sell_price,
)
from tests.unit.ratchet.rebound.bought import BUY_ID, NOW_MS, RULES, a_case, a_fill, a_report, an_order, with_orders

NAME = ClientOrderId("rb-run-1-sell0")
PLENTY = Decimal(1_000)
ONE = Decimal(1)


def sold(
    case_fee: str = "0", free: Decimal = PLENTY, reference: Decimal | None = Decimal(8), rules: SpotRules = RULES
) -> LimitOrder | Refusal:
    return sell_of(a_case(a_fill(1, "10", "8", case_fee)), rules, ONE, free, reference, NAME)


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("web_8f1e", Origin.MANUAL),
        ("and_8f1e", Origin.MANUAL),
        ("x-R4BD3S82-another-bot", Origin.MANUAL),
        ("rb-run-1-sell0", Origin.SYSTEM),
        ("rb-of-another-ledger", Origin.SYSTEM),
        ("rt-run-1-entry0", Origin.SYSTEM),
        ("rg-1", Origin.SYSTEM),
    ],
)
def test_what_no_program_of_ours_has_named_is_a_persons(name: str, origin: Origin) -> None:
    assert origin_of(name) is origin


def test_the_fee_that_was_taken_in_the_coin_is_not_there_to_be_sold() -> None:
    order = sold("0.0105")
    assert isinstance(order, LimitOrder)
    assert (order.side, order.quantity, order.price) == (Side.SELL, Decimal("9.989"), Decimal("8.08"))


def test_a_fee_in_another_coin_leaves_all_of_it() -> None:
    case = a_case(a_fill(1, "10", "8", "0.001", "BNB"))
    assert case.quantity == Decimal(10)


def test_several_fills_are_sold_at_one_price_above_their_average() -> None:
    case = a_case(a_fill(1, "1", "8"), a_fill(2, "3", "9"))
    assert sell_price(case, ONE, Decimal("0.01")) == Decimal("8.84")  # 8.75 and one per cent, up to the tick
    assert sell_price(a_case(a_fill(1, "3", "10")), ONE, Decimal("0.01")) == Decimal("10.10")


def test_never_more_is_sold_than_is_free() -> None:
    order = sold(free=Decimal("4.5678"))
    assert isinstance(order, LimitOrder)
    assert order.quantity == Decimal("4.567")
    gone = sold(free=Decimal(0))
    assert isinstance(gone, Refusal)
    assert "nothing of it is free" in gone.reason


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (sold(free=Decimal("0.5")), "NOTIONAL"),
        (sold(free=Decimal("0.0005")), "nothing of it is free"),
        (sold(reference=Decimal(1)), "PERCENT_PRICE_BY_SIDE"),
        (sold(reference=Decimal(20)), "PERCENT_PRICE_BY_SIDE"),
        (sold(rules=replace(RULES, status="BREAK")), "does not trade (BREAK)"),
        (sold(rules=replace(RULES, price_max=Decimal(8))), "PRICE_FILTER"),
        (sold(rules=replace(RULES, quantity_max=Decimal(9))), "LOT_SIZE"),
    ],
)
def test_what_a_filter_would_refuse_says_which(refused: LimitOrder | Refusal, why: str) -> None:
    assert isinstance(refused, Refusal)
    assert why in refused.reason


@given(
    quantities=some.lists(some.integers(1, 10**7), min_size=1, max_size=6),
    price=some.integers(1, 10**5),
    percent=some.integers(1, 5_000),
    fee_rate=some.integers(0, 20),
)
def test_a_sell_is_on_the_grid_never_below_its_percentage_and_never_of_more_than_was_bought(
    quantities: list[int], price: int, percent: int, fee_rate: int
) -> None:
    fills = [
        a_fill(
            number,
            str(Decimal(each) / 1_000),
            str(Decimal(price + number) / 100),
            str(Decimal(each * fee_rate) / 10**7),
        )
        for number, each in enumerate(quantities)
    ]
    case = a_case(*fills)
    wanted = Decimal(percent) / 100
    rules = replace(RULES, notional_min=Decimal(0), price_max=Decimal(0), notional_max=None)
    order = sell_of(case, rules, wanted, Decimal(10**9), None, NAME)
    if isinstance(order, Refusal):
        assert "LOT_SIZE" in order.reason
        return
    assert is_multiple(order.quantity, rules.quantity_step)
    assert is_multiple(order.price, rules.price_tick)
    assert case.quantity - rules.quantity_step < order.quantity <= case.quantity
    exact = case.quote * (100 + wanted)
    assert order.price * 100 * case.quantity_bought >= exact
    assert (order.price - rules.price_tick) * 100 * case.quantity_bought < exact


def gathered(touched_ms: int = NOW_MS) -> Gathering:
    return Gathering(order_id=BUY_ID, fills=(a_fill(1, "10", "8"),), touched_ms=touched_ms)


@pytest.mark.parametrize(
    ("status", "filled", "is_sellable", "now_ms", "answer"),
    [
        (OrderStatus.FILLED, "10", True, NOW_MS, Ready()),
        (OrderStatus.CANCELED, "10", False, NOW_MS, Ready()),
        (OrderStatus.FILLED, "12", True, NOW_MS, Wait(NOW_MS + 1_000)),  # executions that are not known yet
        (OrderStatus.PARTIALLY_FILLED, "10", True, NOW_MS + 4_999, Wait(NOW_MS + 5_000)),
        (OrderStatus.PARTIALLY_FILLED, "10", True, NOW_MS + 5_000, Ready()),
        (OrderStatus.PARTIALLY_FILLED, "10", False, NOW_MS + 5_000, Wait(NOW_MS + 10_000)),
    ],
)
def test_a_buy_is_sold_when_it_has_ended_or_was_quiet(
    status: OrderStatus, filled: str, is_sellable: bool, now_ms: int, answer: Ready | Wait
) -> None:
    report = a_report(status, filled)
    found = ripeness(gathered(), report, Decimal(10), is_sellable=is_sellable, settle_ms=5_000, now_ms=now_ms)
    assert found == answer


INTENDED = an_order(OrderStatus.INTENDED)
SOLD = an_order(OrderStatus.FILLED)
REFUSED = an_order(OrderStatus.REJECTED)


@pytest.mark.parametrize(
    ("orders", "step"),
    [
        ((), Sell(0)),
        ((INTENDED,), Ask(INTENDED)),  # it may have been sent: a second one would be one too many
        ((an_order(OrderStatus.NEW),), Follow()),
        ((an_order(OrderStatus.PARTIALLY_FILLED),), Follow()),
        ((REFUSED,), Sell(1)),
        ((SOLD,), BuyBack(SOLD)),
        ((SOLD, an_order(OrderStatus.NEW, SpotRole.BACK)), Follow()),
    ],
)
def test_what_comes_next(orders: tuple[object, ...], step: Step) -> None:
    assert next_of(with_orders(*orders), buys_back=True) == step  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("orders", "reason"),
    [
        ((SOLD, an_order(OrderStatus.FILLED, SpotRole.BACK)), "bought back"),  # and no SELL of it: that is no loop
        ((SOLD, an_order(OrderStatus.CANCELED, SpotRole.BACK)), "was cancelled"),
        ((an_order(OrderStatus.CANCELED),), "not placed again"),
        ((an_order(OrderStatus.EXPIRED),), "ended by the exchange"),
        ((an_order(OrderStatus.REJECTED, sequence=SELLS_MAX - 1),), "was not taken"),
    ],
)
def test_what_is_the_end(orders: tuple[object, ...], reason: str) -> None:
    step = next_of(with_orders(*orders), buys_back=True)  # type: ignore[arg-type]
    assert isinstance(step, Close)
    assert reason in step.reason


def test_without_buys_back_what_is_sold_is_over() -> None:
    assert next_of(with_orders(SOLD), buys_back=False) == Close("sold")


def limits(**other: object) -> BackLimits:
    usual = BackLimits(percent=ONE, count_max=3, count_used=0, quote_max=Decimal(100), quote_used=Decimal(0))
    return replace(usual, **other)  # type: ignore[arg-type]


def test_a_buy_back_is_as_much_lower_and_within_its_limits() -> None:
    order = buy_back_of(SOLD, RULES, limits(), Decimal(8), NAME)
    assert isinstance(order, LimitOrder)
    assert (order.side, order.quantity, order.price) == (Side.BUY, Decimal(10), Decimal("7.99"))
    for tight, why in ((limits(count_used=3), "3 of 3"), (limits(quote_used=Decimal(25)), "more than 100")):
        refused = buy_back_of(SOLD, RULES, tight, Decimal(8), NAME)
        assert isinstance(refused, Refusal)
        assert why in refused.reason


def test_flows_are_what_the_account_sees() -> None:
    flows = flows_of([a_fill(1, "10", "8", "0.01"), a_fill(2, "9.99", "8.08", "0.08", "USDC", Side.SELL)])
    assert flows == {"TRUMP": Decimal("0.00"), "USDC": Decimal("0.6392")}
