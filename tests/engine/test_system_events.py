"""The events that say how runs ended: they start jobs, but never for what they have started."""

from typing import Any

import pytest

from engine import (
    CANCELLED,
    FAILED,
    FINISHED,
    Batch,
    Cron,
    Engine,
    Event,
    FailureContext,
    JobContext,
    NonRetriable,
    RunInfo,
    Singleton,
    job,
)
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, Withdrawn, until_waiting
from tests.support.waiting import until

Data = dict[str, Any]


async def all_ended(engine: Engine, at_most: int) -> list[RunInfo]:
    """Every run, once none of them goes on: what an end starts is there before it has ended.

    Looked at twice: a list is older than the last status in it, whose end may have started another.
    """
    quiet: list[str] = []
    while True:
        runs = await engine.runs()
        assert len(runs) <= at_most, [run.run_id for run in runs]
        going_on = [run.run_id for run in runs if not run.has_ended]
        if not going_on and quiet == [run.run_id for run in runs]:
            return runs
        quiet = [] if going_on else [run.run_id for run in runs]
        for run_id in going_on:
            await engine.wait(run_id, 10)


def count(runs: list[RunInfo], job_id: str) -> int:
    return sum(run.job_id == job_id for run in runs)


@job("works", on=Asked)
async def works(_: JobContext[Asked]) -> int:
    return 7


@job("fails", on=Asked, retries=0)
async def fails(_: JobContext[Asked]) -> None:
    raise NonRetriable("no")


@pytest.mark.parametrize("on", [FINISHED, "engine/*", "*", [FINISHED, FAILED, CANCELLED]], ids=str)
async def test_a_job_on_ends_runs_once_for_each_run_of_others(start: Start, on: Any) -> None:
    heard = Notes()

    @job("watch", on=on)
    async def watch(ctx: JobContext[Data]) -> None:
        heard.write(str(ctx.event.data.get("runId", ctx.event.name)))

    engine = await start([works, watch])
    sent = [await engine.send(Asked()) for _ in range(2)]
    runs = await all_ended(engine, 6)
    of_works = [run_id for one in sent for run_id in one.run_ids if run_id.startswith("works")]
    ends = [line for line in heard.lines if line != "test/asked"]
    assert sorted(ends) == sorted(of_works)
    assert count(runs, "watch") == (4 if on == "*" else 2)


@pytest.mark.parametrize("on", [FAILED, "engine/*", "*"])
async def test_a_job_on_failures_that_fails_itself_starts_nothing(start: Start, on: str) -> None:
    notes = Notes()

    async def close(ctx: FailureContext[Data]) -> None:
        notes.write(ctx.event.name)

    @job("alarm", on=on, retries=0, on_failure=close)
    async def alarm(_: JobContext[Data]) -> None:
        raise NonRetriable("the alarm is broken, too")

    engine = await start([fails, alarm])
    await engine.send(Asked())
    runs = await all_ended(engine, 5)
    asked = ["test/asked"] * (on == "*")
    assert count(runs, "alarm") == 2 * (1 + len(asked))  # each with its handler
    assert sorted(notes.lines) == sorted([FAILED, *asked])


async def test_two_jobs_on_ends_do_not_start_each_other(start: Start) -> None:
    @job("one", on="*")
    async def one(_: JobContext[Data]) -> None: ...

    @job("two", on=[FINISHED, FAILED], retries=0)
    async def two(_: JobContext[Data]) -> None:
        raise NonRetriable("no")

    engine = await start([works, one, two])
    await engine.send(Asked())
    runs = await all_ended(engine, 5)
    assert count(runs, "one") == 2  # the event, and the end of works
    assert count(runs, "two") == 2  # the ends of works, and of one's run of the event


async def test_what_a_job_on_ends_invokes_is_no_news_either(start: Start) -> None:
    @job("child", on="child")
    async def child(_: JobContext[Data]) -> int:
        return 1

    @job("watch", on=FINISHED)
    async def watch(ctx: JobContext[Data]) -> None:
        await ctx.step.invoke("child", child, {})

    engine = await start([works, watch, child])
    await engine.send(Asked())
    runs = await all_ended(engine, 3)
    assert [count(runs, each) for each in ("works", "watch", "child")] == [1, 1, 1]


