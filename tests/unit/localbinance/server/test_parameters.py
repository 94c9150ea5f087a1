"""What clients send: query and form as one, names without regard to case, numbers that are none refused."""

from decimal import Decimal

import pytest

from localbinance.core.order import Side
from localbinance.rules.rejection import Rejection
from localbinance.server.parameters import Parameters
from localbinance.server.time_span import TimeSpan


def refused(code: int) -> pytest.RaisesExc[Rejection]:
    return pytest.RaisesExc(Rejection, check=lambda no: no.code == code)


def test_the_query_wins_over_the_form() -> None:
    parameters = Parameters.read("symbol=BTCUSDC&side=BUY", "symbol=ETHUSDC&quantity=1")
    assert parameters.values == {"symbol": "BTCUSDC", "side": "BUY", "quantity": "1"}


def test_names_are_read_in_any_case_and_values_as_they_are() -> None:
    parameters = Parameters.read("newClientOrderId=Ab%2FC+d&ORDERIDLIST=%5B1%5D")
    assert parameters.text("newclientorderid") == "Ab/C d"
    assert parameters.text("orderidlist") == "[1]"


def test_what_is_empty_counts_as_absent() -> None:
    parameters = Parameters.read("price=&reduceOnly=&loose")
    assert (parameters.number("price"), parameters.boolean("reduceonly"), parameters.text("loose")) == (
        None,
        False,
        None,
    )
    with refused(-1102):
        parameters.required("price")


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
def test_booleans_in_any_case(value: str) -> None:
    assert Parameters({"flag": value}).boolean("flag")


@pytest.mark.parametrize("value", ["1", "yes", "tru"])
def test_no_other_booleans(value: str) -> None:
    with refused(-1130):
        Parameters({"flag": value}).boolean("flag")


@pytest.mark.parametrize(("value", "number"), [("1.50", "1.50"), ("-3", "-3"), (".5", "0.5"), ("7.", "7")])
def test_numbers(value: str, number: str) -> None:
    assert Parameters({"price": value}).number("price") == Decimal(number)


@pytest.mark.parametrize("value", ["1e5", "NaN", "Infinity", "1,5", "0x1", "1 ", "--1", "²", "9" * 21])
def test_no_other_numbers(value: str) -> None:
    with refused(-1100):
        Parameters({"price": value}).number("price")
    with refused(-1100):
        Parameters({"price": value}).integer("price")


def test_a_whole_number_has_64_bits() -> None:
    assert Parameters({"orderid": str(2**63 - 1)}).integer("orderid") == 2**63 - 1
    with refused(-1102):
        Parameters({"orderid": str(2**63)}).integer("orderid")


def test_a_limit_is_cut_to_the_most_that_is_given() -> None:
    assert Parameters({}).limit(default=500, most=1_000) == 500
    assert Parameters({"limit": "5000"}).limit(default=500, most=1_000) == 1_000
    with refused(-1130):
        Parameters({"limit": "0"}).limit(default=500, most=1_000)


def test_a_choice_is_one_of_its_values() -> None:
    assert Parameters({"side": "BUY"}).choice("side", Side) is Side.BUY
    assert Parameters({}).choice("side", Side) is None
    with refused(-1130):
        Parameters({"side": "buy"}).choice("side", Side)


def test_a_span_of_time_holds_both_its_ends() -> None:
    span = TimeSpan.read(Parameters({"starttime": "10", "endtime": "20"}))
    assert [span.holds(instant) for instant in (9, 10, 20, 21)] == [False, True, True, False]
    assert not TimeSpan.read(Parameters({})).given


def test_a_span_of_time_may_have_a_longest() -> None:
    week_ms = 7 * 86_400_000
    TimeSpan.read(Parameters({"starttime": "0", "endtime": str(week_ms)}), days_max=7)
    with refused(-4165):
        TimeSpan.read(Parameters({"starttime": "0", "endtime": str(week_ms + 1)}), days_max=7)
