"""A worker process: `python -m bench.engine.worker ADDRESS EXECUTOR MAX_RUNNING`.

Prints "ready", then every mark; ends when its input is closed.
"""

import asyncio
import sys

from bench.engine.child import next_order, say_line
from bench.engine.databases import database_at
from bench.engine.jobs import JOBS, Marks, print_mark
from engine import Engine


async def main(address: str, executor_id: str, max_running: int) -> None:
    """Work until told to stop."""
    engine = Engine(
        jobs=JOBS,
        database=database_at(address),
        provide=[Marks(print_mark)],
        executor_id=executor_id,
        max_running=max_running,
        grace_s=0.2,
    )
    async with engine:
        say_line("ready")
        while await next_order() is not None:
            pass


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
