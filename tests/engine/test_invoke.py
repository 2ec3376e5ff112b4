"""Children: by the job or by its id, with data or without, waited for as long as the step says."""

import asyncio
from typing import Any

from engine import (
    FAILED,
    CancelOn,
    Database,
    Engine,
    Event,
    FailureContext,
    InvokeTimeout,
    JobContext,
    JobRef,
    PostgresDatabase,
    StepFailed,
    job,
)
from engine.testing import TestEngine
from tests.engine.conftest import Start
from tests.engine.test_look_back import Later
from tests.engine.things import QUICK, Asked, Notes, until_waiting
from tests.support.waiting import until


@job("square", on="math/square")
async def square(ctx: JobContext[dict[str, int]]) -> dict[str, int]:
    return {"is": ctx.event.data.get("n", 7) ** 2}


@job("slow", on="test/slow")
async def slow(ctx: JobContext[dict[str, Any]]) -> str:
    await ctx.step.sleep("long", ctx.event.data.get("takes", "1h"))
    ctx.need(Notes).write("slow has ended")
    return "slow"


@job("parent", on=Asked, retries=0)
async def parent(ctx: JobContext[Asked]) -> list[object]:
    by_job = await ctx.step.invoke("by-job", square)
    by_id = await ctx.step.invoke("by-id", JobRef("square"), {"n": 5})
    typed = await ctx.step.invoke("typed", JobRef("square", dict[str, float]), {"n": 2})
    in_time = await ctx.step.invoke("in-time", JobRef("square", dict[str, int]), timeout="1m")
    return [by_job, by_id, typed["is"], in_time]


async def test_child_by_its_id_with_data_or_without(start: Start) -> None:
    engine = await start([parent, square])
    run_id = (await engine.send(Asked())).run_ids[0]
    assert await engine.result(run_id, 5) == [{"is": 49}, {"is": 25}, 4.0, {"is": 49}]
    assert (await engine.inspect.run(run_id)).children == tuple(
        f"{run_id}:{step_id}" for step_id in ("by-job", "by-id", "typed", "in-time")
    )
    outcome = await TestEngine(parent, event=Asked(), jobs=[square]).execute()
    assert outcome.result == [{"is": 49}, {"is": 25}, 4.0, {"is": 49}]


@job("stoppable", on="test/stoppable", cancel_on=CancelOn("test/stop", match="data.n"))
async def stoppable(ctx: JobContext[dict[str, int]]) -> str:
    return await ctx.step.wait_for_signal("w", f"go-{ctx.event.data['n']}")


@job("both", on=Asked)
async def both(ctx: JobContext[Asked]) -> list[str]:
    async def child(n: int) -> str:
        try:
            return await ctx.step.invoke(f"child-{n}", stoppable, {"n": n})
        except StepFailed as failed:
            return f"{failed.code}"

    return list(await asyncio.gather(child(1), child(2)))


async def test_event_cancels_the_child_that_it_fits_and_the_parent_goes_on(start: Start) -> None:
    engine = await start([both, stoppable])
    run_id = (await engine.send(Asked())).run_ids[0]
    for n in (1, 2):
        await until_waiting(engine, f"{run_id}:child-{n}")
    await engine.send(Event("test/stop", {"n": 1}))
    assert (await engine.wait(f"{run_id}:child-1", 5)).status == "cancelled"
    assert await engine.send_signal("go-2", "done")
    assert await engine.result(run_id, 5) == ["run_cancelled", "done"]


@job("late", on=Asked)
async def late(ctx: JobContext[Asked]) -> str:
    try:
        return await ctx.step.invoke("slow", slow, {"takes": ctx.event.data.text}, timeout=0.3)
    except StepFailed as failed:
        return f"{failed.code}: {failed.message}"


async def test_child_that_is_late_is_no_longer_waited_for_and_goes_on(start: Start) -> None:
    @job("parked", on="test/parked")
    async def parked(ctx: JobContext[dict[str, Any]]) -> str:
        return await ctx.step.wait_for_signal("w", "go")

    @job("impatient", on=Asked)
    async def impatient(ctx: JobContext[Asked]) -> str:
        try:
            return await ctx.step.invoke("parked", parked, timeout=0.1)
        except StepFailed as failed:
            return f"{failed.code}: {failed.message}"

    engine = await start([impatient, parked])
    run_id = (await engine.send(Asked())).run_ids[0]
    child = f"{run_id}:parked"
    answer = await engine.result(run_id, 5)
    assert answer == f"invoke_timeout: run '{child}' has not ended in time; it goes on"
    await until_waiting(engine, child)
    assert await engine.send_signal("go", "at last")
    assert await engine.result(child, 5) == "at last"


