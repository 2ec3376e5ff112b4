"""Cancelling: by call and by event, at once, and nothing is written afterwards."""

import asyncio

import pytest

from engine import CANCELLED, CancelOn, Concurrency, Database, Engine, JobContext, NoSuchRun, job
from engine.dbos import private
from engine.events import WireEvent
from engine.live import LiveRuns
from engine.steps.waits import NewWait, open_wait
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, Withdrawn
from tests.support.waiting import until


class Stuck:
    """A step that waits until it is interrupted."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.interrupted_at: float | None = None

    async def wait(self) -> None:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.interrupted_at = asyncio.get_running_loop().time()
            raise


@job(
    "answer",
    on=Asked,
    cancel_on=[CancelOn(Withdrawn, match="data.questionId")],
)
async def answer(ctx: JobContext[Asked]) -> None:
    await ctx.step.run("wait", ctx.need(Stuck).wait)
    ctx.need(Notes).write("went on")


async def running(start: Start, stuck: Stuck, notes: Notes) -> tuple[Engine, str]:
    engine = await start([answer], provide=[stuck, notes])
    sent = await engine.send(Asked(question_id="q7"))
    async with asyncio.timeout(5):
        await stuck.entered.wait()
    return engine, sent.run_ids[0]


async def test_cancel_has_interrupted_the_step_when_it_returns(start: Start) -> None:
    stuck, notes = Stuck(), Notes()
    engine, run_id = await running(start, stuck, notes)
    assert await engine.cancel(run_id)
    assert stuck.interrupted_at is not None
    assert (await engine.run(run_id)).status == "cancelled"
    assert notes.lines == []


async def test_matching_event_cancels_and_another_does_not(start: Start) -> None:
    stuck, notes = Stuck(), Notes()
    engine, run_id = await running(start, stuck, notes)
    await engine.send(Withdrawn(question_id="other"))
    assert (await engine.run(run_id)).status == "running"
    await engine.send(Withdrawn(question_id="q7"))
    assert (await engine.wait(run_id, 5)).status == "cancelled"
    await until(lambda: stuck.interrupted_at is not None)


async def test_condition_over_both_events_decides(start: Start) -> None:
    stuck = Stuck()

    @job(
        "pick",
        on=Asked,
        cancel_on=[CancelOn(Withdrawn, when="async.data.questionId == event.data.text")],
    )
    async def pick(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("wait", stuck.wait)

    engine = await start([pick])
    sent = await engine.send(Asked(text="the one"))
    await engine.send(Withdrawn(question_id="not this"))
    assert not (await engine.run(sent.run_ids[0])).has_ended
    await engine.send(Withdrawn(question_id="the one"))
    assert (await engine.wait(sent.run_ids[0], 5)).status == "cancelled"


async def test_run_is_cancelled_before_it_starts(start: Start) -> None:
    notes = Notes()

    @job("limited", on=Asked, concurrency=[Concurrency(limit=1)])
    async def limited(ctx: JobContext[Asked]) -> None:
        notes.write(ctx.event.data.text)
        await ctx.step.run("wait", ctx.need(Stuck).wait)

    stuck = Stuck()
    engine = await start([limited], provide=[stuck])
    first = await engine.send(Asked(text="first"))
    async with asyncio.timeout(5):
        await stuck.entered.wait()
    second = await engine.send(Asked(text="second"))
    assert await engine.cancel(second.run_ids[0])
    assert await engine.cancel(first.run_ids[0])
    assert notes.lines == ["first"]


async def test_cancelling_twice_or_after_the_end_changes_nothing(start: Start) -> None:
    @job("quick", on=Asked)
    async def quick(_: JobContext[Asked]) -> int:
        return 1

    engine = await start([quick])
    sent = await engine.send(Asked())
    await engine.wait(sent.run_ids[0], 5)
    assert not await engine.cancel(sent.run_ids[0])
    assert (await engine.run(sent.run_ids[0])).status == "completed"
    with pytest.raises(NoSuchRun):
        await engine.cancel("nothing")


async def test_cancelled_event_starts_the_cleanup(start: Start) -> None:
    stuck, notes = Stuck(), Notes()

    @job("cleanup", on=CANCELLED)
    async def cleanup(ctx: JobContext[dict[str, object]]) -> None:
        notes.write(f"{ctx.event.data['runId']} {ctx.event.data['jobId']}")

    engine = await start([answer, cleanup], provide=[stuck, notes])
    sent = await engine.send(Asked())
    async with asyncio.timeout(5):
        await stuck.entered.wait()
    await engine.cancel(sent.run_ids[0])
    await until(lambda: notes.lines == [f"{sent.run_ids[0]} answer"])


async def test_step_that_swallows_the_cancel_cannot_go_on(start: Start) -> None:
    notes = Notes()
    entered = asyncio.Event()

    @job("stubborn", on=Asked)
    async def stubborn(ctx: JobContext[Asked]) -> None:
        async def swallow() -> None:
            entered.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                notes.write("swallowed")

        async def after() -> None:
            notes.write("after")

        await ctx.step.run("swallow", swallow)
        await ctx.step.run("after", after)

    engine = await start([stubborn])
    sent = await engine.send(Asked())
    async with asyncio.timeout(5):
        await entered.wait()
    await engine.cancel(sent.run_ids[0])
    assert notes.lines == ["swallowed"]
    assert (await engine.run(sent.run_ids[0])).status == "cancelled"


@job("noting", on=Asked)
async def noting(ctx: JobContext[Asked]) -> None:
    async def note() -> None:
        ctx.need(Notes).write(ctx.run_id)

    await ctx.step.run("note", note)


async def test_no_step_starts_after_the_cancel_however_far_the_start_had_come(
    start: Start,
) -> None:
    notes = Notes()
    engine = await start([noting], provide=[notes])
    had_started: dict[str, bool] = {}
    for number in range(150):
        sent = await engine.send(Asked())
        await asyncio.sleep(number % 15 / 2000)  # from before the claim to after the end
        if await engine.cancel(sent.run_ids[0]):
            had_started[sent.run_ids[0]] = sent.run_ids[0] in notes.lines
    assert len(had_started) > 10
    await asyncio.sleep(0.1)
    assert had_started == {run_id: run_id in notes.lines for run_id in had_started}


@job("beginning", on=Asked)
async def beginning(ctx: JobContext[Asked]) -> None:
    ctx.need(Notes).write(ctx.run_id)
    await asyncio.sleep(0.01)


async def test_no_body_begins_after_the_cancel_however_far_the_start_had_come(
    start: Start,
) -> None:
    notes = Notes()
    engine = await start([beginning], provide=[notes])
    had_begun: dict[str, bool] = {}
    for number in range(150):
        sent = await engine.send(Asked())
        await asyncio.sleep(number % 15 / 2000)  # from before the claim to after the end
        if await engine.cancel(sent.run_ids[0]):
            had_begun[sent.run_ids[0]] = sent.run_ids[0] in notes.lines
    assert len(had_begun) > 10
    last = await engine.send(Asked())
    await engine.wait(last.run_ids[0], 5)  # what was claimed before it has had its turn
    assert had_begun == {run_id: run_id in notes.lines for run_id in had_begun}


def test_cancel_that_comes_while_its_run_is_being_claimed_is_remembered() -> None:
    live = LiveRuns(on_sleep=lambda: None, on_end=lambda _: None)
    live.claim_begins()
    live.cancel("a")
    live.claim_ended(["a", "b"], 1.0)
    assert live.starting == {"a": None, "b": 1.0}


async def test_wait_that_opens_after_the_cancel_leaves_nothing_behind(
    start: Start, database: Database
) -> None:
    """Its statement may still be on the way when the run's task has been interrupted."""
    stuck = Stuck()

    @job("waiter", on=Asked)
    async def waiter(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("stuck", stuck.wait)

    engine = await start([waiter])
    sent = await engine.send(Asked())
    await stuck.entered.wait()
    wait = NewWait(sent.run_ids[0], "late", WireEvent("x", {}, "x", 0), signal="go")
    pool = private.with_schema(database.connect())
    with pool.connect() as connection:
        assert open_wait(connection, wait, 0) is not None  # rolled back
    await engine.cancel(sent.run_ids[0])
    with pool.begin() as connection:
        assert open_wait(connection, wait, 0) is None
    pool.dispose()
    assert not await engine.send_signal("go")
