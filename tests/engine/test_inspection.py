"""Looking at runs and steps; sweeping old ones."""

from datetime import UTC, datetime

import pytest

from core.clock import ManualClock
from engine import JobContext, NoSuchRun, job
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked


@job("seen", on=Asked, retries=QUICK)
async def seen(ctx: JobContext[Asked]) -> int:
    async def flaky() -> int:
        if ctx.attempt == 0:
            raise ConnectionError("first time")
        return 5

    async def fine() -> str:
        return ctx.event.data.text

    await ctx.step.run("fine", fine)
    return await ctx.step.run("flaky", flaky)


async def test_steps_show_their_results_and_failed_attempts(start: Start) -> None:
    engine = await start([seen])
    sent = await engine.send(Asked(text="hello"))
    await engine.wait(sent.run_ids[0], 5)
    fine, flaky = await engine.steps(sent.run_ids[0])
    assert (fine.step_id, fine.result, fine.failed) == ("fine", "hello", ())
    assert (flaky.step_id, flaky.result) == ("flaky", 5)
    [failed] = flaky.failed
    assert (failed.attempt, failed.error_name, failed.error_message) == (
        0,
        "ConnectionError",
        "first time",
    )
    assert flaky.started_at is not None
    assert flaky.ended_at is not None
    assert flaky.started_at <= failed.failed_at <= flaky.ended_at


async def test_runs_are_listed_newest_first_by_job_and_status(start: Start) -> None:
    @job("other", on=Asked)
    async def other(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("long", "1h")

    engine = await start([seen, other])
    first = await engine.send(Asked(text="1"))
    await engine.wait(f"seen:{first.event_id}", 5)
    second = await engine.send(Asked(text="2"))
    await engine.wait(f"seen:{second.event_id}", 5)
    listed = [run.run_id for run in await engine.runs(job_id="seen")]
    assert listed == [f"seen:{second.event_id}", f"seen:{first.event_id}"]
    assert {run.job_id for run in await engine.runs(status="running")} == {"other"}
    assert {run.job_id for run in await engine.runs(status="completed")} == {"seen"}
    assert len(await engine.runs(limit=3)) == 3


async def test_old_runs_are_swept_and_running_ones_stay(start: Start) -> None:
    @job("stays", on=Asked)
    async def stays(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("long", "52w")

    clock = ManualClock(datetime.now(UTC))  # noqa: TID251 - DBOS stamps rows with the real time
    engine = await start([seen, stays], clock=clock, retention="2d")
    sent = await engine.send(Asked())
    ended, running = f"seen:{sent.event_id}", f"stays:{sent.event_id}"
    # The flaky step backs off by the clock of the engine, which stands still.
    await engine.wait(ended, 5)
    clock.advance(24 * 3600)
    await engine.sweep()
    assert (await engine.run(ended)).status == "completed"
    clock.advance(48 * 3600)
    await engine.sweep()
    with pytest.raises(NoSuchRun):
        await engine.run(ended)
    assert (await engine.run(running)).status == "running"
