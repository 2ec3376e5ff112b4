"""What fails in a step without attempts (a wait, a send) is a StepFailed, now and in a replay."""

from engine import Event, JobContext, StepFailed, job
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Notes


async def test_refused_event_is_the_same_failure_when_the_body_runs_again(start: Start) -> None:
    notes = Notes()

    @job("sender", on=Asked, retries=QUICK)
    async def sender(ctx: JobContext[Asked]) -> None:
        try:
            await ctx.step.send_event("tell", Event("test/big", {"text": "x" * 600_000}))
        except StepFailed as failed:
            notes.write(f"{failed.step_id} {failed.name}")
        if ctx.attempt == 0:
            raise ConnectionError

    engine = await start([sender])
    sent = await engine.send(Asked())
    assert (await engine.wait(sent.run_ids[0], 5)).status == "completed"
    assert notes.lines == ["tell BadEvent"] * 2


async def test_taken_signal_is_the_same_failure_when_the_body_runs_again(start: Start) -> None:
    notes = Notes()

    @job("two-waiters", on=Asked, retries=QUICK)
    async def two_waiters(ctx: JobContext[Asked]) -> None:
        async def first() -> None:
            await ctx.step.wait_for_signal("first", "same", timeout="1h")

        async def second() -> None:
            await ctx.step.sleep("a-moment", 0.3)
            try:
                await ctx.step.wait_for_signal("second", "same", timeout="1h")
            except StepFailed as failed:
                notes.write(f"{failed.step_id} {failed.name}")

        await ctx.step.race("who", first, second)
        if ctx.attempt == 0:
            raise ConnectionError

    engine = await start([two_waiters])
    sent = await engine.send(Asked())
    assert (await engine.wait(sent.run_ids[0], 5)).status == "completed"
    assert notes.lines == ["1.1/second NonRetriable"] * 2
