"""The test engine notes what a run says on realtime channels."""

import pytest

from engine import (
    CancelOn,
    Channel,
    FailureContext,
    JobContext,
    RetryPolicy,
    RunFailed,
    Topic,
    job,
)
from engine.testing import After, TestEngine
from engine.testing.engine import START
from tests.engine.things import Asked, Withdrawn

lines = Topic("lines", str)
build = Channel("build", lines)


async def test_what_was_said_is_in_the_outcome_once_though_the_body_ran_twice() -> None:
    @job("told", on=Asked, retries=RetryPolicy(max_attempts=2))
    async def told(ctx: JobContext[Asked]) -> None:
        async def work() -> None:
            await ctx.publish(build.of("7"), lines, "in the step")

        await ctx.publish(build.of("7"), lines, "before")
        await ctx.step.run("work", work)
        await ctx.step.sleep("rest", "1h")
        await ctx.publish("build:7", "lines", f"attempt {ctx.attempt}")
        if ctx.attempt == 0:
            raise ConnectionError

    outcome = await TestEngine(told, event=Asked()).execute()
    assert [(each.channel, each.topic, each.data) for each in outcome.published] == [
        ("build:7", "lines", "before"),
        ("build:7", "lines", "in the step"),
        ("build:7", "lines", "attempt 0"),
        ("build:7", "lines", "attempt 1"),
    ]
    assert {each.run_id for each in outcome.published} == {"told:test"}
    assert len({each.id for each in outcome.published}) == 4
    assert (outcome.published[2].sent_at - START).total_seconds() == 3600


async def test_what_does_not_fit_fails_the_run_and_its_handler_may_speak() -> None:
    async def sorry(ctx: FailureContext[Asked]) -> None:
        await ctx.publish(build, lines, ctx.error.message)

    @job("wrong", on=Asked, on_failure=sorry)
    async def wrong(ctx: JobContext[Asked]) -> None:
        await ctx.publish(build, "steps", 1)

    outcome = await TestEngine(wrong, event=Asked()).execute()
    assert isinstance(outcome.error, RunFailed)
    assert outcome.error.name == "BadChannel"
    [said] = outcome.published
    assert said.data == outcome.error.message
    assert said.run_id == "wrong:test:on-failure"


async def test_a_mocked_step_says_nothing_and_neither_does_a_cancelled_run() -> None:
    @job("quiet", on=Asked, cancel_on=[CancelOn(Withdrawn, match="data.questionId")])
    async def quiet(ctx: JobContext[Asked]) -> None:
        async def work() -> None:
            await ctx.publish(build, lines, "mocked away")

        await ctx.step.run("work", work)
        try:
            await ctx.step.sleep("rest", "1h")
        finally:
            await ctx.publish(build, lines, "cleaning up")

    test = TestEngine(quiet, event=Asked(), steps={"work": None})
    assert [each.data for each in (await test.execute()).published] == ["cleaning up"]
    withdrawn = [After("1m", Withdrawn(question_id="q1"))]
    test = TestEngine(quiet, event=Asked(), steps={"work": None}, events=withdrawn)
    outcome = await test.execute()
    assert (outcome.status, outcome.published) == ("cancelled", ())


@pytest.mark.parametrize("number", [0, 1])
async def test_branches_have_ids_that_do_not_depend_on_who_comes_first(number: int) -> None:
    @job("branches", on=Asked)
    async def branches(ctx: JobContext[Asked]) -> None:
        async def branch(name: str, waits: bool) -> None:
            if waits:
                await ctx.step.sleep("rest", "1s")
            await ctx.publish(build, lines, name)

        await ctx.step.parallel(
            lambda: branch("first", number == 0), lambda: branch("second", number == 1)
        )

    outcome = await TestEngine(branches, event=Asked()).execute()
    assert {each.data: each.id for each in outcome.published} == {
        "first": "branches:test:1.0/:0:0",
        "second": "branches:test:1.1/:0:0",
    }
