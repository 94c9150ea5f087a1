"""Commands as people write them."""

import pytest

from ratchet.control.desk import CommandHelp, Role
from ratchet.telegram.command_words import menu_of, words_of

COMMANDS = [
    CommandHelp(name="why", usage="why SYMBOL", summary="Why (not)?", role=Role.VIEWER, is_dangerous=False),
    CommandHelp(name="dry-run", usage="dry-run", summary="s" * 300, role=Role.OPERATOR, is_dangerous=False),
    CommandHelp(name="Ünsagbar", usage="", summary="", role=Role.VIEWER, is_dangerous=False),
]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/why BTCUSDC", ("why", "BTCUSDC")),
        ("  /Why   BTCUSDC\n5 ", ("why", "BTCUSDC", "5")),
        ("/why@My_Bot BTCUSDC", ("why", "BTCUSDC")),
        ("/dry_run", ("dry-run",)),
        ("/dry-run", ("dry-run",)),
        ("/start", ("help",)),
        ("/unknown_one", ("unknown_one",)),
        ("/why@other_bot", None),
        ("why BTCUSDC", None),
        ("/", None),
        ("", None),
        ("/@my_bot", None),
    ],
)
def test_words(text: str, words: tuple[str, ...] | None) -> None:
    assert words_of(text, "my_bot", COMMANDS) == words


def test_a_menu_has_what_may_be_asked_in_a_form_that_telegram_takes() -> None:
    assert menu_of(COMMANDS, Role.VIEWER) == (("why", "Why (not)?"),)
    assert menu_of(COMMANDS, Role.OPERATOR) == (("why", "Why (not)?"), ("dry_run", "s" * 256))