async def test_the_end_of_an_invoked_run_is_heard(start: Start) -> None:
    @job("child", on="child")
    async def child(_: JobContext[Data]) -> int:
        return 1

    @job("parent", on=Asked)
    async def parent(ctx: JobContext[Asked]) -> int:
        return await ctx.step.invoke("child", child, {})

    heard = Notes()

    @job("watch", on=FINISHED)
    async def watch(ctx: JobContext[Data]) -> None:
        heard.write(ctx.event.data["jobId"])

    engine = await start([parent, child, watch])
    await engine.send(Asked())
    await all_ended(engine, 4)
    assert sorted(heard.lines) == ["child", "parent"]


async def test_a_cancelled_run_of_a_job_on_cancels_starts_nothing(start: Start) -> None:
    @job("sleeps", on=Asked)
    async def sleeps(ctx: JobContext[Asked]) -> None:
        await ctx.step.wait_for_event("w", "never")

    @job("watch", on=CANCELLED, singleton=Singleton("cancel"))
    async def watch(ctx: JobContext[Data]) -> None:
        await ctx.step.wait_for_event("w", "go")

    @job("second", on=CANCELLED)
    async def second(_: JobContext[Data]) -> None: ...

    engine = await start([sleeps, watch, second])
    sent = await engine.send_many([Asked() for _ in range(3)])
    for one in sent:
        await engine.cancel(one.run_ids[0])
    (last,) = [run.run_id for run in await engine.runs(job_id="watch") if not run.has_ended]
    await until_waiting(engine, last)
    await engine.send(Event("go"))
    runs = await all_ended(engine, 9)
    assert [count(runs, each) for each in ("sleeps", "watch", "second")] == [3, 3, 3]


async def test_a_batch_on_everything_comes_to_an_end(start: Start) -> None:
    sizes: list[int] = []

    @job("watch", on="*", batch=Batch(2, "1s"))
    async def watch(ctx: JobContext[Data]) -> None:
        sizes.append(len(ctx.events))

    engine = await start([works, watch])
    await engine.send(Asked())
    await all_ended(engine, 2)
    assert sizes == [2]  # the event, and the end of works


async def test_waits_hear_the_ends_that_start_nothing(start: Start) -> None:
    @job("watch", on=[FINISHED, Withdrawn])
    async def watch(ctx: JobContext[Data]) -> None:
        if ctx.event.name == FINISHED:
            await ctx.step.wait_for_event("w", "go")

    @job("waits", on="waits", retries=0)
    async def waits(ctx: JobContext[Data]) -> str:
        found = await ctx.step.wait_for_event(
            "w", FINISHED, when="async.data.event.name == 'engine/function.finished'", timeout="1h"
        )
        return "none" if found is None else found.data["jobId"]

    engine = await start([works, watch, waits])
    await engine.send(Asked())
    await until(lambda: any(run_id.startswith("watch") for run_id in engine.live_runs()))
    (watching,) = [run_id for run_id in engine.live_runs() if run_id.startswith("watch")]
    await until_waiting(engine, watching)
    sent = await engine.send(Event("waits"))
    await until_waiting(engine, sent.run_ids[0])
    await engine.send(Event("go"))
    assert await engine.result(sent.run_ids[0], 5) == "watch"


async def test_ticks_of_a_cron_are_heard_by_its_own_job_alone(start: Start) -> None:
    heard = Notes()

    @job("tick", on=Cron("* * * * * *"))
    async def tick(_: JobContext[Data]) -> None: ...

    @job("watch", on=["engine/*", "*"])
    async def watch(ctx: JobContext[Data]) -> None:
        heard.write(ctx.event.name)

    await start([tick, watch])
    await until(lambda: len(heard.lines) >= 2, 10)
    assert set(heard.lines) == {FINISHED}


async def test_an_end_may_hold_more_than_an_event_that_is_sent(start: Start) -> None:
    heard = Notes()

    @job("large", on=Asked)
    async def large(ctx: JobContext[Asked]) -> str:
        return ctx.event.data.text * 3

    @job("fails-large", on=Asked, retries=0)
    async def fails_large(_: JobContext[Asked]) -> None:
        raise NonRetriable("no")

    @job("watch", on=[FINISHED, FAILED])
    async def watch(ctx: JobContext[Data]) -> None:
        heard.write(f"{ctx.event.data['jobId']} {len(ctx.event.data['event']['data']['text'])}")

    engine = await start([large, fails_large, watch])
    sent = await engine.send(Asked(text="x" * 523_900))
    statuses = [(await engine.wait(run_id, 10)).status for run_id in sorted(sent.run_ids)]
    assert statuses == ["failed", "completed"]
    await all_ended(engine, 4)
    assert sorted(heard.lines) == ["fails-large 523900", "large 523900"]
