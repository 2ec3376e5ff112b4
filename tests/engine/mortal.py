"""A worker process that kills itself at every boundary of a job, once each.

`python -m tests.engine.mortal DATABASE JOURNAL EXECUTOR` sends one event (always the same id),
works until its run has ended, prints the status and leaves. The journal says what steps did.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from engine import (
    Database,
    Engine,
    FailureContext,
    JobContext,
    RetryPolicy,
    StepFailed,
    job,
)
from tests.engine.things import Asked
from tests.support.addresses import database_of


class Journal:
    """Lines in a file that outlives the process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> list[str]:
        return self._path.read_text().splitlines() if self._path.exists() else []

    def write(self, line: str) -> None:
        with self._path.open("a") as file:
            file.write(line + "\n")
            file.flush()

    def die_once(self, boundary: str) -> None:
        """End this process the hard way, unless an earlier one has died here."""
        line = f"died {boundary}"
        if line not in self.lines():
            self.write(line)
            os.kill(os.getpid(), signal.SIGKILL)


async def closed(ctx: FailureContext[Asked]) -> None:
    journal = ctx.need(Journal)

    async def close() -> None:
        journal.write(f"closed after {ctx.error.message}")
        journal.die_once("on-failure: after its effect")

    await ctx.step.run("close", close)


@job(
    "mortal",
    on=Asked,
    retries=RetryPolicy(max_attempts=3, min_timeout=0.01, max_timeout=0.01),
    on_failure=closed,
)
async def mortal(ctx: JobContext[Asked]) -> None:
    journal = ctx.need(Journal)

    async def effect(name: str) -> str:
        journal.die_once(f"{name}: before its effect")
        journal.write(f"did {name}")
        journal.die_once(f"{name}: after its effect")
        return name

    async def branch(name: str) -> None:
        for number in (1, 2):
            await ctx.step.run(f"{name}-{number}", effect, f"{name}-{number}")

    async def failing() -> None:
        journal.write(f"attempt {ctx.attempt}")
        if ctx.attempt == 1:
            journal.die_once("second attempt")
        raise ConnectionError("never works")

    journal.die_once("start of the body")
    await ctx.step.run("first", effect, "first")
    journal.die_once("first: recorded")
    await asyncio.gather(branch("left"), branch("right"))
    journal.die_once("branches: recorded")
    try:
        await ctx.step.run("failing", failing)
    except StepFailed as failed:
        journal.die_once("failing: recorded")
        raise RuntimeError("the end") from failed


async def main(database: Database, journal: Journal, executor_id: str) -> None:
    engine = Engine(jobs=[mortal], database=database, provide=[journal], executor_id=executor_id)
    async with engine:
        sent = await engine.send(Asked(), event_id="crash")
        run = await engine.wait(sent.run_ids[0], 30)
        cleanup = await engine.wait(f"{sent.run_ids[0]}:on-failure", 30)
        print(run.status, cleanup.status, flush=True)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    asyncio.run(main(database_of(sys.argv[1]), Journal(Path(sys.argv[2])), sys.argv[3]))
