"""`ratchet panic` where no trader answers: straight to the exchange."""

import json
import os
from collections.abc import Callable

from ratchet.cli.answer_drawing import draw
from ratchet.cli.event_loop import run
from ratchet.cli.refusal import Refusal
from ratchet.cli.trading_venue import trading_venue, venue_settings
from ratchet.config.mode import Mode
from ratchet.config.settings import Settings
from ratchet.control.change_trading import panic_answer
from ratchet.control.door import answer_json
from ratchet.observe.log import logging_to
from ratchet.trading.operators.panic import PanicReport
from ratchet.trading.operators.panic_directly import panic_directly

WHO = "cli"
PATIENCE_S = 120.0
LOG_FOLDER = "panic"  # below `log_dir`: a trader that hangs has its own open
NOT_FLAT = 1


def panic_alone(mode: str | None, *, as_json: bool, confirm: Callable[[str], None], say: Callable[[str], None]) -> int:
    """Close everything, cancel everything, and show the exchange's word for it. Returns: the exit code.

    Args: confirm, asked before anything is done, which raises Refusal; say, told what is waited for.
    Raises: Refusal, BadSettings.
    """
    # What the runtime file says does not matter here, and it may be what is broken.
    settings = venue_settings(mode, runtime_file=os.devnull)
    if settings.mode is Mode.PAPER and settings.exchange.http_url is None:
        raise Refusal("no trader is running, and paper's own exchange ended with it: nothing is held anywhere")
    where = f"{settings.mode}: {settings.exchange.http_url or 'Binance'}"
    confirm(f"No trader answers. Close everything and cancel all orders there ({where})?")
    answer = answer_json(panic_answer(run(_panic(settings, say))))
    if as_json:
        print(json.dumps(answer["data"], indent=2, ensure_ascii=False))
    else:
        draw(answer)
    return 0 if answer["data"]["is_flat"] else NOT_FLAT


async def _panic(settings: Settings, say: Callable[[str], None]) -> PanicReport:
    async with trading_venue(settings) as venue:
        with logging_to(settings.log_dir / LOG_FOLDER, secrets=settings.secrets(), console=False):
            return await panic_directly(
                settings, venue.ledger_url, WHO, patience_s=PATIENCE_S, on_word=lambda word: say(f"it waits for {word}")
            )
