"""A process that holds many idle runs: `python -m bench.engine.holder ADDRESS`.

Orders: ["start", kind, count] starts runs and answers when all of them wait or sleep; ["held"]
answers how many do; ["rss"] answers the process's memory in KiB.
"""

import asyncio
import gc
import sys
from typing import Any

import psutil

from bench.engine.child import next_order, say_line
from bench.engine.databases import database_at
from bench.engine.jobs import JOBS, Marks, Sleeping, Waiting
from engine import Engine, EventData

BATCH = 250  # events a transaction
LOOK_EVERY_S = 0.01
ROOM = 400  # runs started ahead of those that wait already


def _held(engine: Engine) -> int:
    return sum(1 for run in engine._running.live.all() if run.suspended)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - what is asked is inside


async def _start(engine: Engine, kind: str, first: int, count: int) -> None:
    for start in range(first, first + count, BATCH):
        numbers = range(start, min(start + BATCH, first + count))
        events: list[EventData] = [
            Waiting(number=n) if kind == "waiting" else Sleeping(number=n) for n in numbers
        ]
        await engine.send_many(events)
        await _until_held(engine, numbers.stop - ROOM)
    await _until_held(engine, first + count)


async def _until_held(engine: Engine, count: int) -> None:
    while _held(engine) < count:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(LOOK_EVERY_S)


async def _obey(engine: Engine, order: list[Any]) -> object:
    match order:
        case ["start", kind, first, count]:
            await _start(engine, str(kind), int(first), int(count))
            return True
        case ["until held", count]:
            await _until_held(engine, int(count))
            return True
        case _:
            gc.collect()
            return psutil.Process().memory_info().rss / 1024


async def main(address: str) -> None:
    """Obey until told to stop."""
    engine = Engine(
        jobs=JOBS,
        database=database_at(address),
        provide=[Marks(lambda _: None)],
        executor_id="holder",
        grace_s=0.2,
    )
    async with engine:
        say_line("ready")
        while (order := await next_order()) is not None:
            say_line(await _obey(engine, order))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
