"""What is wrong with an operator's words is said in one line, with how to ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.control.commands import HELP
from ratchet.control.desk import Refused
from ratchet.control.words import Words, near, shown
from ratchet.domain.symbol import Symbol

SYMBOLS = [Symbol("BTCUSDC"), Symbol("1000PEPEUSDC"), Symbol("ETHUSDC")]


def words(*said: str) -> Words:
    return Words(HELP["close"], said)


@pytest.mark.parametrize("written", ["BTCUSDC", "btcusdc", "btc", "BTC/USDC", "btc-usdc", "BTC/USDC:USDC", " btc "])
def test_a_symbol_may_be_written_in_any_way(written: str) -> None:
    assert words(written).symbol(SYMBOLS) == "BTCUSDC"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("BTCUSD", "close: 'BTCUSD' is not a symbol of this exchange; did you mean BTCUSDC?; ask: close SYMBOL|all"),
        ("pepe", "close: 'pepe' is not a symbol of this exchange; did you mean 1000PEPEUSDC?; ask: close SYMBOL|all"),
        ("XYZW", "close: 'XYZW' is not a symbol of this exchange; ask: close SYMBOL|all"),
        ("*_[x](y)", "close: '*_[x](y)' is not a symbol, one like BTCUSDC is wanted; ask: close SYMBOL|all"),
        ("a\nb", "close: 'a\\nb' is not a symbol, one like BTCUSDC is wanted; ask: close SYMBOL|all"),
    ],
)
def test_a_word_that_is_no_symbol_is_refused_with_what_is_nearest(written: str, said: str) -> None:
    with pytest.raises(Refused) as no:
        words(written).symbol(SYMBOLS)
    assert str(no.value) == said


@pytest.mark.parametrize("written", ["0", "-1", "201", "1.5", "ten", "१", "9" * 5_000, ""])
def test_a_number_is_whole_and_within_bounds(written: str) -> None:
    with pytest.raises(Refused, match=r"N is .*, a whole number from 1 to 200 is wanted"):
        words(written).count("N", default=5, most=200)


def test_a_number_that_is_not_said_is_the_usual_one() -> None:
    assert (words().count("N", default=5, most=9), words("9").count("N", default=5, most=9)) == (5, 9)


def test_what_is_missing_or_too_much_is_said() -> None:
    with pytest.raises(Refused, match=r"^close: a symbol is missing; ask: close SYMBOL\|all$"):
        words().symbol(SYMBOLS)
    with pytest.raises(Refused, match=r"^close: 'now' is too much; ask: close SYMBOL\|all$"):
        words("now", "please").end()


def test_a_choice_is_taken_in_either_case_and_a_misspelt_one_is_recognised() -> None:
    assert words("Balanced").one_of("NAME", ["balanced"]) == "balanced"
    with pytest.raises(Refused, match="did you mean balanced"):
        words("balancd").one_of("NAME", ["balanced", "aggressive"])


@given(st.text())
def test_whatever_was_said_is_shown_on_one_short_line(said: str) -> None:
    assert shown(said).isprintable()
    assert len(shown(said)) < 420
    near(said, SYMBOLS)


@given(st.text())
def test_whatever_is_said_for_a_symbol_is_one_or_is_refused(said: str) -> None:
    found: str
    try:
        found = words(said).symbol(SYMBOLS)
    except Refused as no:
        found = str(no)
    assert found in SYMBOLS or (found.startswith("close: ") and found.isprintable())
