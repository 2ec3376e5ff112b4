"""A wait that a race has interrupted goes on taking answers: in the test engine as on the real."""

import pytest

from engine import Engine, Event, Job, JobContext, SqliteDatabase, StepFailed, job
from engine.testing import TestEngine
from tests.engine.testing.test_contract import shape
from tests.engine.things import Asked


@job("same-signal", on=Asked)
async def same_signal(ctx: JobContext[Asked]) -> str:
    async def waits() -> str:
        return str(await ctx.step.wait_for_signal("first", "same", timeout="1h"))

    async def is_quicker() -> str:
        await ctx.step.sleep("a-moment", 0.3)
        return "slept"

    await ctx.step.race("who", waits, is_quicker)
    try:
        return str(await ctx.step.wait_for_signal("second", "same", timeout=0.05))
    except StepFailed as failed:
        return failed.message


@job("same-event", on=Asked)
async def same_event(ctx: JobContext[Asked]) -> list[bool]:
    async def waits() -> str:
        return str(await ctx.step.wait_for_event("first", "test/told", timeout="1h"))

    async def is_quicker() -> str:
        await ctx.step.sleep("a-moment", 0.3)
        return "slept"

    await ctx.step.race("who", waits, is_quicker)
    await ctx.step.send_event("tell", Event("test/told", {}))
    found = [await ctx.step.wait_for_event(f"{n}", "test/told", timeout=0.05) for n in range(2)]
    return [each is not None for each in found]


@pytest.mark.parametrize("tested", [same_signal, same_event], ids=lambda tested: tested.id)
async def test_wait_that_a_race_has_interrupted_goes_on_as_on_the_real_engine(
    tested: Job[Asked, str | list[bool]], sqlite: SqliteDatabase
) -> None:
    async with Engine(jobs=[tested], database=sqlite, grace_s=0.2) as engine:
        (run_id,) = (await engine.send(Asked(), event_id="test")).run_ids
        result = await engine.result(run_id, 5)
        real = await engine.steps(run_id)
    outcome = await TestEngine(tested, event=Asked()).execute()
    assert outcome.result == result
    ours = sorted(map(shape, outcome.steps.values()), key=str)
    assert ours == sorted(map(shape, real), key=str)
