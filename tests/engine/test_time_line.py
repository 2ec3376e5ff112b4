"""What people see of the steps of a run, while it goes on and after it was cancelled."""

import asyncio
from collections.abc import Callable

import sqlalchemy as sa

from engine import Database, Engine, JobContext, StepFailed, job
from engine.dbos import claiming
from engine.inspection import RunDetail
from engine.steps.working import Note, write_notes
from engine.storage import codec, tables
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, beside


async def until(engine: Engine, run_id: str, holds: Callable[[RunDetail], bool]) -> RunDetail:
    async with asyncio.timeout(10):
        while True:
            detail = await engine.inspect.run(run_id)
            if holds(detail):
                return detail
            await asyncio.sleep(0.02)


async def test_steps_tell_their_kind_their_attempts_and_how_a_wait_ended(start: Start) -> None:
    @job("child", on="child/wanted")
    async def child(_: JobContext[dict[str, object]]) -> int:
        return 1

    @job("shown", on=Asked, retries=QUICK)
    async def shown(ctx: JobContext[Asked]) -> None:
        tried = 0

        async def flaky() -> None:
            nonlocal tried
            tried += 1
            if tried == 1:
                raise ConnectionError("first time")

        await ctx.step.run("flaky", flaky)
        await ctx.step.sleep("nap", 0.01)
        await ctx.step.wait_for_event("late", "never", timeout=0.01)
        await ctx.step.invoke("ask", child)
        await ctx.step.send_event("tell", {"name": "told", "data": {}})

    engine = await start([shown, child])
    run_id = (await engine.send(Asked())).run_ids[0]
    await engine.wait(run_id, 10)
    lines = {line.step_id: line for line in (await engine.inspect.run(run_id)).time_line}
    kinds = {step_id: line.kind for step_id, line in lines.items()}
    assert kinds == {
        "flaky": "run",
        "nap": "sleep",
        "late": "wait_for_event",
        "ask": "invoke",
        "tell": "send_event",
    }
    assert {line.status for line in lines.values()} == {"completed"}
    first, last = lines["flaky"].tries
    assert "first time" in str(first.error)
    assert first.started_at is not None
    assert first.ended_at is not None
    assert last.started_at is not None
    assert first.started_at <= first.ended_at <= last.started_at
    assert last.error is None
    assert lines["nap"].until is not None
    assert lines["late"].ended_by == "timeout"
    asked = lines["ask"].child
    assert asked is not None
    assert (asked.run_id, asked.status) == (f"{run_id}:ask", "completed")


