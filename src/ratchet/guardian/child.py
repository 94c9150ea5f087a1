"""The child: a guardian that a trader starts, keeps running and leaves behind when it is killed itself."""

import asyncio
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import IO

import structlog

from ratchet.config.settings import Settings
from ratchet.guardian.handover import written

COMMAND = (sys.executable, "-m", "ratchet", "guard", "--child")
PAUSE_FIRST_S = 0.5  # before a restart, doubled each time
PAUSE_MAX_S = 30.0
STEADY_S = 60.0  # who lived so long starts with the first pause again
END_TIMEOUT_S = 15.0  # a look under way is finished
WORDS_MAX = 500  # characters of its last line

log = structlog.get_logger(__name__)


class GuardianChild:
    """The process, started again whenever it dies."""

    def __init__(self, settings: Settings) -> None:
        self._line = written(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = asyncio.Event()  # of the process
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """None while there is no process."""
        return None if self._process is None or self._ended.is_set() else self._process.pid

    async def keep_running(self) -> None:
        """Start it, and again when it has died, until cancelled."""
        pause_s = PAUSE_FIRST_S
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                with tempfile.TemporaryFile() as words:  # what it says on standard error: no pipe, so it never blocks
                    process = self._start(words)
                    await self._ended.wait()
                    _close_stdin(process)
                    log.error("guardian_died", pid=process.pid, code=process.returncode, said=_last_line(words))
            except OSError as error:
                log.error("guardian_not_started", error=str(error))
            if loop.time() - began_s >= STEADY_S:
                pause_s = PAUSE_FIRST_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)

    async def end(self) -> None:
        """Have it end, and wait for that."""
        process = self._process
        if process is None:
            return
        if not self._ended.is_set():
            process.terminate()
            try:
                async with asyncio.timeout(END_TIMEOUT_S):
                    await self._ended.wait()
            except TimeoutError:
                process.kill()
                await self._ended.wait()
        _close_stdin(process)

    def let_go(self) -> None:
        """Leave it running. It sees the end of its standard input, and ends once nothing has been held for long."""
        process = self._process
        if process is None:
            return
        _close_stdin(process)
        if not self._ended.is_set():
            log.info("guardian_left", pid=process.pid)

    def _start(self, words: IO[bytes]) -> subprocess.Popen[bytes]:
        # A session of its own: neither Ctrl-C in the terminal nor the trader's end takes it along.
        process = self._process = subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of its own
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=words, start_new_session=True
        )
        self.starts += 1
        self._ended = _at_end_of(process)
        if process.stdin is not None:
            with suppress(OSError):  # it has died already: seen right after
                process.stdin.write(self._line)
                process.stdin.flush()
        log.info("guardian_started", pid=process.pid)
        return process


@asynccontextmanager
async def guardian_child(settings: Settings, is_flat: Callable[[], bool]) -> AsyncIterator[GuardianChild]:
    """Have a guardian run beside the block, started anew when it dies.

    Args: settings, the trader's; is_flat, asked at the end: whether nothing is held for certain.
    When the block is left in an orderly way with nothing held, the guardian is ended; else it stays, as it does when
    this process is killed.
    """
    child = GuardianChild(settings)
    # Owned here rather than by a group: a group would wrap the errors of the block.
    keeper = asyncio.create_task(child.keep_running(), name="guardian")
    is_orderly = False
    try:
        yield child
        is_orderly = True
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        if is_orderly and is_flat():
            await child.end()
        else:
            child.let_go()


def _at_end_of(process: subprocess.Popen[bytes]) -> asyncio.Event:
    """An event that is set when the process has ended. asyncio's own processes are killed with their loop."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def wait() -> None:
        process.wait()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, name="end of guardian", daemon=True).start()
    return ended


def _close_stdin(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()


def _last_line(words: IO[bytes]) -> str:
    words.seek(0)
    lines = words.read().decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")[:WORDS_MAX]
