"""The embedded exchange: localbinance as a process of its own, started and ended with the command."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import orjson
from pydantic import BaseModel, Field, SecretStr, ValidationError

READY_TIMEOUT_S = 60
END_TIMEOUT_S = 5
REPLY_TIMEOUT_S = 10
STDERR_LINES_MAX = 200


class LocalExchangeFailed(Exception):
    """The embedded exchange did not start, or ended by itself. The message is its own last line."""


class Ready(BaseModel, frozen=True, extra="ignore"):
    """What localbinance says when it can be traded on."""

    http: str
    ws: str
    api_key: SecretStr = Field(alias="apiKey")
    api_secret: SecretStr = Field(alias="apiSecret")
    market: str
    symbols: int
    start_ms: int
    end_ms: int | None
    speed: float | None  # None: as fast as it goes


@dataclass(slots=True)
class LocalExchange:
    """A running localbinance."""

    ready: Ready
    process: asyncio.subprocess.Process
    lines: list[str]  # what it said on stderr, the newest last

    async def ask(self, path: str) -> object:
        """GET one of localbinance's own pages, such as `/localbinance/status`."""
        timeout = aiohttp.ClientTimeout(total=REPLY_TIMEOUT_S)
        headers = {"X-MBX-APIKEY": self.ready.api_key.get_secret_value()}
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(self.ready.http + path, headers=headers) as reply,
        ):
            body: object = orjson.loads(await reply.read())
            return body


@asynccontextmanager
async def local_exchange(arguments: Sequence[str]) -> AsyncIterator[LocalExchange]:
    """Start `localbinance serve` with these arguments; end it, and wait for its end, with the context.

    Its stdin is held open: should this process die, localbinance sees the end of it and ends too.
    Raises: LocalExchangeFailed with one line.
    """
    command = ("-m", "localbinance", "serve", "--ready-json", "--exit-with-stdin", *arguments)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the terminal is for the trader, which still has to take leave of it
    )
    lines: list[str] = []
    # Owned here rather than by a group: a group would wrap the one-line error of a failed start.
    reader = asyncio.create_task(_collect(process.stderr, lines), name="localbinance stderr")
    try:
        yield LocalExchange(await _ready(process, lines, reader), process, lines)
    finally:
        await _end(process)
        await reader


async def _ready(process: asyncio.subprocess.Process, lines: list[str], reader: asyncio.Task[None]) -> Ready:
    if process.stdout is None:
        raise LocalExchangeFailed("localbinance has no output")
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            line = await process.stdout.readline()
            if not line:
                await reader
    except TimeoutError:
        raise LocalExchangeFailed(f"localbinance was not ready after {READY_TIMEOUT_S} s") from None
    if not line:
        raise LocalExchangeFailed(lines[-1] if lines else "localbinance ended without a word")
    try:
        return Ready.model_validate_json(line)
    except ValidationError as error:
        raise LocalExchangeFailed(
            f"localbinance said something unexpected when ready: {error.errors()[0]['msg']}"
        ) from None


async def _collect(stream: asyncio.StreamReader | None, lines: list[str]) -> None:
    if stream is None:
        return
    while line := await stream.readline():
        lines.append(line.decode(errors="replace").rstrip())
        del lines[:-STDERR_LINES_MAX]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(END_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
