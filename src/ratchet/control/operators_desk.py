"""The operators' desk of a running process: one for whatever has a menu."""

from collections.abc import Sequence

import structlog

from ratchet.control.answer import Answer
from ratchet.control.confirmations import Confirmations
from ratchet.control.desk import Asker, CommandHelp, ConfirmationWanted, Refused, Role
from ratchet.control.request import Commands
from ratchet.control.words import WORD_LENGTH_MAX, WORDS_MAX, Words, near, shown
from ratchet.domain.clock import Clock
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.errors import LedgerError

log = structlog.get_logger(__name__)


class OperatorsDesk:
    """Understands words, checks who may ask, wants dangerous things confirmed, and has them done."""

    def __init__(self, clock: Clock, menu: Sequence[CommandHelp], groups: Sequence[Commands]) -> None:
        """Args: menu, all that can be asked; groups, of commands; every one of the menu is in one of them."""
        self._clock = clock
        self._menu = tuple(menu)
        self._help = {command.name: command for command in self._menu}
        self._understand = {name: understand for group in groups for name, understand in group.items()}
        self._confirmations = Confirmations(clock)
        if set(self._understand) != set(self._help):
            raise ValueError(f"not the commands there are: {sorted(set(self._understand) ^ set(self._help))}")

    @property
    def commands(self) -> Sequence[CommandHelp]:
        """Everything that can be asked."""
        return self._menu

    async def ask(self, asker: Asker, words: Sequence[str], token: str | None = None) -> Answer | ConfirmationWanted:
        """Raises: Refused."""
        began_ms = self._clock.elapsed_ms()
        try:
            return await self._ask(asker, words, token)
        except (ExchangeError, LedgerError) as error:
            raise Refused(f"{words[0]}: it cannot be answered now: {error}") from None
        finally:
            took_ms = round(self._clock.elapsed_ms() - began_ms, 1)
            log.info("operator_asked", who=asker.name, command=self._name_of(words), took_ms=took_ms)

    async def _ask(self, asker: Asker, words: Sequence[str], token: str | None) -> Answer | ConfirmationWanted:
        name = self._checked_name(words)
        help_ = self._help[name]
        _refuse_without(help_.role, asker, name)
        request = await self._understand[name](Words(help_, words[1:]))
        _refuse_without(request.role, asker, name)
        if request.question:
            meant = (name, *words[1:])
            if token is None:
                return ConfirmationWanted(request.question, self._confirmations.ask(asker, meant))
            if not self._confirmations.is_good(token, asker, meant):
                raise Refused(f"{name}: this confirmation is used, too old or for something else; ask again")
        return await request.do(asker)

    def _name_of(self, words: Sequence[str]) -> str:
        """For the log: a command's name, and nothing that somebody may have typed by mistake."""
        name = words[0].lower() if words else ""
        return name if name in self._help else "unknown"

    def _checked_name(self, words: Sequence[str]) -> str:
        if not words or not words[0].strip():
            raise Refused("nothing is asked; help shows what can be")
        if len(words) > WORDS_MAX or any(len(word) > WORD_LENGTH_MAX for word in words):
            raise Refused(f"too long: at most {WORDS_MAX} words of {WORD_LENGTH_MAX} characters are read")
        name = words[0].strip().lower().removeprefix("/")
        if name not in self._help:
            raise Refused(f"{shown(words[0])} is not a command{near(name, self._help)}; help shows them all")
        return name


def _refuse_without(role: Role, asker: Asker, name: str) -> None:
    if role is Role.OPERATOR and asker.role is not Role.OPERATOR:
        raise Refused(f"{name}: only an operator may ask this, and {asker.name} is a viewer")
