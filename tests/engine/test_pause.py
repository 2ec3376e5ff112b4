"""Pausing a job: events are accepted, runs wait."""

import asyncio

import sqlalchemy as sa

from engine import Concurrency, Database, Engine, JobContext, PostgresDatabase, job
from engine.dbos import private
from engine.steps.slots import disown
from engine.storage import tables
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, Withdrawn
from tests.support.waiting import until


@job("held", on=Asked)
async def held(ctx: JobContext[Asked]) -> str:
    ctx.need(Notes).write(ctx.event.data.text)
    await ctx.step.wait_for_signal("go", f"go-{ctx.event.data.text}", timeout="5s")
    return ctx.event.data.text


@job("free", on=Asked)
async def free(ctx: JobContext[Asked]) -> str:
    return ctx.event.data.text


async def test_runs_of_a_paused_job_wait_until_it_is_resumed(start: Start) -> None:
    notes = Notes()
    engine = await start([held, free], provide=[notes])
    assert await engine.pause(held)
    assert not await engine.pause("held")
    sent = [await engine.send(Asked(text=text)) for text in "ab"]
    for one in sent:
        assert await engine.result(f"free:{one.event_id}", 5) in {"a", "b"}
    assert [(await engine.run(f"held:{one.event_id}")).status for one in sent] == ["queued"] * 2
    assert list(await engine.paused()) == ["held"]
    assert notes.lines == []
    assert await engine.resume(held)
    assert not await engine.resume("held")
    await until(lambda: sorted(notes.lines) == ["a", "b"])


async def test_run_that_has_started_goes_on(start: Start) -> None:
    notes = Notes()
    engine = await start([held], provide=[notes])
    sent = await engine.send(Asked(text="a"))
    await until(lambda: notes.lines == ["a"])
    await engine.pause(held)
    async with asyncio.timeout(5):
        while not await engine.send_signal("go-a"):  # noqa: ASYNC110 - until it waits
            await asyncio.sleep(0.005)
    assert await engine.result(sent.run_ids[0], 5) == "a"


async def test_waiting_run_of_a_paused_job_can_be_cancelled(start: Start) -> None:
    engine = await start([held], provide=[Notes()])
    await engine.pause(held)
    sent = await engine.send(Asked(text="a"))
    assert await engine.cancel(sent.run_ids[0])
    assert (await engine.run(sent.run_ids[0])).status == "cancelled"


async def test_paused_run_keeps_nobody_from_a_shared_concurrency_key(start: Start) -> None:
    shared = [Concurrency(limit=1, key="'model'", scope="env")]
    notes = Notes()

    async def write(line: str) -> None:
        notes.write(line)

    @job("a-first", on=Asked, concurrency=shared)
    async def first(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("note", write, "first")

    @job("b-second", on=Asked, concurrency=shared)
    async def second(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("note", write, "second")

    engine = await start([first, second])
    await engine.pause(first)
    sent = await engine.send(Asked())
    assert (await engine.wait(f"b-second:{sent.event_id}", 5)).status == "completed"
    await engine.resume(first)
    assert (await engine.wait(f"a-first:{sent.event_id}", 5)).status == "completed"
    assert notes.lines == ["second", "first"]


async def test_queued_run_of_a_paused_job_is_passed_over_until_it_is_resumed(start: Start) -> None:
    shared = [Concurrency(limit=1, key="'model'", scope="env")]
    notes = Notes()

    async def write(line: str) -> None:
        notes.write(line)

    @job("long", on=Asked, concurrency=shared)
    async def long(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("note", write, f"long-{ctx.event.data.text}")
        if ctx.event.data.text == "1":
            await ctx.step.run("wait", go.wait)

    @job("short", on=Withdrawn, concurrency=shared)
    async def short(ctx: JobContext[Withdrawn]) -> None:
        await ctx.step.run("note", write, "short")

    go = asyncio.Event()
    engine = await start([long, short], max_running=1)
    await engine.send(Asked(text="1"))
    await until(lambda: notes.lines == ["long-1"])
    queued = await engine.send(Asked(text="2"))  # next in line; max_running keeps it in its queue
    await engine.pause(long)
    go.set()
    sent = await engine.send(Withdrawn(question_id="q"))
    assert (await engine.wait(sent.run_ids[0], 5)).status == "completed"
    assert (await engine.run(queued.run_ids[0])).status == "queued"
    await engine.resume(long)
    assert (await engine.wait(queued.run_ids[0], 5)).status == "completed"
    assert notes.lines == ["long-1", "short", "long-2"]


async def test_paused_runs_that_no_process_executes_hold_no_place(
    start: Start, database: Database
) -> None:
    @job("long", on=Asked, concurrency=[Concurrency(limit=1, key="'model'", scope="env")])
    async def long(_: JobContext[Asked]) -> None:
        """Nothing."""

    engine = await start([long], works=False)
    await engine.send(Asked())
    pool = private.with_schema(database.connect())
    slot = tables.slot.c

    def change(executor_id: str) -> None:
        """As when a place became free while the run was queued, or its process died."""
        with pool.begin() as connection:
            values = {"granted": True, "executor_id": executor_id}
            connection.execute(sa.update(tables.slot).values(**values))

    def is_granted() -> bool:
        with pool.begin() as connection:
            return bool(connection.execute(sa.select(slot.granted)).scalar_one())

    change("")
    await engine.pause(long)
    assert not is_granted()
    change("dead")
    with pool.begin() as connection:
        disown(connection, ["dead"])
    assert not is_granted()
    pool.dispose()


async def test_pause_outlasts_a_restart(database: Database) -> None:
    notes = Notes()
    async with Engine(jobs=[held], database=database, provide=[notes], grace_s=0.1) as first:
        await first.pause(held)
        sent = await first.send(Asked(text="a"))
    async with Engine(jobs=[held, free], database=database, provide=[notes], grace_s=0.1) as second:
        # Whatever has been sent later to another job has run: the dispatcher has looked.
        other = await second.send(Asked(text="b"))
        assert await second.result(f"free:{other.event_id}", 5) == "b"
        assert (await second.run(sent.run_ids[0])).status == "queued"
        await second.resume(held)
        await until(lambda: sorted(notes.lines) == ["a", "b"])


async def test_pause_by_a_process_that_only_sends_reaches_the_worker(
    postgres: PostgresDatabase,
) -> None:
    """The rows are all that the two share: the worker finds them when it looks."""
    notes = Notes()
    async with Engine(jobs=[held], database=postgres, works=False) as sender:
        await sender.pause(held)
        sent = await sender.send(Asked(text="a"))
    async with Engine(jobs=[held], database=postgres, provide=[notes], grace_s=0.1) as worker:
        assert list(await worker.paused()) == ["held"]
        assert (await worker.run(sent.run_ids[0])).status == "queued"
        await worker.resume(held)
        await until(lambda: notes.lines == ["a"])
