"""One worker of several: `python -m tests.engine.fleet_worker DSN JOURNAL EXECUTOR [MISHAP]`.

Prints "ready" when it takes runs; stops cleanly on SIGTERM. With a number as its mishap it dies at
that boundary, counted from the end of its first run (see `tests.support.commits`); with a word it
stands still right after a statement that has the word, from SIGUSR1 on.
"""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path
from time import monotonic

import sqlalchemy as sa
from sqlalchemy import event

from engine import (
    CancelOn,
    Concurrency,
    Engine,
    EventData,
    JobContext,
    PostgresDatabase,
    Throttle,
    job,
)
from tests.engine.mortal import Journal
from tests.engine.things import Asked, Withdrawn
from tests.support.commits import Commits

LEASE_S = 1.5
EVERY_S = 0.3  # at most one start of a throttled job


@job(
    "relay",
    on=Asked,
    concurrency=[Concurrency(limit=1, key="event.data.questionId")],
    cancel_on=[CancelOn("test/never")],
)
async def relay(ctx: JobContext[Asked]) -> str:
    """Two steps; the second goes on until the file named in the event exists."""
    journal, me = ctx.need(Journal), ctx.need(str)

    async def first() -> None:
        journal.write(f"{me} first")

    async def second() -> str:
        journal.write(f"{me} second begins")
        try:
            while not Path(ctx.event.data.text).exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            journal.write(f"{me} interrupted")
            raise
        journal.write(f"{me} second ends")
        return me

    await ctx.step.run("first", first)
    return await ctx.step.run("second", second)


@job("brief", on=Withdrawn)
async def brief(ctx: JobContext[Withdrawn]) -> None:
    """Says when its body begins, by the clock that all processes of a machine share."""
    ctx.need(Journal).write(f"{ctx.run_id} begins {monotonic()}")
    await asyncio.sleep(0.01)


class Rationed(EventData, event="test/rationed"):
    number: int


@job("rationed", on=Rationed, throttle=Throttle(limit=10, period=10 * EVERY_S))
async def rationed(ctx: JobContext[Rationed]) -> None:
    """Says when its body begins, too."""
    ctx.need(Journal).write(f"rationed {ctx.need(str)} {monotonic()}")


async def main(dsn: str, journal: Journal, executor_id: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    engine = Engine(
        jobs=[relay, brief, rationed],
        database=PostgresDatabase(dsn),
        provide=[journal, executor_id],
        executor_id=executor_id,
        lease_s=LEASE_S,
        grace_s=0.1,
    )
    async with engine:
        print("ready", flush=True)  # noqa: T201 - what the test waits for
        await stop.wait()


def stand_still_after(words: str) -> None:
    """Stop this process in the middle of a transaction, the next one after SIGUSR1."""
    announced = threading.Event()

    def announce(_number: int, _frame: object) -> None:
        announced.set()

    signal.signal(signal.SIGUSR1, announce)

    def after(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if announced.is_set() and words in statement:
            announced.clear()
            os.kill(os.getpid(), signal.SIGSTOP)

    event.listen(sa.Engine, "after_cursor_execute", after)


if __name__ == "__main__":
    mishap = sys.argv[4] if len(sys.argv) > 4 else None
    if mishap is not None and mishap.isdecimal():
        Commits().die_at_end(int(mishap))
    elif mishap is not None:
        stand_still_after(mishap)
    asyncio.run(main(sys.argv[1], Journal(Path(sys.argv[2])), sys.argv[3]))
