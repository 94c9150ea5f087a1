"""The companion's desk: its menu, with everything that answers it."""

from ratchet.control.ask_help import help_commands
from ratchet.control.ask_log import LogQuestion
from ratchet.control.change_settings import SettingsChanges
from ratchet.control.companion.ask_account import AccountQuestions
from ratchet.control.companion.ask_results import ResultQuestions
from ratchet.control.companion.ask_risk import RiskQuestion
from ratchet.control.companion.ask_standing import StandingQuestions
from ratchet.control.companion.ask_why import WhyQuestion
from ratchet.control.companion.change_placing import Operations, PlacingChanges
from ratchet.control.companion.menu import MENU
from ratchet.control.companion.parts import CompanionParts
from ratchet.control.operators_desk import OperatorsDesk


def companion_desk(parts: CompanionParts, operations: Operations) -> OperatorsDesk:
    """Of a running companion."""
    groups = (
        StandingQuestions(parts).commands(),
        ResultQuestions(parts).commands(),
        WhyQuestion(parts).commands(),
        AccountQuestions(parts).commands(),
        RiskQuestion(parts).commands(),
        LogQuestion(parts.log_file).commands(),
        PlacingChanges(parts, operations).commands(),
        # Profiles are the trader's.
        {"config": SettingsChanges(parts.settings, "orders").commands()["config"]},
        help_commands(MENU),
    )
    return OperatorsDesk(parts.clock, MENU, groups)
