"""A worker that dies before it stores an end: `python -m tests.engine.ending_worker DSN [lives]`.

What the end starts has been told by then. With "lives" it does not die.
"""

import asyncio
import sys
from typing import Any

from engine import FINISHED, Engine, FailureContext, JobContext, NonRetriable, PostgresDatabase, job
from tests.engine.things import Asked, Withdrawn
from tests.support.commits import Commits

LEASE_S = 1.5


async def handle(ctx: FailureContext[Asked]) -> str:
    """What a failed run leaves to do."""
    return f"handled {ctx.error.message}"


@job("fails", on=Asked, on_failure=handle)
async def fails(_: JobContext[Asked]) -> None:
    """Ends badly, at once."""
    raise NonRetriable("no")


@job("works", on=Withdrawn)
async def works(_: JobContext[Withdrawn]) -> str:
    """Ends well, at once."""
    return "done"


@job("listens", on=FINISHED)
async def listens(ctx: JobContext[dict[str, Any]]) -> str:
    """Hears how runs have ended."""
    return f"heard {ctx.event.data['result']}"


JOBS = [fails, works, listens]


async def main(dsn: str) -> None:
    async with Engine(jobs=JOBS, database=PostgresDatabase(dsn), lease_s=LEASE_S, grace_s=0.1):
        print("ready", flush=True)  # noqa: T201 - what the test waits for
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[2:] != ["lives"]:
        Commits().die_at_end(0)
    asyncio.run(main(sys.argv[1]))
