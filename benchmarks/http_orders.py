"""Orders over HTTP: signed market orders to a localbinance of its own, one after the other and sixteen at once."""

import asyncio
import hashlib
import hmac
import os
import time
from urllib.parse import urlsplit

from benchmarks.figure import Figure
from ratchet.cli.local_exchange import LocalExchange, local_exchange

ORDERS = 6_000
AT_ONCE = 16
SERVE = (
    "--market=synthetic",
    "--speed=max",
    "--port=0",
    "--balance=10000000",
    "--no-rate-limits",
    "--no-check-time",
)


async def measure() -> list[Figure]:
    """The server has one core to itself where there are two."""
    cores = os.sched_getaffinity(0)
    async with local_exchange(SERVE) as exchange:
        try:
            _give_a_core(exchange.process.pid)
            await _orders(exchange, ORDERS // 10, at_once=1)  # warm
            alone = await _orders(exchange, ORDERS, at_once=1)
            together = await _orders(exchange, ORDERS, at_once=AT_ONCE)
        finally:
            os.sched_setaffinity(0, cores)
    return [
        Figure("HTTP: orders, one connection, sequential", alone, True, "≥ 1,500 /s"),
        Figure(f"HTTP: orders, {AT_ONCE} at once", together, True, "≥ 1,500 /s"),
        Figure(f"HTTP: {AT_ONCE} at once against sequential, per mille", together / alone * 1_000, True),
    ]


def _give_a_core(process: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(process, {cores[0]})
        os.sched_setaffinity(0, set(cores[1:]))


async def _orders(exchange: LocalExchange, count: int, *, at_once: int) -> float:
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(_customer(exchange, count // at_once))
    return count // at_once * at_once / (time.perf_counter() - began)


async def _customer(exchange: LocalExchange, count: int) -> None:
    """A connection that buys and sells in turn. HTTP by hand: the client is not what is measured."""
    address = urlsplit(exchange.ready.http)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    key, secret = exchange.ready.api_key.get_secret_value(), exchange.ready.api_secret.get_secret_value()
    for number in range(count):
        side = "BUY" if number % 2 else "SELL"
        body = f"symbol=BTCUSDC&side={side}&type=MARKET&quantity=0.002&timestamp={exchange.ready.start_ms}"
        body += "&signature=" + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
        head = (
            f"POST /fapi/v1/order HTTP/1.1\r\nHost: local\r\nX-MBX-APIKEY: {key}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write((head + body).encode())
        status, length = await _head(reader)
        answer = await reader.readexactly(length)
        if status != b"200":
            raise RuntimeError(f"an order was refused: {answer.decode()}")
    writer.close()
    await writer.wait_closed()


async def _head(reader: asyncio.StreamReader) -> tuple[bytes, int]:
    lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    length = next(line for line in lines if line.lower().startswith(b"content-length:"))
    return lines[0].split(b" ")[1], int(length.split(b":")[1])
