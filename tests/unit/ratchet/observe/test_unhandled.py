"""Nothing that nobody caught goes unnoticed, wherever it came up."""

import asyncio
import gc
import io
import logging
import threading
from contextlib import redirect_stderr
from pathlib import Path

import structlog

from ratchet.observe.log import logging_to
from ratchet.observe.unhandled import Unhandled

IN_TIME_S = 10.0


class Told:
    """Whoever is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.heard = asyncio.Event()
        self.unhandled = Unhandled(lambda text: text.replace("hunter22", "***"), self._on_unhandled)

    def _on_unhandled(self, line: str) -> None:
        self.lines.append(line)
        self.heard.set()


async def test_a_callback_of_the_loop() -> None:
    told, loop = Told(), asyncio.get_running_loop()

    def fail() -> None:
        raise ValueError("of hunter22")

    with told.unhandled.caught(loop):
        loop.call_soon(fail)
        await asyncio.wait_for(told.heard.wait(), IN_TIME_S)
    [line] = told.lines
    assert line.endswith("ValueError: of ***")


async def test_a_task_that_nobody_waited_for() -> None:
    told, loop = Told(), asyncio.get_running_loop()

    async def fail() -> None:
        raise ValueError("lost")

    with told.unhandled.caught(loop):
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        del task
        gc.collect()
        await asyncio.wait_for(told.heard.wait(), IN_TIME_S)
    assert "unhandled in Task exception was never retrieved: ValueError: lost" in told.lines


async def test_a_thread() -> None:
    told = Told()

    def fail() -> None:
        raise ValueError("there")

    with told.unhandled.caught(asyncio.get_running_loop()):
        thread = threading.Thread(target=fail, name="worker")
        thread.start()
        await asyncio.to_thread(thread.join)
    assert told.lines == ["unhandled in thread worker: ValueError: there"]


async def test_a_finalizer() -> None:
    told = Told()

    class Fails:
        def __del__(self) -> None:
            raise ValueError("at the end")

    with told.unhandled.caught(asyncio.get_running_loop()):
        Fails()
        gc.collect()
    assert told.lines == ["unhandled in a finalizer: ValueError: at the end"]


async def test_a_complaint_of_the_loop_is_no_exception() -> None:
    told, loop = Told(), asyncio.get_running_loop()
    with told.unhandled.caught(loop):
        loop.call_exception_handler({"message": "Unclosed connection"})
    assert told.unhandled.count == 0


async def test_what_the_last_resort_of_a_task_logs_counts_once(tmp_path: Path) -> None:
    told = Told()
    with logging_to(tmp_path, console=False), told.unhandled.caught(asyncio.get_running_loop()):
        log = structlog.get_logger("ratchet.test")
        try:
            raise ValueError("of hunter22")  # noqa: TRY301 - it is caught as a last resort does
        except ValueError as error:
            log.exception("keeper_failed")
            log.error("also", exc_info=error)
            logging.getLogger("somebody.else").exception("theirs")
            log.warning("expected", exc_info=True)
            log.error("expected, too", error=str(error))
        told.unhandled.tell("here", ValueError("x"))
    assert told.lines == [
        "unhandled in keeper_failed: ValueError: of ***",
        "unhandled in also: ValueError: of ***",
        "unhandled in theirs: ValueError: of ***",
        "unhandled in here: ValueError: x",
    ]
    assert told.unhandled.count == 4


def test_what_ends_the_process_shows_its_traceback_without_secrets() -> None:
    told = Told()
    with redirect_stderr(io.StringIO()) as console:
        error = ValueError("of hunter22")
        told.unhandled.excepthook(ValueError, error, None)
    assert console.getvalue() == "ValueError: of ***\n"
    assert told.unhandled.count == 1


def test_an_end_by_the_operator_is_none() -> None:
    told = Told()
    with redirect_stderr(io.StringIO()):
        told.unhandled.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert told.unhandled.count == 0


def test_who_cannot_be_told_does_no_harm() -> None:
    def fail(_line: str) -> None:
        raise RuntimeError("not now")

    unhandled = Unhandled(str, fail)
    unhandled.tell("somewhere", ValueError("x"))
    assert unhandled.count == 1