async def test_test_engine_has_late_children_too() -> None:
    notes = Notes()
    late_one = TestEngine(late, event=Asked(text="1h"), jobs=[slow], provide=[notes])
    outcome = await late_one.execute()
    assert str(outcome.result).startswith("invoke_timeout: ")
    assert outcome.took.total_seconds() == 0.3
    in_time = TestEngine(late, event=Asked(text="200ms"), jobs=[slow], provide=[notes])
    assert (await in_time.execute()).result == "slow"
    mocked = TestEngine(late, event=Asked(), steps={"slow": InvokeTimeout("slow")})
    assert str((await mocked.execute()).result).startswith("invoke_timeout: ")


async def test_time_for_a_child_is_not_started_over_by_a_restart(database: Database) -> None:
    @job("waits", on=Asked)
    async def waits(ctx: JobContext[Asked]) -> str:
        try:
            return await ctx.step.invoke("slow", slow, timeout="30m")
        except StepFailed as failed:
            return str(failed.code)

    jobs = [waits, slow]
    async with Engine(jobs=jobs, database=database, provide=[Notes()], grace_s=0.1) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await until(lambda: len(engine.live_runs()) == 2)
        await until_asleep(engine, f"{run_id}:slow")
    clock = Later(0.75)
    async with Engine(jobs=jobs, database=database, provide=[Notes()], clock=clock) as engine:
        assert await engine.result(run_id, 5) == "invoke_timeout"
        assert not (await engine.run(f"{run_id}:slow")).has_ended


async def until_asleep(engine: Engine, run_id: str) -> None:
    """Wait until the run has recorded when it wakes."""
    async with asyncio.timeout(5):
        while not await engine.steps(run_id):  # noqa: ASYNC110 - a row, not an event
            await asyncio.sleep(0.005)


async def test_child_that_ended_while_its_parent_was_away_was_in_time(database: Database) -> None:
    @job("waits", on=Asked)
    async def waits(ctx: JobContext[Asked]) -> str:
        return await ctx.step.invoke("slow", slow, timeout="2h")

    notes = Notes()
    async with Engine(
        jobs=[waits, slow], database=database, provide=[notes], grace_s=0.1
    ) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await until(lambda: len(engine.live_runs()) == 2)
        await until_asleep(engine, f"{run_id}:slow")
    async with Engine(jobs=[slow], database=database, provide=[notes], clock=Later(1.5)) as engine:
        assert await engine.result(f"{run_id}:slow", 5) == "slow"
    async with Engine(jobs=[waits], database=database, clock=Later(3)) as engine:
        assert await engine.result(run_id, 5) == "slow"


async def test_job_that_nobody_has_fails_the_step_where_there_is_one_process(
    start: Start, database: Database
) -> None:
    @job("asks", on=Asked)
    async def asks(ctx: JobContext[Asked]) -> str:
        try:
            return await ctx.step.invoke("nobody", JobRef("nobody", str), timeout="200ms")
        except StepFailed as failed:
            return str(failed.code)

    engine = await start([asks])
    run_id = (await engine.send(Asked())).run_ids[0]
    others = isinstance(database, PostgresDatabase)
    assert await engine.result(run_id, 5) == ("invoke_timeout" if others else "no_such_job")


async def test_child_of_a_step_called_like_an_end_of_the_run_is_no_such_end(start: Start) -> None:
    notes = Notes()

    async def close(_: FailureContext[Asked]) -> None:
        notes.write("closed")

    @job("asks", on=Asked, retries=0, on_failure=close)
    async def asks(ctx: JobContext[Asked]) -> None:
        await ctx.step.invoke("failed", square)
        await ctx.step.invoke("on-failure", square)

    @job("watch", on=FAILED)
    async def watch(ctx: JobContext[dict[str, Any]]) -> None:
        if ctx.event.data["jobId"] == "asks":
            notes.write(ctx.event.data["error"]["message"])

    engine = await start([asks, square, watch])
    run_id = (await engine.send(Asked())).run_ids[0]
    assert (await engine.wait(run_id, 5)).status == "failed"
    await until(lambda: len(notes.lines) == 2)
    assert "closed" in notes.lines
    assert "give the step another id" in " ".join(notes.lines)
    assert (await engine.run(f"{run_id}:on-failure")).job_id == "asks"


async def test_events_of_a_step_and_a_child_of_the_same_name_are_two(start: Start) -> None:
    @job("asks", on=Asked, retries=QUICK)
    async def asks(ctx: JobContext[Asked]) -> dict[str, int]:
        sent = [Event("test/told", {"n": number}) for number in range(2)]
        await ctx.step.send_event("tell", sent)
        return await ctx.step.invoke("tell", JobRef("square", dict[str, int]), {"n": 3})

    engine = await start([asks, square])
    run_id = (await engine.send(Asked())).run_ids[0]
    assert await engine.result(run_id, 5) == {"is": 9}
    child = await engine.inspect.run(f"{run_id}:tell:1")
    assert child.event is not None
    assert child.event.data == {"n": 3}
