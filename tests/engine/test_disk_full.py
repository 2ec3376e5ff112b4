"""The disk fills up under an engine on SQLite, and is given room again.

No file of this process may grow past a size for a while, which SQLite takes for a full disk.
"""

import asyncio
import logging
import resource
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from time import monotonic

import pytest
from sqlalchemy.exc import DBAPIError

from engine import DatabaseFull, Engine, Event, JobContext, SqliteDatabase, job
from engine.storage.outage import is_away, is_full
from tests.engine.things import Asked, Notes
from tests.support.waiting import until

ROOM = 256 * 1024
LEAVES_S = 3.0


@contextmanager
def no_room_past(size: int) -> Generator[None]:
    """While files cannot grow past a size."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def size_of(database: SqliteDatabase) -> int:
    files = database.path.parent.glob(database.path.name + "*")
    return max(file.stat().st_size for file in files)


async def fill(engine: Engine) -> int:
    """Send until there is no room; how many were stored."""
    for stored in range(1000):
        try:
            await engine.send(Event("test/ballast", {"text": "x" * 50_000}))
        except DatabaseFull:
            return stored
    raise AssertionError("there was always room")


@job("fills", on=Asked)
async def fills(ctx: JobContext[Asked]) -> list[str]:
    notes = ctx.need(Notes)

    async def effect(name: str) -> str:
        notes.write(name)
        if name == "first":
            ctx.need(asyncio.Event).set()
            await until(lambda: "full" in notes.lines, 20)
        return name * 10_000

    first = await ctx.step.run("first", effect, "first")
    await ctx.step.sleep("nap", 0.05)
    second = await ctx.step.run("second", effect, "second")
    waited = await ctx.step.wait_for_event("never", "test/never", timeout=0.05)
    assert waited is None
    return [first[:5], second[:6]]


async def test_a_full_disk_refuses_sends_and_loses_no_run(
    sqlite: SqliteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    notes, begun = Notes(), asyncio.Event()
    async with Engine(jobs=[fills], database=sqlite, provide=[notes, begun]) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await begun.wait()
        with caplog.at_level(logging.WARNING), no_room_past(size_of(sqlite) + ROOM):
            stored = await fill(engine)
            notes.write("full")
            await asyncio.sleep(1.5)  # in which the step tries to record what it has done
            assert (await engine.run(run_id)).status == "running"
            with pytest.raises(DatabaseFull):
                await engine.send(Event("test/ballast", {"text": "x" * 50_000}, id="refused"))
        assert await engine.result(run_id, 10) == ["first", "second"]
        assert not (await engine.send(Event("test/ballast", {}, id="refused"))).duplicate
        ballast = await engine.inspect.events()
        assert sum(each.event.name == "test/ballast" for each in ballast.items) == stored + 1
    assert notes.lines == ["first", "full", "second"]
    assert [record for record in caplog.records if record.exc_info] == []
    assert len(caplog.records) < 20


@job("ends", on=Asked)
async def ends(ctx: JobContext[Asked]) -> str:
    ctx.need(Notes).write("body")
    ctx.need(asyncio.Event).set()
    await until(lambda: "full" in ctx.need(Notes).lines, 20)
    return "result " * 5_000


async def test_a_run_that_ends_on_a_full_disk_has_ended_when_there_is_room(
    sqlite: SqliteDatabase,
) -> None:
    notes, begun = Notes(), asyncio.Event()
    async with Engine(jobs=[ends], database=sqlite, provide=[notes, begun]) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await begun.wait()
        with no_room_past(size_of(sqlite) + ROOM):
            await fill(engine)
            notes.write("full")
            await asyncio.sleep(1)
            assert (await engine.run(run_id)).status == "running"
        assert len(await engine.result(run_id, 10)) == 35_000
        await until(lambda: engine.live_runs() == [])
    assert notes.lines == ["body", "full"]


async def test_an_engine_leaves_a_full_disk_and_the_next_goes_on(sqlite: SqliteDatabase) -> None:
    notes, begun = Notes(), asyncio.Event()
    with ExitStack() as full:
        async with Engine(
            jobs=[fills], database=sqlite, provide=[notes, begun], grace_s=0.2
        ) as engine:
            run_id = (await engine.send(Asked())).run_ids[0]
            await begun.wait()
            full.enter_context(no_room_past(size_of(sqlite) + ROOM))
            await fill(engine)
            notes.write("full")
            await asyncio.sleep(0.5)
            began = monotonic()
        assert monotonic() - began < LEAVES_S
    async with Engine(jobs=[fills], database=sqlite, provide=[notes, begun]) as engine:
        assert await engine.result(run_id, 10) == ["first", "second"]


def test_sqlite_out_of_pages_is_full(sqlite: SqliteDatabase) -> None:
    pool = sqlite.connect()
    with pool.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.exec_driver_sql("PRAGMA max_page_count = 3")
    with pool.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(100000))")
    assert is_full(caught.value)
    assert not is_away(caught.value)
    pool.dispose()
