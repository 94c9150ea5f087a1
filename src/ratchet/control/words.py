"""The words of an operator, read one after the other. Whatever is wrong with them is refused here, in one line."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from ratchet.control.desk import CommandHelp, Refused
from ratchet.domain.money import QUOTE
from ratchet.domain.symbol import Symbol, normalize

WORDS_MAX = 20
WORD_LENGTH_MAX = 1_000
WORD_LENGTH_SHOWN = 40
NEAR = 0.6


class Words:
    """What follows the name of a command."""

    def __init__(self, command: CommandHelp, words: Sequence[str]) -> None:
        self._command = command
        self._words = list(words)

    def has_more(self) -> bool:
        """Whether something is left to read."""
        return bool(self._words)

    def end(self) -> None:
        """Nothing more may follow. Raises: Refused."""
        if self._words:
            raise self.refusal(f"{shown(self._words[0])} is too much")

    def text(self, what: str) -> str:
        """The next word as it is. Raises: Refused."""
        if not self._words:
            raise self.refusal(f"{what} is missing")
        return self._words.pop(0)

    def again(self, word: str) -> "Words":
        """Have a word that was read be the next one again."""
        self._words.insert(0, word)
        return self

    def rest(self, what: str) -> str:
        """All that is left as one text. Raises: Refused."""
        if not self._words:
            raise self.refusal(f"{what} is missing")
        words, self._words = " ".join(self._words), []
        return words

    def one_of(self, what: str, choices: Collection[str]) -> str:
        """The next word, one of these in either case. Raises: Refused."""
        word = self.text(what)
        if word.lower() not in choices:
            raise self.refusal(f"{what} is {shown(word)}, one of {', '.join(choices)} is wanted{near(word, choices)}")
        return word.lower()

    def count(self, what: str, *, default: int, most: int) -> int:
        """A whole number from 1 on, if one is said. Raises: Refused."""
        if not self._words:
            return default
        word = self.text(what)
        if not (word.isascii() and word.isdigit() and len(word) <= len(str(most)) and 1 <= int(word) <= most):
            raise self.refusal(f"{what} is {shown(word)}, a whole number from 1 to {most} is wanted")
        return int(word)

    def next_is_number(self) -> bool:
        """Whether the next word is a whole number."""
        return bool(self._words) and self._words[0].isascii() and self._words[0].isdigit()

    def symbol(self, known: Collection[Symbol], of_what: str = "a symbol of this exchange") -> Symbol:
        """The next word as a symbol, in any writing: btc, BTC/USDC, BTCUSDC. Raises: Refused.

        Args: of_what, what those are that are known.
        """
        word = self.text("a symbol")
        candidates = []
        for written in (word, f"{word.strip()}{QUOTE}"):
            try:
                candidates.append(normalize(written))
            except ValueError:
                continue
        for symbol in candidates:
            if symbol in known:
                return symbol
        if not candidates:
            raise self.refusal(f"{shown(word)} is not a symbol, one like BTCUSDC is wanted")
        raise self.refusal(f"{shown(word)} is not {of_what}{near(candidates[-1], known)}")

    def refusal(self, problem: str) -> Refused:
        """What is wrong, and how it is asked."""
        return Refused(f"{self._command.name}: {problem}; ask: {self._command.usage}")


def near(word: str, known: Collection[str]) -> str:
    """The end of a refusal: what is nearest to a word, or nothing."""
    by_fold = {each.casefold(): each for each in known}
    found = get_close_matches(word.casefold()[:WORD_LENGTH_SHOWN], list(by_fold), n=1, cutoff=NEAR)
    return f"; did you mean {by_fold[found[0]]}?" if found else ""


def shown(word: str) -> str:
    """A word of somebody's on one line, and not too long."""
    text = repr(word if len(word) <= WORD_LENGTH_SHOWN else f"{word[:WORD_LENGTH_SHOWN]}…")
    return text if text.isprintable() else ascii(text)
