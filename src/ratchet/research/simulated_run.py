"""A simulated run: the whole trader on a market and an exchange in this process, without sockets, files or waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from localbinance.market.source import Market
from localbinance.rules.market_rules import MarketRules
from ratchet.config.settings import Settings
from ratchet.drill.event_log import EventLog, logging_into
from ratchet.drill.memory_ledger import Disk
from ratchet.drill.network import Network, SimulatedSocket, SimulatedTransport
from ratchet.drill.process import WorldClock
from ratchet.drill.venue import Venue
from ratchet.drill.world import ProcessLoop, World
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.requests import Requests
from ratchet.research.run_trades import Run, read_run
from ratchet.trading.wiring import Outside, build_trader

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What is run on what. The market is used up by it."""

    settings: Settings
    market: Market
    market_rules: MarketRules
    balance: Decimal  # USDC
    length_ms: int
    latency_ms: float = 0.0  # of one way; 0: as in lockstep


def simulate(simulation: Simulation, log: EventLog | None = None) -> Run:
    """Run it to its end, with the trades that are open then closed at market. The same simulation is the same run."""
    world, disk = World(), Disk()
    venue = Venue(world, simulation.market_rules, simulation.market, simulation.balance, 0)
    network = Network(world, venue, simulation.latency_ms, Random(0))  # noqa: S311 - repeatable jitter
    loop = ProcessLoop(world, lambda: None)
    log = log or EventLog()
    log.clock = lambda: world.now_ms
    try:
        with logging_into(log):
            return loop.run_until_complete(_live(simulation, world, venue, network, disk))
    finally:
        loop.bury()
        disk.close()


async def _live(simulation: Simulation, world: World, venue: Venue, network: Network, disk: Disk) -> Run:
    settings = simulation.settings
    clock = WorldClock(world, epoch_ms=venue.start_ms)
    ledger = await disk.open_ledger()
    requests = Requests(settings.exchange, clock, SimulatedTransport(network, clock))
    try:
        async with BinanceClient(settings.exchange, clock, requests) as client:
            outside = Outside(
                client=client,
                ledger=ledger,
                make_socket=lambda _name, _clock, **rest: SimulatedSocket(network, **rest),
                make_executor=_AtOnce,
            )
            trader = await build_trader(settings, clock, outside)
            await trader.engine.run(venue.start_ms + simulation.length_ms, asyncio.Event())
        return await ledger.ask(read_run)
    finally:
        await ledger.close()


class _AtOnce(Executor):
    """No thread: its time would be another than the world's."""

    def submit(self, fn: Callable[..., Answer], /, *args: Any, **kwargs: Any) -> Future[Answer]:
        """Done when it returns."""
        done: Future[Answer] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is handed on to whoever awaits it
            done.set_exception(error)
        return done
