"""Plain DBOS, the floor: `python -m bench.engine.raw ADDRESS`.

The same pool settings and thread limit as the engine's. Orders: ["steps", n] answers the median
duration of a step of one n-step workflow in ms; ["runs", n] the rate of n one-step workflows.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Any

from dbos import DBOS, DBOSConfig

from bench.engine.child import next_order, say_line
from bench.engine.databases import database_at
from bench.figures import percentile
from engine.dbos.host import EXECUTOR_THREADS

IN_FLIGHT = 16


async def nothing() -> None:
    """A step."""


async def many_steps(count: int) -> float:
    """The median duration of a step, in ms."""
    took: list[float] = []
    for _ in range(count):
        started = perf_counter()
        await DBOS.run_step_async(None, nothing)
        took.append((perf_counter() - started) * 1000)
    return percentile(took, 50)


async def one_step() -> None:
    """A workflow of one step."""
    await DBOS.run_step_async(None, nothing)


async def _rate(count: int, run: Callable[[], Coroutine[Any, Any, Any]]) -> float:
    numbers = iter(range(count))

    async def lane() -> None:
        for _ in numbers:
            await run()

    started = perf_counter()
    async with asyncio.TaskGroup() as lanes:
        for _ in range(IN_FLIGHT):
            lanes.create_task(lane())
    return count / (perf_counter() - started)


async def main(address: str) -> None:
    """Obey until told to stop."""
    database = database_at(address)
    config: DBOSConfig = {
        "name": "raw",
        "application_version": "raw",
        "executor_id": "raw",
        "system_database_url": database.url,
        "system_database_engine": database.connect(),
        "log_level": "CRITICAL",
        "max_executor_threads": EXECUTOR_THREADS,
    }
    DBOS(config=config)
    steps = DBOS.workflow(name="many")(many_steps)
    one = DBOS.workflow(name="one")(one_step)
    DBOS.listen_queues([])
    DBOS.launch()
    say_line("ready")
    while (order := await next_order()) is not None:
        if order[0] == "steps":
            say_line(await steps(int(order[1])))
        else:
            say_line(await _rate(int(order[1]), one))
    DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