async def test_a_cancelled_run_keeps_its_start_and_the_step_it_was_at(start: Start) -> None:
    @job("works", on=Asked)
    async def works(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("long", asyncio.sleep, 60)

    engine = await start([works])
    run_id = (await engine.send(Asked())).run_ids[0]
    at_it = await until(engine, run_id, lambda run: bool(run.time_line))
    [line] = at_it.time_line
    assert (line.step_id, line.kind, line.status) == ("long", "run", "running")
    await engine.cancel(run_id)
    detail = await engine.inspect.run(run_id)
    [line] = detail.time_line
    assert (line.step_id, line.status) == ("long", "interrupted")
    assert line.ended_at == detail.info.ended_at
    assert detail.info.started_at == at_it.info.started_at is not None
    [listed] = (await engine.inspect.runs()).items
    assert listed.started_at == detail.info.started_at


async def test_a_cancelled_run_keeps_the_wait_it_was_in(start: Start) -> None:
    @job("waits", on=Asked)
    async def waits(ctx: JobContext[Asked]) -> None:
        await ctx.step.wait_for_signal("sign", "go", timeout="1h")

    engine = await start([waits])
    run_id = (await engine.send(Asked())).run_ids[0]
    [line] = (await until(engine, run_id, lambda run: bool(run.time_line))).time_line
    assert (line.kind, line.status) == ("wait_for_signal", "waiting")
    assert line.until is not None
    await engine.cancel(run_id)
    [line] = (await engine.inspect.run(run_id)).time_line
    assert (line.kind, line.status) == ("wait_for_signal", "interrupted")


async def test_a_run_that_does_not_start_says_why(start: Start) -> None:
    engine = await start([quick])
    await engine.pause(quick)
    run_id = (await engine.send(Asked())).run_ids[0]
    hold = (await engine.inspect.run(run_id)).hold
    assert hold is not None
    assert hold.reason == "paused"
    await engine.resume(quick)
    await engine.wait(run_id, 10)
    assert (await engine.inspect.run(run_id)).hold is None


@job("quick", on=Asked)
async def quick(_: JobContext[Asked]) -> None:
    """Nothing."""


async def test_a_step_that_failed_keeps_its_kind(start: Start) -> None:
    @job("fails", on="child/wanted", retries=0)
    async def fails(_: JobContext[dict[str, object]]) -> None:
        raise LookupError("no such book")

    @job("asks", on=Asked, retries=0)
    async def asks(ctx: JobContext[Asked]) -> None:
        await ctx.step.invoke("ask", fails)

    engine = await start([asks, fails])
    run_id = (await engine.send(Asked())).run_ids[0]
    assert (await engine.wait(run_id, 10)).status == "failed"
    [line] = (await engine.inspect.run(run_id)).time_line
    assert (line.kind, line.status) == ("invoke", "failed")
    assert isinstance(line.error, StepFailed)
    assert line.child is not None
    assert line.child.status == "failed"


@job("patient", on=Asked)
async def patient(ctx: JobContext[Asked]) -> None:
    await ctx.step.wait_for_signal("sign", "go", timeout="1h")


async def test_a_run_that_is_handed_over_keeps_its_first_start(database: Database) -> None:
    async with Engine(jobs=[patient], database=database, grace_s=0.1) as one:
        run_id = (await one.send(Asked())).run_ids[0]
        before = (await until(one, run_id, lambda run: bool(run.waits))).info.started_at
    async with Engine(jobs=[patient], database=database, grace_s=0.1) as other:
        async with asyncio.timeout(10):
            while not await other.send_signal("go"):  # noqa: ASYNC110 - a row appears
                await asyncio.sleep(0.02)
        assert before is not None
        assert (await other.wait(run_id, 10)).started_at == before
        [listed] = (await other.inspect.runs()).items
        assert listed.started_at == before
        [line] = (await other.inspect.run(run_id)).time_line
        assert (line.status, line.ended_by) == ("completed", "signal")
        assert line.started_at is not None
        assert line.started_at >= before


async def test_a_run_whose_process_died_keeps_its_first_start(
    start: Start, database: Database
) -> None:
    sender = await start([quick], works=False, executor_id="mortal")
    run_id = (await sender.send(Asked())).run_ids[0]
    with beside(database) as connection:  # claimed, and never heard of again
        claiming.claim(connection, "job:quick", 1, claiming.new_owner())
    before = (await sender.run(run_id)).started_at
    await sender.__aexit__(None, None, None)
    await asyncio.sleep(0.01)
    heir = await start([quick], executor_id="mortal")
    assert (await heir.wait(run_id, 10)).started_at == before is not None


async def test_a_run_that_is_gone_leaves_no_note(start: Start, database: Database) -> None:
    engine = await start([quick], works=False)
    run_id = (await engine.send(Asked())).run_ids[0]
    with beside(database) as connection:
        write_notes(connection, [Note(run_id, "a", 0, 1), Note("gone", "a", 0, 1)])
        noted = connection.execute(sa.select(tables.working.c.run_id)).scalars().all()
    assert noted == [run_id]


async def test_a_failure_keeps_where_it_was_raised_and_what_it_came_from(start: Start) -> None:
    @job("broken", on=Asked, retries=QUICK)
    async def broken(ctx: JobContext[Asked]) -> None:
        def look_up() -> None:
            raise LookupError("no such book")

        async def flaky() -> None:
            try:
                look_up()
            except LookupError as error:
                raise ConnectionError("away") from error

        await ctx.step.run("flaky", flaky)

    @job("stumbles", on=Asked, retries=0)
    async def stumbles(_: JobContext[Asked]) -> None:
        raise ValueError("in the body")

    engine = await start([broken, stumbles])
    first, second = sorted((await engine.send(Asked())).run_ids)
    await engine.wait(first, 10)
    [line] = (await engine.inspect.run(first)).time_line
    here = "tests/engine/test_time_line.py:"
    for tried in line.tries:
        frames = stack_of(tried.error).splitlines()
        assert frames[0].startswith(here)
        assert frames[0].endswith(" in flaky")
        assert frames[1] == "from LookupError: no such book"
        assert [frame.rpartition(" ")[2] for frame in frames[2:]] == ["flaky", "look_up"]
    assert len(line.tries) == QUICK.max_attempts
    run = await engine.inspect.run(first)
    assert stack_of(run.info.error) == stack_of(line.error)
    await engine.wait(second, 10)
    error = (await engine.inspect.run(second)).info.error
    assert stack_of(error).startswith(here)
    assert stack_of(error).endswith(" in stumbles")


def stack_of(error: Exception | None) -> str:
    assert error is not None
    stack = codec.stack_of(error)
    assert stack is not None
    return stack
