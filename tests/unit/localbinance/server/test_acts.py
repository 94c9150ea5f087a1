"""Acts as JSON objects: read, or refused with one line."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localbinance.core.act import ForeignOrder, ForeignStop, Settle, StickTrigger, Thin, Withdraw
from localbinance.core.order import AlgoType, Side
from localbinance.market.disturbed import Flash, Gap
from localbinance.server.acts import _KINDS, BadAct, read_act
from tests.unit.localbinance.server.bench import SYMBOL, Bench

ORDER = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}


def test_an_object_becomes_its_act_with_exact_numbers() -> None:
    assert read_act({"act": "gap", "symbol": SYMBOL, "fraction": -0.05}) == Gap(
        symbol=SYMBOL, fraction=Decimal("-0.05")
    )
    assert read_act(
        {"act": "flash", "symbol": SYMBOL, "fraction": "0.1", "for_ms": 500, "returns": "at_once"}
    ) == Flash(symbol=SYMBOL, fraction=Decimal("0.1"), for_ms=500, returns="at_once")
    assert read_act({"act": "thin", "symbol": SYMBOL, "quantity": None}) == Thin(symbol=SYMBOL)
    assert read_act({"act": "stick_trigger", "for_ms": 5}) == StickTrigger(for_ms=5)
    order = read_act({"act": "foreign_order", "order": ORDER})
    assert isinstance(order, ForeignOrder)
    assert (order.order.side, order.order.quantity, order.order.price) == (Side.BUY, Decimal("0.01"), None)
    request = {"symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET", "close_position": True, "price_trigger": "1.5"}
    stop = read_act({"act": "foreign_stop", "stop": request})
    assert isinstance(stop, ForeignStop)
    assert (stop.stop.type, stop.stop.price_trigger) == (AlgoType.STOP_MARKET, Decimal("1.5"))


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        (None, "act is None; give an object whose act is one of announce_delisting, cap_leverage, "),
        ({"act": ["thin"]}, "act is ['thin']; give an object"),
        ({"act": "thin"}, "act thin, symbol: Field required"),
        ({"act": "thin", "symbol": SYMBOL, "quantity": "much"}, "act thin, quantity: Input should be a valid decimal"),
        ({"act": "thin", "symbol": SYMBOL, "quantity": -1}, "act thin: quantity is -1; it must not be below 0"),
        ({"act": "thin", "symbol": SYMBOL, "qty": 1}, "act thin: qty is no field of it; it has symbol, act, quantity"),
        ({"act": "gap", "symbol": SYMBOL, "fraction": -1}, "act gap: fraction is -1; it must lie between"),
        ({"act": "foreign_order", "order": ORDER | {"side": "UP"}}, "act foreign_order, order.side: Input should be"),
        ({"act": "foreign_order", "order": ORDER | {"size": 1}}, "act foreign_order, order: size is no field of it"),
        ({"act": "foreign_order", "order": ORDER | {"client_order_id": "x" * 37}}, "1 to 36 characters"),
    ],
)
def test_what_is_no_act_gets_one_line(found: object, complaint: str) -> None:
    with pytest.raises(BadAct) as no:
        read_act(found)
    assert complaint in str(no.value)
    assert "\n" not in str(no.value)


async def test_the_endpoint_refuses_what_is_no_act() -> None:
    bench = Bench.make()
    for text, complaint in (("{", "act is no JSON: "), ("[]", "act is None; give an object")):
        answer = await bench.send("POST", "/localbinance/act", {"act": text})
        assert (answer.status, answer.body["code"]) == (400, -1130)
        assert answer.body["msg"].startswith(complaint)


values = st.one_of(
    st.sampled_from(
        [SYMBOL, "ETHUSDC", "NOPE", "", "USDC", "-5", "0", "1", "1e30", "1e-30", "TRIGGERED", "one", None, True]
    ),
    st.sampled_from([-1, 0, 1, 2, 10**14, 10**30, -0.5, 0.07, 1e30, [1], {}]),
)
orders = st.fixed_dictionaries(
    {"symbol": st.just(SYMBOL), "side": st.sampled_from(list(Side)), "type": st.sampled_from(["MARKET", "LIMIT"])},
    optional=dict.fromkeys(("quantity", "price", "good_till_ms", "client_order_id", "price_match"), values),
)
stops = st.fixed_dictionaries(
    {"symbol": st.just(SYMBOL), "side": st.sampled_from(list(Side)), "type": st.sampled_from(list(AlgoType))},
    optional=dict.fromkeys(("quantity", "price_trigger", "callback_rate", "good_till_ms", "client_algo_id"), values),
)


@st.composite
def nonsense(draw: st.DrawFn) -> dict[str, object]:
    name = draw(st.sampled_from(sorted(_KINDS)))
    fields = [each for each in _KINDS[name].__dataclass_fields__ if each not in ("act", "order", "stop")]
    found: dict[str, object] = {each: draw(values) for each in fields if draw(st.booleans())}
    if "symbol" in fields and draw(st.booleans()):
        found["symbol"] = SYMBOL
    nested = {"foreign_order": ("order", orders), "foreign_stop": ("stop", stops)}.get(name)
    if nested is not None:
        found[nested[0]] = draw(nested[1])
    return {"act": name} | found


@settings(max_examples=25, deadline=None)
@given(st.lists(nonsense(), min_size=1, max_size=6))
async def test_no_nonsense_makes_a_fault_or_stops_the_exchange(acts: list[dict[str, object]]) -> None:
    bench = Bench.make(rate_limited=False)
    for act in acts:
        answer = await bench.send("POST", "/localbinance/act", {"act": json.dumps(act)})
        assert answer.status != 500, act
        bench.conductor.step()
    for path in ("/fapi/v3/account", "/fapi/v1/exchangeInfo", "/fapi/v3/positionRisk", "/fapi/v1/openAlgoOrders"):
        assert (await bench.send("GET", path)).status == 200


def test_times_and_amounts_stay_within_what_can_be_told() -> None:
    with pytest.raises(ValueError, match="delivery_ms is"):
        Settle(symbol=SYMBOL, delivery_ms=2**63)
    with pytest.raises(ValueError, match="amount is"):
        Withdraw(asset="USDC", amount=Decimal("1e30"))
