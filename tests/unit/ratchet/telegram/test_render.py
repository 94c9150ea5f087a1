"""Answers as pages: whatever is in them, Telegram takes every page and every word is on one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.control.answer import Answer, Table
from ratchet.telegram.markup import clean, columns, pieces, shortened, units
from ratchet.telegram.render import PAGE_UNITS_MAX, WIDTH_MAX, masked, pages_of, text_of
from tests.telegram.server import visible

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["<b>", "</pre>", "&lt;", "𝕏" * 1_500, "x" * 9_000, "币安人生USDC", "\ud800", "a\u2028b\nc", " "]),
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    width = draw(st.integers(1, 4))
    row = st.tuples(*[TEXTS] * width)
    return Answer(
        title=draw(TEXTS),
        facts=tuple(draw(st.lists(st.tuples(TEXTS, TEXTS), max_size=60))),
        table=draw(st.none() | st.builds(Table, row, st.lists(row, max_size=80).map(tuple))),
        notes=tuple(draw(st.lists(TEXTS, max_size=5))),
    )


@given(answer=answers())
def test_telegram_takes_every_page(answer: Answer) -> None:
    for page in pages_of(answer):
        text = visible(page)  # as strict as Telegram
        assert text.strip()
        assert units(text) <= 4_096
        assert page.count("<b>") + page.count("<pre>") <= 100  # more entities are not drawn
        assert page.encode("utf-8")


@given(text=TEXTS)
def test_telegram_takes_every_word(text: str) -> None:
    assert 1 <= units(visible(text_of(text))) <= PAGE_UNITS_MAX


def test_facts_and_notes_are_lines() -> None:
    answer = Answer(title="Balance", facts=(("wallet", "400 USDC"), ("free", "310 USDC")), notes=("All is well.",))
    assert pages_of(answer) == ("<b>Balance</b>\nwallet: <b>400 USDC</b>\nfree: <b>310 USDC</b>\nAll is well.",)


def test_a_narrow_table_stands_in_columns() -> None:
    table = Table(("symbol", "pnl"), (("BTCUSDC", "1.25"), ("1000PEPEUSDC", "-0.5")), numeric=frozenset({1}))
    assert pages_of(Answer(title="P", table=table)) == (
        "<b>P</b>\n<pre>symbol         pnl\nBTCUSDC       1.25\n1000PEPEUSDC  -0.5</pre>",
    )


def test_wide_letters_take_two_columns() -> None:
    table = Table(("symbol", "pnl"), (("币安人生USDC", "1"), ("BTCUSDC", "2")))
    lines = visible(pages_of(Answer(title="P", table=table))[0]).splitlines()[1:]
    assert [columns(line) for line in lines] == [17, 15, 15]


def test_a_wide_table_is_a_block_for_each_row() -> None:
    rows = (("BTCUSDC", "long", "60000.10", "58800.20", "+1.25"), ("X", "", "1", "2", "0"))
    table = Table(("symbol", "side", "entry", "stop", "pnl"), rows)
    assert visible(pages_of(Answer(title="P", table=table))[0]) == (
        "P\nBTCUSDC\nside long · entry 60000.10 · stop 58800.20 · pnl +1.25\nX\nentry 1 · stop 2 · pnl 0"
    )


def test_a_table_is_wide_from_35_columns_on() -> None:
    for width, is_narrow in ((WIDTH_MAX - 3, True), (WIDTH_MAX - 2, False)):
        table = Table(("a", "b"), (("x" * width, "y"),))
        assert ("<pre>" in pages_of(Answer(title="P", table=table))[0]) is is_narrow


def test_no_rows_are_said_to_be_none() -> None:
    assert pages_of(Answer(title="Open", table=Table(("a", "b"), ()))) == ("<b>Open</b>\n–",)


def test_a_table_that_goes_over_the_page_has_its_heading_again() -> None:
    table = Table(("symbol", "pnl"), tuple((f"S{number}USDC", "1") for number in range(100)))
    pages = pages_of(Answer(title="All", table=table))
    assert len(pages) == 3
    for number, page in enumerate(pages, start=1):
        lines = visible(page).splitlines()
        assert lines[:2] == [f"All ({number}/3)", "symbol   pnl"]


@given(answer=answers())
def test_every_row_and_fact_is_on_a_page(answer: Answer) -> None:
    told = "".join("".join(visible(page).split()) for page in pages_of(answer))
    for name, value in answer.facts:
        for text in (shortened(clean(name), 200), clean(value)[:500]):
            assert "".join(text.split()) in told


@given(text=st.text(max_size=60), most=st.integers(2, 10))
def test_pieces_are_short_enough_and_lose_nothing(text: str, most: int) -> None:
    cut = list(pieces(text, most))
    assert "".join(cut) == text
    assert all(units(piece) <= most for piece in cut)


@pytest.mark.parametrize("text", ["", "a", "𝕏", "a𝕏币"])
def test_length_is_in_units_of_utf_16(text: str) -> None:
    assert units(text) == len(text.encode("utf-16-le")) // 2


def test_secrets_are_masked_wherever_they_stand() -> None:
    answer = Answer(title="k", facts=(("k", "k"),), table=Table(("h",), (("k",),)), notes=("k",))
    assert "k" not in "".join(pages_of(masked(answer, lambda text: text.replace("k", "*"))))
