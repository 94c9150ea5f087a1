"""The disk of the drill: one connection, on which whoever reads is not in the way of whoever writes."""

import asyncio
from decimal import Decimal

from ratchet.drill.memory_ledger import Disk
from ratchet.drill.world import ProcessLoop, World


def test_what_is_read_at_the_same_moment_does_not_keep_anything_from_being_written() -> None:
    disk, loop = Disk(), ProcessLoop(World(), lambda: None)

    async def live() -> None:
        ledger = await disk.open_ledger()
        reads = [ledger.books(0, 1) for _ in range(5)]
        writes = [ledger.record_equity(at_ms, Decimal(1), Decimal(1)) for at_ms in range(5)]
        await asyncio.gather(*(each for pair in zip(reads, writes, strict=True) for each in pair))

    loop.run_until_complete(live())
    loop.bury()
    assert disk.read("SELECT count(*) FROM equity") == [(5,)]
    disk.close()
