"""The desk: where every face brings what an operator asks, and gets an answer, a question back, or a refusal."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ratchet.control.answer import Answer


class Role(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"  # ask
    OPERATOR = "operator"  # ask and change


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as it is written down with every change."""

    name: str  # "cli", "telegram 4711"
    role: Role


@dataclass(frozen=True, slots=True)
class ConfirmationWanted:
    """It is dangerous: ask the same again with the token within a minute, and it is done."""

    question: str  # "Close every position at market and cancel all orders?"
    token: str  # good once, for this asker and these words


class Refused(Exception):
    """One line: what is wrong with what was asked, and how to ask it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHelp:
    """One command, as menus and help pages show it."""

    name: str  # "close"
    usage: str  # "close SYMBOL"
    summary: str  # one line
    role: Role  # the least that may ask it
    is_dangerous: bool  # wants a confirmation


class Desk(Protocol):
    """All faces know is this."""

    @property
    def commands(self) -> Sequence[CommandHelp]:
        """Everything that can be asked."""

    async def ask(self, asker: Asker, words: Sequence[str], token: str | None = None) -> Answer | ConfirmationWanted:
        """Ask a command with its arguments: ("why", "BTCUSDC").

        Args: token, of a confirmation that was wanted.
        Raises: Refused.
        """
