"""Runs that fail: on_failure, the event that says so, retries of the body."""

from engine import (
    FAILED,
    FINISHED,
    FailureContext,
    JobContext,
    NonRetriable,
    RunFailed,
    job,
)
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes
from tests.support.waiting import until


async def test_on_failure_runs_once_with_the_event_and_the_error(start: Start) -> None:
    notes = Notes()

    async def close(ctx: FailureContext[Asked]) -> None:
        async def write() -> None:
            error = ctx.error
            ctx.need(Notes).write(
                f"{ctx.run_id} {ctx.event.data.text} {error.name} {error.message} {error.step_id}"
            )

        await ctx.step.run("close", write)

    async def broken() -> None:
        raise ValueError("boom")

    @job("fails", on=Asked, retries=QUICK, on_failure=close)
    async def fails(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("work", broken)

    engine = await start([fails], provide=[notes])
    sent = await engine.send(Asked(text="hello"))
    run_id = sent.run_ids[0]
    info = await engine.wait(run_id, 5)
    assert info.status == "failed"
    assert isinstance(info.error, RunFailed)
    assert info.error.step_id == "work"
    await engine.wait(f"{run_id}:on-failure", 5)
    assert notes.lines == [f"{run_id} hello ValueError boom work"]


async def test_failed_and_finished_events_start_other_jobs(start: Start) -> None:
    notes = Notes()

    @job("fails", on=Asked, retries=0)
    async def fails(_: JobContext[Asked]) -> None:
        raise NonRetriable("no")

    @job("works", on=Asked)
    async def works(_: JobContext[Asked]) -> int:
        return 7

    @job("watch", on=[FAILED, FINISHED])
    async def watch(ctx: JobContext[dict[str, object]]) -> None:
        data = ctx.event.data
        if data["jobId"] != "watch":
            what = data["error"] if ctx.event.name == FAILED else data["result"]
            notes.write(f"{data['jobId']} {what}")

    engine = await start([fails, works, watch])
    await engine.send(Asked())
    await until(lambda: len(notes.lines) == 2)
    error = {"name": "NonRetriable", "message": "no", "stepId": None}
    assert sorted(notes.lines) == [f"fails {error}", "works 7"]


async def test_body_that_raises_is_tried_again_with_its_steps_remembered(start: Start) -> None:
    notes = Notes()

    @job("body", on=Asked, retries=QUICK)
    async def body(ctx: JobContext[Asked]) -> int:
        async def work() -> int:
            notes.write("step")
            return 1

        await ctx.step.run("work", work)
        notes.write(f"attempt {ctx.attempt}")
        if ctx.attempt < 2:
            raise ConnectionError
        return ctx.attempt

    engine = await start([body])
    sent = await engine.send(Asked())
    assert await engine.result(sent.run_ids[0], 5) == 2
    assert notes.lines == ["step", "attempt 0", "attempt 1", "attempt 2"]
