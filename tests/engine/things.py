"""Events that the engine's tests send, and a notebook that jobs write into."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from engine import Database, Engine, EventData, RetryPolicy
from engine.dbos import private
from engine.live import LiveRuns
from engine.storage.database import closer
from tests.support.waiting import until

P = ParamSpec("P")
T = TypeVar("T")

QUICK = RetryPolicy(max_attempts=3, min_timeout=0.01, max_timeout=0.05)


class Asked(EventData, event="test/asked"):
    question_id: str = "q1"
    text: str = ""


class Withdrawn(EventData, event="test/withdrawn"):
    question_id: str


@dataclass
class Notes:
    """What happened, in order; given to jobs with `provide`."""

    lines: list[str] = field(default_factory=list[str])

    def write(self, line: str) -> None:
        self.lines.append(line)


@contextmanager
def beside(database: Database) -> Generator[sa.Connection]:
    """A transaction beside those of the engine."""
    pool = database.connect()
    try:
        with private.with_schema(pool).begin() as connection:
            yield connection
    finally:
        closer(pool)()


def in_database(
    database: Database,
    work: Callable[Concatenate[sa.Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """What `work` does in such a transaction."""
    with beside(database) as connection:
        return work(connection, *args, **kwargs)


def live_runs(engine: Engine) -> LiveRuns:
    """The runs of this process, with what its API does not tell: which of them execute."""
    return engine._running.live  # pyright: ignore[reportPrivateUsage]


async def until_asleep(engine: Engine, count: int, timeout_s: float = 5.0) -> None:
    """Wait until so many runs are live, and none of them executes."""
    live = live_runs(engine)
    await until(lambda: len(live.all()) == count and live.executing() == 0, timeout_s)


async def until_waiting(engine: Engine, run_id: str, timeout_s: float = 5.0) -> None:
    """Wait until the run has told the database what it waits for."""
    async with asyncio.timeout(timeout_s):
        while not await engine.is_waiting(run_id):  # noqa: ASYNC110 - a row, not an event
            await asyncio.sleep(0.005)
