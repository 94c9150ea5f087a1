"""How long everything in Telegram's face takes, waits and keeps. All of it real time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """In seconds. Only tests are in more of a hurry."""

    poll_s: float = 25.0  # how long Telegram holds a question for news
    idle_s: float = 0.5  # after an answer without news that came at once
    reply_timeout_s: float = 10.0
    again_first_s: float = 1.0  # after Telegram could not be reached; doubled each time
    again_most_s: float = 60.0
    conflict_first_s: float = 5.0  # after another bot took the token's news; doubled each time
    conflict_most_s: float = 300.0
    calm_s: float = 90.0  # so long without another bot, and it is over
    closed_first_s: float = 60.0  # after a chat did not take a message
    closed_most_s: float = 1_800.0
    alarm_gap_s: float = 1.0  # between two messages to one chat, the later with an alarm: Telegram's own limit
    outage_said_s: float = 60.0  # shorter ones are not worth a word
    reply_patience_s: float = 60.0  # an answer that does not get through by then is not wanted any more
    age_max_s: float = 60.0  # what was said longer ago changes nothing
    confirm_s: float = 60.0  # how long a question waits for yes
    grace_s: float = 2.0  # at the end: for commands that are being carried out
    farewell_s: float = 2.0  # at the end: for the last message


REAL_PACE = Pace()
