"""`ratchet panic --rebound` where no spot companion answers: straight to the exchange."""

import json
import os
from collections.abc import Callable
from dataclasses import replace

from ratchet.cli.answer_drawing import draw
from ratchet.cli.doors import COMPANION, NobodyAnswers, find_door
from ratchet.cli.event_loop import run
from ratchet.cli.rebound_venue import rebound_ledger_url, rebound_settings
from ratchet.cli.refusal import Refusal
from ratchet.config.settings import Settings
from ratchet.control.answer import Answer
from ratchet.control.companion.change_placing import panic_answer
from ratchet.control.companion.panic_directly import DirectPanic, spot_panic_directly
from ratchet.control.door import answer_json
from ratchet.observe.log import logging_to

WHO = "cli"
PATIENCE_S = 120.0
LOG_FOLDER = "panic"  # below `log_dir`: a companion that hangs has its own open
NOT_CLEAR = 1


def rebound_panic_alone(
    mode: str | None, *, as_json: bool, confirm: Callable[[str], None], say: Callable[[str], None]
) -> int:
    """Cancel every order of the companion, and show the exchange's word for it. Returns: the exit code.

    Args: confirm, asked before anything is done, which raises Refusal; say, told what is waited for.
    Raises: Refusal, BadSettings.
    """
    # What the runtime file says does not matter here, and it may be what is broken.
    settings = rebound_settings(mode, runtime_file=os.devnull)
    where = f"{settings.mode}: {settings.exchange.http_url or 'Binance'}"
    confirm(f"No spot companion answers. Cancel all of its orders there ({where})? Coins are not sold.")
    found = answer_of(run(_panic(settings, say)), hanging_pid(mode))
    answer = answer_json(found)
    if as_json:
        print(json.dumps(answer["data"], indent=2, ensure_ascii=False))
    else:
        draw(answer)
    return 0 if answer["data"]["is_clear"] else NOT_CLEAR


def answer_of(done: DirectPanic, pid: int | None) -> Answer:
    """As an answer. Args: pid, of a companion that lives and does not answer."""
    answer = panic_answer(done.report)
    notes = [note for note in answer.notes if "goes on" not in note]
    if not done.report.is_clear:
        notes.append(f"It waited for {done.report.waits_for}, and gave up: do it again.")
    if done.not_recorded:
        notes.append(
            f"The ledger does not know of it ({done.not_recorded}): a companion that is started places orders again."
        )
    if pid is not None:
        notes.append(f"Process {pid} does not answer and knows nothing of this: end it, or it may place orders again.")
    data = {**answer.data, "is_recorded": not done.not_recorded}
    return replace(answer, notes=tuple(notes), data=data)


def hanging_pid(mode: str | None) -> int | None:
    """The process behind the door that nobody opens, if it lives."""
    try:
        return find_door(COMPANION, mode).pid
    except (NobodyAnswers, Refusal):
        return None


async def _panic(settings: Settings, say: Callable[[str], None]) -> DirectPanic:
    with logging_to(settings.log_dir / LOG_FOLDER, secrets=settings.secrets(), console=False):
        return await spot_panic_directly(
            settings.exchange,
            rebound_ledger_url(settings),
            WHO,
            patience_s=PATIENCE_S,
            on_word=lambda word: say(f"it waits for {word}") if word else None,
        )
