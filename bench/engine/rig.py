"""A running engine to measure: in one process on SQLite, API and worker apart on PostgreSQL."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.engine.child import Child, child
from bench.engine.databases import Databases, address_of
from bench.engine.jobs import JOBS, Mark, Marks, read_mark
from engine import Engine, PostgresDatabase

MAX_RUNNING = 200  # the engine's own default
MARK_S = 60.0


@dataclass(frozen=True)
class Rig:
    """What sends events, and the marks that the runs leave, wherever they execute."""

    engine: Engine
    marks: "asyncio.Queue[Mark]"

    async def next(self, name: str) -> Mark:
        """The next mark of this name; others are dropped."""
        async with asyncio.timeout(MARK_S):
            while True:
                mark = await self.marks.get()
                if mark.name == name:
                    return mark

    async def ends(self, count: int) -> None:
        """Wait until this many runs have come to their end, the last ones stored, too."""
        last: Mark | None = None
        for _ in range(count):
            last = await self.next("end")
        if last is not None:
            await self.engine.wait(last.run, MARK_S)


@asynccontextmanager
async def rig(
    databases: Databases, *, workers: int = 1, max_running: int = MAX_RUNNING
) -> AsyncGenerator[Rig]:
    """An engine on a fresh database; `workers` counts processes, on PostgreSQL only."""
    database = databases.fresh()
    marks: asyncio.Queue[Mark] = asyncio.Queue()
    if not isinstance(database, PostgresDatabase):
        provided = Marks(marks.put_nowait)
        async with Engine(jobs=JOBS, database=database, provide=[provided]) as engine:
            yield Rig(engine, marks)
        return
    async with (
        Engine(jobs=JOBS, database=database, works=False) as engine,
        asyncio.TaskGroup() as readers,
    ):
        reading: list[asyncio.Task[None]] = []
        async with _workers(address_of(database), workers, max_running) as started:
            reading += [readers.create_task(_read(worker, marks)) for worker in started]
            yield Rig(engine, marks)
            for task in reading:
                task.cancel()


@asynccontextmanager
async def _workers(address: str, count: int, max_running: int) -> AsyncGenerator[list[Child]]:
    arguments = ["bench.engine.worker", address]
    if count == 0:
        yield []
        return
    async with child(*arguments, f"worker-{count}", str(max_running)) as worker:
        await worker.line()
        async with _workers(address, count - 1, max_running) as others:
            yield [worker, *others]


async def _read(worker: Child, marks: "asyncio.Queue[Mark]") -> None:
    while True:
        marks.put_nowait(read_mark(await worker.line(None)))
